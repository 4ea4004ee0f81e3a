"""What is known of a column that stands beside events: how it is spelt, and how it is drawn."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from medsynai.codec.lives import UNITS
from medsynai.data.canonical import text_of
from medsynai.data.cohort import Clock
from medsynai.data.cohortfiles.texts import fewest_places, read_times, write_numbers, write_times
from medsynai.data.dates import date_format, is_clock
from medsynai.data.levels import is_near_identifier, patients_of_levels
from medsynai.data.patterns import mark_by_name
from medsynai.data.schema import Handling
from medsynai.deidentify.cohort import is_measured
from medsynai.deidentify.keys import fresh_keys, learn_pattern, learn_sizes
from medsynai.deidentify.recipe import KeyRule
from medsynai.errors import ReadError

PLAIN, NUMBER = -1, -2  # a column hangs on the code alone, or on the event's number as well
LOOK = 200  # distinct texts that dates are recognised by
MANY = 30  # distinct numbers from which they are not levels
FEWEST = 20  # rows below which nothing is a key
ALIKE = 0.9  # share of keys that are of one length
TOGETHER = 0.95  # share of keys that stand at one time only
DAY = UNITS[0]


class Way(StrEnum):
    """How a column is drawn."""

    LEVEL = "level"
    NUMBER = "number"
    TIME = "time"
    KEY = "key"


@dataclass(frozen=True)
class Spot:
    """One column. Public: no value of fewer than several train patients.

    Attributes:
        levels: of several train patients each; of other ways than levels: there or not.
        parent: what it hangs on beside the code: a column before it, by place, or `NUMBER`.
        alone: it hangs on the parent and not on the code.
        sure: it is never drawn without what it hangs on.
        width: how many values the parent has, absent and rare ones among them.
        form: of times, as they were spelt.
        unit: microseconds of a tick.
        ends: times are counted from the event's end.
        dated: they are days.
        places: decimals that each number has at least.
        key: of fresh ones.
        together: rows of one key are of one patient and time.
    """

    name: str
    way: Way
    levels: tuple[str, ...] = ()
    parent: int = PLAIN
    alone: bool = False
    sure: bool = False
    width: int = 0
    form: str = ""
    unit: int = 1
    ends: bool = False
    dated: bool = False
    places: int = 0
    key: KeyRule | None = None
    together: bool = False

    @property
    def counts(self) -> bool:
        """Whether it has numbers of its own."""
        return self.way in (Way.NUMBER, Way.TIME)

    def hung(
        self, parent: int, width: int = 0, *, alone: bool = False, sure: bool = False
    ) -> "Spot":
        """The same, hanging on something."""
        return replace(self, parent=parent, width=width, alone=alone, sure=sure)

    def symbols(self, values: pd.Series) -> np.ndarray:
        """(rows,) 0 for absent, then the levels, or 1 for there; -1 for a rare level."""
        there = values.notna().to_numpy()
        if self.way is not Way.LEVEL:
            return there.astype(np.int64)
        found = pd.Index(self.levels).get_indexer(pd.Index(values.astype(object)))
        return np.where(there, np.where(found < 0, -1, found + 1), 0).astype(np.int64)

    def amounts(self, values: pd.Series, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """(rows,) numbers, or ticks from the event's time or end; NaN for none."""
        if self.way is Way.NUMBER:
            return pd.to_numeric(values, errors="coerce").to_numpy("float64")
        micro = _micro(read_times(values, self.name, Clock.CALENDAR).values)
        ticks: np.ndarray = (micro - self._anchor(start, end)) / self.unit
        return ticks

    def spelt(self, amounts: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """(rows,) texts; None where the number or the event's time is none."""
        if self.way is Way.NUMBER:
            return write_numbers(pd.Series(amounts), self.places).to_numpy(object)
        micro = np.rint(amounts) * self.unit + self._anchor(start, end)
        gone = np.isnan(micro)
        moments = np.where(gone, 0, micro).astype("int64").astype("datetime64[us]")
        moments[gone] = np.datetime64("NaT")
        return write_times(pd.Series(moments), self.form, Clock.CALENDAR).to_numpy(object)

    def _anchor(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        anchor = np.where(np.isnan(end), start, end) if self.ends else start
        return np.floor(anchor / DAY) * DAY if self.dated else anchor

    def fresh(self, many: int, rng: np.random.Generator) -> list[str]:
        """Keys in the old ones' pattern."""
        return fresh_keys(self.key.pattern, many, rng) if self.key and many else []


def _micro(moments: pd.Series) -> np.ndarray:
    """Microseconds as float64, NaN for none."""
    held = moments.to_numpy("datetime64[us]")
    return np.where(np.isnat(held), np.nan, held.astype("int64"))


@dataclass(frozen=True)
class Around:
    """What stands around columns: the event's times in microseconds, and the patient by number."""

    start: np.ndarray
    end: np.ndarray
    whose: np.ndarray
    calendar: bool


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns beside as texts, None for none."""
    texts = frame.astype(object).map(lambda v: None if pd.isna(v) else text_of(v))
    return texts.astype(object).where(texts.notna(), None)


def spots_of(frame: pd.DataFrame, around: Around, least: int) -> Iterator[tuple[str, Spot | str]]:
    """How each column can be drawn, or why it cannot.

    Args:
        frame: texts.
        around: of the same rows.
        least: patients behind a level.
    """
    for name in frame:
        if frame[name].notna().any():
            yield str(name), _spot(str(name), frame[name], around, least)


def _spot(name: str, values: pd.Series, around: Around, least: int) -> Spot | str:
    codes, distinct = pd.factorize(values)
    words = [str(d) for d in distinct]
    dating = date_format(words[:LOOK], name)
    if dating is not None and not is_clock(dating.format):
        return _time(name, values, around)
    rows = int((codes >= 0).sum())
    numbers = bool(pd.to_numeric(pd.Series(words), errors="coerce").notna().all())
    patients = patients_of_levels(codes, around.whose, len(words))
    unique = rows >= FEWEST and len(words) > rows / 2
    if len(words) > MANY and _owned(codes, patients) and not any("." in w for w in words):
        return _key(name, codes, words, around)
    if numbers and len(words) > MANY and (not unique or is_measured(name, np.array(words), rows)):
        return Spot(name, Way.NUMBER, places=fewest_places(values))
    if unique or (rows >= FEWEST and is_near_identifier(patients, least)):
        return _key(name, codes, words, around)
    named = mark_by_name(name)
    if named is not None and named.handling is Handling.DROP and name.casefold() != "name":
        return f"a direct identifier: {named.identifier}"
    levels = tuple(sorted(w for w, n in zip(words, patients, strict=True) if n >= least))
    return Spot(name, Way.LEVEL, levels) if levels else "no value of several patients"


def _owned(codes: np.ndarray, patients: np.ndarray) -> bool:
    """Whether most values come again, and those that do are of one patient each: a key's."""
    again = np.bincount(codes[codes >= 0], minlength=len(patients)) > 1
    return bool(again.mean() > 0.5 and (patients[again] == 1).mean() >= ALIKE)


def _time(name: str, values: pd.Series, around: Around) -> Spot | str:
    if not around.calendar:
        return "dates beside offsets"
    try:
        read = read_times(values, name, Clock.CALENDAR)
    except ReadError:
        return "dates in several forms"
    micro = _micro(read.values)
    there = ~np.isnan(micro)
    dated = bool((micro[there] % DAY == 0).all())
    best: tuple[float, Spot, np.ndarray] | None = None
    for ends in (False, True):
        spot = Spot(name, Way.TIME, form=read.form, ends=ends, dated=dated)
        ticks = micro - spot._anchor(around.start, around.end)
        known = ticks[~np.isnan(ticks)]
        if len(known) and (best is None or float(np.abs(known).mean()) < best[0]):
            best = float(np.abs(known).mean()), spot, known
    if best is None:
        return "dates of events without a time"
    unit = next(u for u in UNITS if not (best[2] % u).any())
    return replace(best[1], unit=unit)


def _key(name: str, codes: np.ndarray, words: list[str], around: Around) -> Spot | str:
    if not _like_keys(words):
        return "as good as a key, or free text"
    counts = np.bincount(codes[codes >= 0])
    rule = KeyRule(name, learn_pattern(sorted(words)), sizes=learn_sizes(counts))
    held = pd.DataFrame({"key": codes, "whose": around.whose, "start": around.start})
    held = held[held["key"] >= 0]
    several = held[held["key"].map(held["key"].value_counts()) > 1]
    one = several.groupby("key")[["whose", "start"]].nunique().max(axis=1) <= 1
    return Spot(name, Way.KEY, key=rule, together=bool(len(one) and one.mean() >= TOGETHER))


def _like_keys(words: list[str]) -> bool:
    """Whether texts have the look of keys, and not of names or sentences."""
    held = pd.Series(words)
    if held.str.contains(r"\s").any():
        return False
    if learn_pattern(sorted(words)).form != "mixed":
        return True
    length = held.str.len()
    alike = (length == length.mode()[0]).mean() >= ALIKE
    return bool(alike and held.str.contains(r"\d").mean() >= ALIKE)
