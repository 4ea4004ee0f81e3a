"""Codes: who has which diagnosis, procedure or drug, as a kind of data of its own."""
