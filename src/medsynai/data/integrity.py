"""Whether the tables of a cohort fit each other: what is wrong is counted, and how to go on said.

Nothing is dropped in silence: `check` counts, `mend` sets aside what would break the keys and says
how much it was. No message holds a cell's value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, PARENTS, Clock, Cohort
from medsynai.errors import SchemaError

MOST = 0.5  # of all events; a patient with more decides what is learnt
DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(days=7)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, how often, and how to go on.

    Attributes:
        what: a short name.
        count, of: how many rows, patients or codes of how many.
        said: what they are, as the sentence after the counts.
        breaks: keys do not hold; what is written would not load, so it must be mended.
    """

    what: str
    count: int
    of: int
    said: str
    breaks: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.count:,} of {self.of:,} {self.said}"


Check = Callable[[Cohort], Iterator[Problem]]


def check(cohort: Cohort) -> tuple[Problem, ...]:
    """All that is wrong, what breaks the keys first."""
    found = [p for one in CHECKS for p in one(cohort) if p.count]
    return tuple(sorted(found, key=lambda p: not p.breaks))


def refuse_broken(cohort: Cohort) -> None:
    """What a writer asks first.

    Raises:
        SchemaError: keys that do not hold.
    """
    broken = [str(p) for p in check(cohort) if p.breaks]
    if broken:
        raise SchemaError(f"the cohort's keys do not hold ({'; '.join(broken)})")


def mend(cohort: Cohort) -> tuple[Cohort, tuple[str, ...]]:
    """The cohort with keys that hold, and what was set aside for it, counted.

    Rows without a patient among the subjects, and events without a code, are set aside; a visit
    that is not there, or is another patient's, becomes none.

    Raises:
        SchemaError: no row of a table names a patient: keys of another form, as a rule.
    """
    notes: list[str] = []
    events, visits = cohort.events, cohort.visits
    alone, stray = _orphan(cohort, visits), _orphan(cohort, events)
    mute = events["code"].isna().to_numpy() & ~stray
    lost = stray | mute
    for name, rows, why in (
        ("visits", alone, "name no patient"),
        ("events", stray, "name no patient"),
        ("events", mute, "have no code"),
    ):
        if rows.any():
            told = f"{int(rows.sum()):,} of {len(rows):,} {name}"
            notes.append(f"{told} were set aside: they {why}")
        if len(rows) and rows.all():
            raise SchemaError(
                f"all {len(rows):,} {name} {why}, so nothing would be left: look at the column "
                "that is named, and whether keys are spelt alike in all tables (zeros ahead)"
            )
    events, visits = events[~lost].copy(), visits[~alone].copy()
    for name, frame, column in (("events", events, "visit_id"), ("visits", visits, "previous")):
        unknown = _unknown(frame[column], frame["subject_id"], visits)
        if unknown.any():
            frame[column] = frame[column].mask(unknown, None)
            notes.append(f"{int(unknown.sum()):,} of {len(frame):,} {name} lost a key of a visit")
    held = {OF_VISITS: ~alone}
    extras = {
        k: f[held.get(k, ~lost)[f.index]].dropna(axis=1, how="all")
        for k, f in cohort.extras.items()
    }
    known = cohort.subjects["subject_id"]
    signals = tuple(s for s in cohort.signals if known.isin([s.subject_id]).any())
    if len(signals) < len(cohort.signals):
        gone = len(cohort.signals) - len(signals)
        notes.append(f"{gone:,} of {len(cohort.signals):,} signals were set aside")
    whole = Cohort.of(cohort.subjects, events, visits, cohort.codes, extras, signals, cohort.clock)
    return replace(whole, origin=cohort.origin), tuple(notes)


def _orphan(cohort: Cohort, frame: pd.DataFrame) -> np.ndarray:
    return cohort.places(frame["subject_id"]) < 0


def _unknown(keys: pd.Series, subjects: pd.Series, visits: pd.DataFrame) -> np.ndarray:
    """Which keys name no visit of the same patient."""
    whose = keys.map(visits.set_index("visit_id")["subject_id"])
    return (keys.notna() & (whose != subjects)).to_numpy()


def unsorted(table: str, subjects: pd.Series, times: pd.Series) -> Problem:
    """Rows of a file that stand behind a later one of the same patient; a cohort sorts them."""
    timed = times.notna().to_numpy()
    who = pd.factorize(subjects)[0][timed]
    moments = times[timed].astype("int64" if times.dtype.kind == "M" else "float64")
    latest = moments.groupby(who).cummax()
    said = f"rows of {table} stand behind a later one of the same patient; they are sorted"
    return Problem("unsorted times", int((moments < latest).sum()), len(times), said)


