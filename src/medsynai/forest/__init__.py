"""The sequential forest: the default generator for tables."""
