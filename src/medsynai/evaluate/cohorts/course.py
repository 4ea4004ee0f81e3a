"""How it goes on: events a patient, gaps, what follows what, values and their changes."""

from collections.abc import Callable

import numpy as np

from medsynai.evaluate.codes.trial import GROUPS, Numbers, Tally, compare
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import DECILES, View
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

ENOUGH = 50  # train numbers of a variable that is looked at
BINS = 20  # of gaps
WIDEST = 200  # variables whose pairs are looked at, the commonest

_TVD = "total variation distance"
EVENTS = blank(
    "events_w1",
    "Events a patient: Wasserstein distance",
    Family.FIDELITY,
    "low",
    "mean |F - G| summed over numbers of events (Vallender 1974), in events",
    note="Shuffled events keep each patient's number, so the anchor is what train patients score.",
)
GAPS = blank(
    "gap_tvd",
    "Time between events: TVD",
    Family.FIDELITY,
    "low",
    f"{_TVD} over events at the same time and {BINS} quantile bins of train gaps",
)
NEXT = blank(
    "next_tvd",
    "What follows what: TVD",
    Family.FIDELITY,
    "low",
    f"{_TVD} over pairs of a patient's neighbouring events (Mosquera et al. 2023, order 1), the "
    f"{WIDEST} commonest variables, the others as one",
)
BY_CODE = {
    "value": blank(
        "value_tvd",
        "Values: mean TVD",
        Family.FIDELITY,
        "low",
        f"{_TVD} over train deciles of each variable, and no value; mean over variables",
    ),
    "change": blank(
        "change_tvd",
        "Changes from one value to the next: mean TVD",
        Family.FIDELITY,
        "low",
        "the same of value less the patient's value of that variable before",
    ),
    "interval": blank(
        "interval_tvd",
        "Time between values of a variable: mean TVD",
        Family.FIDELITY,
        "low",
        "the same of time since the patient's event of that variable before",
    ),
}


def measure(trial: CohortTrial) -> Findings:
    """The six distances.

    Raises:
        AssessmentError: fewer than 20 patients or no events on a side.
    """
    sides, train, seeds = trial.sides, trial.views["train"], trial.seeds.of("course")
    found = compare({EVENTS: _w1}, sides, _numbers(_most(trial)), seeds, {EVENTS.name: _ANY})
    found += compare({GAPS: tvd}, sides, _gaps(train), seeds)
    found += compare({NEXT: tvd}, sides, _pairs(train, len(trial.variables)), seeds)
    for name, score in BY_CODE.items():
        cells = Cells.of(train, NUMBER[name], len(trial.variables))
        if cells is not None:
            found += compare({score: cells.distance}, sides, cells.tally, seeds)
    return Findings(tuple(found))


_ANY = (0.0, np.inf)


def _most(trial: CohortTrial) -> int:
    """The most events that a patient of any side has."""
    views = trial.views.values()
    return max(int(np.bincount(v.patient, minlength=1).max(initial=0)) for v in views)


def dealt(view: View, seeds: Seeds) -> tuple[Numbers, Numbers]:
    """The group of each patient, and how many patients each has."""
    group = seeds.numpy().permutation(len(view)) % GROUPS
    return group, np.bincount(group, minlength=GROUPS)


def _numbers(most: int) -> Callable[[View, Seeds], Tally]:
    def count(view: View, seeds: Seeds) -> Tally:
        group, people = dealt(view, seeds)
        many = np.bincount(view.patient, minlength=len(view))
        sums = np.zeros((GROUPS, most + 1))
        np.add.at(sums, (group, many), 1)
        return Tally(sums, people)

    return count


def _w1(p: Numbers, q: Numbers, n: int, m: int) -> float:
    return float(np.abs(np.cumsum(p - q))[:-1].sum())


