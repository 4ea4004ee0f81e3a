"""What is told of a patient once: statics, how much happens, and where the patient's time runs."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.codec.numbers import NO_ROUNDING, decimal_places
from medsynai.data.canonical import text_of, to_canonical
from medsynai.data.cohort import Clock, Cohort
from medsynai.data.infer import infer
from medsynai.data.ranges import range_of
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.source import Format, Source
from medsynai.data.table import Table

UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)  # microseconds
FINEST = 6  # decimals of an offset
YEAR = 365.25 * 86_400_000_000
# No column of a file begins with a point.
EVENTS, FIRST, AGE, ENTRY = ".events", ".first", ".age", ".entry"
ENDS = ("exit", "death")
DAYS = ("birth", "entry", "exit", "death")


@dataclass(frozen=True)
class Times:
    """The lattice that a cohort's times lie on.

    Attributes:
        unit: of the calendar: microseconds of a tick; of offsets: decimals of the clock's unit.
        first, years: of the calendar: the first year in which a patient's time begins, and how
            many there are.
        last: of the calendar: the last year of all.
    """

    clock: Clock
    unit: int
    first: int = 0
    years: int = 0
    last: int = 0

    @staticmethod
    def of(cohort: Cohort) -> "Times":
        """The coarsest lattice that holds all times."""
        clock = cohort.clock
        tables = {"events": ("time", "end_time"), "visits": ("start", "end"), "subjects": DAYS}
        held = pd.concat([getattr(cohort, t)[c] for t, cs in tables.items() for c in cs]).dropna()
        if clock is not Clock.CALENDAR:
            places = decimal_places(held.to_numpy("float64"))
            return Times(clock, int(min(places[places < NO_ROUNDING].max(initial=0), FINEST)))
        micro = held.to_numpy("datetime64[us]").astype("int64")
        unit = next(u for u in UNITS if not (micro % u).any())
        years = pd.Series(cohort.begins()).dropna().dt.year
        if not len(years):
            return Times(clock, unit, 2000, 1, 2000)
        first, last = int(years.min()), int(held.dt.year.max())
        return Times(clock, unit, first, int(years.max()) - first + 1, last)

    def year_begins(self, year: int) -> int:
        """The tick of the calendar that a year begins with."""
        return int(np.datetime64(f"{year:04d}-01-01", "us").astype("int64")) // self.unit

    @property
    def year(self) -> float:
        """Ticks of a year."""
        return YEAR / self.unit if self.calendar else YEAR / self.clock.microseconds * 10**self.unit

    @property
    def calendar(self) -> bool:
        """Whether times are moments."""
        return self.clock is Clock.CALENDAR

    def ticks(self, times: pd.Series) -> np.ndarray:
        """(n,) whole numbers as float64, which holds them exactly until 2^53; NaN for none."""
        if not self.calendar:
            return np.rint(times.to_numpy("float64") * 10**self.unit)
        moments = times.to_numpy("datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype("int64") // self.unit)

    def times(self, ticks: np.ndarray, dated: np.ndarray | bool = False) -> pd.Series:
        """The inverse of `ticks`; where `dated`, the day's beginning."""
        if not self.calendar:
            return pd.Series(np.round(ticks / 10**self.unit, self.unit))
        gone = np.isnan(ticks)
        micro = np.where(gone, 0, ticks).astype("int64") * self.unit
        micro = np.where(dated, micro // UNITS[0] * UNITS[0], micro)
        moments = micro.astype("datetime64[us]")
        moments[gone] = np.datetime64("NaT")
        return pd.Series(moments)

    def dated(self, times: pd.Series) -> np.ndarray:
        """(n,) which times stand at midnight, or are none."""
        if not self.calendar:
            return np.zeros(len(times), bool)
        return (times.isna() | (times.dt.normalize() == times)).to_numpy()


@dataclass(frozen=True)
class Lives:
    """A row a patient: the source's statics, and `.events`, `.first`, `.age` and ends in ticks.

    A patient's time begins at the entry, or else with the first event; of offsets, at 0. Ends are
    counted from the last event, or the entry if that is later, so that nothing can lie behind them.

    Attributes:
        schema: of the rows.
        places: for numbers that stood as text: the fewest decimals they were written with.
        dated: which of a patient's own times are days without an hour.
    """

    times: Times
    schema: Schema
    places: dict[str, int]
    dated: tuple[str, ...]

    @staticmethod
    def fit(cohort: Cohort, times: Times, rows: pd.DataFrame) -> "Lives":
        """Learn what there is from train patients; `rows`: their events (patient, tick)."""
        raw = texts_of(cohort)
        schema = infer(raw, text=True) if len(raw.columns) else Schema(())
        known = [c.name for c in schema.learnt]
        own = _own(cohort, times, rows)
        columns = []
        for name, values in own.items():
            low, high = range_of(values)
            gone = bool(np.isnan(values).any())
            column = Column(name, Kind.INTEGER, storage="float64", missing=gone)
            columns.append(replace(column, minimum=low, maximum=high))
        typed = {n for n in known if cohort.subjects[n].dtype != object}
        places = {
            n: int(raw[n][raw[n] != ""].str.contains(".", regex=False).all())
            for n in known
            if n not in typed and schema[n].kind.is_number
        }
        dated = tuple(n for n in DAYS if times.dated(cohort.subjects[n]).all())
        both = Schema((*(schema[n] for n in known), *columns))
        return Lives(times, both, places, dated)

    @property
    def statics(self) -> tuple[str, ...]:
        """The source's own columns."""
        return tuple(n for n in self.schema.names if not n.startswith("."))

    def encode(self, cohort: Cohort, rows: pd.DataFrame) -> Table:
        """A row a patient, in the order of the cohort's subjects."""
        own = _own(cohort, self.times, rows)
        frame = pd.DataFrame(index=pd.RangeIndex(len(cohort)))
        if self.statics:
            header = Source(Format.CSV, self.statics)
            raw = texts_of(cohort)[list(self.statics)]
            frame = to_canonical(raw, self.schema.only(self.statics), header)
        for name in self.schema.names[len(self.statics) :]:
            frame[name] = own.get(name, np.full(len(cohort), np.nan))
        return Table(frame, self.schema, cohort.origin)

    def number(self, statics: Table, name: str) -> np.ndarray:
        """(patients,) one of the columns in ticks; NaN where there is none."""
        if name not in statics.schema.names:
            return np.full(len(statics), np.nan)
        return np.rint(statics.frame[name].to_numpy("float64"))

    def begin(self, statics: Table, last: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(patients,) ticks at which each one's time begins; of offsets, 0.

        Of the calendar: in the years in which the source's patients begin, and so that the
        patient's time is over by the source's last year, where it fits in at all.

        Args:
            statics: a row a patient.
            last: (patients,) ticks from the beginning until the last event.
            rng: draws the moments.
        """
        times, n = self.times, len(statics)
        if not times.calendar:
            return np.zeros(n)
        ends = np.fmax(*(np.maximum(self.number(statics, f".{e}"), 0) for e in ENDS))
        whole = last + np.where(np.isnan(ends), 0, ends)
        low = times.year_begins(times.first)
        high = np.minimum(
            times.year_begins(times.first + times.years), times.year_begins(times.last + 1) - whole
        )
        return np.floor(low + rng.random(n) * np.maximum(high - low, 1))

    def decode(self, statics: Table, begin: np.ndarray, last: np.ndarray) -> pd.DataFrame:
        """The subjects, under keys from 1.

        Args:
            statics: a row a patient.
            begin: (patients,) ticks at which each one's time begins.
            last: (patients,) ticks of each one's last event.
        """
        entry = begin + self.number(statics, ENTRY)
        last = np.fmax(last, entry)
        ticks = {
            "birth": begin - self.number(statics, AGE),
            "entry": entry,
            **{n: last + np.maximum(self.number(statics, f".{n}"), 0) for n in ENDS},
        }
        ticks["exit"] = np.where(
            np.isnan(ticks["exit"]), np.nan, np.fmin(ticks["exit"], ticks["death"])
        )
        frame = pd.DataFrame({"subject_id": np.arange(1, len(statics) + 1).astype(str)})
        for name, values in ticks.items():
            frame[name] = self.times.times(values, name in self.dated)
        for name in self.statics:
            frame[name] = self._text(statics.frame[name], self.schema[name])
        return frame.astype({"subject_id": object})

    def _text(self, values: pd.Series, column: Column) -> pd.Series:
        if column.name not in self.places:
            return values if column.kind.is_number else values.astype(object)
        most = column.decimals or 0
        said = [None if np.isnan(v) else _spelt(v, self.places[column.name], most) for v in values]
        return pd.Series(said, dtype=object)


def _spelt(value: float, least: int, most: int) -> str:
    """A number with its decimals and no more, but `least`."""
    text = np.format_float_positional(value, precision=max(most, least), trim="-")
    return text + ".0" if least and "." not in text else text


def texts_of(cohort: Cohort) -> pd.DataFrame:
    """The statics as texts, "" for none; those that say nothing are left out."""
    names = [n for n in cohort.subjects if n not in ("subject_id", *DAYS)]
    told = [n for n in names if cohort.subjects[n].notna().any()]
    frame = cohort.subjects[told].astype(object)
    return frame.map(lambda v: "" if pd.isna(v) else text_of(v)).reset_index(drop=True)


def origins(cohort: Cohort, times: Times, rows: pd.DataFrame) -> np.ndarray:
    """(patients,) ticks at which each patient's time begins."""
    if not times.calendar:
        return np.zeros(len(cohort))
    firsts = rows.groupby("patient")["tick"].min().reindex(range(len(cohort))).to_numpy("float64")
    entry = times.ticks(cohort.subjects["entry"])
    begin = np.where(np.isnan(entry), firsts, entry)
    return np.where(np.isnan(begin), times.ticks(cohort.subjects["birth"]), begin)


def _own(cohort: Cohort, times: Times, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """How much happens, when it begins and ends; without columns in which nobody has a value."""
    n = len(cohort)
    ticks = rows.groupby("patient")["tick"].agg(["size", "min", "max"]).reindex(range(n))
    begin = origins(cohort, times, rows)
    at = {name: times.ticks(cohort.subjects[name]) for name in DAYS}
    last = np.fmax(np.where(ticks["max"].isna(), begin, ticks["max"]), at["entry"])
    own = {
        EVENTS: ticks["size"].fillna(0).to_numpy("float64"),
        FIRST: ticks["min"].to_numpy("float64") - begin,
        AGE: begin - at["birth"],
        ENTRY: at["entry"] - begin,
        **{f".{name}": at[name] - last for name in ENDS},
    }
    return {name: v for name, v in own.items() if not np.isnan(v).all()}
