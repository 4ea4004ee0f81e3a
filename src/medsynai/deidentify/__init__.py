"""De-identification: what may not be learnt goes out, and comes back fresh."""

from medsynai.deidentify.finishing import finish
from medsynai.deidentify.recipe import Recipe
from medsynai.deidentify.safe import Safe, deidentify
from medsynai.deidentify.scan import Leak, scan

__all__ = ["Leak", "Recipe", "Safe", "deidentify", "finish", "scan"]