def tvd(p: Numbers, q: Numbers, n: int, m: int) -> float:
    """Half the sum of differences of two distributions, each made to sum to 1."""
    if not p.sum() or not q.sum():
        return float(np.nan)
    return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2)


def _summed(view: View, seeds: Seeds, cell: Numbers, cells: int) -> Tally:
    """How many events of each group of patients lie in each cell; -1 for none."""
    group, people = dealt(view, seeds)
    kept = cell >= 0
    sums = np.bincount(group[view.patient[kept]] * cells + cell[kept], minlength=GROUPS * cells)
    return Tally(sums.reshape(GROUPS, cells).astype(float), people)


def _gaps(train: View) -> Callable[[View, Seeds], Tally]:
    gaps = train.gap[train.gap > 0]
    levels = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(gaps, levels)) if len(gaps) else np.zeros(0)

    def count(view: View, seeds: Seeds) -> Tally:
        gap = view.gap
        cell = np.where(gap > 0, 1 + np.searchsorted(edges, gap), 0)
        return _summed(view, seeds, np.where(np.isnan(gap), -1, cell), len(edges) + 2)

    return count


def _pairs(train: View, variables: int) -> Callable[[View, Seeds], Tally]:
    order = np.argsort(-np.bincount(train.code, minlength=variables), kind="stable")
    width = min(variables, WIDEST) + 1
    place = np.full(variables, width - 1)
    place[order[: width - 1]] = np.arange(width - 1)

    def count(view: View, seeds: Seeds) -> Tally:
        mine = place[view.code]
        later = view.gap > 0
        cell = (np.roll(mine, 1) * width + mine) * 2 + later
        return _summed(view, seeds, np.where(view.first, -1, cell), 2 * width * width)

    return count


def _change(view: View) -> Numbers:
    before = view.before()
    return np.where(before >= 0, view.value - view.value[before], np.nan)


def _interval(view: View) -> Numbers:
    before = view.before()
    return np.where(before >= 0, view.time - view.time[before], np.nan)


NUMBER: dict[str, Callable[[View], Numbers]] = {
    "value": lambda view: view.value,
    "change": _change,
    "interval": _interval,
}


class Cells:
    """Deciles of a number of each variable, by train events; the last cell holds no number."""

    def __init__(self, edges: dict[int, Numbers], number: Callable[[View], Numbers]) -> None:
        self.edges, self.number = edges, number

    @staticmethod
    def of(train: View, number: Callable[[View], Numbers], variables: int) -> "Cells | None":
        """Those of variables with 50 train numbers; None if none has."""
        numbers, edges = number(train), {}
        there = np.flatnonzero(~np.isnan(numbers))
        order = there[np.argsort(train.code[there], kind="stable")]
        starts = np.searchsorted(train.code[order], np.arange(variables + 1))
        for code in range(variables):
            own = numbers[order[starts[code] : starts[code + 1]]]
            if len(own) >= ENOUGH:
                edges[code] = np.unique(np.quantile(own, DECILES))
        return Cells(edges, number) if edges else None

    def tally(self, view: View, seeds: Seeds) -> Tally:
        """How many events of each variable lie in each decile."""
        numbers = self.number(view)
        cell = np.full(len(numbers), -1)
        for place, (code, edges) in enumerate(self.edges.items()):
            mine = np.flatnonzero(view.code == code)
            inside = np.searchsorted(edges, numbers[mine])
            cell[mine] = place * 11 + np.where(np.isnan(numbers[mine]), 10, inside)
        return _summed(view, seeds, cell, 11 * len(self.edges))

    def distance(self, p: Numbers, q: Numbers, n: int, m: int) -> float:
        """The mean over variables; one that is never made lies as far as can be."""
        pairs = zip(p.reshape(-1, 11), q.reshape(-1, 11), strict=True)
        each = [1.0 if not a.sum() else tvd(a, b, n, m) for a, b in pairs if b.sum()]
        return float(np.mean(each)) if each else float(np.nan)
