"""One training loop for every network: core.py has its words, loop.py runs it."""
