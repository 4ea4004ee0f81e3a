"""OMOP CDM 5.4: a folder of CSV or Parquet tables; 5.3 is read too.

Sources: the field tables of OHDSI's Common Data Model 5.4. A concept that is 0 stands for a code
without a standard concept: then the source's own value is the code. Vocabulary is not carried.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.known import header_of
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Named, Part, Sheet
from medsynai.data.cohortfiles.omop_forms import field_of, forms_of, says_zero, without_hours
from medsynai.data.cohortfiles.omop_tables import (
    CODED,
    OF_OTHERS,
    PERIOD,
    SEXES,
    SOURCE,
    TABLES,
    UNITS,
    Omop,
)
from medsynai.data.cohortfiles.texts import (
    fewest_places,
    read_numbers,
    read_texts,
    read_times,
    without_words,
    write_numbers,
    write_times,
)
from medsynai.errors import ReadError

KNOWN = "birth_known"  # how much of a birth was written: year, month, day or time


def recognise(path: Path) -> bool:
    """Whether a folder has OMOP's table of persons."""
    if not path.is_dir():
        return False
    files = sheets.tables_of(path)
    if "person" not in files:
        return False
    header = {h.lower() for h in header_of(files["person"])}
    return {"person_id", "gender_concept_id", "year_of_birth"} <= header


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A folder of OMOP tables; those without a place in a cohort are named, not carried.

    Raises:
        ReadError: a table that cannot be read, or that lacks a column.
        SchemaError: persons, visits or deaths of one key twice.
    """
    files = sheets.tables_of(path)
    got, form = sheets.Gathered(), dict[str, str]()
    forms: dict[str, Sheet] = {}
    for table in TABLES:
        if table.name not in files:
            continue
        bare = Sheet(table.name, table.part)
        frame, sheet = read_texts(files[table.name], bare, path, got.notes)
        frame = frame.rename(columns={n: field_of(str(n)) for n in frame})
        forms[table.name] = forms_of(frame, table, sheet)
        form[f"zero {table.name}"] = "yes" if says_zero(frame, table) else ""
        form["upper"] = "yes" if all(h == h.upper() for h in sheet.header) else ""
        form["suffix"] = sheet.file[len(table.name) + sheet.file.lower().index(table.name) :]
        frame = _settled(frame, table, got.notes)
        for name in [n for n in frame if OF_OTHERS.fullmatch(str(n))]:
            if held := int((frame[name].fillna("0") != "0").sum()):
                got.notes.append(f"not carried: {held:,} keys in {table.name}.{name}")
                frame = frame.drop(columns=name)
        columns: dict[str, Named] = {c: n for c, n in table.columns.items() if n in frame}
        shaped = Sheet(table.name, table.part, columns, table.kind, (table.key,))
        sheets.add(got, frame, shaped, Clock.CALENDAR)
    named = {t.name for t in TABLES}
    for name in [n for n in files if n not in named]:
        rows = len(read_texts(files[name], Sheet(name, Part.CODES), path)[0])
        got.notes.append(f"not carried: table {name!r} ({rows:,} rows)")
    loaded = sheets.gather(got, Layout("omop"))
    form = {k: v for k, v in form.items() if v}
    spelt = [_like(s, forms[s.name]) for s in loaded.layout.sheets]
    return replace(_observed(loaded), layout=Layout("omop", tuple(spelt), details=form))


def _like(sheet: Sheet, form: Sheet) -> Sheet:
    """The table's columns in a cohort, and how the source spelt them."""
    kept = {n: getattr(form, n) for n in ("file", "header", "delimiter", "types")}
    return replace(sheet, times=form.times, places=form.places, **kept)


