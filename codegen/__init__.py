"""The code generator: ``tl_schema/*.tl`` → ``mtproto/schema``. Development only; see ``codegen.__main__``."""
