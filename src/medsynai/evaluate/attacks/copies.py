"""Copies: does the release hold more train rows than fresh real rows would?

Some rows of real life are alike, so copies by themselves say little. What counts is the excess:
the share of synthetic rows that equal a train row, less the share of holdout rows that do.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import obstacle
from medsynai.evaluate.attacks.space import Points, Space
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

DIGITS = 6  # numbers that agree to this many digits are the same
TOLERANCE = 0.02  # of the train rows' ranks: within this a number is nearly the same
NEAR_ROWS = 20_000  # rows looked at for near copies
_SOURCE = "share of rows less the holdout's own share; Newcombe 1998, method 10"
EXACT = Heading("copies_exact", "Synthetic rows that equal a train row, in excess", _SOURCE)
UNIQUE = Heading(
    "copies_unique", "Synthetic rows that equal a train row of its own kind, in excess", _SOURCE
)
NEAR = Heading(
    "copies_near",
    "Synthetic rows that nearly equal a train row, in excess",
    f"all levels equal, every number within {TOLERANCE:g} of its rank; " + _SOURCE,
)


@dataclass(frozen=True)
class _Train:
    """Train rows, ready to be looked up.

    Attributes:
        hashes, unique: sorted hashes of all rows, and of the rows that occur once.
        space: where near is measured.
        points: the rows in it.
    """

    hashes: Numbers
    unique: Numbers
    space: Space
    points: Points

    @staticmethod
    def of(trial: Trial, holdout: Table) -> "_Train":
        found, counts = np.unique(hash_rows(trial.train), return_counts=True)
        space = Space.of(trial.train, holdout, trial.synthetic)
        return _Train(found, found[counts == 1], space, space.place(trial.train))


def measure(trial: Trial) -> Findings:
    """Exact, unique and near copies of train rows, with exhibit "copies" (counts of copies only).

    Args:
        trial: rows under judgement; without a holdout nothing can be said, as nobody knows how
            many rows are alike by nature.
    """
    headings = (EXACT, UNIQUE, NEAR)
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        return Findings(tuple(h.absent(reason) for h in headings))
    train = _Train.of(trial, trial.holdout)
    tables = {
        "synthetic": trial.synthetic,
        "control": trial.copied,
        "shuffled": trial.shuffled,
        "fresh": trial.holdout,
    }
    shares = {name: _shares(table, train, trial) for name, table in tables.items()}
    fresh = shares.pop("fresh")
    n, scores = len(trial.synthetic), []
    for heading in headings:
        excess = {
            name: intervals.difference(own[heading.name], fresh[heading.name])
            for name, own in shares.items()
        }
        excess["holdout"] = Interval(0.0, 0.0, 0.0)  # fresh rows have no excess over themselves
        scores.append(heading.score(excess, n, _says(shares["synthetic"], fresh, heading)))
    rows = {
        h.name: {k: round(v[h.name].value, 5) for k, v in (shares | {"holdout": fresh}).items()}
        for h in headings
    }
    return Findings(tuple(scores), {"copies": {"rows": n, "shares": rows}})


def _says(own: dict[str, Interval], fresh: dict[str, Interval], heading: Heading) -> str:
    return (
        f"{own[heading.name].value:.2%} of synthetic rows, {fresh[heading.name].value:.2%} of "
        "holdout rows"
    )


def _shares(table: Table, train: _Train, trial: Trial) -> dict[str, Interval]:
    """Which share of these rows is a copy, of each sort."""
    hashes, n = hash_rows(table), len(table)
    some = table
    if n > NEAR_ROWS:
        draw = trial.seeds.of("copies", n).numpy().permutation(n)[:NEAR_ROWS]
        some = table.rows(draw)
    near = near_copies(train.space.place(some), train.points)
    return {
        EXACT.name: intervals.wilson(int(np.isin(hashes, train.hashes).sum()), n),
        UNIQUE.name: intervals.wilson(int(np.isin(hashes, train.unique).sum()), n),
        NEAR.name: intervals.wilson(int(near.sum()), len(some)),
    }


def hash_rows(table: Table) -> Numbers:
    """(rows,) 64-bit hashes; numbers to six digits, missing equal to missing.

    >>> from medsynai.data.schema import Column, Kind, Schema
    >>> schema = Schema((Column("x", Kind.CONTINUOUS),))
    >>> a, b, c = hash_rows(Table(pd.DataFrame({"x": [1.0, 1.0000001, 1.001]}), schema))
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    plain = {}
    for column in table.schema.columns:
        values = table.frame[column.name]
        if column.kind.is_number:
            plain[column.name] = _rounded(values.to_numpy(float))
        else:
            plain[column.name] = values.astype(object).where(values.notna(), None).to_numpy()
    hashes: Numbers = pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()
    return hashes


def _rounded(values: Numbers) -> Numbers:
    """To `DIGITS` significant digits; -0 becomes 0."""
    finite = np.isfinite(values) & (values != 0)
    size = np.floor(np.log10(np.abs(np.where(finite, values, 1.0))))
    unit = 10.0 ** (size - DIGITS + 1)
    return np.where(finite, np.round(values / unit) * unit, values) + 0.0


def near_copies(points: Points, train: Points) -> Numbers:
    """(rows,) whether a train row has the same codes and every number within `TOLERANCE`.

    One tree over the numbers, with a last coordinate that sets rows of unlike codes far apart.
    """
    from scipy.spatial import cKDTree

    codes = np.concatenate([train.codes, points.codes], axis=1).T
    _, group = np.unique(codes, axis=0, return_inverse=True)
    apart = 10.0 * group.reshape(-1, 1)
    where = np.column_stack([np.concatenate([train.numbers, points.numbers], axis=1).T, apart])
    tree = cKDTree(where[: len(train)])
    distance, _ = tree.query(where[len(train) :], p=np.inf, distance_upper_bound=TOLERANCE + 1e-9)
    near: Numbers = np.isfinite(distance)
    return near
