"""A cohort as sequences that a model can learn: what happened to each patient, and after how long.

Times become whole ticks of the clock that the source kept (days, minutes, a hundredth of an hour),
so that what is drawn lies on the same lattice. A token is what an event says beside its number:
kind, code, unit and text; tokens of fewer than `least` train patients are neither learnt nor
listed. A visit is a token too, which begins before what happened in it.
"""

from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.codec.lives import ENTRY, FIRST, Lives, Times, origins
from medsynai.data.cohort import CODES, EVENTS, Cohort
from medsynai.data.table import Table

SAYS = ("kind", "code", "unit", "text", "visit", "timed")  # what tells tokens apart


@dataclass(frozen=True)
class Token:
    """What an event says beside its time and number.

    Attributes:
        visit: it is a visit (`code` then holds the visit's kind) and not an event.
        timed: it has a time; a fact of a visit, or of the patient, has none.
        inside: most of its train events belong to a visit.
        dated: all its train events stand at midnight: the source knows the day only.
    """

    kind: str | None
    code: str | None
    unit: str | None
    text: str | None
    visit: bool
    timed: bool
    inside: bool = False
    dated: bool = False


@dataclass(frozen=True)
class Course:
    """What happened to patients, in order: by patient, then time, visits first.

    Attributes:
        statics: a row a patient, with `Lives`' own columns.
        patient: (events,) the row of `statics`; never falls.
        token: (events,) places in the codec's tokens.
        gap: (events,) ticks since the patient's event before, 0 at the same time and for the first.
        value: (events,) the event's number, NaN without one.
        length: (events,) ticks until its end, NaN without one.
    """

    statics: Table
    patient: np.ndarray
    token: np.ndarray
    gap: np.ndarray
    value: np.ndarray
    length: np.ndarray


