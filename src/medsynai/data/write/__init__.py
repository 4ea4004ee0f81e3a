"""Writers: one file a format, each back to the source's own form."""
