"""Marginal models: bought histograms, a graphical model of them, rows drawn from it."""
