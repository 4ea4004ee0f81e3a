"""Excel workbooks (.xlsx): one sheet, the first row holds the column names."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.read import frame as frames
from medsynai.data.read.files import check_file
from medsynai.data.source import Format, Raw
from medsynai.errors import MissingExtra, ReadError

ERRORS = frozenset({"#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"})
ABSENT = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", ".", "?"})


def read(path: Path) -> Raw:
    """The sheet that the workbook opens with.

    Raises:
        MissingExtra: openpyxl is not installed.
        ReadError: not a workbook, an empty sheet, no rows, or nameless columns with values.
    """
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise MissingExtra("reading Excel files", "openpyxl", "excel") from None
    from zipfile import BadZipFile

    check_file(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book.active if hasattr(book.active, "iter_rows") else book.worksheets[0]
            rows = [list(r) for r in sheet.iter_rows(values_only=True)]
            title, sheets = str(sheet.title), len(book.worksheets)
        finally:
            book.close()
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, IndexError):
        raise ReadError(f"{path} is not a readable Excel workbook (.xlsx)") from None
    rows = [r for r in rows if any(v is not None for v in r)]
    if not rows:
        raise ReadError(f"{path}: sheet {title!r} is empty")
    notes = (f"sheet {title!r} of {sheets} was read",) if sheets > 1 else ()
    return _to_raw(rows, title, notes)


def _to_raw(rows: list[list[Any]], title: str, notes: tuple[str, ...]) -> Raw:
    width = max(i + 1 for row in rows for i, v in enumerate(row) if v is not None)
    header = ["" if v is None else v for v in rows[0][:width]]
    header += [""] * (width - len(header))
    columns, blanks = [], 0
    for place in range(width):
        cells = [row[place] if place < len(row) else None for row in rows[1:]]
        values, found = type_cells(cells)
        columns.append(values)
        blanks += found
    frame = pd.concat(columns, axis=1) if len(rows) > 1 else pd.DataFrame(index=range(0))
    if len(rows) > 1:
        frame.columns = pd.Index([h if isinstance(h, str) else str(h) for h in header])
    if blanks:
        notes += (f"{blanks:,} cells with an Excel error or a word such as NA are missing",)
    raw = frames.read(frame if len(rows) > 1 else _no_rows(header), Format.EXCEL)
    return replace(raw, source=replace(raw.source, sheet=title), notes=notes + raw.notes)


def _no_rows(header: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns=pd.Index([str(h) for h in header]))


def type_cells(cells: Iterable[Any]) -> tuple[pd.Series, int]:
    """A sheet's column in the dtype of its cells, and how many cells count as missing.

    Excel's error values are missing; words such as NA are missing in a column of numbers or dates.
    """
    cells = list(cells)
    values = [None if v in ERRORS else v for v in cells]
    words = {v for v in values if isinstance(v, str)}
    if words <= ABSENT and any(v is not None and not isinstance(v, str) for v in values):
        values = [None if isinstance(v, str) else v for v in values]
    blanks = sum(v is None for v in values) - sum(v is None for v in cells)
    kinds = {type(v) for v in values if v is not None}
    absent = None in values
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if absent else "bool"), blanks
    if kinds == {int} and all(abs(v) < 2**63 for v in values if v is not None):
        return pd.Series(values, dtype="Int64" if absent else "int64"), blanks
    if kinds and kinds <= {int, float}:
        return pd.Series(values, dtype="float64"), blanks
    if kinds and kinds <= {datetime, date}:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object))), blanks
    return pd.Series(values, dtype=object), blanks
