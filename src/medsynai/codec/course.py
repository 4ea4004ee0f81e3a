"""A cohort as sequences that a model can learn: what happened to each patient, and after how long.

Times become whole ticks of the clock that the source kept (days, minutes, a hundredth of an hour),
so that what is drawn lies on the same lattice. A token is what an event says beside its number:
kind, code, unit and text, and whether it lies in a visit; tokens of fewer than `least` train
patients are neither learnt nor listed. A visit is a token too. It begins before what happened in
it, and its end is counted from the last of that: so what is drawn in a visit lies in it.
"""

from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.codec.lives import ENTRY, FIRST, UNITS, Lives, Times, origins
from medsynai.codec.mends import Mends, unhoused
from medsynai.codec.stays import StayLaws, lasts_of
from medsynai.data.cohort import CODES, EVENTS, Cohort
from medsynai.data.table import Table

SAYS = ("kind", "code", "unit", "text", "visit", "timed", "inside")  # what tells tokens apart


@dataclass(frozen=True)
class Token:
    """What an event says beside its time and number.

    Attributes:
        visit: it is a visit (`code` then holds the visit's kind) and not an event.
        timed: it has a time; a fact of a visit, or of the patient, has none.
        inside: it belongs to a visit, the one that began last; a visit belongs to itself.
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
        length: (events,) ticks until its end, NaN without one; of a visit from the last of what
            belongs to it, below 0 where that lies behind its end.
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
        stays: what holds of visits.
    """

    tokens: tuple[Token, ...]
    lives: Lives
    codes: tuple[dict[str, str | float], ...]
    previous: bool
    stays: StayLaws = field(default_factory=StayLaws)

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
            dated=("dated", "all"),
        )
        facts = facts[facts["patients"] >= least].reset_index()
        facts = facts.sort_values(["visit", "events"], ascending=False, kind="stable")
        tokens = tuple(
            Token(**{s: _none(r[s]) for s in SAYS}, dated=bool(r["dated"]))
            for r in facts.to_dict("records")
        )
        kept = kept_of(rows, tokens)
        lives = Lives.fit(cohort, times, kept)
        known = {(t.kind, t.code) for t in tokens if not t.visit}
        told = [
            {str(k): v for k, v in row.items() if not pd.isna(v)}
            for row in cohort.codes.to_dict("records")
            if (row["kind"], row["code"]) in known
        ]
        named = bool(cohort.visits["previous"].notna().any())
        stays = StayLaws.of(kept, len(cohort), least)
        return CourseCodec(tokens, lives, tuple(told), named, stays)

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
        drawn = _ticks(course, first)
        ticks = followed(self, course, np.zeros(n), drawn)
        early = len(np.unique(course.patient[ticks > drawn]))
        np.maximum.at(first, course.patient, ticks)
        begin = lives.begin(course.statics, first, rng)
        made = self.placed(course, begin, begin[course.patient] + ticks, rng)
        return replace(made, mended=Mends(early).named() | made.mended)

    def placed(
        self,
        course: Course,
        begin: np.ndarray,
        ticks: np.ndarray,
        rng: np.random.Generator,
        before: np.ndarray | None = None,
    ) -> Cohort:
        """The cohort, under keys from 1, where times are known.

        Args:
            course: what happens.
            begin: (patients,) ticks at which each one's time begins.
            ticks: (events,) at which each event lies.
            rng: draws what visits lack; see `StayLaws`.
            before: (patients,) the last event of those who have none here; None: the beginning.

        Raises:
            ModelError: most events are forbidden by the table of codes.
        """
        lives, n = self.lives, len(course.statics)
        rows = pd.DataFrame({"patient": course.patient, "token": course.token, "tick": ticks})
        rows["value"], rows["length"] = course.value, course.length
        must = begin if before is None else begin * np.nan
        roles, visits = roles_of(self.tokens), self.stays
        outside = unhoused(rows, roles)
        rows = visits.lodged(rows, roles, must, rng)
        says = pd.DataFrame([astuple(t) for t in self.tokens], columns=[*SAYS, "dated"])
        told = says.iloc[rows["token"]].set_axis(rows.index, axis=0)
        rows = housed(pd.concat([rows, told], axis=1))
        last = rows.groupby("patient")["tick"].max().reindex(range(n)).to_numpy("float64")
        last = np.where(np.isnan(last), begin if before is None else before, last)
        subjects = lives.decode(course.statics, begin, last)
        ends = lives.times.ticks(subjects["death"])[rows["patient"]]
        since = rows["tick"].where(~rows["visit"], rows["stay"].map(lasts_of(rows)))
        drawn = rows["length"]
        rows["length"] = visits.lengths(rows, since.to_numpy("float64"), rng)
        running = int((~rows["fresh"] & (rows["length"] < drawn)).sum())
        end = since + rows["length"]
        late = int((end > ends).sum())
        # a death may be at an unsaid hour of its day
        rows["end"] = np.fmax(np.fmin(end, ends), rows["tick"]).where(rows["length"].notna())
        lawful = _lawful(self, rows, subjects)
        mends = Mends(0, outside, int(rows["fresh"].sum()), running, late, int((~lawful).sum()))
        mends.check(len(rows))
        made = self._cohort(rows[lawful].reset_index(drop=True), subjects)
        return replace(made, mended=mends.named())

    def _cohort(self, rows: pd.DataFrame, subjects: pd.DataFrame) -> Cohort:
        times, keys = self.lives.times, subjects["subject_id"].to_numpy()
        stay = rows["visit"].to_numpy(bool)
        key = (rows["stay"].rank(method="dense").fillna(0).astype(int)).astype(str).astype(object)
        dated = rows["dated"].to_numpy(bool)
        shaped = rows.assign(
            subject_id=keys[rows["patient"]],
            time=times.times(np.where(rows["timed"], rows["tick"], np.nan), dated),
            end_time=times.times(rows["end"].to_numpy(), dated),
            visit_id=key.where(rows["stay"].notna(), None),
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


def _lawful(codec: CourseCodec, rows: pd.DataFrame, subjects: pd.DataFrame) -> np.ndarray:
    """Which rows are of a code that the patient's sex and age allow."""
    facts = pd.DataFrame(codec.codes, columns=["kind", "code", "sex", "age_low", "age_high"])
    if facts[["sex", "age_low", "age_high"]].isna().all(axis=None):
        return np.ones(len(rows), bool)
    facts["kind"] = facts["kind"].astype(object)  # where no code has a kind
    known = rows[["kind", "code"]].merge(facts, on=["kind", "code"], how="left")
    mine = subjects.iloc[rows["patient"]].reset_index(drop=True)
    sex = mine["sex"] if "sex" in mine else pd.Series(None, index=mine.index, dtype=object)
    other = known["sex"].notna() & sex.notna() & (known["sex"] != sex)
    born = codec.lives.times.ticks(mine["birth"])
    age = (rows["tick"].to_numpy() - born) / codec.lives.times.year
    low, high = known["age_low"].to_numpy("float64"), known["age_high"].to_numpy("float64")
    lawful: np.ndarray = ~(other.to_numpy() | (age < low) | (age >= high + 1))
    return lawful


def roles_of(tokens: tuple[Token, ...]) -> np.ndarray:
    """(tokens,) 2 for a visit, 1 for what lies in one, 0 for all else."""
    return np.array([2 if t.visit else int(t.inside) for t in tokens], np.int64)


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


def housed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in order of patient, time and token, with `stay`: the place of their visit's row.

    What belongs to a visit belongs to the one that began last; what none began before stands where
    the patient's first begins. Of who has no visit, nothing belongs to one.
    """
    order = ["patient", "tick", "token"]
    whose, visit = rows["patient"], rows["visit"].to_numpy(bool)
    firsts = whose.map(rows[visit].groupby("patient")["tick"].min())
    tick = rows["tick"].where(~rows["inside"].to_numpy(bool), np.fmax(rows["tick"], firsts))
    rows = rows.assign(tick=tick).sort_values(order, kind="stable", ignore_index=True)
    stay = pd.Series(np.where(rows["visit"].to_numpy(bool), rows.index, np.nan))
    stay = stay.groupby(rows["patient"]).ffill()
    return rows.assign(stay=stay.where(rows["inside"].to_numpy(bool)))


def rows_of(cohort: Cohort, times: Times) -> pd.DataFrame:
    """Events and visits in one table, by patient and time, visits first; untimed ones placed.

    What has no time, or comes before its visit, stands where that begins; without a visit, where
    the patient's time does. `hour`: of what comes after its visit's start, ticks since midnight
    at which that is.
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
    timed = rows[rows["tick"].notna()]
    begins = timed[timed["visit"].to_numpy(bool)].set_index("stay")["tick"]
    starts = rows["stay"].map(begins)
    starts = starts.fillna(rows["stay"].map(timed.groupby("stay")["tick"].min()))
    hour = starts % (UNITS[0] // times.unit) if times.calendar else starts * 0
    rows["hour"] = hour.where(rows["tick"] > starts, 0)
    placed = np.fmax(rows["tick"], starts)
    begin = origins(cohort, times, rows.assign(tick=placed))
    told: pd.Series = rows["tick"]
    rows["tick"] = np.where(np.isnan(placed), begin[rows["patient"]], placed)
    rows["tick"] = rows["tick"].fillna(0)
    rows["length"] = rows["end"] - told.fillna(rows["tick"])
    rows["inside"] = rows["stay"].notna()
    return rows.sort_values(["patient", "tick"], kind="stable", ignore_index=True)


def kept_of(rows: pd.DataFrame, tokens: tuple[Token, ...]) -> pd.DataFrame:
    """The rows of known tokens, with `token`, in order of patient, time and token.

    A day without an hour stands at the hour that its visit begins at: so many days after it,
    whatever the hour at which that will be drawn.
    """
    place = {astuple(t)[: len(SAYS)]: i for i, t in enumerate(tokens)}
    words = rows[list(SAYS)]
    number = words.groupby(list(SAYS), dropna=False, sort=False).ngroup().to_numpy()
    kinds = words.iloc[np.unique(number, return_index=True)[1]]
    said = [tuple(map(_none, r)) for r in kinds.itertuples(index=False)]
    other = [(*s[:-1], not s[-1]) for s in said]  # where few have it in, or out of, a visit
    found = [place.get(s, place.get(o, -1)) for s, o in zip(said, other, strict=True)]
    token = np.array(found, np.int64)[number]
    kept = rows.assign(token=token)[token >= 0]
    days = np.array([t.dated for t in tokens], bool)[kept["token"]]
    kept["tick"] += kept["hour"].where(days, 0)
    visits = kept["visit"].to_numpy(bool)
    ends = kept["tick"] + kept["length"]
    kept["length"] = kept["length"].where(~visits, ends - kept["stay"].map(lasts_of(kept)))
    return kept.sort_values(["patient", "tick", "token"], kind="stable", ignore_index=True)


def _none(value: Any) -> Any:
    """Missing in any form as None, and NumPy's truth as Python's."""
    return None if pd.isna(value) else bool(value) if isinstance(value, np.bool_) else value
