"""A course as steps that a network reads: everything that happens to a patient at one time.

A patient is one line of numbers: what is told of it once, then its events in order. What is told
beside the source's statics is how many steps there are and over how long; and of the tokens that
come often how often each does, and its numbers' mean and range. A table model draws all this.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.codec.course import Course
from medsynai.codec.lives import Times
from medsynai.codec.marks import Marks
from medsynai.codec.moments import AIMS, ROUND, SPAN, STEPS, Drawn, Moments, plain_of, told_of
from medsynai.codec.numbers import NumberCodec
from medsynai.codec.stays import Rooms
from medsynai.codec.table import TableCodec
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.store import Arrays

# Of an event, -1 for none: `last` is the code of the value of that token before, and `since` the
# range of ticks since that token came last.
LINES = ("token", "starts", "ticks", "gap", "value", "same", "last", "since", "length")
PLAIN = (STEPS, SPAN, ROUND)  # told as numbers
CELLS = 20_000_000  # events that all lines together may have room for
FEW, FAR = 3, 4  # a line that is so many times as long as that of the third is one patient's alone
WATCHED, COUNTED = 64, 40  # tokens whose history is looked at one by one; and that are told of
OFTEN, SHARE = 1.5, 0.05  # told of: so many of those who have it, and so large a share has it
KNOTS, ALIKE = 64, 2_000  # ranges of time since a token came last; and times they are learnt from
DRAWN_TWICE = 8  # the most that a token may come at one time


@dataclass(frozen=True)
class StepCodec:
    """Course <-> lines; each bin and level is of several train patients.

    Attributes:
        tokens: how many there are.
        watched: tokens whose history is looked at one by one, the commonest.
        counted: of these, places of those that are told of beforehand.
        cycle: ticks in which the clock comes round: an hour, day or week.
        schema: of what is told once, the source's statics first.
        told: codes of it, but for what is told of tokens.
        gaps: bins of ticks between steps.
        since: (bins,) where ranges of time since a token came last begin.
        values, lengths: bins of the numbers of each token.
        twice: a group a token: how often it comes at one time.
        rooms: what holds of visits.
    """

    tokens: int
    watched: np.ndarray
    counted: np.ndarray
    cycle: int
    schema: Schema
    told: TableCodec
    gaps: NumberCodec
    since: np.ndarray
    values: Marks
    lengths: Marks
    twice: Choices
    rooms: Rooms

    @staticmethod
    def fit(
        course: Course, rooms: Rooms, times: Times, bins: tuple[int, int], least: int
    ) -> "StepCodec":
        """Learn from train patients.

        Args:
            course: what happened to them.
            rooms: what holds of visits, token by token.
            times: the lattice of ticks.
            bins: about how many bins numbers have at most, and gaps.
            least: patients behind whatever is drawn as it is.
        """
        tokens, most = len(rooms.roles), bins[0]
        moments = Moments.of(course, tokens)
        token, whose = moments.token, moments.patient
        passed = moments.starts & (moments.gap > 0)
        gaps = NumberCodec.fit(moments.gap[passed], bins[1], 2 * least, least, whose[passed])
        watched, counted = _looked_at(moments, rooms.roles == 2, len(course.statics))
        tick, before = moments.tick(), moments.before()
        known = _alike_many(np.where(before >= 0, token, -1), watched)
        passed_since = (tick[known] - tick[before[known]]).astype(float)
        since = NumberCodec.fit(passed_since, KNOTS, 2 * least, least, whose[known]).low
        cycle = cycle_of(times)
        table = told_of(course, moments, watched[counted], cycle)
        return StepCodec(
            tokens,
            watched,
            counted,
            cycle,
            table.schema,
            TableCodec.fit(table.only(plain_of(table.schema)), 20),
            gaps,
            since if len(since) else np.zeros(1),
            Marks.fit(token, moments.value, whose, most, least),
            Marks.fit(token, moments.length, whose, most // 2, least),
            _twice(moments, tokens, least),
            rooms,
        )

    def table(self, course: Course) -> Table:
        """A row a patient: what is told once."""
        moments = Moments.of(course, self.tokens)
        return told_of(course, moments, self.watched[self.counted], self.cycle, self.schema)

    def heads(self, table: Table) -> np.ndarray:
        """(patients, k): codes of what is told; `PLAIN`; counts; aims, token by token."""
        frame = table.frame
        numbers = [
            *(frame[name] for name in PLAIN),
            *(frame[f".n{i}"] for i in range(len(self.counted))),
        ]
        plain = np.column_stack([np.nan_to_num(c.to_numpy("float64")) for c in numbers])
        aims = _aims(self, table).reshape(len(table), len(AIMS) * len(self.counted))
        whole = (self.told.encode(table), plain, aims)
        return np.hstack([w.astype(np.float32) for w in whole])

    def lines(self, course: Course, room: int | None = None) -> tuple[np.ndarray, int]:
        """(patients, events, 9) float32 in order of `LINES`, -1 behind the last; how many cut off.

        A patient with more events than there is room for keeps the first. Unless `room` is said,
        it is what the longest needs, or what memory leaves; one or two patients who are far longer
        than all others do not decide it.
        """
        moments, n = Moments.of(course, self.tokens), len(course.statics)
        size = np.bincount(moments.patient, minlength=n)
        if room is None:
            room = min(longest_of(size), max(64, CELLS // max(n, 1)))
        place = np.arange(len(moments.patient)) - (np.cumsum(size) - size)[moments.patient]
        kept = place < room
        gap = np.where(moments.starts & (moments.gap > 0), self.gaps.encode(moments.gap), -1)
        value = _codes(self.values, moments.token, moments.value)
        before = moments.before()
        known = before >= 0
        same = known & (moments.value == moments.value[before]) & (value >= 0)
        last = np.where(known, value[before], -1)
        tick = moments.tick()
        since = np.where(known, self.range_of(tick - tick[before]), 0)
        length = _codes(self.lengths, moments.token, moments.length)
        parts = (moments.token, moments.starts, moments.gap, gap, value, same, last, since, length)
        made = np.full((n, room, len(LINES)), -1, np.float32)
        made[moments.patient[kept], place[kept]] = np.column_stack(parts)[kept]
        return made, int((~kept).sum())

    def range_of(self, ticks: np.ndarray) -> np.ndarray:
        """The range that a time since a token came last lies in, from 1; 0 is for never."""
        return np.maximum(np.searchsorted(self.since, ticks, side="right"), 1)

    def arrays(self) -> Arrays:
        """For a safetensors file; the schema is kept apart."""
        own: Arrays = {
            "steps.watched": self.watched,
            "steps.counted": self.counted,
            "steps.since": self.since,
            "steps.plain": np.array([self.tokens, self.cycle]),
        }
        own |= self.gaps.arrays("gaps") | self.values.arrays("values")
        own |= self.lengths.arrays("lengths") | self.twice.arrays("twice")
        own |= self.rooms.arrays("rooms")
        return own | self.told.arrays()

    @staticmethod
    def load(schema: Schema, arrays: Arrays) -> "StepCodec":
        """The inverse of `arrays`."""
        tokens, cycle = (int(v) for v in arrays["steps.plain"])
        return StepCodec(
            tokens,
            arrays["steps.watched"],
            arrays["steps.counted"],
            cycle,
            schema,
            TableCodec.load(schema.only(plain_of(schema)), arrays),
            NumberCodec.load(arrays, "gaps"),
            arrays["steps.since"],
            Marks.load(arrays, "values"),
            Marks.load(arrays, "lengths"),
            Choices.load(arrays, "twice"),
            Rooms.load(arrays, "rooms", tokens),
        )


def _aims(codec: StepCodec, table: Table) -> np.ndarray:
    """(patients, counted, 3): where the mean, least and greatest of each token's numbers lie.

    As places in its bins from -1 to 1, in order; NaN for none.
    """
    counted = codec.watched[codec.counted]
    found = np.full((len(table), len(counted), len(AIMS)), np.nan)
    known = {int(t): c for t, c in zip(codec.values.tokens, codec.values.codecs, strict=True)}
    for place, token in enumerate(counted.tolist()):
        if token in known and f".m{place}" in table.schema.names:
            spread = spread_of(known[token].bins)
            for k, aim in enumerate(AIMS):
                value = table.frame[f".{aim}{place}"].to_numpy("float64")
                there = ~np.isnan(value)
                found[there, place, k] = (
                    spread[known[token].encode(value[there])]
                    if k
                    else np.interp(value[there], known[token].centre, spread)
                )
    low, high = np.minimum(found[..., 1], found[..., 2]), np.maximum(found[..., 1], found[..., 2])
    return np.stack([np.clip(found[..., 0], low, high), low, high], axis=-1)


def course_of(
    codec: StepCodec,
    statics: Table,
    drawn: Drawn,
    rng: np.random.Generator,
    before: np.ndarray | None = None,
) -> Course:
    """What was drawn, as a course; numbers lie inside their bins.

    `before`: (patients, tokens) the last numbers ahead of what was drawn, where there were any.
    """
    order = np.lexsort((drawn.token, drawn.step, drawn.patient))
    patient, token, step = (x[order] for x in (drawn.patient, drawn.token, drawn.step))
    value = _filled(codec.values, token, drawn.value[order], rng)
    length = _filled(codec.lengths, token, drawn.length[order], rng)
    value = _carried((patient, token), drawn.same[order], value, before)
    new = np.diff(step, prepend=-1) != 0
    new |= np.diff(patient, prepend=-1) != 0
    gap = np.where(new, drawn.gap[order], 0).astype(float)
    many = codec.twice.draw(token, rng.random(len(token)))
    whole = (np.repeat(x, many) for x in (patient, token, gap, value, length))
    patient, token, gap, value, length = whole
    again = np.flatnonzero(np.arange(len(patient)) != np.repeat(np.cumsum(many) - many, many))
    gap[again] = 0
    fresh = codec.values.draw(token[again], rng)
    value[again] = np.where(np.isnan(value[again]), np.nan, fresh)
    return Course(statics, patient, token, gap, value, length)


def spread_of(bins: int) -> np.ndarray:
    """(bins,) the middles of so many equal parts of -1 to 1."""
    return (2 * np.arange(bins) + 1) / max(bins, 1) - 1


def _looked_at(
    moments: Moments, visits: np.ndarray, patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """The commonest tokens; and places of those that most who have them have more than once.

    `visits`: (tokens,) which are visits; those that many have stand before all others in both.
    """
    tokens = len(visits)
    events = np.bincount(moments.token, minlength=tokens)
    pairs = np.unique(moments.token * patients + moments.patient) // max(patients, 1)
    people = np.bincount(pairs.astype(np.int64), minlength=tokens)
    many = people >= SHARE * patients
    weight = events + (visits & many) * len(moments.token)
    watched = np.sort(np.argsort(-weight, kind="stable")[:WATCHED])
    often = ((events >= OFTEN * people) | visits) & many
    able = np.flatnonzero(often[watched])
    best = able[np.argsort(-weight[watched[able]], kind="stable")[:COUNTED]]
    return watched, np.sort(best)


def _alike_many(token: np.ndarray, watched: np.ndarray) -> np.ndarray:
    """Places of about as many events of each watched token, spread evenly over its events."""
    kept = [np.flatnonzero(token == w) for w in watched.tolist()]
    return np.sort(np.concatenate([k[:: max(1, len(k) // ALIKE)] for k in kept]))


def cycle_of(times: Times) -> int:
    """The shortest of hour, day and week that has two ticks or more."""
    hour = times.year / (365.25 * 24)
    found = [c for c in (hour, 24 * hour, 168 * hour) if c >= 2]
    return max(2, round(found[0])) if found else 2


def _twice(moments: Moments, tokens: int, least: int) -> Choices:
    """How often a token comes at one time; numbers of few patients count as once."""
    times = np.minimum(moments.times, DRAWN_TWICE)
    cell = moments.token * (DRAWN_TWICE + 1) + times
    pairs = np.unique(np.column_stack([cell, moments.patient]), axis=0)[:, 0]
    people = np.bincount(pairs, minlength=tokens * (DRAWN_TWICE + 1))
    times = np.where(people[cell] >= least, times, 1)
    cells, counts = np.unique(moments.token * (DRAWN_TWICE + 1) + times, return_counts=True)
    group, item = np.divmod(cells, DRAWN_TWICE + 1)
    none = np.setdiff1d(np.arange(tokens), group)
    ones = np.ones(len(none))
    weights = np.concatenate([counts.astype(float), ones])
    return Choices.of(
        np.concatenate([group, none]), np.concatenate([item, ones]).astype(int), weights, tokens
    )


def _codes(marks: Marks, token: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(events,) the code of each number; -1 where the token has none."""
    made = np.full(len(token), -1)
    for which, codec in zip(marks.tokens, marks.codecs, strict=True):
        rows = np.flatnonzero(token == which)
        made[rows] = codec.encode(numbers[rows])
    return made


