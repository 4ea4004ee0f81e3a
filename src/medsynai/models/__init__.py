"""Models: each a short composition with one paper behind it; catalog.py lists them."""
