"""What holds of visits: who has one, what lies in them, whether they overlap, how long they are.

Real admissions of a patient come one behind the other, and what is measured in them lies in them.
A model that draws both side by side may break this without a key or an order being wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.trial import GROUPS, LEAST, NO_HOLDOUT, Numbers, Tally, compare
from medsynai.evaluate.cohorts.course import tvd
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import DECILES, names_of
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

MOSTLY = 0.5  # of a variable's train events lie in a visit: it is one of those that do
INSIDE, AWAY, NONE = range(
    3
)  # in its visit; named one, but at another time; in none of the patient

_DEALT = "Shuffled: train visits dealt among the patients."
EVENTS = blank(
    "visit_events_tvd",
    "Events in their visit, at another time, and in none: TVD",
    Family.VALIDITY,
    "low",
    "total variation distance over the three, of events of variables that mostly lie in visits",
    note=_DEALT,
)
NOBODY = blank(
    "visit_none_gap",
    "Patients without a visit: difference of shares",
    Family.VALIDITY,
    "low",
    "|p - q|, shares of patients",
    note=_DEALT,
)
OVERLAP = blank(
    "visit_overlap_gap",
    "Visits that overlap another of the patient: difference of shares",
    Family.VALIDITY,
    "low",
    "|p - q|, shares of visits; one that begins as another ends does not overlap it",
    note=_DEALT,
)
MANY = blank(
    "visits_w1",
    "Visits a patient: Wasserstein distance",
    Family.FIDELITY,
    "low",
    "mean |F - G| summed over numbers of visits (Vallender 1974), in visits",
    note=_DEALT,
)
LENGTH = blank(
    "visit_length_tvd",
    "Length of visits: TVD",
    Family.FIDELITY,
    "low",
    "total variation distance over train deciles of end less start, and no end",
    note=_DEALT,
)


@dataclass(frozen=True)
class Stays:
    """Visits, and the events that are looked at; times in microseconds since the patient's begin.

    Attributes:
        people: how many patients.
        patient: (visits,) whose each one is.
        start, end: (visits,) NaN where the source has none.
        owner: (events,) whose each one is.
        visit: (events,) the visit that it names, -1 for none.
        time: (events,) NaN for a fact of the visit.
    """

    people: int
    patient: Numbers
    start: Numbers
    end: Numbers
    owner: Numbers
    visit: Numbers
    time: Numbers

    @staticmethod
    def of(cohort: Cohort, variables: pd.Index) -> "Stays":
        """Those of a cohort; events of these variables."""
        visits, events = cohort.visits, cohort.events
        whose = cohort.places(visits["subject_id"])
        start, end = (_since(cohort, visits[c], whose) for c in ("start", "end"))
        known = np.flatnonzero(whose >= 0)
        owner = cohort.places(events["subject_id"])
        seen = np.flatnonzero(names_of(cohort).isin(variables) & (owner >= 0))
        owner, events = owner[seen], events.iloc[seen]
        keys = pd.Index(visits["visit_id"].iloc[known])
        visit = keys.get_indexer(pd.Index(events["visit_id"]))
        time = _since(cohort, events["time"], owner)
        if cohort.clock is Clock.CALENDAR:  # a day without an hour lasts until its end
            begun = pd.Series(np.append(visits["start"].iloc[known], np.datetime64("NaT")))
            day = begun.iloc[visit].dt.normalize().to_numpy() == events["time"].to_numpy()
            time = np.where(day, np.fmax(time, np.append(start[known], np.nan)[visit]), time)
        return Stays(len(cohort), whose[known], start[known], end[known], owner, visit, time)

    def __len__(self) -> int:
        return self.people

    def dealt(self, seeds: Seeds) -> "Stays":
        """Baseline: each visit another patient's, as long after the beginning; events stay."""
        return replace(self, patient=seeds.numpy().permutation(self.patient))

    def where(self) -> Numbers:
        """(events,) `INSIDE`, `AWAY` or `NONE`."""
        named = self.visit >= 0
        start, end, whose = (
            np.append(x, y)[self.visit]
            for x, y in ((self.start, np.nan), (self.end, np.nan), (self.patient, -1))
        )
        mine = named & (whose == self.owner)
        with np.errstate(invalid="ignore"):
            away = (self.time < start) | (self.time > end)
        return np.where(mine, np.where(away, AWAY, INSIDE), NONE)

    def overlapping(self) -> Numbers:
        """(visits,) which overlap another of the same patient."""
        end = np.fmax(self.end, self.start)
        end = np.where(np.isnan(end), self.start, end)
        order = np.lexsort((end, self.start, self.patient))
        rows = pd.DataFrame({"w": self.patient, "s": self.start, "e": end}).iloc[order]
        same = rows.groupby("w", sort=False)
        latest = same["e"].cummax().groupby(rows["w"], sort=False).shift()
        found = np.zeros(len(rows), bool)
        found[order] = (rows["s"] < latest) | (same["s"].shift(-1) < rows["e"])
        return found


@dataclass(frozen=True)
class _Sides:
    """Who stands against whom."""

    reference: Stays
    synthetic: Stays
    real: Stays | None
    shuffled: Stays
    copied: Stays
    note: str


