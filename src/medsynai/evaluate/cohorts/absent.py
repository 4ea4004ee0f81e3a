"""What is not measured: for how many of a patient's moments a variable stays away."""

from collections.abc import Callable

import numpy as np

from medsynai.evaluate.codes.trial import GROUPS, Numbers, Tally, compare
from medsynai.evaluate.cohorts.course import ENOUGH, dealt, tvd
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

LONGEST = 8  # runs are told apart by powers of two, up to 2^7 moments and beyond

RUNS = blank(
    "absent_runs_tvd",
    "Moments without a variable between two with it: mean TVD",
    Family.FIDELITY,
    "low",
    "total variation distance over lengths 0, 1, 2-3, 4-7, ... of runs of a patient's moments in "
    "which the variable is absent; mean over variables",
)


def measure(trial: CohortTrial) -> Findings:
    """The distance of run lengths.

    Raises:
        AssessmentError: fewer than 20 patients or no events on a side.
    """
    train = trial.views["train"]
    often = np.flatnonzero(np.bincount(train.code, minlength=len(trial.variables)) >= ENOUGH)
    found = compare({RUNS: _mean_tvd}, trial.sides, _runs(often), trial.seeds.of("absent"))
    return Findings(tuple(found))


def _runs(often: Numbers) -> Callable[[View, Seeds], Tally]:
    def count(view: View, seeds: Seeds) -> Tally:
        group, people = dealt(view, seeds)
        moment = np.cumsum(view.first | (np.diff(view.time, prepend=0) > 0))
        before = view.before()
        run = np.maximum(moment - moment[before] - 1, 0)
        length = np.where(run > 0, np.minimum(np.log2(np.maximum(run, 1)).astype(int) + 1, 7), 0)
        place = np.full(int(max(view.code.max(initial=0), often.max(initial=0))) + 1, -1)
        place[often] = np.arange(len(often))
        kept = (before >= 0) & (place[view.code] >= 0)
        cells = len(often) * LONGEST
        cell = place[view.code[kept]] * LONGEST + length[kept]
        sums = np.bincount(group[view.patient[kept]] * cells + cell, minlength=GROUPS * cells)
        return Tally(sums.reshape(GROUPS, cells).astype(float), people)

    return count


def _mean_tvd(p: Numbers, q: Numbers, n: int, m: int) -> float:
    """The mean over variables that come again; one that never does lies as far as can be."""
    pairs = zip(p.reshape(-1, LONGEST), q.reshape(-1, LONGEST), strict=True)
    each = [1.0 if not a.sum() else tvd(a, b, n, m) for a, b in pairs if b.sum()]
    return float(np.mean(each)) if each else float(np.nan)
