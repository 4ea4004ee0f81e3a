"""A patient in a few figures a variable: can boosting tell them apart, and do they hang together?

How often each variable comes, and the mean, least, greatest and last of its numbers: what a
clinician's table of a stay would hold. Sets of traits say which variables a patient has; these say
whether the numbers of one patient belong together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.detection import CAP, tell
from medsynai.evaluate.codes.trial import GROUPS, LEAST, Numbers, Tally, compare
from medsynai.evaluate.cohorts.course import dealt
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.interval import auc, auc_interval
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

WIDEST = 100  # variables that are looked at, the commonest
ENOUGH = 50  # patients on every side in whom two variables are seen together

_C2ST = "classifier two-sample test, AUC over folds (Lopez-Paz and Oquab 2017); 0.5 is perfect"
ALL = blank(
    "stay_c2st",
    "Telling patients apart by summaries of their numbers: AUC of gradient boosting",
    Family.DETECTION,
    "low",
    _C2ST,
    note="On count, mean, least, greatest and last of each variable, events and length.",
)
COUNTS = blank(
    "stay_c2st_counts",
    "Telling patients apart by how often each variable comes: AUC of gradient boosting",
    Family.DETECTION,
    "low",
    _C2ST,
)
_MAE = "mean absolute difference of Pearson correlations over pairs of variables"
MEANS = blank(
    "stay_correlation",
    "Patients' means of two variables: error of their correlation",
    Family.FIDELITY,
    "low",
    f"{_MAE}, of means of a patient's numbers; pairs that {ENOUGH} patients of each side have",
)
TOGETHER = blank(
    "stay_counts_correlation",
    "How often two variables come: error of their correlation",
    Family.FIDELITY,
    "low",
    f"{_MAE}, of numbers of events",
)


@dataclass(frozen=True)
class Summaries:
    """(patients, variables) figures of each patient; NaN where there is no number."""

    many: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers
    last: Numbers
    events: Numbers
    span: Numbers

    @staticmethod
    def of(view: View, variables: Numbers) -> "Summaries":
        """Of the variables at these places."""
        width = len(variables)
        place = np.full(int(max(view.code.max(initial=0), variables.max(initial=0))) + 1, -1)
        place[variables] = np.arange(width)
        kept = place[view.code] >= 0
        cell = view.patient[kept] * width + place[view.code[kept]]
        value, size, shape = view.value[kept], len(view) * width, (len(view), width)
        told = ~np.isnan(value)
        of, numbers = cell[told], value[told]
        numbered = np.bincount(of, minlength=size)
        mean = np.full(size, np.nan)
        np.divide(np.bincount(of, numbers, size), numbered, out=mean, where=numbered > 0)
        low, high, last = np.full(size, np.inf), np.full(size, -np.inf), np.full(size, np.nan)
        np.minimum.at(low, of, numbers)
        np.maximum.at(high, of, numbers)
        last[of] = numbers  # the latest is written last
        low[numbered == 0] = high[numbered == 0] = np.nan
        span = np.zeros(len(view))
        np.maximum.at(span, view.patient, view.time)
        return Summaries(
            np.bincount(cell, minlength=size).astype(float).reshape(shape),
            mean.reshape(shape),
            low.reshape(shape),
            high.reshape(shape),
            last.reshape(shape),
            np.bincount(view.patient, minlength=len(view)).astype(float),
            span,
        )

    def table(self) -> Numbers:
        """(patients, 5 * variables + 2)."""
        parts = (self.many, self.mean, self.low, self.high, self.last)
        return np.column_stack([*parts, self.events, self.span])


def looked_at(train: View, variables: int) -> Numbers:
    """The commonest variables among train events, in order."""
    events = np.bincount(train.code, minlength=variables)
    return np.sort(np.argsort(-events, kind="stable")[:WIDEST])


def measure(trial: CohortTrial) -> Findings:
    """Both tests.

    Raises:
        AssessmentError: no holdout, or fewer than 40 patients on a side.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real patients that the generator never saw")
    sides, seeds = trial.sides, trial.seeds.of("stays")
    variables = looked_at(trial.views["train"], len(trial.variables))
    named = {"synthetic": sides.synthetic, "real": sides.real, "shuffled": sides.shuffled}
    n = min(CAP, len(sides.reference), len(sides.synthetic))
    if n < 2 * LEAST:
        raise AssessmentError(f"needs at least {2 * LEAST} holdout and synthetic patients")
    reference = Summaries.of(sides.reference, variables)
    made = {k: Summaries.of(v, variables) for k, v in named.items() if v is not None}
    filled = []
    for score, form in ((ALL, Summaries.table), (COUNTS, lambda s: s.many)):
        rng = {k: seeds.of(score.name, k) for k in made}
        mine = _some(form(reference), n, seeds.of(score.name, "reference"))
        found = {k: tell(_some(form(s), n, rng[k]), mine, rng[k]) for k, s in made.items()}
        low, high = auc_interval(*found["synthetic"])
        filled.append(
            replace(
                score,
                value=auc(*found["synthetic"]),
                low=low,
                high=high,
                n=n,
                holdout=auc(*found["real"]),
                shuffled=auc(*found["shuffled"]),
            )
        )
    return Findings(tuple(filled))


def together(trial: CohortTrial) -> Findings:
    """Both errors of correlations.

    Raises:
        AssessmentError: fewer than 20 patients or no events on a side.
    """
    variables = looked_at(trial.views["train"], len(trial.variables))
    means = _pairs(lambda view: Summaries.of(view, variables).mean)
    counts = _pairs(lambda view: Summaries.of(view, variables).many)
    seeds = trial.seeds.of("together")
    found = compare({MEANS: _apart}, trial.sides, means, seeds)
    return Findings((*found, *compare({TOGETHER: _apart}, trial.sides, counts, seeds)))


def _some(rows: Numbers, n: int, seeds: Seeds) -> Numbers:
    return rows[np.sort(seeds.numpy().permutation(len(rows))[:n])]


def _pairs(figures: Callable[[View], Numbers]) -> Callable[[View, Seeds], Tally]:
    """Sums behind the correlation of every two columns, over patients who have both."""

    def count(view: View, seeds: Seeds) -> Tally:
        group, people = dealt(view, seeds)
        x = figures(view)
        there = (~np.isnan(x)).astype(float)
        x = np.nan_to_num(x)
        sums = np.stack(
            [
                np.stack([m.T @ m, a.T @ m, (a * a).T @ m, a.T @ a])
                for m, a in ((there[group == g], x[group == g]) for g in range(GROUPS))
            ]
        )
        return Tally(sums, people)

    return count


def _apart(p: Numbers, q: Numbers, n: int, m: int) -> float:
    one, two = _correlations(p, n), _correlations(q, m)
    upper = np.triu_indices(len(one), 1)
    gaps = np.abs(one - two)[upper]
    gaps = gaps[np.isfinite(gaps)]
    return float(gaps.mean()) if len(gaps) else float(np.nan)


def _correlations(means: Numbers, people: int) -> Numbers:
    """(variables, variables); NaN where too few patients have both, or one does not vary."""
    both, first, square, product = means * people
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / both  # of the row's variable, among those who have the column's as well
        spread = np.sqrt(np.maximum(square / both - mean**2, 0))
        found: Numbers = (product / both - mean * mean.T) / (spread * spread.T)
    found[(both < ENOUGH) | ~(spread * spread.T > 1e-12)] = np.nan
    return found
