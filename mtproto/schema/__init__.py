"""Generated classes: ``tl_schema/X.tl`` → ``mtproto.schema.X``. Only ``loader`` is written by hand."""
