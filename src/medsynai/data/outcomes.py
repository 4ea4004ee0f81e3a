"""The outcome of patients: death, by its time or by a column that is named after it."""

import re
from collections.abc import Iterable

import numpy as np

from medsynai.data.cohort import Cohort

FATAL = re.compile(r"death|dead|died|deceas|mortal|expire", re.IGNORECASE)


def outcome_of(cohort: Cohort) -> str | None:
    """The static that says who died; "" where times of death do; None where nothing does."""
    if cohort.subjects["death"].notna().any():
        return ""
    names = [n for n in map(str, cohort.subjects) if FATAL.search(n)]
    return next((n for n in names if cohort.subjects[n].nunique() == 2), None)


def happened(cohort: Cohort, name: str) -> np.ndarray:
    """(patients,) 1 and 0, NaN where it is not known; see `fatal_level`."""
    if not name:
        return cohort.subjects["death"].notna().to_numpy("float64")
    said = cohort.subjects.get(name)
    if said is None:
        return np.full(len(cohort), np.nan)
    words = said.astype(object).map(lambda v: None if v is None or v != v else str(v))
    fatal = fatal_level(words.dropna().unique())
    return np.where(words.isna(), np.nan, (words == fatal).astype(float))


def fatal_level(levels: Iterable[str]) -> str | None:
    """The level of such a column that means a death: the one that says so, else the last in order.

    >>> fatal_level(["died", "survived"]), fatal_level(["no", "yes"]), fatal_level([])
    ('died', 'yes', None)
    """
    known = sorted(levels)
    said = [level for level in known if FATAL.search(level)]
    return said[0] if len(said) == 1 else next(reversed(known), None)
