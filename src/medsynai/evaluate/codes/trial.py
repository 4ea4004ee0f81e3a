"""What every measure of codes is given: the same rows, baselines and groups of patients."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix
from medsynai.errors import AssessmentError
from medsynai.evaluate.interval import jackknifed
from medsynai.evaluate.score import Score
from medsynai.seeds import Seeds

GROUPS = 20
LEAST = 20  # patients on every side
NO_HOLDOUT = (
    "No holdout was given: measured against the train rows themselves, which a copy would win."
)
Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class CodeTrial:
    """Real and synthetic rows in one list of codes.

    Attributes:
        train: the real rows that the generator saw.
        holdout: real rows of other patients; None if nobody has any.
        synthetic: the rows to judge.
        invented: of the codes in the synthetic rows, the share that no real row has.
    """

    train: CodeMatrix
    holdout: CodeMatrix | None
    synthetic: CodeMatrix
    seeds: Seeds
    invented: float = 0.0

    @cached_property
    def frequency(self) -> Numbers:
        """(codes,) train patients that have each code."""
        return self.train.patients_of_codes()

    @cached_property
    def shuffled(self) -> CodeMatrix:
        """Baseline: each code dealt anew among the train rows, so that only its share is kept."""
        rng, train = self.seeds.of("shuffled").numpy(), self.train.counts.tocsc()
        n, sizes = train.shape[0], np.diff(train.indptr)
        place = np.concatenate([rng.choice(n, k, replace=False) for k in sizes] or [[]])
        dealt = sp.csc_array((train.data, place.astype(np.int32), train.indptr), shape=train.shape)
        return replace(self.train, counts=sp.csr_array(dealt), patients=np.arange(n))

    @cached_property
    def copied(self) -> CodeMatrix:
        """Positive control: train rows drawn with replacement."""
        pick = self.seeds.of("copied").numpy().integers(0, len(self.train), len(self.train))
        part = self.train.rows(pick)
        return replace(part, patients=np.arange(len(part)), origin="synthetic")

    @cached_property
    def sides(self) -> "CodeSides":
        """Who stands against whom; candidates in equal numbers.

        Raises:
            AssessmentError: fewer than 20 rows on a side.
        """
        reference = self.train if self.holdout is None else self.holdout
        n = min(len(self.train), len(self.synthetic))
        if min(n, len(reference)) < LEAST:
            raise AssessmentError(f"needs at least {LEAST} rows on every side")
        seeds = self.seeds.of("sides")
        return CodeSides(
            reference,
            some(self.synthetic, n, seeds.of("synthetic")),
            None if self.holdout is None else some(self.train, n, seeds.of("real")),
            some(self.shuffled, n, seeds.of("shuffled")),
            "" if self.holdout is not None else NO_HOLDOUT,
        )


@dataclass(frozen=True)
class CodeSides:
    """Candidates, and the reference rows that each is compared with; `real` are train rows."""

    reference: CodeMatrix
    synthetic: CodeMatrix
    real: CodeMatrix | None
    shuffled: CodeMatrix
    note: str = ""
    copied: CodeMatrix | None = None


def some(matrix: CodeMatrix, n: int, seeds: Seeds) -> CodeMatrix:
    """At most `n` rows, drawn at random."""
    if len(matrix) <= n:
        return matrix
    return matrix.rows(np.sort(seeds.numpy().choice(len(matrix), n, replace=False)))


@dataclass(frozen=True)
class Tally:
    """Sums over groups of patients, so that each group can be left out in turn.

    Attributes:
        sums: (groups, ...) of whatever is summed.
        rows: (groups,) rows in each.
    """

    sums: Numbers
    rows: Numbers

    def mean(self, without: int | None = None) -> Numbers:
        """The mean of a row; without the rows of one group if asked."""
        if without is None:
            return self.sums.sum(axis=0) / self.rows.sum()
        rest = np.arange(len(self.rows)) != without
        return self.sums[rest].sum(axis=0) / self.rows[rest].sum()

    def count(self, without: int | None = None) -> int:
        """How many rows there are."""
        return int(self.rows.sum() - (0 if without is None else self.rows[without]))


def deal(matrix: CodeMatrix, seeds: Seeds, groups: int = GROUPS) -> Numbers:
    """(rows,) the group of each row; all rows of a patient are in one."""
    whose, place = np.unique(matrix.patients, return_inverse=True)
    order = seeds.numpy().permutation(len(whose))
    return order[place] % groups


def tally(matrix: CodeMatrix, summed: Any, seeds: Seeds) -> Tally:
    """Sums of the rows of `summed`, (rows, k) sparse or dense, by group of patients."""
    group = deal(matrix, seeds)
    ones = np.ones(len(group))
    which = sp.csr_array((ones, (group, np.arange(len(group)))), shape=(GROUPS, len(group)))
    sums = sp.csr_array(which @ summed).toarray()
    return Tally(sums, np.bincount(group, minlength=GROUPS))


Summarise = Callable[[Any, Seeds], Tally]
Statistic = Callable[[Numbers, Numbers, int, int], float]


class Sides(Protocol):
    """Who stands against whom: matrices of codes, or views of cohorts."""

    @property
    def reference(self) -> Any: ...  # noqa: D102
    @property
    def synthetic(self) -> Any: ...  # noqa: D102
    @property
    def real(self) -> Any: ...  # noqa: D102
    @property
    def shuffled(self) -> Any: ...  # noqa: D102
    @property
    def copied(self) -> Any: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102


def compare(
    scores: dict[Score, Statistic],
    sides: Sides,
    summarise: Summarise,
    seeds: Seeds,
    bounds: dict[str, tuple[float, float]] | None = None,
) -> list[Score]:
    """Fill scores in: each statistic of each candidate's means against the reference's.

    Args:
        scores: blank scores -> statistic of (candidate's means, reference's, rows, rows).
        sides: who stands against whom.
        summarise: what is summed over groups of patients.
        seeds: deals patients into groups: the interval resamples patients, never codes.
        bounds: by score's name, the range that it can take; 0 to 1 where not given.
    """
    reference = summarise(sides.reference, seeds.of("reference"))
    named = {"synthetic": sides.synthetic, "real": sides.real, "shuffled": sides.shuffled}
    named["copied"] = sides.copied
    found = {k: summarise(m, seeds.of(k)) for k, m in named.items() if m is not None}
    filled = []
    for score, statistic in scores.items():
        value = {
            k: statistic(t.mean(), reference.mean(), t.count(), reference.count())
            for k, t in found.items()
        }
        own = found["synthetic"]
        left = [
            statistic(own.mean(g), reference.mean(g), own.count(g), reference.count(g))
            for g in range(GROUPS)
        ]
        limits = (bounds or {}).get(score.name, (0.0, 1.0))
        low, high = jackknifed(value["synthetic"], np.array(left), limits)
        note = " ".join(filter(None, (score.note, sides.note)))
        if not math.isfinite(value["synthetic"]):
            note = f"not assessed: the figure is not defined on these rows. {note}".strip()
        filled.append(
            replace(
                score,
                value=_number(value["synthetic"]),
                low=low,
                high=high,
                n=len(sides.synthetic),
                holdout=_number(value.get("real", math.nan)),
                shuffled=_number(value["shuffled"]),
                control=_number(value.get("copied", math.nan)),
                note=note,
            )
        )
    return filled


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
