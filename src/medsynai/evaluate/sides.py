"""Who stands against whom: synthetic, real and shuffled rows, each against the reference rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.interval import GROUPS, Rows, jackknife
from medsynai.evaluate.score import Score
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

A = TypeVar("A")
B = TypeVar("B")

MIN_ROWS = 20
NO_HOLDOUT = (
    "No holdout was given: measured against the train rows themselves, which a copy would win."
)
FEW_GROUPS_FROM = 5_000  # rows; beyond them ten groups of the jackknife are large enough
Statistic = Callable[[Rows, Rows], float]


@dataclass(frozen=True)
class Sides(Generic[A]):
    """Three candidates of equal size, and the reference that each is compared with.

    The reference is the holdout: nobody learnt from it, so a copy of the train rows gains nothing
    over honest synthetic rows. `real` puts train rows in the synthetic rows' place: the anchor
    that a perfect generator reaches.
    """

    reference: A
    synthetic: A
    real: A | None
    shuffled: A
    note: str = ""

    def map(self, change: Callable[[A], B]) -> "Sides[B]":
        """The same sides in another form."""
        return Sides(
            change(self.reference),
            change(self.synthetic),
            None if self.real is None else change(self.real),
            change(self.shuffled),
            self.note,
        )


def take_sides(trial: Trial, cap: int, needs_holdout: bool = False) -> Sides[Table]:
    """The sides of a trial, at most `cap` rows each, the candidates in equal numbers.

    Raises:
        AssessmentError: too few rows, or no holdout where one is needed.
    """
    if needs_holdout and trial.holdout is None:
        raise AssessmentError("needs a holdout: real rows that the generator never saw")
    reference = trial.train if trial.holdout is None else trial.holdout
    if not trial.train.schema.columns:
        raise AssessmentError("no column that can be compared")
    least = min(len(trial.train), len(trial.synthetic), len(reference))
    if least < MIN_ROWS:
        raise AssessmentError(f"needs at least {MIN_ROWS} rows on every side")
    seeds, n = trial.seeds.of("sides"), min(len(trial.train), len(trial.synthetic), cap)
    return Sides(
        _some(reference, cap, seeds.of("reference")),
        _some(trial.synthetic, n, seeds.of("synthetic")),
        None if trial.holdout is None else _some(trial.train, n, seeds.of("real")),
        _some(trial.shuffled, n, seeds.of("shuffled")),
        NO_HOLDOUT if trial.holdout is None else "",
    )


def _some(table: Table, n: int, seeds: Seeds) -> Table:
    if len(table) <= n:
        return table
    return table.rows(np.sort(seeds.numpy().choice(len(table), n, replace=False)))


def compare(
    score: Score,
    sides: Sides[Rows],
    statistic: Statistic,
    seeds: Seeds,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Score:
    """Fill a score in: the statistic of each candidate against the reference, with an interval."""
    value = statistic(sides.synthetic, sides.reference)
    rows = max(len(sides.synthetic), len(sides.reference))
    low, high = jackknife(
        statistic,
        (sides.synthetic, sides.reference),
        seeds.of("interval", score.name).numpy(),
        GROUPS if rows <= FEW_GROUPS_FROM else 10,
        bounds,
    )
    note = " ".join(filter(None, (score.note, sides.note)))
    if not math.isfinite(value):
        note = f"not assessed: the figure is not defined on these rows. {note}".strip()
    return replace(
        score,
        value=_number(value),
        low=low,
        high=high,
        n=len(sides.synthetic),
        holdout=None if sides.real is None else _number(statistic(sides.real, sides.reference)),
        shuffled=_number(statistic(sides.shuffled, sides.reference)),
        note=note,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def unassessed(score: Score, reason: str) -> Score:
    """The score that says why there is no figure."""
    note = f"not assessed: {reason}"
    return replace(score, value=None, low=None, high=None, holdout=None, shuffled=None, note=note)
