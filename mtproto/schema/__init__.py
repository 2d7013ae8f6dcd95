"""Generated classes of the TL schemas: ``tl_schema/X.tl`` → ``mtproto.schema.X``. Only ``loader`` is written by hand."""
