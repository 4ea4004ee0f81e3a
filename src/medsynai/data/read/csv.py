"""Delimited text: every field as the text that stood there ("007" stays "007"), "" where empty."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.read.dialect import sniff
from medsynai.data.read.files import check_file, open_bytes
from medsynai.data.read.marks import plain_numbers
from medsynai.data.source import Raw, Source
from medsynai.errors import ReadError

BLOCK = 1 << 24
FALLBACKS = {"utf-8": "cp1252", "cp1252": "latin-1"}
SPLIT = "fields are split by "  # how the note about another delimiter begins
NOT_UTF8 = "the file is not UTF-8; its letters were read as Windows-1252 (Latin-1)"


def read(path: Path, bare: bool = False) -> Raw:
    """A delimited file, packed with gzip or not.

    Args:
        path: the file.
        bare: column names without any row will do.

    Raises:
        ReadError: a file that is absent, empty, damaged, not text, without rows, with ragged rows
            or with two columns of one name.
    """
    source = sniff(check_file(path))
    fields, source = parse_fields(path, source)
    if fields.num_rows < 2 and not bare:
        raise ReadError(f"{path} has column names but no rows")
    _refuse_open_quote(fields, path)
    frame = pd.DataFrame(
        {name: _texts(fields.column(i)) for i, name in enumerate(source.names)}, copy=False
    )
    frame, source, notes = plain_numbers(frame.iloc[1:].reset_index(drop=True), source)
    return Raw(frame, source, _notes(source) + notes)


def parse_fields(path: Path, source: Source) -> tuple[Any, Source]:
    """All fields, header row included, as an Arrow table of strings; and the encoding that fits."""
    import pyarrow as pa

    block = BLOCK
    while True:
        try:
            return _read_arrow(path, source, block), source
        except UnicodeDecodeError:
            encoding = FALLBACKS.get(source.encoding)
        except pa.ArrowInvalid as error:
            # Only the library's own words are looked at; they may quote a cell and go no further.
            if "straddling" in str(error) and block < path.stat().st_size * 1100:
                block *= 16
                continue
            encoding = FALLBACKS.get(source.encoding) if "UTF8" in str(error) else None
        if encoding is None:
            raise ReadError(f"{path} cannot be read as {source.encoding} text")
        source = replace(source, encoding=encoding)


def _read_arrow(path: Path, source: Source, block: int) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(i) for i in range(len(source.header))]
    ragged: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number, row.actual_columns))
        return "skip" if len(ragged) < 100 else "error"

    try:
        with open_bytes(path) as file, _unheard():
            table = csv.read_csv(
                file,
                # One thread: with more, rows have no numbers for the message about ragged ones.
                csv.ReadOptions(
                    use_threads=False,
                    column_names=names,
                    encoding="utf8" if source.encoding == "utf-8" else source.encoding,
                    block_size=min(block, (1 << 31) - 1),
                ),
                csv.ParseOptions(
                    delimiter=source.delimiter, newlines_in_values=True, invalid_row_handler=note
                ),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
    except pa.ArrowInvalid:
        if not ragged:
            raise
    if ragged:
        row, found = ragged[0]
        raise ReadError(
            f"{path}: row {row} (the header is row 1) has {found} fields, the header "
            f"{len(names)}; "
            + ("100 or more rows differ so" if len(ragged) > 99 else f"{len(ragged)} rows differ")
            + ". Put fields that hold the delimiter into quotes"
        )
    return table


@contextmanager
def _unheard() -> Iterator[None]:
    """Arrow has no traceback of its own on the screen for a ragged row that is no text."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _texts(column: Any) -> np.ndarray[Any, Any]:
    """Python strings, one object for each distinct text: a column of few levels stays small."""
    coded = column.combine_chunks().dictionary_encode()
    words = np.empty(len(coded.dictionary), dtype=object)
    words[:] = coded.dictionary.to_pylist()
    texts: np.ndarray[Any, Any] = words[coded.indices.to_numpy()]
    return texts


def _refuse_open_quote(fields: Any, path: Path) -> None:
    """A quote that is never closed swallows the rest of the file into the last field."""
    last = fields.slice(fields.num_rows - 1).to_pylist()[0].values()
    if not any("\n" in text for text in last):
        return
    with open_bytes(path) as file:
        quotes = sum(block.count(b'"') for block in iter(lambda: file.read(BLOCK), b""))
    if quotes % 2:
        raise ReadError(f"{path}: a quoted field near row {fields.num_rows} is never closed")


def _notes(source: Source) -> tuple[str, ...]:
    notes = []
    if source.encoding in FALLBACKS.values():
        notes.append(NOT_UTF8)
    if source.delimiter != ",":
        name = {"\t": "tabs"}.get(source.delimiter, f"'{source.delimiter}'")
        notes.append(f"{SPLIT}{name}")
    nameless = [n for n, h in zip(source.names, source.header, strict=True) if not str(h).strip()]
    if nameless:
        notes.append(f"columns without a name are called {', '.join(nameless)}")
    return tuple(notes)