def _filled(
    marks: Marks, token: np.ndarray, codes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(events,) a number for each code; NaN without one."""
    made = np.full(len(token), np.nan)
    for which, codec in zip(marks.tokens, marks.codecs, strict=True):
        rows = np.flatnonzero((token == which) & (codes >= 0))
        made[rows] = codec.decode(codes[rows], rng)
    return made


def _carried(
    whose: tuple[np.ndarray, np.ndarray],
    same: np.ndarray,
    value: np.ndarray,
    before: np.ndarray | None,
) -> np.ndarray:
    """Values that are the same as the last are the last, of the same patient and token."""
    patient, token = whose
    order: Any = np.lexsort((np.arange(len(token)), token, patient))
    new = np.diff(patient[order], prepend=-1) != 0
    new |= np.diff(token[order], prepend=-1) != 0
    made = value.copy()
    if before is not None:
        rows = order[new & same[order]]
        made[rows] = before[patient[rows], token[rows]]
    own = np.where(same[order] & ~new, 0, np.arange(len(order)))
    made[order] = made[order][np.maximum.accumulate(own)]
    return made


def longest_of(size: np.ndarray) -> int:
    """How many events the longest line needs that is not one or two patients' alone.

    Args:
        size: (patients,) events of each.

    >>> longest_of(np.array([80, 90, 250, 300])), longest_of(np.array([80, 90, 20_000]))
    (300, 320)
    """
    third = int(np.sort(size)[-FEW:][0]) if len(size) else 0
    return int(min(size.max(initial=1), max(FAR * third, 64)))