def orphans(cohort: Cohort) -> Iterator[Problem]:
    """Keys that lead nowhere."""
    said = "rows name no patient of the subjects: add the patients; no release is made of such rows"
    for name, frame in (("events", cohort.events), ("visits", cohort.visits)):
        lost = int(_orphan(cohort, frame).sum())
        yield Problem(f"orphan {name}", lost, len(frame), said, breaks=True)
        column = "visit_id" if name == "events" else "previous"
        unknown = _unknown(frame[column], frame["subject_id"], cohort.visits)
        yield Problem(
            f"visits of {name}",
            int(unknown.sum()),
            int(frame[column].notna().sum()),
            "keys name no visit of the same patient; they are taken for missing",
            breaks=True,
        )
    known = set(cohort.subjects["subject_id"])
    lost = sum(s.subject_id not in known for s in cohort.signals)
    yield Problem("orphan signals", lost, len(cohort.signals), said, breaks=True)


def codeless(cohort: Cohort) -> Iterator[Problem]:
    """Events that do not say what happened."""
    yield Problem(
        "events without a code",
        int(cohort.events["code"].isna().sum()),
        len(cohort.events),
        "rows say not what happened: fill the code in; no release is made of such rows",
        breaks=True,
    )


def beyond_life(cohort: Cohort) -> Iterator[Problem]:
    """Events before birth or after death; a day without an hour lasts until its end."""
    time = cohort.events["time"]
    place = cohort.places(cohort.events["subject_id"])
    lives = cohort.subjects[["birth", "death"]].reindex(place).set_axis(time.index, axis=0)
    born, ends = _days(lives["birth"], lives["death"], cohort.clock)
    look = "look at the dates: a century guessed, or another patient's row; they are kept"
    for what, rows in (("before birth", time < born), ("after death", time > ends)):
        yield Problem(f"events {what}", int(rows.sum()), len(time), f"rows; {look}")


def _days(starts: pd.Series, ends: pd.Series, clock: Clock) -> tuple[pd.Series, pd.Series]:
    """From the morning of the first day; until the end of the last where it has no hour."""
    if clock is not Clock.CALENDAR:
        return starts, ends
    whole = ends.dt.normalize() == ends
    return starts.dt.normalize(), ends.where(~whole, ends + DAY - pd.Timedelta(1, "us"))


def outside(cohort: Cohort) -> Iterator[Problem]:
    """Events far from their visit, and outside of follow-up; what has no end is not judged by it.

    A week about a visit is allowed: notes and results come late (`withinVisitDates` of OHDSI's
    DataQualityDashboard).
    """
    events, time = cohort.events, cohort.events["time"]
    stays = cohort.visits.set_index("visit_id")[["start", "end"]].reindex(events["visit_id"])
    seen = cohort.subjects[["entry", "exit"]].reindex(cohort.places(events["subject_id"]))
    week: Any = WEEK
    if cohort.clock is not Clock.CALENDAR:
        week = WEEK / pd.Timedelta(cohort.clock.microseconds, "us")
    look = "rows; look at their times, or at whose they are; they are kept"
    for what, spans, slack in (
        ("more than a week from their visit", stays, week),
        ("outside follow-up", seen, week * 0),
    ):
        start, end = (spans[c].set_axis(time.index, axis=0) for c in spans)
        starts, ends = _days(start, end, cohort.clock)
        rows = (time < starts - slack) | (time > ends + slack)
        yield Problem(f"events {what}", int(rows.sum()), len(time), look)


def backward(cohort: Cohort) -> Iterator[Problem]:
    """Ends before their starts."""
    look = "rows end before they start; the end is kept: correct it, or make it missing"
    for name, frame, start, end in (
        ("events", cohort.events, "time", "end_time"),
        ("visits", cohort.visits, "start", "end"),
        ("subjects", cohort.subjects, "birth", "death"),
        ("follow-up", cohort.subjects, "entry", "exit"),
    ):
        yield Problem(f"ends of {name}", int((frame[end] < frame[start]).sum()), len(frame), look)


