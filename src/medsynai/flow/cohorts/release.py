"""What a release of a cohort is made of; see `medsynai.flow.kind_release`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import write_cohort
from medsynai.flow.cohorts.maker import CohortRecipe


def look(cohort: Cohort) -> pd.DataFrame:
    """A row an event."""
    return cohort.events


def write(cohort: Cohort, recipe: CohortRecipe, place: Path) -> tuple[str, ...]:
    """Write the cohort in the source's layout; what that has no place for is told."""
    whole = recipe.home(cohort)
    return write_cohort(whole, recipe.layout, place.with_name(place.name + recipe.suffix))


def unwritten(cohort: Cohort, recipe: CohortRecipe) -> tuple[str, ...]:
    """What the source's layout has no place for: the report says it before the files are there."""
    with TemporaryDirectory() as place:
        return write(cohort, recipe, Path(place) / "made")
