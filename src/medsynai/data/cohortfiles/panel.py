"""Wide panels: a CSV or Parquet file with a row for each patient and time, a column a measurement.

A row is a visit, so that one without any value stays; an empty field is no event. Columns that do
not change within any patient are statics.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Part, Sheet
from medsynai.data.cohortfiles.long import clock_of, mostly_numbers
from medsynai.data.cohortfiles.texts import (
    fewest_places,
    read_numbers,
    read_texts,
    read_times,
    without_words,
    write_numbers,
    write_texts,
    write_times,
)
from medsynai.data.integrity import refuse_broken
from medsynai.errors import PlanError, ReadError

KIND = "measurement"


def recognise(path: Path) -> bool:
    """Never: a panel looks like any table, so a person says that it is one."""
    return False


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A panel whose patient and time a person named.

    Args:
        path: the file.
        details: "columns": the patient's and the time's column, and what plain numbers count
            ("id,day,days"); hours if that is not said and the column's name does not say it.

    Raises:
        PlanError: no columns named, or a unit that there is not.
        ReadError: columns that are not there, rows without a patient or a time.
    """
    names = [n.strip() for n in details.get("columns", "").split(",") if n.strip()]
    if len(names) not in (2, 3):
        raise PlanError("a panel's columns are named: --kind cohorts:panel:PATIENT,TIME[,UNIT]")
    notes: list[str] = []
    frame, sheet = read_texts(path, Sheet("panel", Part.VISITS), path.parent, notes)
    who, when = names[:2]
    absent = [n for n in (who, when) if n not in frame]
    if absent:
        columns = ", ".join(sheet.header)
        raise ReadError(f"{path} has no column {absent[0]!r}; columns: {columns}")
    if lost := int(frame[[who, when]].isna().any(axis=1).sum()):
        raise ReadError(
            f"{path}: {lost:,} of {len(frame):,} rows lack the patient or the time; fill them in, "
            "or take the rows out"
        )
    clock = _clock(frame[when], when, names[2:])
    times = read_times(frame[when], f"{path.name}.{when}", clock)
    rest = [str(n) for n in frame if n not in (who, when)]
    for name in rest:  # a word for "absent" is no measurement
        frame[name] = without_words(frame[name], name, notes)
    groups = frame.groupby(who, sort=False)
    moving = [n for n in rest if (groups[n].nunique(dropna=False) > 1).any()]
    subjects = groups[[n for n in rest if n not in moving]].head(1).assign(subject_id=frame[who])
    order = np.lexsort((np.arange(len(frame)), times.values, _ranks(frame[who])))
    place = np.empty(len(frame), np.int64)
    place[order] = np.arange(1, len(frame) + 1)
    visit = pd.Series(place, frame.index).map(str).astype(object)
    visits = pd.DataFrame({"visit_id": visit, "subject_id": frame[who], "start": times.values})
    events = _melted(frame, moving, visits)
    places = {n: fewest_places(frame[n].where(read_numbers(frame[n])[1].isna())) for n in moving}
    cohort = Cohort.of(subjects, events, visits, clock=clock)
    form = replace(
        sheet,
        columns={"subject_id": who, "start": when, "visit_id": ""},
        times={when: times.form},
        places={n: p for n, p in places.items() if p},
    )
    notes += [*times.notes, f"{len(moving)} columns change within patients, the others are statics"]
    layout = Layout("panel", (form,), clock, details)
    return LoadedCohort.of(cohort, layout, tuple(notes), times.problems)


def _ranks(values: pd.Series) -> np.ndarray:
    return pd.factorize(values, sort=True)[0]


def _clock(texts: pd.Series, name: str, said: list[str]) -> Clock:
    if said:
        if said[0] not in list(Clock):
            raise PlanError(f"no unit of time {said[0]!r}; units: {', '.join(Clock)}")
        return Clock(said[0])
    if len(texts) and not mostly_numbers(texts):
        return Clock.CALENDAR
    return clock_of(name) or Clock.HOURS


def _melted(frame: pd.DataFrame, moving: list[str], visits: pd.DataFrame) -> pd.DataFrame:
    """An event for each field that is not empty; a column of numbers and texts has both."""
    parts = []
    for name in moving:
        value, text = read_numbers(frame[name])
        here = frame[name].notna()
        rows = visits[here].rename(columns={"start": "time"})
        parts.append(rows.assign(code=str(name), value=value[here], text=text[here], kind=KIND))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def grid(cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values by visit and code, and the mask of what was measured.

    Returns:
        Two frames of (visits, codes) in the order of `cohort.visits`: float64 with NaN where there
        is no number, and bool. Of several values at one visit the last counts.
    """
    events = cohort.events[cohort.events["visit_id"].notna()]
    last = events.drop_duplicates(["visit_id", "code"], keep="last")
    rows = pd.Index(cohort.visits["visit_id"])
    values = last.pivot(index="visit_id", columns="code", values="value").reindex(rows)
    mask = last.assign(here=True).pivot(index="visit_id", columns="code", values="here")
    return values, mask.reindex(rows).notna()


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """One wide file; a value that has no visit, or stands beside another, is told.

    Raises:
        SchemaError: keys that do not hold.
    """
    refuse_broken(cohort)
    sheet = (
        layout.sheets[0]
        if layout.sheets
        else Sheet("panel", Part.VISITS, {"subject_id": "subject_id", "start": "time"})
    )
    who, when = sheet.named("subject_id")[0], sheet.named("start")[0]
    visits, events = cohort.visits, cohort.events
    notes = []
    twice = events["visit_id"].isna() | events.duplicated(["visit_id", "code"], keep="last")
    twice |= events["value"].isna() & events["text"].isna()
    if lost := int(twice.sum()):
        why = "without a visit or a value, or with another value in their place"
        notes.append(f"not written: {lost:,} events {why}")
    if OF_VISITS in cohort.extras:
        notes.append(f"not written: {len(cohort.extras[OF_VISITS].columns)} columns of visits")
    texts = write_numbers(events["value"])
    for code, places in sheet.places.items():
        mine = events["code"] == code
        texts[mine] = write_numbers(events.loc[mine, "value"], places)
    texts = texts.where(events["value"].notna(), events["text"])
    kept = events.assign(said=texts)[~twice]
    wide = kept.pivot(index="visit_id", columns="code", values="said")
    wide = wide.reindex(pd.Index(visits["visit_id"])).reset_index(drop=True)
    people = cohort.subjects.set_index("subject_id")
    told = [n for n in people if people[n].notna().any()]
    columns = {
        who: visits["subject_id"],
        when: write_times(visits["start"], sheet.times.get(when, ""), cohort.clock),
    }
    for name in told:
        held = people[name]
        plain = write_times(held, "", cohort.clock) if held.dtype.kind == "M" else held.astype(str)
        columns[str(name)] = visits["subject_id"].map(plain.where(held.notna(), None))
    frame = pd.DataFrame(columns | {str(n): wide[n] for n in wide})
    header = [*sheet.header, *[n for n in frame if n not in sheet.header]]
    write_texts(frame.reindex(columns=header), replace(sheet, file=path.name), path.parent)
    return tuple(notes)
