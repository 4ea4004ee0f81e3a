"""Classes of people whom an outsider cannot tell apart: equal in all quasi-identifiers."""

from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.schema import Role
from medsynai.data.table import Table
from medsynai.evaluate.attacks.lineup import Round, varies
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

BINS = 20  # what an outsider knows of a continuous quasi-identifier
NOBODY = "the schema declares no quasi-identifiers or protected columns"


def known_and_other(trial: Trial) -> tuple[list[str], list[str]]:
    """The columns that an outsider may know, by their roles, and those that he may learn."""
    schema = trial.train.schema
    known = schema.having(Role.QUASI, Role.PROTECTED)
    open_ = [c for c in schema.names if varies(trial.train, c)]
    return [c for c in open_ if c in known], [c for c in open_ if c not in known]


def classes(round_: Round, names: list[str], *tables: Table) -> list[Numbers]:
    """(rows,) for each table the number of the class that a row is in, the same for all tables.

    Cuts of numbers are the train rows' whichever tables are asked, so that all are cut alike.
    """
    parts = []
    for name in names:
        cells = pd.concat([t.frame[name] for t in tables], ignore_index=True)
        if round_.train.schema[name].kind.is_number and _many(round_, name):
            inner = np.linspace(0, 1, BINS + 1)[1:-1]
            cuts = np.unique(round_.train.frame[name].dropna().quantile(inner))
            cells = pd.Series(np.where(cells.isna(), -1, np.searchsorted(cuts, cells, "right")))
        parts.append(pd.factorize(cells.astype(object))[0])
    found = np.unique(np.column_stack(parts), axis=0, return_inverse=True)[1].reshape(-1)
    return np.split(found, np.cumsum([len(t) for t in tables])[:-1])


def _many(round_: Round, name: str) -> bool:
    """Whether a number has so many values that an outsider knows it only roughly."""
    values = [t.frame[name] for t in (round_.train, round_.holdout, round_.released)]
    return int(pd.concat(values).nunique()) > 5 * BINS