def _settled(frame: pd.DataFrame, table: Omop, notes: list[str]) -> pd.DataFrame:
    """Whole keys, a moment for each date with its time of day, and one code and unit a row."""
    for name, kind, _ in table.fields:
        if name in frame and kind == "BIGINT":  # never through a float: keys may be long
            frame[name] = frame[name].str.removesuffix(".0")
        elif name in frame and kind == "DOUBLE":
            texts = without_words(frame[name], f"{table.name}.{name}", notes)
            values, left = read_numbers(texts)
            if lost := int(left.notna().sum()):
                raise ReadError(
                    f"{table.name}.{name}: {lost:,} of {len(frame):,} values are no numbers; "
                    "correct them, or make them empty"
                )
            frame[name] = write_numbers(values, fewest_places(texts))
    for name in [n for n in ("verbatim_end_date",) if n in frame]:  # beside, as the model has it
        days = read_times(frame[name], f"{table.name}.{name}", Clock.CALENDAR)
        frame[name] = write_times(days.values, "%Y-%m-%d", Clock.CALENDAR)
    if table.name == "person":
        frame = _born(frame)
    for moment in [n for n, kind, _ in table.fields if kind == "TIMESTAMP" and n[:5] != "birth"]:
        day = moment.removesuffix("time")
        if day in frame:
            frame = without_hours(frame, moment, day)
            frame[moment] = frame[moment].fillna(frame[day]) if moment in frame else frame[day]
            frame = frame.drop(columns=day)
    for pairs, column in ((CODED, "code"), (UNITS, "unit")):
        if table.name in pairs:
            concept, source = pairs[table.name]
            frame[column] = _standard(frame, concept, source)
            frame = frame.drop(columns=[n for n in [concept] if n in frame])
    return frame


def _standard(frame: pd.DataFrame, concept: str, source: str) -> pd.Series:
    """The standard concept, or where it is 0 or missing the source's own value."""
    nothing = pd.Series(None, index=frame.index, dtype=object)
    own = frame.get(source, nothing)
    marked = own.where(
        ~own.str.fullmatch(r"\d+").fillna(False).astype(bool), SOURCE + own.fillna("")
    )
    held = frame.get(concept, nothing)
    known = held.notna() & (held != "0")
    # A code that says nothing at all is concept 0; a unit that does is none.
    return held.where(known, marked.where(own.notna(), held if "unit" not in concept else None))


def _born(frame: pd.DataFrame) -> pd.DataFrame:
    """`birth` from what was written of it, and how much that was."""
    nothing = pd.Series(None, index=frame.index, dtype=object)
    parts = [frame.get(f"{n}_of_birth", nothing) for n in ("year", "month", "day")]
    year, month, day = parts
    moment = frame.get("birth_datetime", nothing)
    built = (
        year.str.zfill(4)
        + "-"
        + month.fillna("1").str.zfill(2)
        + "-"
        + day.fillna("1").str.zfill(2)
    )
    known = pd.Series("day", index=frame.index, dtype=object)
    known = known.mask(moment.notna(), "time").mask(moment.isna() & day.isna(), "month")
    known = known.mask(moment.isna() & month.isna(), "year")
    gone = [n for n in ("year_of_birth", "month_of_birth", "day_of_birth") if n in frame]
    sex = frame["gender_concept_id"].replace(SEXES)
    frame = frame.drop(columns=[*gone, "gender_concept_id"])
    return frame.assign(birth_datetime=moment.fillna(built), gender=sex, **{KNOWN: known})


def _observed(loaded: LoadedCohort) -> LoadedCohort:
    """With entry and exit from the periods of observation.

    Where nobody has two of them they are no events: each is a patient's entry and exit.
    """
    cohort = loaded.cohort
    periods = cohort.events["kind"] == PERIOD
    spans = cohort.events[periods].groupby("subject_id")
    who = cohort.subjects["subject_id"]
    entry = spans["time"].min().reindex(who).to_numpy()
    last = spans["end_time"].max().reindex(who).to_numpy()
    people = cohort.subjects.assign(entry=entry, exit=last)
    if spans.size().max() > 1 or not who.isin(spans.groups).any():
        return replace(loaded, cohort=replace(cohort, subjects=people))
    beside = cohort.extras.get(PERIOD, pd.DataFrame())
    for name in beside:
        of = beside[name].set_axis(cohort.events["subject_id"].reindex(beside.index))
        people[name] = of[~of.index.duplicated()].reindex(who).to_numpy()
    extras = {k: f for k, f in cohort.extras.items() if k != PERIOD}
    codes = cohort.codes[cohort.codes["kind"] != PERIOD]
    events, rest = cohort.events[~periods], (cohort.signals, cohort.clock)
    bare = Cohort.of(people, events, cohort.visits, codes, extras, *rest)
    return replace(loaded, cohort=bare)


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """The tables, loaded into DuckDB under the model's keys and required fields, and from there.

    Raises:
        MissingExtra: DuckDB is not installed.
        SchemaError: keys that do not hold, persons without a birth, or times that are offsets.
    """
    from medsynai.data.cohortfiles.omop_write import write_tables

    return write_tables(cohort, layout, path)
