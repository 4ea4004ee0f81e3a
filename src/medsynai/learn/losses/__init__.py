"""Losses: one number a row, one equation each."""
