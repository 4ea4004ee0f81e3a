"""How long a patient's numbers remember: correlations within a patient, of one variable and of two.

Each number is taken less the patient's own mean of that variable, so that levels, which
`stay_correlation` sees, do not hide whether anything goes on from one moment to the next. In short
courses such correlations lie below those of long ones; they do so on both sides.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from medsynai.evaluate.codes.trial import GROUPS, Numbers, Tally, compare
from medsynai.evaluate.cohorts.course import dealt
from medsynai.evaluate.cohorts.history import Moments, Scale, Tracks
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

LAGS = 3
ENOUGH, FEW = 100, 10  # pairs of real numbers that are looked at, of candidates' that count
BLOCK = 200_000  # moments whose numbers stand in one table at a time

_MAE = "mean absolute difference of correlations of numbers less the patient's own mean"
AUTO = blank(
    "course_autocorrelation",
    "A variable's numbers and the patient's later ones: error of their correlation",
    Family.FIDELITY,
    "low",
    f"{_MAE}, over variables and 1 to {LAGS} numbers later (autocorrelation difference; Ang et al. "
    "2023, TSGBench)",
)
CROSS = blank(
    "course_cross_correlation",
    "Numbers of two variables, at one moment and at the next: error of their correlation",
    Family.FIDELITY,
    "low",
    f"{_MAE}, over pairs of variables at one moment, and of each with the last of the other before",
)


def measure(trial: CohortTrial) -> Findings:
    """Both errors.

    Raises:
        AssessmentError: fewer than 20 patients or no events on a side, or no variable whose numbers
            come again.
    """
    sides, seeds = trial.sides, trial.seeds.of("memory")
    scale = Scale.of(trial.views["train"])
    far = (0.0, 2.0)
    found = compare({AUTO: _apart}, sides, _auto(scale), seeds, {AUTO.name: far})
    if len(scale.variables) > 1:
        found += compare({CROSS: _apart}, sides, _cross(scale), seeds, {CROSS.name: far})
    return Findings(tuple(found))


@dataclass(frozen=True)
class _Course:
    """Tracks of the numbers looked at, and each less the patient's mean of its variable."""

    moments: Moments
    tracks: Tracks
    off: Numbers

    @staticmethod
    def of(view: View, scale: Scale) -> "_Course":
        moments = Moments.read(view)
        t = Tracks.of(view, moments, scale.variables, numbers=True)
        z = scale.read(t)
        whose = np.cumsum(t.before == 0) - 1  # of a patient and variable
        mean = np.bincount(whose, z) / np.bincount(whose)
        return _Course(moments, t, z - mean[whose])


def _auto(scale: Scale) -> Callable[[View, Seeds], Tally]:
    width = len(scale.variables)

    def count(view: View, seeds: Seeds) -> Tally:
        group, people = dealt(view, seeds)
        course = _Course.of(view, scale)
        t, sums = course.tracks, np.zeros((GROUPS, 4, LAGS, width))
        for lag in range(1, LAGS + 1):
            row = np.flatnonzero(t.before >= lag)
            now, past = course.off[row], course.off[row - lag]
            cell = group[t.patient[row]] * width + t.variable[row]
            for k, weight in enumerate((None, now * past, past * past, now * now)):
                total = np.bincount(cell, weight, GROUPS * width)
                sums[:, k, lag - 1] = total.reshape(GROUPS, width)
        return Tally(sums, people)

    return count


def _cross(scale: Scale) -> Callable[[View, Seeds], Tally]:
    width = len(scale.variables)

    def count(view: View, seeds: Seeds) -> Tally:
        group, people = dealt(view, seeds)
        course = _Course.of(view, scale)
        sums = np.zeros((GROUPS, 4, 2, width, width))
        for now, past, patient in _tables(course, width):
            for g in np.unique(group[patient]):
                mine = group[patient] == g
                for lag, other in enumerate((now, past)):
                    sums[g, :, lag] += _products(other[mine], now[mine])
        sums[:, :, :, np.arange(width), np.arange(width)] = 0  # a variable with itself is above
        sums[:, :, 0] *= np.triu(np.ones((width, width)))  # at one moment either order is the same
        return Tally(sums, people)

    return count


def _tables(course: _Course, width: int) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """(moments, variables) numbers and the last ones before, whose; whole patients at a time."""
    m, t = course.moments, course.tracks
    begin = np.arange(len(m.patient)) - m.step  # where the patient of each moment begins
    cuts = np.unique([*begin[::BLOCK], len(begin)])
    order = np.argsort(t.moment, kind="stable")
    of = np.searchsorted(t.moment[order], cuts)
    for k, (a, b) in enumerate(pairwise(cuts)):
        rows = order[of[k] : of[k + 1]]
        now = np.full((b - a, width), np.nan)
        now[t.moment[rows] - a, t.variable[rows]] = course.off[rows]
        place = np.where(np.isnan(now), -1, np.arange(b - a)[:, None])
        last = np.vstack([np.full((1, width), -1), np.maximum.accumulate(place)[:-1]])
        own = last >= begin[a:b, None] - a
        past = np.where(own, np.take_along_axis(now, np.maximum(last, 0), axis=0), np.nan)
        yield now, past, m.patient[a:b]


def _products(a: Numbers, b: Numbers) -> Numbers:
    """(4, variables, variables) pairs of numbers, and sums of a b, a a and b b over them."""
    with_a, with_b = (~np.isnan(x) * 1.0 for x in (a, b))
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    return np.stack([with_a.T @ with_b, a.T @ b, (a * a).T @ with_b, with_a.T @ (b * b)])


def _apart(p: Numbers, q: Numbers, n: int, m: int) -> float:
    """Over correlations that the reference has; one that the candidate has not is 1 off."""
    one, two = _correlations(p * n, FEW), _correlations(q * m, ENOUGH)
    gaps = np.where(np.isnan(one), 1, np.abs(one - two))[~np.isnan(two)]
    return float(gaps.mean()) if len(gaps) else float(np.nan)


def _correlations(sums: Numbers, least: int) -> Numbers:
    pairs, product, a, b = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = product / np.sqrt(a * b)
    return np.where((pairs >= least - 0.5) & (a > 1e-9) & (b > 1e-9), found, np.nan)
