"""Judging codes: the same questions as of tables, asked of who has which code."""
