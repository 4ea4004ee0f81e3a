"""Measures of series; every figure has that of as many unseen real series beside it."""
