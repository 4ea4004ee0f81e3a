"""Data: what real things are: schema, table, readers, writers, splits."""