def repeated(cohort: Cohort) -> Iterator[Problem]:
    """Rows that say the same twice, and a code twice at one time."""
    events = cohort.events
    whole, twins = events.duplicated(), events.duplicated(keep=False)
    for kind, frame in cohort.extras.items():
        if kind != OF_VISITS:  # rows that differ beside are not the same
            beside = frame[twins.reindex(frame.index).to_numpy()]
            both = pd.concat([events.loc[beside.index], beside], axis=1)
            whole[beside.index] = both.duplicated().to_numpy()
    yield Problem(
        "repeated events",
        int(whole.sum()),
        len(events),
        "rows are another row once more; they are kept: take them out if they are copies",
    )
    timed = events[events["time"].notna() & ~whole]
    again = timed.duplicated(["subject_id", "time", "kind", "code", "unit"])
    yield Problem(
        "several values at one time",
        int(again.sum()),
        len(timed),
        "rows repeat a patient's code at the same time; all are kept, in order of their values",
    )


def mixed_units(cohort: Cohort) -> Iterator[Problem]:
    """Codes that are measured in several units, or in one and in none."""
    valued = cohort.events[cohort.events["value"].notna()]
    units = valued[["kind", "code", "unit"]].drop_duplicates()
    several = units.groupby(["kind", "code"], dropna=False, sort=False).size() > 1
    yield Problem(
        "mixed units",
        int(several.sum()),
        len(several),
        "codes have values in several units; kind, code and unit are taken for the variable: "
        "convert them, or go on with one variable a unit",
    )


def one_sided(cohort: Cohort) -> Iterator[Problem]:
    """Patients of whom nothing is known, and one who has most of it."""
    place = cohort.places(cohort.events["subject_id"])
    counts = np.bincount(place[place >= 0], minlength=len(cohort))
    if len(cohort.events):
        yield Problem(
            "patients without events",
            int((counts == 0).sum()),
            len(cohort),
            "patients have none; they stay, as patients to whom nothing happened",
        )
    top = int(counts.max(initial=0))
    if len(cohort) >= 3 and top > MOST * counts.sum():
        share = f"({100 * top / counts.sum():.0f} %)"
        yield Problem(
            "one patient",
            top,
            int(counts.sum()),
            f"events {share} are one patient's, who would decide what is learnt: take the patient "
            "out, or thin the events",
        )


def implausible(cohort: Cohort) -> Iterator[Problem]:
    """Values out of a code's range, and codes in patients of another sex or age."""
    keys = ["kind", "code"]
    facts = cohort.codes[[*keys, "low", "high", "sex", "age_low", "age_high", "unit"]]
    if facts[["low", "high", "sex", "age_low", "age_high"]].isna().all(axis=None):
        return
    known = cohort.events[keys].merge(facts, on=keys, how="left")
    value, same = (
        cohort.events["value"],
        known["unit"].isna() | (known["unit"] == cohort.events["unit"]),
    )
    far = same & ((value < known["low"]) | (value > known["high"]))
    people = cohort.subjects.reindex(cohort.places(cohort.events["subject_id"]))
    people = people.set_axis(known.index, axis=0)
    other = known["sex"].notna() & people["sex"].notna() & (known["sex"] != people["sex"])
    lived: Any = cohort.events["time"] - people["birth"]
    age = lived / _year(cohort.clock)
    aged = (age < known["age_low"]) | (age >= known["age_high"] + 1)
    for what, rows in (("range", far), ("sex", other), ("age", aged)):
        said = f"rows are out of the {what} that the table of codes gives; they are kept"
        yield Problem(f"implausible {what}", int(rows.sum()), len(known), said)


def _year(clock: Clock) -> pd.Timedelta | float:
    year = pd.Timedelta(days=365.25)
    return year if clock is Clock.CALENDAR else year / pd.Timedelta(clock.microseconds, "us")


def parentless(cohort: Cohort) -> Iterator[Problem]:
    """Parents that the table of codes does not have; they may stand in a vocabulary elsewhere."""
    named = cohort.codes["parents"].dropna().str.split(PARENTS).explode()
    lost = ~named.isin(cohort.codes["code"])
    said = "parents of codes are not in the table of codes; codes are not rolled up to them"
    yield Problem("unknown parents", int(lost.sum()), len(named), said)


# A new check is a function and a row here.
CHECKS: tuple[Check, ...] = (
    orphans,
    codeless,
    beyond_life,
    outside,
    backward,
    repeated,
    mixed_units,
    one_sided,
    implausible,
    parentless,
)
