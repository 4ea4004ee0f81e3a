"""Reading: a file, a database table or a frame becomes a `Table`, and how it looked is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from medsynai.data.canonical import Misfit, fit_canonical, to_canonical
from medsynai.data.read.forms import note_forms
from medsynai.data.schema import Schema
from medsynai.data.source import Raw, Source, hide_password, suffix_of
from medsynai.data.table import Table
from medsynai.errors import ReadError

# A new format is one file with `read(path) -> Raw`, and a row here.
READERS: dict[str, str] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".txt": "csv",
    ".txt.gz": "csv",
    ".dat": "csv",
    ".data": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".dta": "stats",
    ".sav": "stats",
    ".zsav": "stats",
    ".sas7bdat": "stats",
    ".xpt": "stats",
}
OUTSIDE = ("http://", "https://", "ftp://", "s3://", "gs://")


@dataclass(frozen=True)
class Loaded:
    """A table as it was read.

    Attributes:
        source: what it looked like, for the writer.
        notes: what a person should know about the reading, without any cell's value.
        misfits: what did not fit the schema; only `judge_by` leaves any.
    """

    table: Table
    source: Source
    notes: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()


def read(source: str | Path | pd.DataFrame, schema: Schema | None = None) -> Loaded:
    """A real table in canonical form.

    Args:
        source: a file, a frame, or a database URL with a table or query behind `::`, e.g.
            "sqlite:///clinic.db::visits".
        schema: what the columns are; inferred where there is none.

    Raises:
        ReadError: a source that cannot be read as a table.
        SchemaError: data that do not fit the schema.
        MissingExtra: a format whose optional dependency is not installed.
    """
    raw = read_raw(source)
    if schema is None:
        from medsynai.data.infer import infer

        schema = infer(raw.frame, raw.source.format.is_text)
    return with_schema(raw, schema)


def judge_by(source: str | Path | pd.DataFrame, schema: Schema) -> Loaded:
    """Anybody's synthetic table in the real data's schema; what does not fit is counted.

    Values that cannot be held (unknown levels, texts among numbers) become missing; columns that
    the schema does not list are left out with a note.

    Raises:
        ReadError: a source that cannot be read as a table.
        SchemaError: a column of the schema that is absent.
    """
    raw = read_raw(source)
    frame, misfits = fit_canonical(raw.frame, schema, raw.source)
    extra = [n for n in raw.source.names if n not in schema]
    notes = (f"left out, not in the schema: {', '.join(extra)}",) if extra else ()
    table = Table(frame, schema, "synthetic")
    return Loaded(table, note_forms(raw, schema), raw.notes + notes, misfits)


def read_raw(source: str | Path | pd.DataFrame) -> Raw:
    """A source before its columns have a meaning: what `infer` looks at.

    Raises:
        ReadError: a source that cannot be read as a table, or an ending that is not known.
        MissingExtra: a format whose optional dependency is not installed.
    """
    if isinstance(source, pd.DataFrame):
        from medsynai.data.read import frame

        return frame.read(source)
    if isinstance(source, str) and "://" in source:
        if source.lower().startswith(OUTSIDE):
            raise ReadError(f"{hide_password(source)}: download it first; nothing is fetched here")
        from medsynai.data.read import database

        return database.read(source)
    path = Path(source)
    suffix = suffix_of(path, READERS)
    if suffix is None and not path.is_dir():
        known = ", ".join(READERS)
        raise ReadError(f"{path}: cannot tell the format by its ending; known endings: {known}")
    reader: Callable[[Path], Raw] = import_module(
        f"medsynai.data.read.{READERS[suffix or '.csv']}"
    ).read
    return reader(path)


def with_schema(raw: Raw, schema: Schema) -> Loaded:
    """What was read already, in a schema that a person has confirmed.

    Raises:
        SchemaError: data that do not fit the schema.
    """
    frame = to_canonical(raw.frame, schema, raw.source)
    return Loaded(Table(frame, schema), note_forms(raw, schema), raw.notes)