@dataclass(frozen=True)
class CourseCodec:
    """Cohort <-> course. Public facts: each token is one of several train patients'.

    Attributes:
        tokens: visits first, then the commonest.
        lives: what is told of a patient once, and where a patient's time begins.
        codes: what the table of codes says of the tokens' codes.
        previous: visits name the one before.
    """

    tokens: tuple[Token, ...]
    lives: Lives
    codes: tuple[dict[str, str | float], ...]
    previous: bool

    @staticmethod
    def fit(cohort: Cohort, least: int) -> "CourseCodec":
        """Learn tokens and statics from train patients.

        Args:
            cohort: with keys that hold.
            least: patients that a token must have.
        """
        times = Times.of(cohort)
        rows = rows_of(cohort, times)
        found = rows.groupby(list(SAYS), dropna=False, sort=False)
        facts = found.agg(
            patients=("patient", "nunique"),
            events=("patient", "size"),
            inside=("inside", "mean"),
            dated=("dated", "all"),
        )
        facts = facts[facts["patients"] >= least].reset_index()
        facts = facts.sort_values(["visit", "events"], ascending=False, kind="stable")
        tokens = tuple(
            Token(
                **{s: _none(r[s]) for s in SAYS},
                inside=bool(r["inside"] > 0.5),
                dated=bool(r["dated"]),
            )
            for r in facts.to_dict("records")
        )
        lives = Lives.fit(cohort, times, kept_of(rows, tokens))
        known = {(t.kind, t.code) for t in tokens if not t.visit}
        told = [
            {str(k): v for k, v in row.items() if not pd.isna(v)}
            for row in cohort.codes.to_dict("records")
            if (row["kind"], row["code"]) in known
        ]
        named = bool(cohort.visits["previous"].notna().any())
        return CourseCodec(tokens, lives, tuple(told), named)

    def encode(self, cohort: Cohort) -> Course:
        """What of a cohort can be told in these tokens."""
        rows = kept_of(rows_of(cohort, self.lives.times), self.tokens)
        ticks = rows["tick"].to_numpy()
        patient = rows["patient"].to_numpy()
        gap = np.diff(ticks, prepend=ticks[:1])
        gap[np.diff(patient, prepend=-1) != 0] = 0
        statics = self.lives.encode(cohort, rows)
        parts = (rows[c].to_numpy() for c in ("token", "value", "length"))
        token, value, length = parts
        return Course(statics, patient, token, gap, value, length)

    def decode(self, course: Course, rng: np.random.Generator) -> Cohort:
        """The cohort, under keys from 1 and with beginnings drawn from the source's years.

        Visits are visits of the same patient by construction, and no time lies behind the death or
        outside of follow-up. What the table of codes forbids in a sex or age is left out.
        """
        lives, n = self.lives, len(course.statics)
        first = np.nan_to_num(lives.number(course.statics, FIRST))
        ticks = followed(self, course, np.zeros(n), _ticks(course, first))
        np.maximum.at(first, course.patient, ticks)
        begin = lives.begin(course.statics, first, rng)
        return self.placed(course, begin, begin[course.patient] + ticks)

    def placed(
        self, course: Course, begin: np.ndarray, ticks: np.ndarray, before: np.ndarray | None = None
    ) -> Cohort:
        """The cohort, under keys from 1, where times are known.

        Args:
            course: what happens.
            begin: (patients,) ticks at which each one's time begins.
            ticks: (events,) at which each event lies.
            before: (patients,) the last event of those who have none here; None: the beginning.
        """
        lives, n = self.lives, len(course.statics)
        rows = pd.DataFrame({"patient": course.patient, "token": course.token})
        rows["value"], rows["length"], rows["tick"] = course.value, course.length, ticks
        rows = rows.sort_values(["patient", "tick", "token"], kind="stable", ignore_index=True)
        last = rows.groupby("patient")["tick"].max().reindex(range(n)).to_numpy("float64")
        none = begin if before is None else before
        subjects = lives.decode(course.statics, begin, np.where(np.isnan(last), none, last))
        ends = lives.times.ticks(subjects["death"])[rows["patient"]]
        rows["end"] = np.fmin(rows["tick"] + np.maximum(rows["length"], 0), ends)
        rows["end"] = np.fmax(rows["end"], rows["tick"])  # a death whose hour nobody said
        rows.loc[rows["length"].isna(), "end"] = np.nan
        says = pd.DataFrame([astuple(t) for t in self.tokens], columns=[*SAYS, "inside", "dated"])
        told = says.iloc[rows["token"]].set_axis(rows.index, axis=0)
        rows = pd.concat([rows, told], axis=1)
        rows = rows[self._lawful(rows, subjects)].reset_index(drop=True)
        return self._cohort(rows, subjects)

    def _lawful(self, rows: pd.DataFrame, subjects: pd.DataFrame) -> np.ndarray:
        """Which rows are of a code that the patient's sex and age allow."""
        facts = pd.DataFrame(self.codes, columns=["kind", "code", "sex", "age_low", "age_high"])
        if facts[["sex", "age_low", "age_high"]].isna().all(axis=None):
            return np.ones(len(rows), bool)
        known = rows[["kind", "code"]].merge(facts, on=["kind", "code"], how="left")
        mine = subjects.iloc[rows["patient"]].reset_index(drop=True)
        sex = mine["sex"] if "sex" in mine else pd.Series(None, index=mine.index, dtype=object)
        other = known["sex"].notna() & sex.notna() & (known["sex"] != sex)
        born = self.lives.times.ticks(mine["birth"])
        age = (rows["tick"].to_numpy() - born) / self.lives.times.year
        low, high = known["age_low"].to_numpy("float64"), known["age_high"].to_numpy("float64")
        lawful: np.ndarray = ~(other.to_numpy() | (age < low) | (age >= high + 1))
        return lawful

    def _cohort(self, rows: pd.DataFrame, subjects: pd.DataFrame) -> Cohort:
        times, keys = self.lives.times, subjects["subject_id"].to_numpy()
        stay = rows["visit"].to_numpy(bool)
        number = np.maximum.accumulate(np.where(stay, np.arange(len(rows)), -1))
        begun = (number >= 0) & (rows["patient"].to_numpy()[number] == rows["patient"].to_numpy())
        end = rows["end"].to_numpy()[number]
        within = np.isnan(end) | (rows["tick"] <= end) | ~rows["timed"].to_numpy(bool)
        member = begun & rows["inside"].to_numpy(bool) & within.to_numpy(bool)
        key = pd.Series((number + 1).astype(str), dtype=object)
        dated = rows["dated"].to_numpy(bool)
        shaped = rows.assign(
            subject_id=keys[rows["patient"]],
            time=times.times(np.where(rows["timed"], rows["tick"], np.nan), dated),
            end_time=times.times(rows["end"].to_numpy(), dated),
            visit_id=key.where(member | stay, None),
        )
        visits = shaped[stay].rename(columns={"time": "start", "end_time": "end_"})
        visits = visits.rename(columns={"code": "kind", "kind": "_"})
        visits = visits.assign(end=visits["end_"])[
            ["visit_id", "subject_id", "start", "end", "kind"]
        ]
        if self.previous:
            before = visits.groupby("subject_id")["visit_id"].shift()
            visits["previous"] = before.astype(object).where(before.notna(), None)
        events = shaped[~stay][[c for c in EVENTS if c in shaped]]
        codes = pd.DataFrame(list(self.codes), columns=list(CODES))
        made = Cohort.of(subjects, events, visits, codes, clock=times.clock)
        return replace(made, origin="synthetic")


