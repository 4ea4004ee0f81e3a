"""Constraints: rules between columns, checked, repaired and counted."""
