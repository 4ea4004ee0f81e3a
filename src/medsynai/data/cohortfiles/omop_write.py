"""Writing OMOP CDM 5.4: each table is loaded into DuckDB under its constraints, then copied out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.cohortfiles.keys import numbered
from medsynai.data.cohortfiles.layout import Layout, Part, Sheet, unplaced
from medsynai.data.cohortfiles.omop_forms import HOURLESS, field_of, respelt
from medsynai.data.cohortfiles.omop_tables import (
    CODED,
    PERIOD,
    SEXES,
    SOURCE,
    TABLES,
    UNITS,
    Omop,
)
from medsynai.data.cohortfiles.texts import write_numbers, write_texts, write_times
from medsynai.data.integrity import refuse_broken
from medsynai.errors import FolderError, MissingExtra, SchemaError

PARENTS = {"person_id": "person", "visit_occurrence_id": "visit_occurrence"}
DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f"


def write_tables(cohort: Cohort, layout: Layout, folder: Path) -> tuple[str, ...]:
    """The tables of a cohort; what the model cannot hold is told, counted; see `omop.write`."""
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingExtra("writing OMOP tables", "duckdb", "omop") from None
    refuse_broken(cohort)
    if cohort.clock is not Clock.CALENDAR:
        raise SchemaError("OMOP has dates, and the cohort's times are offsets; give them dates")
    if absent := int(cohort.subjects["birth"].isna().sum()):
        raise SchemaError(
            f"OMOP asks each person's year of birth, and {absent:,} of {len(cohort):,} patients "
            "have no birth"
        )
    notes: list[str] = []
    forms = {s.name: s for s in layout.sheets}
    frames = dict(_frames(cohort, forms, notes))
    suffix = layout.details.get("suffix") or ".csv"
    base = duckdb.connect(":memory:", config={"threads": 1})
    try:
        for table in TABLES:
            _create(base, table)  # an empty one too: others have keys of it
            if table.name in frames:
                _load(base, table, frames[table.name])
                if table.name not in forms:
                    place = folder / f"{table.name}{suffix}"
                    _copy(base, table, place, layout.details.get("upper"))
    except duckdb.IOException:
        raise FolderError(f"{folder} cannot be written: the disk refused it") from None
    except duckdb.Error as error:  # its own message holds a key or a value, and is not shown
        raise SchemaError(
            f"table {table.name!r} does not load under OMOP's constraints "
            f"({type(error).__name__}): look for texts in its columns of dates and numbers"
        ) from None
    finally:
        base.close()
    for table in [t for t in TABLES if t.name in forms]:
        frame = frames.get(table.name, pd.DataFrame())  # one without rows keeps its header
        sheet, zero = forms[table.name], layout.details.get(f"zero {table.name}") == "yes"
        write_texts(respelt(frame, table, sheet, zero), sheet, folder)
    return tuple(notes)


def _create(base: Any, table: Omop) -> None:
    """The table with its keys and required fields."""
    lines = [f'"{n}" {kind}{" NOT NULL" * needed}' for n, kind, needed in table.fields]
    lines.append(f'PRIMARY KEY ("{table.key}")')
    lines += [
        f'FOREIGN KEY ("{n}") REFERENCES {PARENTS[n]} ("{n}")'
        for n, _, _ in table.fields
        if n in PARENTS and PARENTS[n] != table.name
    ]
    base.execute(f"CREATE TABLE {table.name} ({', '.join(lines)})")


def _load(base: Any, table: Omop, frame: pd.DataFrame) -> None:
    """Fill the table."""
    texts = frame.astype("str")  # a column of missing texts alone keeps its type
    base.register("incoming", texts)
    cast = ", ".join(f'CAST("{n}" AS {kind})' for n, kind, _ in table.fields)
    base.execute(f"INSERT INTO {table.name} SELECT {cast} FROM incoming")
    base.unregister("incoming")


def _copy(base: Any, table: Omop, path: Path, upper: str | None) -> None:
    shown = ", ".join(f'"{n}" AS "{n.upper() if upper else n}"' for n, _, _ in table.fields)
    packed = ", COMPRESSION gzip" * path.name.lower().endswith(".gz")
    form = "FORMAT parquet" if path.suffix.lower() in (".parquet", ".pq") else f"HEADER{packed}"
    place = str(path).replace("'", "''")
    base.execute(f"COPY (SELECT {shown} FROM {table.name} ORDER BY ALL) TO '{place}' ({form})")


def _frames(
    cohort: Cohort, forms: dict[str, Sheet], notes: list[str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table as texts in order of its key, keys being numbers.

    Columns that the model has not are there where the source had them.
    """
    more = {t.name: [field_of(n) for n in forms[t.name].header] for t in TABLES if t.name in forms}
    people = numbered(cohort.subjects["subject_id"], "patients", notes)
    stays = numbered(cohort.visits["visit_id"], "visits", notes)
    visits = _dated(cohort, notes)
    lost = set(cohort.visits["visit_id"]) - set(visits["visit_id"])
    names = {
        t.name: [n for f, *_ in t.fields for n in (f, f + HOURLESS)] + more.get(t.name, [])
        for t in TABLES
    }
    fields = {t.kind or OF_VISITS: names[t.name] for t in TABLES if t.part != "subjects"}
    own = [n for t in TABLES if t.part is Part.SUBJECTS or t.name == PERIOD for n in names[t.name]]
    notes += unplaced(cohort, fields, [*own, "birth_known"])
    kinds = {t.kind for t in TABLES}
    for kind, count in cohort.events["kind"].value_counts(dropna=False).items():
        if kind not in kinds:
            notes.append(f"not written: {count:,} events of kind {kind!r} have no table in OMOP")
    if cohort.signals:
        notes.append(f"not written: {len(cohort.signals):,} signals")
    for table in TABLES:
        if table.part is Part.SUBJECTS or _whole(cohort, table):
            frame = _people(cohort, table)
        elif table.part is Part.VISITS:
            extra = cohort.extras.get(OF_VISITS, pd.DataFrame()).reindex(visits.index)
            frame = _beside(visits, extra)
        else:
            rows = _timed(cohort.events[cohort.events["kind"] == table.kind], table, notes)
            extra = cohort.extras.get(table.kind, pd.DataFrame()).reindex(rows.index)
            frame = _beside(rows, extra)
        if not len(frame):
            continue
        frame = frame.assign(subject_id=frame["subject_id"].map(people))
        for column in {"visit_id", "previous"} & set(frame):
            kept = frame[column].where(~frame[column].isin(lost), None)
            frame[column] = kept.map(stays)
        frame = frame.reset_index(drop=True)
        made = _filled(frame, table, notes)
        made = made.assign(
            **{n: frame[n] for n in more.get(table.name, []) if _only(n, frame, made)}
        )
        order = made[table.key].astype("int64").argsort(kind="stable")
        yield table.name, made.iloc[order].reset_index(drop=True)


