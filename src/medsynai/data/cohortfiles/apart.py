"""A cohort from CSV tables, every line by itself: what one patient's lines hold changes no other.

The usual readers look at whole columns, count what is wrong, and refuse; under differential privacy
each of these would tell of the patients. Here a person said what the columns are, or the header
does, and what stands below the header raises nothing.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles.layout import JOINED, Layout, Part, Sheet
from medsynai.data.cohortfiles.long import roles
from medsynai.data.cohortfiles.tables import DECLARED, declared
from medsynai.data.read import apart
from medsynai.errors import ReadError, SchemaError

READ = {Part.SUBJECTS, Part.EVENTS}
ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")
OF_EVENTS = ("subject_id", "time", "code", "value", "kind", "unit")
LEFT = ("visit_id", "end_time", "text", "description")  # a private model learns none of them


@dataclass(frozen=True)
class Apart:
    """What was read.

    Attributes:
        layout: the form in which patients are written again; it is public.
        suffix: of the file; "" for a folder.
    """

    cohort: Cohort
    layout: Layout
    suffix: str


def read_apart(path: Path, clock: Clock) -> Apart:
    """A long CSV file, or a folder of CSV files with a `cohort.toml`.

    Patients are those that the tables of subjects name, the first line of each counting; without
    such a table, those of the events. Lines without a key, and events of other patients, are left
    out.

    Args:
        path: the file or folder.
        clock: what times are, as a contract says.

    Raises:
        ReadError: files that are not there, or no columns for patient, time and code.
        SchemaError: a layout with visits, or of another clock.
    """
    if path.is_dir():
        layout = declared(path / DECLARED)
        if layout.clock is not clock:
            raise SchemaError("cohort.toml and the contract say different clocks")
        if any(s.part not in READ for s in layout.sheets) or not layout.of(Part.EVENTS):
            raise SchemaError("a private cohort has tables of subjects and of events, no others")
        files = [_file(path, s) for s in layout.sheets]
    else:
        header = apart.read(path).frame.columns
        columns = {k: v for k, v in roles(tuple(header)).items() if k not in LEFT}
        name = path.name.split(".")[0]
        layout = Layout("long", (Sheet(name, Part.EVENTS, dict(columns), kind="event"),), clock)
        files = [path]
    frames = [apart.read(f).frame for f in files]
    pairs = list(zip(layout.sheets, frames, strict=True))
    plain = replace(layout, sheets=tuple(_bare(s) for s in layout.sheets))
    people = [_people(s, f) for s, f in pairs if s.part is Part.SUBJECTS]
    events = pd.concat([_events(s, f) for s, f in pairs if s.part is Part.EVENTS])
    subjects = None
    if people:
        wide = people[0]
        for more in people[1:]:
            fresh = [c for c in more if c not in wide or c == "subject_id"]
            wide = wide.merge(more[fresh], on="subject_id", how="left")
        subjects = wide
    cohort = Cohort.of(subjects, events.reset_index(drop=True), clock=clock)
    suffix = "" if path.is_dir() else "".join(path.suffixes[-2:])
    return Apart(cohort, plain, suffix)


def _file(folder: Path, sheet: Sheet) -> Path:
    for ending in ("", *ENDINGS):
        file = folder / f"{sheet.file or sheet.name}{ending}"
        if file.is_file():
            return file
    raise ReadError(f"{folder}: no CSV file for the table {sheet.name!r} of cohort.toml")


def _bare(sheet: Sheet) -> Sheet:
    """What is written again: of events, what a private model draws; plain CSV."""
    kept = {k: v for k, v in sheet.columns.items() if k not in LEFT}
    return Sheet(sheet.name, sheet.part, kept, sheet.kind)


def _text(sheet: Sheet, frame: pd.DataFrame, column: str) -> pd.Series:
    """A cohort's column as texts; None for an empty cell, or where the table has none."""
    names = sheet.named(column)
    if absent := [n for n in names if n not in frame]:
        raise ReadError(f"table {sheet.name!r} has no column {absent[0]!r}")
    if not names:
        fixed = sheet.kind if column == "kind" and sheet.kind else None
        return pd.Series(fixed, index=frame.index, dtype=object)
    parts = [frame[n].astype(object) for n in names]
    joined = pd.Series([JOINED.join(row) for row in zip(*parts, strict=True)], index=frame.index)
    whole = pd.Series(np.all([p != "" for p in parts], axis=0), index=frame.index)
    return joined.astype(object).where(whole, None)


def _events(sheet: Sheet, frame: pd.DataFrame) -> pd.DataFrame:
    for need in ("subject_id", "time", "code"):
        if not sheet.named(need) and not (need == "code" and sheet.kind):
            raise ReadError(f"table {sheet.name!r}: no column is said to hold the {need}")
    found = pd.DataFrame({c: _text(sheet, frame, c) for c in OF_EVENTS})
    if not sheet.named("code"):
        found["code"] = sheet.kind
    for name in ("time", "value"):
        found[name] = pd.to_numeric(found[name], errors="coerce").astype("float64")
    return found[found["subject_id"].notna() & found["code"].notna()]


def _people(sheet: Sheet, frame: pd.DataFrame) -> pd.DataFrame:
    """One line a patient: the mapped columns, then all others by their own names."""
    if not sheet.named("subject_id"):
        raise ReadError(f"table {sheet.name!r}: no column is said to hold the subject_id")
    mapped = {c: _text(sheet, frame, c) for c in sheet.columns}
    rest = {c: frame[c] for c in frame if c not in sheet.mapped and c not in mapped}
    people = pd.DataFrame(mapped | rest)
    people = people[people["subject_id"].notna()].drop_duplicates("subject_id")
    times = [c for c in ("birth", "death", "entry", "exit") if c in people]
    return people.drop(columns=times)  # offsets of a life's ends are not learnt under a budget
