"""Reading: a file, a database table or a frame becomes a `Table`, and how it looked is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import pandas as pd

from medsynai.data.canonical import fit_canonical, text_of, to_canonical, unlisted
from medsynai.data.misfits import HELD, UNLISTED, Misfit, check_columns, refuse
from medsynai.data.read.cells import asked, open_cells
from medsynai.data.read.forms import note_forms
from medsynai.data.schema import Column, Handling, Kind, Schema
from medsynai.data.source import Raw, Source, hide_password, suffix_of
from medsynai.data.table import Table
from medsynai.errors import ReadError, SchemaError

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
    if schema is not None:
        whole = read_whole(source)
        return with_schema(open_cells(whole, asked(whole, schema)), schema)
    from medsynai.data.infer import infer

    raw = read_raw(source)
    return with_schema(raw, infer(raw.frame, raw.source.format.is_text))


def judge_beside(raws: Sequence[Raw], schema: Schema) -> tuple[Loaded, ...]:
    """Real tables in one schema that need not know all their values: a release's, for instance.

    A release's schema withholds rare levels and rounds ranges, so the real rows behind it break it.
    Levels that it does not list become levels of their own, behind the listed ones; numbers out of
    range and missing cells stay. All is counted in `misfits`, and nothing is lost.

    Raises:
        SchemaError: columns that are not the schema's, or values that it cannot hold (a text
            among numbers).
    """
    for raw in raws:
        check_columns(raw.frame, schema)
    new: dict[str, dict[str, None]] = {}
    found = [unlisted(raw.frame, schema) for raw in raws]
    for name, levels in (item for some in found for item in some.items()):
        new.setdefault(name, {}).update(dict.fromkeys(levels))
    wide = schema.replacing(*(_widened(schema[n], tuple(levels)) for n, levels in new.items()))
    loaded = []
    for raw, some in zip(raws, found, strict=True):
        frame, misfits = fit_canonical(raw.frame, wide, raw.source)
        refuse([m for m in misfits if m.what not in HELD])
        counted = _counted(raw.frame, some)
        kept = (*counted, *misfits)
        loaded.append(Loaded(Table(frame, wide), note_forms(raw, wide), raw.notes, kept))
    return tuple(loaded)


def _widened(column: Column, levels: tuple[str, ...]) -> Column:
    categories = (*(column.categories or ()), *levels)
    many = column.kind is not Kind.ORDINAL and len(categories) > 2
    kind = Kind.CATEGORICAL if many else column.kind
    if kind is Kind.CONSTANT and len(categories) == 2:
        kind = Kind.BINARY
    return replace(column, kind=kind, categories=categories)


def _counted(frame: pd.DataFrame, levels: Mapping[str, tuple[str, ...]]) -> list[Misfit]:
    """How many rows hold a level that the schema does not list."""
    return [
        Misfit(name, UNLISTED, int(frame[name].map(text_of, na_action="ignore").isin(some).sum()))
        for name, some in levels.items()
    ]


def judge_by(
    source: str | Path | pd.DataFrame, schema: Schema, like: Source | None = None
) -> Loaded:
    """Anybody's synthetic table in the real data's schema; what does not fit is counted.

    Values that cannot be held (unknown levels, texts among numbers) become missing; columns that
    the schema does not list are left out with a note, and so are identifiers and texts that the
    synthetic table does not have: no measure looks at them.

    Raises:
        ReadError: a source that cannot be read as a table.
        SchemaError: a column of the schema that measures look at is absent.
    """
    raw = read_raw(source, like)
    here = schema.only(tuple(c.name for c in schema.columns if c.name in raw.frame or _judged(c)))
    absent = [n for n in here.names if n not in raw.frame]
    if absent:
        more = f" and {len(absent) - 5} more" if absent[5:] else ""
        shown = ", ".join(map(repr, absent[:5])) + more
        raise SchemaError(f"the synthetic rows lack the column(s) {shown} of the real ones")
    frame, misfits = fit_canonical(raw.frame, here, raw.source)
    extra = [n for n in raw.source.names if n not in schema]
    unseen = [n for n in schema.names if n not in here]
    notes = (
        *([f"left out, not in the schema: {', '.join(extra)}"] if extra else []),
        *([f"not in the synthetic rows, and not judged: {', '.join(unseen)}"] if unseen else []),
    )
    table = Table(frame, here, "synthetic")
    return Loaded(table, note_forms(raw, here), raw.notes + notes, misfits)


def _judged(column: Column) -> bool:
    """Whether measures look at a column: releases may lack identifiers and texts."""
    return column.kind not in (Kind.IDENTIFIER, Kind.TEXT) and column.handling is not Handling.DROP


def read_raw(source: str | Path | pd.DataFrame, like: Source | None = None) -> Raw:
    """A source before its columns have a meaning: what `infer` looks at.

    Args:
        source: see `read`.
        like: where given, cells of more than a number are opened as in this source.

    Raises:
        ReadError: a source that cannot be read as a table, or an ending that is not known.
        MissingExtra: a format whose optional dependency is not installed.
    """
    return open_cells(read_whole(source), like)


def read_whole(source: str | Path | pd.DataFrame) -> Raw:
    """A source with its cells as they are, whatever they hold: no row decides how others are read.

    Raises:
        ReadError, MissingExtra: see `read_raw`.
    """
    check_source(source)
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
    if suffix is None and not path.exists():
        raise ReadError(f"{path}: no such file or folder")
    if suffix is None and not path.is_dir():
        known = ", ".join(READERS)
        raise ReadError(f"{path}: cannot tell the format by its ending; known endings: {known}")
    reader: Callable[[Path], Raw] = import_module(
        f"medsynai.data.read.{READERS[suffix or '.csv']}"
    ).read
    return reader(path)


def check_source(source: object) -> None:
    """Refuse what is neither a path, a URL nor a frame.

    Raises:
        ReadError: an object of another type.
    """
    if not isinstance(source, str | Path | pd.DataFrame):
        kind = type(source).__name__
        raise ReadError(f"a {kind} is no table; give a path, a database URL or a pandas frame")


def with_schema(raw: Raw, schema: Schema) -> Loaded:
    """What was read already, in a schema that a person has confirmed.

    Raises:
        SchemaError: data that do not fit the schema.
    """
    frame = to_canonical(raw.frame, schema, raw.source)
    return Loaded(Table(frame, schema), note_forms(raw, schema), raw.notes)
