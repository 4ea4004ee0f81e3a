"""A cohort: patients with their visits, events and signals; the tables hang together by patient.

An event is a row of MEDS (subject, time, code, value) with what other formats say beside: a visit,
an end, a kind and a unit. A flat table is a cohort of subjects only; a wide panel is a cohort whose
visits are its rows; survival is `entry`, `exit` and `death` of a subject.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

import numpy as np
import pandas as pd

from medsynai.errors import SchemaError

SUBJECTS = {"subject_id": "text", "sex": "text"} | dict.fromkeys(
    ("birth", "death", "entry", "exit"), "time"
)
VISITS = {"visit_id": "text", "subject_id": "text", "start": "time", "end": "time"} | dict.fromkeys(
    ("kind", "previous"), "text"
)
EVENTS = {
    "subject_id": "text",
    "time": "time",
    "code": "text",
    "value": "number",
    "text": "text",
    "visit_id": "text",
    "end_time": "time",
    "kind": "text",
    "unit": "text",
}
CODES = {"kind": "text", "code": "text", "description": "text", "parents": "text"} | {
    **dict.fromkeys(("unit", "sex"), "text"),
    **dict.fromkeys(("low", "high", "age_low", "age_high"), "number"),
}
PARENTS = " "  # between the parents of a code
OF_VISITS = "visits"  # whose extra columns are a visit's, not an event's


class Clock(StrEnum):
    """What times are: moments of the calendar, or an offset from the patient's entry."""

    CALENDAR = "calendar"
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"

    @property
    def microseconds(self) -> int:
        """How many microseconds the unit has; 1 for the calendar, which counts them."""
        seconds = {"calendar": 1e-6, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
        return round(seconds[self.value] * 1_000_000)

    @property
    def dtype(self) -> np.dtype:
        """How times are held: datetime64[us] (an int64), or float64; never float32."""
        return np.dtype("datetime64[us]" if self is Clock.CALENDAR else "float64")


@dataclass(frozen=True)
class Signal:
    """A regularly sampled recording of a patient.

    Attributes:
        samples: (time, channels) float64 in physical units, NaN where the recorder had no value.
        rate: samples a second.
        channels, units: (channels,) names and physical units.
        gains, offsets: (channels,) of the digital form that it was stored in: steps a unit, and
            the step that stands for zero; empty where there was none.
        widths: (channels,) bits of a stored step.
    """

    subject_id: str
    name: str
    samples: np.ndarray
    rate: float
    channels: tuple[str, ...]
    units: tuple[str, ...] = ()
    gains: tuple[float, ...] = ()
    offsets: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """Patients and all that is known of them; made by `Cohort.of`, which gives it its one form.

    Texts and keys are objects (str or None), times as `clock` says, numbers float64. Rows are in
    order of the patient's key, then time (rows without a time first), kind, code and value: the
    order in the source tells nothing. `subjects` may have more columns, as they were read.

    Attributes:
        subjects: a row a patient: `SUBJECTS`, then statics.
        events: `EVENTS`; a row without a time is a fact that does not change.
        visits: `VISITS`; no rows where the source has none.
        codes: `CODES`, a row for each kind and code.
        extras: what a format says beyond this, by kind of event (`OF_VISITS`: of visits): frames
            indexed by the row of `events` (`visits`) that they belong to.
        signals: recordings.
        mended: of drawn patients, what was mended so that laws hold, counted.

    >>> from pandas import DataFrame
    >>> c = Cohort.of(events=DataFrame({"subject_id": ["b", "a"], "time": [3.0, 1.0],
    ...               "code": ["HR", "HR"], "value": [70, 65.5]}), clock=Clock.HOURS)
    >>> len(c), c.events["value"].tolist(), c.codes["code"].tolist()
    (2, [65.5, 70.0], ['HR'])
    """

    subjects: pd.DataFrame
    events: pd.DataFrame
    visits: pd.DataFrame
    codes: pd.DataFrame
    extras: dict[str, pd.DataFrame] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    clock: Clock = Clock.CALENDAR
    origin: Literal["real", "synthetic"] = "real"
    mended: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(
        subjects: pd.DataFrame | None = None,
        events: pd.DataFrame | None = None,
        visits: pd.DataFrame | None = None,
        codes: pd.DataFrame | None = None,
        extras: Mapping[str, pd.DataFrame] | None = None,
        signals: tuple[Signal, ...] = (),
        clock: Clock = Clock.CALENDAR,
    ) -> "Cohort":
        """Tables in canonical columns, dtypes and order; no row is added to or taken from them.

        Without `subjects` there is one for each patient that the other tables name; likewise visits
        and codes. Frames in `extras` are indexed by the rows of the tables as they are given.

        Raises:
            SchemaError: subjects or visits of one key twice, or rows without a key.
        """
        seen = _shaped(events, EVENTS, clock)
        stays = _visits(visits, seen, clock)
        people = _subjects(subjects, (seen, stays), signals, clock)
        place = _places(people["subject_id"])
        keys = [seen[k] for k in ("value", "code", "kind", "time")]
        seen, rows = _ordered(seen, [*keys, place(seen["subject_id"])])
        stays, of = _ordered(stays, [stays["visit_id"], stays["start"], place(stays["subject_id"])])
        kept = {
            kind: _moved(frame, of if kind == OF_VISITS else rows)
            for kind, frame in sorted((extras or {}).items())
            if len(frame) and len(frame.columns)
        }
        heard = tuple(sorted(signals, key=lambda s: (s.subject_id, s.name)))
        return Cohort(people, seen, stays, _codes(codes, seen), kept, heard, clock)

    def __len__(self) -> int:
        return len(self.subjects)

    def places(self, keys: pd.Series) -> np.ndarray:
        """(rows,) which subject each key names, from 0; -1 where there is none."""
        return _places(self.subjects["subject_id"])(keys)

    def begins(self) -> np.ndarray:
        """(subjects,) when each one's time begins: `entry`, else the first event or visit."""
        firsts = [
            frame.groupby("subject_id")[column].min().reindex(self.subjects["subject_id"])
            for frame, column in ((self.events, "time"), (self.visits, "start"))
        ]
        first = np.fmin(*(f.to_numpy(self.clock.dtype) for f in firsts))
        entry = self.subjects["entry"].to_numpy()
        return np.where(pd.isna(entry), first, entry)

    def elapsed(self) -> pd.Series:
        """(events,) time since the patient's entry in whole microseconds, Int64, <NA> for statics.

        An offset is exact for the calendar; a float offset is rounded to a microsecond.
        """
        begins = pd.Series(self.begins())
        begin = begins.reindex(self.places(self.events["subject_id"])).to_numpy()
        if self.clock is Clock.CALENDAR:
            passed = (self.events["time"].to_numpy() - begin).astype("timedelta64[us]")
            whole, absent = passed.astype("int64"), np.isnat(passed)
        else:
            gone = (self.events["time"].to_numpy() - begin) * self.clock.microseconds
            absent = np.isnan(gone)
            whole = np.rint(np.where(absent, 0, gone)).astype("int64")
        return pd.Series(pd.arrays.IntegerArray(whole, absent))

    def only(self, chosen: np.ndarray) -> "Cohort":
        """These subjects (a mask, or positions) with all their rows in all tables."""
        mask = np.zeros(len(self), bool)
        mask[chosen] = True
        keep = {OF_VISITS: self._of(self.visits, mask), "": self._of(self.events, mask)}
        extras = {
            kind: frame[keep.get(kind, keep[""])[frame.index]]
            for kind, frame in self.extras.items()
        }
        names = set(self.subjects["subject_id"][mask])
        events = self.events[keep[""]]
        used = pd.MultiIndex.from_frame(self.codes[["kind", "code"]]).isin(
            pd.MultiIndex.from_frame(events[["kind", "code"]])
        )
        part = Cohort.of(
            self.subjects[mask],
            events,
            self.visits[keep[OF_VISITS]],
            self.codes[used],
            extras,
            tuple(s for s in self.signals if s.subject_id in names),
            self.clock,
        )
        return replace(part, origin=self.origin)

    def _of(self, frame: pd.DataFrame, mask: np.ndarray) -> np.ndarray:
        place = self.places(frame["subject_id"])
        return (place >= 0) & mask[place]


def _shaped(frame: pd.DataFrame | None, columns: Mapping[str, str], clock: Clock) -> pd.DataFrame:
    """The frame with these columns first, in their dtypes; the index is kept to find extras by."""
    given = pd.DataFrame() if frame is None else frame
    made = {name: _as(given.get(name), kind, given.index, clock) for name, kind in columns.items()}
    rest = {n: _as(given[n], "", given.index, clock) for n in given if n not in columns}
    return pd.DataFrame(made | rest, index=given.index)


def _as(values: pd.Series | None, kind: str, index: pd.Index, clock: Clock) -> pd.Series:
    if kind == "time":
        if values is None:
            return pd.Series(np.full(len(index), np.nan), index=index).astype(clock.dtype)
        return values.astype(clock.dtype)
    if kind == "number":
        nothing = np.full(len(index), np.nan)
        return pd.Series(nothing, index=index) if values is None else values.astype("float64")
    if values is None:
        return pd.Series(np.full(len(index), None, dtype=object), index=index)
    if not kind and values.dtype.kind in "fiubM":
        return values
    texts = values.astype(object)
    return texts.where(texts.notna(), None).astype(object)


def _subjects(
    subjects: pd.DataFrame | None,
    tables: tuple[pd.DataFrame, ...],
    signals: tuple[Signal, ...],
    clock: Clock,
) -> pd.DataFrame:
    if subjects is None:
        named = [t["subject_id"] for t in tables]
        named.append(pd.Series([s.subject_id for s in signals], dtype=object))
        subjects = pd.DataFrame({"subject_id": pd.concat(named).dropna().unique()})
    people = _shaped(subjects, SUBJECTS, clock)
    _refuse_keys(people["subject_id"], "subjects", "patient")
    return people.sort_values("subject_id", kind="stable").reset_index(drop=True)


def _visits(visits: pd.DataFrame | None, events: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    if visits is None:
        known = events[events["visit_id"].notna()]
        visits = known[["visit_id", "subject_id"]].drop_duplicates("visit_id")
    stays = _shaped(visits, VISITS, clock)
    _refuse_keys(stays["visit_id"], "visits", "visit")
    return stays


def _codes(codes: pd.DataFrame | None, events: pd.DataFrame) -> pd.DataFrame:
    """What is known of each code, and a row for each one that events use beside."""
    used = events[["kind", "code", "unit"]].drop_duplicates(["kind", "code"])
    whole = used
    if codes is not None:  # a row of a code and nothing else says less than the events do
        says = (
            codes[[c for c in CODES if c in codes and c not in ("kind", "code")]]
            .notna()
            .any(axis=1)
        )
        whole = pd.concat([codes[says], used, codes[~says]])
    table = _shaped(whole.drop_duplicates(["kind", "code"]), CODES, Clock.CALENDAR)
    table = table[table["code"].notna()]
    return table.sort_values(["kind", "code"], kind="stable", na_position="first").reset_index(
        drop=True
    )


def _refuse_keys(keys: pd.Series, table: str, whose: str) -> None:
    if absent := int(keys.isna().sum()):
        raise SchemaError(
            f"{table}: {absent:,} of {len(keys):,} rows have no key of a {whose}; fill it in, or "
            "take the rows out"
        )
    if twice := int(keys.duplicated().sum()):
        raise SchemaError(
            f"{table}: {twice:,} of {len(keys):,} rows repeat the key of another; there must be "
            f"one row a {whose}: keep one, or declare the table as events"
        )


def _places(known: pd.Series) -> Callable[[pd.Series], np.ndarray]:
    index = pd.Index(known)
    return lambda keys: index.get_indexer(pd.Index(keys))


def _ordered(
    frame: pd.DataFrame, keys: list[pd.Series | np.ndarray]
) -> tuple[pd.DataFrame, pd.Series]:
    """The frame in order of the keys, the last first; and where each row of the index went."""
    ranks = [k if isinstance(k, np.ndarray) else _ranks(k) for k in keys]
    order = np.lexsort(ranks)
    moved = pd.Series(np.arange(len(order)), index=frame.index[order])
    return frame.iloc[order].reset_index(drop=True), moved


def _ranks(values: pd.Series) -> np.ndarray:
    """(rows,) numbers in the order of the values; missing ones first."""
    return pd.factorize(values, sort=True)[0]


def _moved(frame: pd.DataFrame, to: pd.Series) -> pd.DataFrame:
    """Extra columns at the rows where the rows that they belong to have gone."""
    placed = frame.set_axis(to.reindex(frame.index).to_numpy(), axis=0)
    if placed.index.hasnans:
        raise SchemaError("extra columns belong to rows that are not there")
    return placed.sort_index()