def _only(name: str, frame: pd.DataFrame, made: pd.DataFrame) -> bool:
    """Whether a column is the source's own, and none of the model's."""
    return name in frame and name not in made


def _whole(cohort: Cohort, table: Omop) -> bool:
    """Whether periods of observation are the patients' own entry and exit, and no events."""
    return table.name == PERIOD and not (cohort.events["kind"] == PERIOD).any()


def _people(cohort: Cohort, table: Omop) -> pd.DataFrame:
    """The patients of whom a table has a row: all, the dead, or those with an entry."""
    people = cohort.subjects
    if table.name == PERIOD:
        return people[people["entry"].notna()].rename(columns={"entry": "time", "exit": "end_time"})
    return people[people["death"].notna()] if table.name == "death" else people


def _beside(core: pd.DataFrame, extra: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([core, extra[[n for n in extra if n not in core]]], axis=1)


def _timed(events: pd.DataFrame, table: Omop, notes: list[str]) -> pd.DataFrame:
    if absent := int(events["time"].isna().sum()):
        notes.append(f"not written: {absent:,} rows of {table.name} have no date")
    return events[events["time"].notna()]


def _dated(cohort: Cohort, notes: list[str]) -> pd.DataFrame:
    """Visits with dates: those of their events where they have none of their own."""
    visits, times = cohort.visits, cohort.events.groupby("visit_id")["time"]
    first = times.min().reindex(visits["visit_id"]).set_axis(visits.index)
    last = times.max().reindex(visits["visit_id"]).set_axis(visits.index)
    bare = visits["start"].isna()
    visits = visits.assign(
        start=visits["start"].fillna(first),
        end=visits["end"].where(~bare, visits["end"].fillna(last)),
    )
    if filled := int((bare & visits["start"].notna()).sum()):
        notes.append(f"{filled:,} of {len(visits):,} visits got the dates of their events")
    if absent := int(visits["start"].isna().sum()):
        notes.append(f"not written: {absent:,} visits have no date, nor an event with one")
    return visits[visits["start"].notna()]


def _filled(frame: pd.DataFrame, table: Omop, notes: list[str]) -> pd.DataFrame:
    """All fields of a table: from the cohort or beside it, or empty; required ones are lawful."""
    columns: dict[str, pd.Series] = {}
    back = {n: c for c, n in table.columns.items()}
    nothing = pd.Series(None, index=frame.index, dtype=object)
    for name, kind, needed in table.fields:
        core = back.get(name) or back.get(f"{name}time")
        if core in frame and kind in ("DATE", "TIMESTAMP"):
            moment = frame[core]
            if needed and (absent := int(moment.isna().sum())):
                notes.append(
                    f"{absent:,} rows of {table.name} have no end, which OMOP asks: "
                    "the start stands for it"
                )
                moment = moment.fillna(frame["start" if core == "end" else "time"])
            columns[name] = write_times(moment, DAY if kind == "DATE" else MOMENT, Clock.CALENDAR)
            if name + HOURLESS in frame:
                columns[name] = columns[name].where(frame[name + HOURLESS].isna(), None)
        elif core in frame:
            values = frame[core]
            columns[name] = write_numbers(values) if core == "value" else values
        else:
            columns[name] = frame.get(name, nothing)
    if table.key not in table.columns.values():
        columns[table.key] = pd.Series(np.arange(1, len(frame) + 1), frame.index).map(str)
    for pairs, column in ((CODED, "code"), (UNITS, "unit")):
        if table.name in pairs:
            _split(columns, frame[column], *pairs[table.name])
    if table.name == "person":
        columns |= _born(frame)
    for name, kind, needed in table.fields:
        if kind == "BIGINT":
            said, none = columns[name], "0" if needed else None
            whole = said.astype("str").str.fullmatch(r"-?\d{1,18}").fillna(False).astype(bool)
            if odd := int((said.notna() & ~whole).sum()):
                notes.append(
                    f"not written: {odd:,} of {len(frame):,} values of {table.name}.{name} are no "
                    "whole numbers of 18 digits"
                )
            columns[name] = said.where(whole, none)
    return pd.DataFrame(columns)


def _split(columns: dict[str, pd.Series], values: pd.Series, concept: str, source: str) -> None:
    """A code as a standard concept, or as concept 0 with the source's own value."""
    own = ~values.fillna("0").str.fullmatch(r"\d+").astype(bool)
    columns[concept] = values.where(~own, "0")
    plain = values.str.removeprefix(SOURCE)
    columns[source] = columns[source].where(~own | columns[source].notna(), plain)


def _born(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Sex as a concept, and as much of a birth as was known."""
    birth = frame["birth"]
    known = frame.get("birth_known", pd.Series("day", index=frame.index))
    to_concept = {sex: concept for concept, sex in SEXES.items()}
    parts = {
        "year_of_birth": birth.dt.year.map(str),
        "month_of_birth": birth.dt.month.map(str).where(known != "year", None),
        "day_of_birth": birth.dt.day.map(str).where(known.isin(["day", "time"]), None),
    }
    moment = write_times(birth, MOMENT, Clock.CALENDAR).where(known == "time", None)
    sex = frame["sex"].replace(to_concept)
    return parts | {"birth_datetime": moment, "gender_concept_id": sex}