def measure(trial: CohortTrial) -> Findings:
    """The five distances.

    Raises:
        AssessmentError: fewer than 20 patients on a side, or train patients without visits.
    """
    sides = _sides(trial)
    train, seeds = sides.copied if sides.real is None else sides.real, trial.seeds.of("visits")
    most = max(int(_many(s).max(initial=0)) for s in _each(sides))
    long = (train.end - train.start)[~np.isnan(train.end - train.start)]
    edges = np.unique(np.quantile(long, DECILES)) if len(long) else np.zeros(0)
    found = compare({EVENTS: tvd}, sides, _places, seeds.of("events"))
    found += compare({NOBODY: _gap}, sides, _bare, seeds.of("none"))
    found += compare({OVERLAP: _gap}, sides, _overlaps, seeds.of("overlap"))
    ways = {MANY.name: (0.0, np.inf)}
    found += compare({MANY: _w1}, sides, _numbers(most), seeds.of("many"), ways)
    found += compare({LENGTH: tvd}, sides, _lengths(edges), seeds.of("length"))
    return Findings(tuple(found))


def _sides(trial: CohortTrial) -> _Sides:
    held = [c for c in (trial.train, trial.synthetic, trial.holdout) if c is not None]
    if min(map(len, held)) < LEAST:
        raise AssessmentError(f"needs at least {LEAST} patients on every side")
    if not len(trial.train.visits):
        raise AssessmentError("the train patients have no visits")
    names = names_of(trial.train)
    inside = trial.train.events["visit_id"].notna().groupby(names).mean()
    of = inside.index[inside >= MOSTLY].intersection(trial.variables)
    train = Stays.of(trial.train, of)
    return _Sides(
        train if trial.holdout is None else Stays.of(trial.holdout, of),
        Stays.of(trial.synthetic, of),
        None if trial.holdout is None else train,
        train.dealt(trial.seeds.of("visits", "dealt")),
        Stays.of(trial.copied, of),
        "" if trial.holdout is not None else NO_HOLDOUT,
    )


def _each(sides: _Sides) -> tuple[Stays, ...]:
    own = (sides.reference, sides.synthetic, sides.real, sides.shuffled, sides.copied)
    return tuple(s for s in own if s is not None)


def _since(cohort: Cohort, times: pd.Series, whose: Numbers) -> Numbers:
    """(rows,) whole microseconds since the patient's time begins; NaN for none."""
    begin = pd.Series(cohort.begins()).reindex(whose).to_numpy()
    passed = times.to_numpy() - begin
    if cohort.clock is not Clock.CALENDAR:
        ticks: Numbers = np.rint(passed.astype("float64") * cohort.clock.microseconds)
        return ticks
    gone = np.isnat(passed)
    whole = np.where(gone, 0, passed.astype("timedelta64[us]").astype("int64"))
    return np.where(gone, np.nan, whole)


def _summed(stays: Stays, seeds: Seeds, whose: Numbers, cell: Numbers, cells: int) -> Tally:
    """How many rows of each group of patients lie in each cell."""
    group = seeds.numpy().permutation(len(stays)) % GROUPS
    sums = np.bincount(group[whose] * cells + cell, minlength=GROUPS * cells)
    people = np.bincount(group, minlength=GROUPS)
    return Tally(sums.reshape(GROUPS, cells).astype(float), people)


def _places(stays: Stays, seeds: Seeds) -> Tally:
    return _summed(stays, seeds, stays.owner, stays.where(), 3)


def _many(stays: Stays) -> Numbers:
    """(patients,) visits of each."""
    return np.bincount(stays.patient, minlength=len(stays))


def _bare(stays: Stays, seeds: Seeds) -> Tally:
    return _summed(stays, seeds, np.arange(len(stays)), (_many(stays) == 0).astype(int), 2)


def _overlaps(stays: Stays, seeds: Seeds) -> Tally:
    return _summed(stays, seeds, stays.patient, stays.overlapping().astype(int), 2)


def _numbers(most: int) -> Callable[[Stays, Seeds], Tally]:
    def count(stays: Stays, seeds: Seeds) -> Tally:
        return _summed(stays, seeds, np.arange(len(stays)), _many(stays), most + 1)

    return count


def _lengths(edges: Numbers) -> Callable[[Stays, Seeds], Tally]:
    def count(stays: Stays, seeds: Seeds) -> Tally:
        long = stays.end - stays.start
        cell = np.where(np.isnan(long), len(edges) + 1, np.searchsorted(edges, long))
        return _summed(stays, seeds, stays.patient, cell, len(edges) + 2)

    return count


def _gap(p: Numbers, q: Numbers, n: int, m: int) -> float:
    """The difference of the shares that the second cell has."""
    if not p.sum() or not q.sum():
        return float(np.nan)
    return float(abs(p[1] / p.sum() - q[1] / q.sum()))


def _w1(p: Numbers, q: Numbers, n: int, m: int) -> float:
    return float(np.abs(np.cumsum(p - q))[:-1].sum())
