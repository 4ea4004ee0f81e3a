"""What happens to patients at one time, and what of it is told beforehand."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medsynai.codec.course import Course
from medsynai.codec.lives import EVENTS
from medsynai.data.ranges import range_of
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table

STEPS, SPAN, ROUND = ".steps", ".span", ".round"  # the last: steps a cycle after another
SLOTS = 60  # parts of an hour, day or week
AIMS = ("m", "l", "h")  # of a token's numbers: the mean, the least and the greatest


@dataclass(frozen=True)
class Moments:
    """Events with the step that each is in, in order; no token twice in a step.

    Attributes:
        patient, token, gap, value, length: as in `Course`, of the events that are kept.
        step: (events,) numbered through all patients.
        starts: (events,) which are the first of their step.
        times: (events,) how often the token came at that time.
    """

    patient: np.ndarray
    token: np.ndarray
    gap: np.ndarray
    value: np.ndarray
    length: np.ndarray
    step: np.ndarray
    starts: np.ndarray
    times: np.ndarray

    @staticmethod
    def of(course: Course, tokens: int) -> "Moments":
        """Steps of a course."""
        new = np.diff(course.patient, prepend=-1) != 0
        step = np.cumsum(new | (course.gap > 0)) - 1
        cell = step * tokens + course.token
        first = np.diff(cell, prepend=-1) != 0
        times = np.diff(np.append(np.flatnonzero(first), len(cell)))
        kept = np.flatnonzero(first)
        parts = (course.patient, course.token, course.gap, course.value, course.length, step)
        patient, token, gap, value, length, step = (p[kept] for p in parts)
        starts = np.diff(step, prepend=-1) != 0
        gap = np.where(np.diff(patient, prepend=-1) != 0, 0, gap)
        return Moments(patient, token, gap, value, length, step, starts, times)

    def tick(self) -> np.ndarray:
        """(events,) ticks since the patient's first event."""
        total = np.cumsum(np.where(self.starts, self.gap, 0))
        new = np.diff(self.patient, prepend=-1) != 0
        sizes = np.diff(np.append(np.flatnonzero(new), len(new)))
        ticks: np.ndarray = total - np.repeat(total[new], sizes)
        return ticks

    def round(self, cycle: int) -> np.ndarray:
        """(events,) which are the first of a step that lies in a part of the clock's cycle in which
        the patient had a step the cycle before: what is done by the hour.
        """
        first, parts = np.flatnonzero(self.starts), min(SLOTS, cycle)
        lap, within = np.divmod(self.tick()[first].astype(np.int64), cycle)
        laps = int(lap.max(initial=0)) + 2  # one more than any: no lap before the first is found
        cell = (self.patient[first] * parts + within * parts // cycle) * laps + lap
        made = np.zeros(len(self.starts), bool)
        made[first] = np.isin(cell - 1, cell) & (np.diff(cell, prepend=-1) != 0)
        return made

    def before(self) -> np.ndarray:
        """(events,) the patient's event of the same token before; -1 where there is none."""
        order = np.lexsort((self.step, self.token, self.patient))
        same = (np.diff(self.patient[order], prepend=-1) == 0) & (
            np.diff(self.token[order], prepend=-1) == 0
        )
        found = np.full(len(order), -1)
        found[order[same]] = order[np.flatnonzero(same) - 1]
        return found


@dataclass(frozen=True)
class Drawn:
    """Events that were drawn, in any order; codes of numbers as in `LINES` of `steps`.

    Attributes:
        step: (events,) which of the patient's steps, from 0.
        gap: (events,) ticks between the step and the one before; 0 for a patient's first.
        same: (events,) the value is the patient's last of that token.
    """

    patient: np.ndarray
    token: np.ndarray
    step: np.ndarray
    gap: np.ndarray
    value: np.ndarray
    same: np.ndarray
    length: np.ndarray


def told_of(
    course: Course,
    moments: Moments,
    counted: np.ndarray,
    cycle: int,
    schema: Schema | None = None,
) -> Table:
    """What is told of each patient once; `counted`: tokens whose numbers are told of."""
    n, statics = len(course.statics), course.statics
    frame = statics.frame.drop(columns=[EVENTS], errors="ignore").reset_index(drop=True)
    own: dict[str, np.ndarray] = {
        STEPS: np.bincount(moments.patient, moments.starts, n),
        SPAN: np.bincount(moments.patient, np.where(moments.starts, moments.gap, 0), n),
        ROUND: np.bincount(moments.patient, moments.round(cycle), n),
    }
    for place, token in enumerate(counted.tolist()):
        rows = moments.token == token
        own[f".n{place}"] = np.bincount(moments.patient[rows], minlength=n).astype(float)
    for place, token in enumerate(counted.tolist()):
        rows = (moments.token == token) & ~np.isnan(moments.value)
        if rows.any() or (schema is not None and f".m{place}" in schema.names):
            whose, value = moments.patient[rows], moments.value[rows]
            own[f".m{place}"] = _mean(whose, value, n)
            for aim, pick, end in (("l", np.fmin, np.inf), ("h", np.fmax, -np.inf)):
                edge = np.full(n, end)
                pick.at(edge, whose, value)
                own[f".{aim}{place}"] = np.where(np.isinf(edge), np.nan, edge)
    if schema is None:
        columns = [c for c in statics.schema.columns if c.name != EVENTS]
        schema = Schema((*columns, *(_column(name, v) for name, v in own.items())))
    frame = pd.concat([frame, pd.DataFrame(own)], axis=1)
    return Table(frame[list(schema.names)], schema, statics.origin)


def with_counts(course: Course, tokens: int) -> Table:
    """What is told of a patient once, the span, and of the first tokens how many and the mean."""
    n, statics = len(course.statics), course.statics
    own = {SPAN: np.bincount(course.patient, course.gap, n)}
    for token in range(tokens):
        rows = course.token == token
        own[f".n{token}"] = np.bincount(course.patient[rows], minlength=n).astype(float)
        rows &= ~np.isnan(course.value)
        if rows.any():
            own[f".m{token}"] = _mean(course.patient[rows], course.value[rows], n)
    frame = pd.concat([statics.frame.reset_index(drop=True), pd.DataFrame(own)], axis=1)
    columns = (_column(name, values) for name, values in own.items())
    return Table(frame, Schema((*statics.schema.columns, *columns)), statics.origin)


def counts_in(table: Table, tokens: int) -> np.ndarray:
    """(patients, tokens + 1) the counts of `with_counts`, and how many events there are beside."""
    names = [EVENTS, *(f".n{token}" for token in range(tokens))]
    told = np.maximum(np.rint(table.frame[names].to_numpy("float64")), 0).astype(np.int64)
    rest = np.maximum(told[:, :1] - told[:, 1:].sum(axis=1, keepdims=True), 0)
    return np.hstack([told[:, 1:], rest])


def means_in(table: Table, tokens: int) -> np.ndarray:
    """(patients, tokens) the means of `with_counts`; NaN where there is none, and not told of."""
    found = np.full((len(table), tokens), np.nan)
    for token in range(tokens):
        if f".m{token}" in table.schema.names:
            found[:, token] = table.frame[f".m{token}"].to_numpy("float64")
    return found


def plain_of(schema: Schema) -> tuple[str, ...]:
    """The columns that are not told of a token."""
    return tuple(n for n in schema.names if not (n[:1] == "." and n[2:].isdigit()))


def _mean(whose: np.ndarray, value: np.ndarray, patients: int) -> np.ndarray:
    """(patients,) NaN for who has none."""
    total, many = np.bincount(whose, value, patients), np.bincount(whose, minlength=patients)
    return np.where(many > 0, total / np.maximum(many, 1), np.nan)


def _column(name: str, values: np.ndarray) -> Column:
    if name[1] in AIMS:
        return Column(
            name, Kind.CONTINUOUS, storage="float64", missing=bool(np.isnan(values).any())
        )
    low, high = range_of(values)
    return Column(name, Kind.INTEGER, storage="float64", minimum=low, maximum=high)
