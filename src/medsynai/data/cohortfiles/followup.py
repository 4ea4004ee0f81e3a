"""Follow-up as a person declares it: how long each patient was seen, and whether an event ended it.

To a reader both are columns of a patient like others. Declared, they are the patient's exit and
death: nothing is drawn behind them, and survival is judged. A writer gives the columns back.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai import store
from medsynai.data.canonical import text_of
from medsynai.data.cohort import SUBJECTS, Clock, Cohort
from medsynai.data.cohortfiles.texts import (
    fewest_places,
    read_numbers,
    read_times,
    write_numbers,
    write_times,
)
from medsynai.data.names import event_rank, is_survival_time
from medsynai.data.pairs import HAPPENED
from medsynai.data.schema import Schema, Survival
from medsynai.errors import SchemaError

LEVELS = range(2, 5)  # that an event which is proposed may have: censored, transplanted, dead


@dataclass(frozen=True)
class FollowUp:
    """What was declared, and how the source spells it; no patient's value is kept.

    Attributes:
        form, entry_form: of dates; "" for numbers.
        zero: times count from 0, which no column says.
        least, most: decimals of the time.
        other: the event's usual level where it did not happen.
        several: there are more such levels, which stay a column of the patient.
    """

    said: Survival
    form: str
    entry_form: str
    zero: bool
    least: int
    most: int
    other: str
    several: bool

    @staticmethod
    def of(cohort: Cohort, said: Survival) -> "FollowUp":
        """Learn the spelling.

        Raises:
            SchemaError: columns that patients do not have, or that cannot be what they should.
        """
        people, known = cohort.subjects, [str(n) for n in cohort.subjects if n not in SUBJECTS]
        for name in (said.time, said.event, said.entry):
            if name and name not in known:
                raise SchemaError(
                    f"follow-up: {name!r} is no column of patients (one that changes within a "
                    f"patient is none); columns: {', '.join(known)}"
                )
        if people[["exit", "death"]].notna().any(axis=None):
            raise SchemaError("follow-up: the data have times of exit or death already")
        if said.unit and said.unit not in list(Clock)[1:]:
            units = ", ".join(list(Clock)[1:])
            raise SchemaError(f"follow-up: no unit of time {said.unit!r}; units: {units}")
        levels = _texts(people, said.event)
        others = levels[levels != said.happened].value_counts()
        if not (levels == said.happened).any() or others.empty:
            raise SchemaError(
                f"follow-up: {said.event!r} is {said.happened!r} for nobody, or for all; say in "
                "`happened` which of its levels means the event"
            )
        times = _texts(people, said.time)
        form = _form(times, said.time, cohort.clock)
        begin = _texts(people, said.entry) if said.entry else times[:0]
        zero = not (said.entry or cohort.clock is Clock.CALENDAR or people["entry"].notna().any())
        decimals = times.dropna().str.extract(r"\.(\d+)$")[0].str.len()
        return FollowUp(
            said,
            form,
            _form(begin, said.entry or "", cohort.clock),
            zero,
            0 if form else fewest_places(times),
            0 if form else int(decimals.fillna(0).max()),
            str(others.index[0]),
            len(others) > 1,
        )

    def taken(self, cohort: Cohort) -> Cohort:
        """With exit and death in place of the columns; who lacks one is seen until the last event.

        Raises:
            ReadError: times that are none.
        """
        people, clock, said = cohort.subjects.copy(), cohort.clock, self.said
        if said.entry:
            people["entry"] = _moments(people, said.entry, clock).to_numpy(clock.dtype)
        elif self.zero:
            people["entry"] = 0.0
        cohort = replace(cohort, subjects=people)
        if self.form:
            ends = _moments(people, said.time, clock).to_numpy(clock.dtype)
        else:
            passed = read_numbers(_texts(people, said.time))[0].to_numpy("float64")
            ends = _after(cohort.begins(), passed * self._tick(clock), clock)
        levels = _texts(people, said.event)
        people["exit"] = ends
        people["death"] = people["exit"].where((levels == said.happened).to_numpy())
        if self.several:
            people[said.event] = levels.where(levels != said.happened, None).astype(object)
        gone = [said.time, said.entry, *([] if self.several else [said.event])]
        return replace(cohort, subjects=people.drop(columns=[n for n in gone if n in people]))

    def given(self, cohort: Cohort) -> Cohort:
        """The inverse: the source's columns again."""
        people, clock, said = cohort.subjects.copy(), cohort.clock, self.said
        ends = people["death"].fillna(people["exit"])
        if self.form:
            people[said.time] = write_times(ends, self.form, clock)
        else:
            passed = _passed(cohort.begins(), ends, clock) / self._tick(clock)
            numbers = pd.Series(np.round(passed, self.most), people.index)
            people[said.time] = write_numbers(numbers, self.least)
        told = people[said.event] if said.event in people else pd.Series(None, people.index)
        level = told.astype(object).where(told.notna(), self.other)
        people[said.event] = level.where(people["death"].isna(), said.happened)
        if said.entry:
            people[said.entry] = write_times(people["entry"], self.entry_form, clock)
        spent = ["exit", "death", *(["entry"] if said.entry or self.zero else [])]
        nothing = pd.Series(np.full(len(people), np.nan), people.index).astype(clock.dtype)
        return replace(cohort, subjects=people.assign(**dict.fromkeys(spent, nothing)))

    def asked(self, text: str) -> str:
        """A condition on the event, as one on the death that it is; others as they are."""
        name, operator, level = (part.strip() for part in text.partition("="))
        if name != self.said.event or not operator:
            return text
        if level == self.said.happened:
            return "death=yes"
        return text if self.several else f"death={'no' if level == self.other else level}"

    def to_toml(self) -> str:
        """As the text of schema.toml."""
        return toml_of(self.said)

    def _tick(self, clock: Clock) -> float:
        """What one of the time's units is in the cohort's: microseconds of the calendar."""
        own = Clock.DAYS if clock is Clock.CALENDAR else clock
        unit = Clock(self.said.unit) if self.said.unit else own
        return unit.microseconds / clock.microseconds


