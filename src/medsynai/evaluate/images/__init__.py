"""Measures of images; nothing here downloads anything, and every figure has a floor beside it."""
