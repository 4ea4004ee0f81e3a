"""Excel workbooks (.xlsx): one sheet of the source's name, written row by row."""

from typing import IO, Any

import pandas as pd

from medsynai.data.canonical import from_canonical
from medsynai.data.source import Source
from medsynai.data.table import Table
from medsynai.errors import FolderError, MissingExtra

ROWS = 1_048_576  # of a sheet, its header included


def open_file(file: IO[bytes], source: Source) -> "ExcelFile":
    """An open workbook that takes tables.

    Raises:
        MissingExtra: openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise MissingExtra("writing Excel files", "openpyxl", "excel") from None
    return ExcelFile(file, source, openpyxl.Workbook(write_only=True))


class ExcelFile:
    """An open workbook; openpyxl keeps its rows in a file of its own until it is closed."""

    def __init__(self, file: IO[bytes], source: Source, book: Any) -> None:
        self._file, self._source, self._book = file, source, book
        self._sheet = book.create_sheet((source.sheet or "Sheet1")[:31])
        self._rows = 0

    def append(self, table: Table) -> None:
        """Write a table's rows.

        Raises:
            FolderError: more rows than a sheet can have.
        """
        if not self._rows:
            self._sheet.append([str(self._source.heading(n)) for n in table.schema.names])
            self._rows = 1
        self._rows += len(table)
        if self._rows > ROWS:
            raise FolderError(f"an Excel sheet ends at row {ROWS:,}; write CSV or Parquet instead")
        frame = from_canonical(table, self._source)
        if self._source.index:
            frame = frame.reset_index()
        cells = [cells_of(frame.iloc[:, i]) for i in range(frame.shape[1])]
        for row in zip(*cells, strict=True):
            self._sheet.append(row)

    def close(self) -> None:
        """Write the workbook into the file."""
        self._book.save(self._file)


def cells_of(values: pd.Series) -> list[Any]:
    """A column as Python values that a cell can hold, None for missing."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    plain = values.astype(object)
    return plain.where(values.notna(), None).tolist()