def toml_of(said: Survival) -> str:
    """A follow-up as the text of a schema file, which need not say more of a cohort."""
    return "[[survival]]\n" + store.to_toml(said)


def declared_in(schema: Schema) -> Survival:
    """What a schema says; it may be a table's, with its columns.

    Raises:
        SchemaError: no pair, or several.
    """
    if len(schema.survival) != 1:
        raise SchemaError(
            "the schema of a cohort declares one follow-up: time, event and happened under "
            f"[[survival]] (docs/cohorts.md); this one has {len(schema.survival)}"
        )
    return schema.survival[0]


def proposed(cohort: Cohort) -> Survival | None:
    """The columns of patients that look like follow-up by their names; only ever a proposal."""
    people = cohort.subjects
    if people[["exit", "death"]].notna().any(axis=None):
        return None
    told = [str(n) for n in people if n not in SUBJECTS and people[n].notna().any()]
    times = [n for n in told if is_survival_time(n) and _numeric(_texts(people, n))]
    ranks = {n: event_rank(n) for n in told if _texts(people, n).nunique() in LEVELS}
    events = sorted((r, n) for n, r in ranks.items() if r is not None)
    if not times or not events:
        return None
    levels = sorted(_texts(people, events[0][1]).dropna().unique(), reverse=True)
    named = [level for level in levels if level.lower() in HAPPENED and len(levels) == 2]
    return Survival(times[0], events[0][1], (named or levels)[0])


def _texts(people: pd.DataFrame, name: str) -> pd.Series:
    """A column as text, None for none; of no column all none."""
    held = people[name] if name in people else pd.Series(None, people.index, dtype=object)
    said = held.astype(object).map(lambda v: None if pd.isna(v) else text_of(v))
    return said.astype(object).where(held.notna(), None)


def _numeric(texts: pd.Series) -> bool:
    return bool(read_numbers(texts)[1].isna().all())


def _form(texts: pd.Series, name: str, clock: Clock) -> str:
    """How dates are spelt; "" for numbers.

    Raises:
        SchemaError: neither, or dates beside times that are offsets.
    """
    if _numeric(texts):
        return ""
    if clock is not Clock.CALENDAR:
        raise SchemaError(f"follow-up: {name!r} holds texts that are no numbers; correct them")
    return read_times(texts, name, clock).form


def _moments(people: pd.DataFrame, name: str, clock: Clock) -> pd.Series:
    return read_times(_texts(people, name), name, clock).values


def _after(begin: np.ndarray, passed: np.ndarray, clock: Clock) -> np.ndarray:
    if clock is not Clock.CALENDAR:
        ends: np.ndarray = np.nan_to_num(begin) + passed
        return ends
    gone = np.where(np.isnan(passed), np.timedelta64("NaT"), 0)
    whole = np.rint(np.nan_to_num(passed)).astype("int64").astype("timedelta64[us]")
    moments: np.ndarray = begin + whole + gone.astype("timedelta64[us]")
    return moments


def _passed(begin: np.ndarray, ends: pd.Series, clock: Clock) -> np.ndarray:
    if clock is not Clock.CALENDAR:
        offsets: np.ndarray = ends.to_numpy("float64") - np.nan_to_num(begin)
        return offsets
    gap = ends.to_numpy("datetime64[us]") - begin.astype("datetime64[us]")
    micro: np.ndarray = np.where(np.isnat(gap), np.nan, gap.astype("int64").astype("float64"))
    return micro
