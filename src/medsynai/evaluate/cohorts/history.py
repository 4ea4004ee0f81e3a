"""What had happened to a patient before a moment: what foretelling the next one rests on."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.trial import LEAST, Numbers
from medsynai.evaluate.cohorts.view import View

DAY = 86_400_000_000  # microseconds
MONTH = 30 * DAY
MOST = 20  # variables that are looked at
ENOUGH = 50  # train numbers with one before, or steps with a variable and without it


@dataclass(frozen=True)
class Moments:
    """The distinct times of each patient, in order.

    Attributes:
        of: (events,) the moment of each event of the view.
        patient, time: (moments,) whose, and microseconds since that patient's beginning.
        step: (moments,) 0 for a patient's first.
        width: (moments,) events of each.
    """

    of: Numbers
    patient: Numbers
    time: Numbers
    step: Numbers
    width: Numbers

    @staticmethod
    def read(view: View) -> "Moments":
        """Those of a view."""
        new = view.first | (view.gap > 0)
        at = np.flatnonzero(new)
        patient = view.patient[at]
        begin = np.flatnonzero(np.diff(patient, prepend=-1) != 0)
        length = np.diff(np.append(begin, len(at)))
        step = np.arange(len(at)) - np.repeat(begin, length)
        width = np.diff(np.append(at, len(new)))
        return Moments(np.cumsum(new) - 1, patient, view.time[at], step, width)


@dataclass(frozen=True)
class Tracks:
    """Some variables' events, by variable, patient and moment; the last where several are at one.

    Attributes:
        starts: (variables + 1,) where the rows of each variable begin.
        variable: (rows,) place in the list asked for.
        patient, moment, time, value: (rows,).
        before: (rows,) rows of the same patient and variable before each.
    """

    starts: Numbers
    variable: Numbers
    patient: Numbers
    moment: Numbers
    time: Numbers
    value: Numbers
    before: Numbers

    @staticmethod
    def of(view: View, moments: Moments, variables: Numbers, numbers: bool) -> "Tracks":
        """The tracks of the variables at these places; of events with a number alone if asked."""
        size = int(max(view.code.max(initial=0), variables.max(initial=0))) + 1
        place = np.full(size, -1)
        place[variables] = np.arange(len(variables))
        mine = place[view.code]
        kept = np.flatnonzero((mine >= 0) & ~(numbers & np.isnan(view.value)))
        kept = kept[np.lexsort((moments.of[kept], mine[kept]))]
        which, moment = mine[kept], moments.of[kept]
        last = np.append((np.diff(which) != 0) | (np.diff(moment) != 0), True)[: len(kept)]
        kept, which, moment = kept[last], which[last], moment[last]
        patient = view.patient[kept]
        new = (np.diff(which, prepend=-1) != 0) | (np.diff(patient, prepend=-1) != 0)
        begin = np.flatnonzero(new)
        length = np.diff(np.append(begin, len(kept)))
        return Tracks(
            np.searchsorted(which, np.arange(len(variables) + 1)),
            which,
            patient,
            moment,
            view.time[kept],
            view.value[kept],
            np.arange(len(kept)) - np.repeat(begin, length),
        )

    def latest(self, variable: int, patient: Numbers, moment: Numbers) -> Numbers:
        """(asked,) the patient's last row of a variable before each moment, -1 for none."""
        begin, end = self.starts[variable], self.starts[variable + 1]
        if begin == end:
            return np.full(len(moment), -1)
        row = begin - 1 + np.searchsorted(self.moment[begin:end], moment)
        there = (row >= begin) & (self.patient[np.maximum(row, begin)] == patient)
        return np.where(there, row, -1)

    def there(self, variable: int, moment: Numbers) -> Numbers:
        """(asked,) whether the variable comes at each moment."""
        begin, end = self.starts[variable], self.starts[variable + 1]
        found: Numbers = np.isin(moment, self.moment[begin:end])
        return found


@dataclass(frozen=True)
class Scale:
    """The variables whose numbers are looked at, and how those become comparable.

    Attributes:
        variables: (variables,) places in the trial's list.
        low, high: (variables,) the train numbers' 1st and 99th percentiles. What lies beyond counts
            as these, so that one misplaced point does not decide a mean of squares.
        mean, spread: (variables,) of train numbers within them.
    """

    variables: Numbers
    low: Numbers
    high: Numbers
    mean: Numbers
    spread: Numbers

    @staticmethod
    def of(train: View) -> "Scale":
        """The commonest that vary and often have a number before.

        Raises:
            AssessmentError: there is none.
        """
        every = np.arange(int(train.code.max(initial=0)) + 1)
        tracks = Tracks.of(train, Moments.read(train), every, numbers=True)
        again = np.bincount(tracks.variable[tracks.before > 0], minlength=len(every))
        parts = np.split(tracks.value, tracks.starts[1:-1])
        rows: list[Any] = []
        for v in np.argsort(-again, kind="stable"):
            if again[v] < ENOUGH or len(rows) == MOST:
                break
            low, high = np.quantile(parts[v], (0.01, 0.99))
            inside = np.clip(parts[v], low, high)
            if inside.std() > 1e-12 * max(abs(low), abs(high)):
                rows.append((v, low, high, inside.mean(), inside.std()))
        if not rows:
            raise AssessmentError(f"no variable has {ENOUGH} train numbers with one before")
        columns = np.array(rows).T
        return Scale(columns[0].astype(int), *columns[1:])

    def read(self, tracks: Tracks) -> Numbers:
        """(rows,) the numbers of tracks of these variables, in spreads from the mean."""
        of = tracks.variable
        inside = np.clip(tracks.value, self.low[of], self.high[of])
        found: Numbers = (inside - self.mean[of]) / self.spread[of]
        return found


def drawn(patient: Numbers, most: int, each: int, rng: np.random.Generator) -> Numbers:
    """At most `most` places of a list of patients at random, at most `each` of one patient."""
    order = rng.permutation(len(patient))
    within = pd.Series(patient[order]).groupby(patient[order]).cumcount().to_numpy()
    return np.sort(order[within < each][:most])


def unit_of(train: Cohort) -> str:
    """What a step is: a visit, a day where patients are followed for long, or else a moment."""
    named = train.events[train.events["visit_id"].notna()]
    again = named.groupby("subject_id")["visit_id"].nunique() > 1
    if 2 * len(named) >= len(train.events) and again.sum() >= LEAST:
        return "visit"
    spans = train.elapsed().groupby(train.places(train.events["subject_id"])).max()
    return "day" if spans.notna().any() and spans.median() >= MONTH else "moment"


def in_steps(cohort: Cohort, unit: str) -> Cohort:
    """The cohort with each event at the beginning of its visit or day; see `unit_of`."""
    events = cohort.events
    time = events["time"]
    if unit == "visit":
        of = events["visit_id"]
        starts = cohort.visits.set_index("visit_id")["start"], time.groupby(of).min()
        start, first = (s.reindex(of).set_axis(of.index) for s in starts)
        time = start.fillna(first).fillna(time).astype(time.dtype)
    elif unit == "day" and cohort.clock is Clock.CALENDAR:
        time = time.dt.normalize()
    elif unit == "day":
        day = DAY / cohort.clock.microseconds
        time = np.floor(time / day) * day
    return replace(cohort, events=events.assign(time=time))
