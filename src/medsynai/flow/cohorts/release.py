"""What a release of a cohort is made of; see `medsynai.flow.kind_release`."""

from pathlib import Path

import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import write_cohort
from medsynai.data.told_once import lowered
from medsynai.flow.cohorts.maker import CohortRecipe


def look(cohort: Cohort) -> pd.DataFrame:
    """A row an event."""
    return cohort.events


def write(cohort: Cohort, recipe: CohortRecipe, place: Path) -> None:
    """Write the cohort in the source's layout."""
    whole = lowered(cohort, recipe.steady)
    write_cohort(whole, recipe.layout, place.with_name(place.name + recipe.suffix))