def followed(
    codec: CourseCodec, course: Course, begin: np.ndarray, ticks: np.ndarray
) -> np.ndarray:
    """(events,) ticks, all of a patient later by what the first event is too early.

    A visit may begin before the entry; what has a time of its own may not lie there.

    Args:
        codec: of the tokens.
        course: what happens.
        begin: (patients,) ticks at which each one's time begins.
        ticks: (events,) at which each event lies.
    """
    own = np.array([t.timed and not t.visit for t in codec.tokens], bool)[course.token]
    earliest = np.full(len(begin), np.inf)
    np.minimum.at(earliest, course.patient[own], ticks[own])
    early = begin + codec.lives.number(course.statics, ENTRY) - earliest
    later: np.ndarray = ticks + np.fmax(early, 0)[course.patient]
    return later


def _ticks(course: Course, first: np.ndarray) -> np.ndarray:
    """(events,) absolute: gaps run on from each patient's first event."""
    total = np.cumsum(course.gap)
    new = np.diff(course.patient, prepend=-1) != 0
    start = np.repeat(total[new], np.diff(np.r_[np.flatnonzero(new), len(total)]))
    ticks: np.ndarray = total - start + first[course.patient]
    return ticks


def rows_of(cohort: Cohort, times: Times) -> pd.DataFrame:
    """Events and visits in one table, by patient and time, visits first; untimed ones placed.

    What has no time stands where its visit begins, or else where the patient's time does.
    """
    events, visits = cohort.events, cohort.visits
    seen = pd.DataFrame({c: events[c] for c in ("kind", "code", "unit", "text")})
    seen["visit"], seen["timed"] = False, events["time"].notna()
    seen["patient"], seen["value"] = cohort.places(events["subject_id"]), events["value"]
    seen["tick"], seen["stay"] = times.ticks(events["time"]), events["visit_id"]
    seen["end"] = times.ticks(events["end_time"])
    seen["dated"] = times.dated(events["time"])
    stays = pd.DataFrame({"kind": None, "code": visits["kind"], "unit": None, "text": None})
    stays["visit"], stays["timed"] = True, visits["start"].notna()
    stays["patient"], stays["value"] = cohort.places(visits["subject_id"]), np.nan
    stays["tick"], stays["stay"] = times.ticks(visits["start"]), visits["visit_id"]
    stays["end"] = times.ticks(visits["end"])
    stays["dated"] = times.dated(visits["start"]) & times.dated(visits["end"])
    rows = pd.concat([f for f in (stays, seen) if len(f)] or [seen], ignore_index=True)
    starts = rows[rows["tick"].notna()].groupby("stay")["tick"].min()
    placed = rows["tick"].fillna(rows["stay"].map(starts))
    begin = origins(cohort, times, rows.assign(tick=placed))
    rows["tick"] = np.where(placed.isna(), begin[rows["patient"]], placed)
    rows["tick"] = rows["tick"].fillna(0)
    rows["length"] = rows["end"] - rows["tick"]
    rows["inside"] = rows["stay"].notna()
    return rows.sort_values(["patient", "tick"], kind="stable", ignore_index=True)


def kept_of(rows: pd.DataFrame, tokens: tuple[Token, ...]) -> pd.DataFrame:
    """The rows of known tokens, with `token`, in order of patient, time and token."""
    place = {astuple(t)[: len(SAYS)]: i for i, t in enumerate(tokens)}
    said = rows[list(SAYS)]
    number = said.groupby(list(SAYS), dropna=False, sort=False).ngroup().to_numpy()
    kinds = said.iloc[np.unique(number, return_index=True)[1]]
    found = [place.get(tuple(map(_none, r)), -1) for r in kinds.itertuples(index=False)]
    token = np.array(found, np.int64)[number]
    kept = rows.assign(token=token)[token >= 0]
    return kept.sort_values(["patient", "tick", "token"], kind="stable", ignore_index=True)


def _none(value: Any) -> Any:
    """Missing in any form as None, and NumPy's truth as Python's."""
    return None if pd.isna(value) else bool(value) if isinstance(value, np.bool_) else value
