"""One CSV or Parquet file of events: a row for each patient, time and code, with a value."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.known import header_of
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Named, Part, Sheet
from medsynai.data.cohortfiles.texts import read_texts, stem
from medsynai.data.names import words
from medsynai.errors import ReadError

# Words of a column's name, by what it holds; the first that fits counts.
WORDS = {
    "visit_id": "hadm visit encounter stay admission episode",
    "subject_id": "patient subject person record pat mrn participant",
    "end_time": "end stop endtime stoptime",
    "time": "time timestamp date datetime charttime when minute minutes hour hours day days second"
    " seconds offset start",
    "code": "code parameter item itemid concept variable event name test icd loinc drug",
    "value": "value valuenum result amount numeric",
    "text": "text",
    "unit": "unit units valueuom uom",
    "kind": "kind type category domain",
}
ROLES = {role: tuple(said.split()) for role, said in WORDS.items()}
BESIDE = ("id", "ids", "no", "nr", "number", "num", "key", "value", "measured", "time", "date")
CLOCKS = {c: tuple(c.value.removesuffix("s") + s for s in ("", "s")) for c in Clock}


def roles(header: tuple[str, ...]) -> dict[str, str]:
    """What each column holds, by its name; columns of no known name are left out.

    >>> roles(("RecordID", "minute", "parameter", "value"))
    {'subject_id': 'RecordID', 'time': 'minute', 'code': 'parameter', 'value': 'value'}
    """
    found: dict[str, str] = {}
    for name in header:
        said = words(name)
        for role, known in ROLES.items():
            rest = [w for w in said if w not in known and w not in BESIDE]
            if role not in found and not rest and any(w in known for w in said):
                found[role] = name
                break
    return found


def recognise(path: Path) -> bool:
    """Whether a file's columns are a patient, a time, a code, and nothing that has no place."""
    if not path.is_file() or stem(path) is None:
        return False
    try:
        header = header_of(path)
    except ReadError:
        return False  # whoever reads it as a table says what is wrong
    found = roles(header)
    return {"subject_id", "time", "code"} <= set(found) and len(found) == len(header)


def clock_of(name: str) -> Clock | None:
    """The unit that a column of offsets names itself by; None for one that may hold moments."""
    return next((c for c, said in CLOCKS.items() if set(words(name)) & set(said)), None)


def sheet_of(path: Path, name: str = "") -> tuple[Sheet, Clock]:
    """A long file as the only table of a layout, and what its times are.

    Raises:
        ReadError: no column for the patient, the time or the code.
    """
    header = header_of(path)
    found = roles(header)
    absent = {"subject_id", "time", "code"} - set(found)
    if absent:
        raise ReadError(
            f"{path}: no column is seen to hold the {', '.join(sorted(absent))}; declare the "
            "columns in a cohort.toml"
        )
    columns: dict[str, Named] = dict(found)
    if "value" in found and "text" not in found:
        columns["text"] = found["value"]
    sheet = Sheet(name or stem(path) or "events", Part.EVENTS, columns, kind="event")
    return sheet, clock_of(found["time"]) or _clock(path, sheet)


def _clock(path: Path, sheet: Sheet) -> Clock:
    """Hours for plain numbers in a column that does not say what they count; else the calendar."""
    frame, _ = read_texts(path, sheet, path.parent)
    texts = frame[sheet.named("time")[0]].dropna()
    return Clock.HOURS if len(texts) and mostly_numbers(texts) else Clock.CALENDAR


def mostly_numbers(texts: pd.Series) -> bool:
    """Whether more than half of these are offsets, so that the others are seen to be none."""
    return bool(texts.str.fullmatch(r"[+-]?\d{1,7}(\.\d*)?").mean() > 0.5)


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A file of events as a cohort; its patients are those that it names."""
    sheet, clock = sheet_of(path)
    files = {sheet.name: path}
    loaded = sheets.read(path.parent, Layout("long", (sheet,), clock), files)
    if clock is Clock.HOURS and clock_of(str(sheet.named("time")[0])) is None:
        note = f"{sheet.named('time')[0]!r} holds plain numbers, taken for hours since entry"
        loaded = replace(loaded, notes=(*loaded.notes, note))
    return loaded


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """One file again."""
    if not layout.sheets:
        columns = {c: c for c in ROLES}
        sheet = Sheet("events", Part.EVENTS, {**columns})
        layout = Layout("long", (sheet,), cohort.clock)
    with TemporaryDirectory(dir=path.parent, prefix=".part-") as part:
        plain = replace(layout, sheets=(replace(layout.sheets[0], file=path.name),))
        notes = sheets.write(cohort, plain, Path(part))
        shutil.move(Path(part) / path.name, path)
    statics = [n for n in cohort.subjects if n not in ("subject_id",)]
    told = [n for n in statics if cohort.subjects[n].notna().any()]
    return notes + ((f"not written: {len(told)} columns of subjects",) if told else ())
