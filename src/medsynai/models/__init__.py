"""Models, each with a paper behind it: entries.py lists them, catalog.py opens them."""
