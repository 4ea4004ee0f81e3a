"""How cohorts are recognised, and what a file of them holds; see `flow/kinds.py`."""

from pathlib import Path

from medsynai.data import cohortfiles
from medsynai.flow.cohorts.facts import describe

__all__ = ["RECIPE", "describe", "recognises"]
RECIPE = "cohort.toml"  # in the model folder: how patients become files again


def recognises(source: Path) -> bool:
    """Whether a file or folder shows that it holds a cohort; see `medsynai.data.cohortfiles`."""
    return cohortfiles.recognise(source) is not None
