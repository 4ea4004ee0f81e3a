"""Readers: one file a format, each to a canonical table."""
