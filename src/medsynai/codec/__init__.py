"""Codecs: rows to codes and back, both ways tested."""
