"""Excel workbooks (.xlsx): one sheet of the source's name, written row by row."""

import io
from collections.abc import Iterator, Sequence
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
    return ExcelFile(file, source, openpyxl)


class ExcelFile:
    """Holds its tables until it is closed, so that a broken run leaves no half-made workbook."""

    def __init__(self, file: IO[bytes], source: Source, openpyxl: Any) -> None:
        self._file, self._source, self._openpyxl = file, source, openpyxl
        self._tables: list[Table] = []

    def append(self, table: Table) -> None:
        """Hold a table's rows.

        Raises:
            FolderError: more rows than a sheet can have.
        """
        self._tables.append(table)
        if sum(map(len, self._tables)) >= ROWS:
            raise FolderError(f"an Excel sheet ends at row {ROWS:,}; write CSV or Parquet instead")

    def close(self, whole: bool) -> None:
        """Write the workbook into the file, if all rows came.

        Raises:
            FolderError: a text with a control character, which no workbook can hold.
        """
        if not whole:
            return
        book = self._openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet((self._source.sheet or "Sheet1")[:31])
        try:
            for row in self._rows():
                sheet.append(row)
        except self._openpyxl.utils.exceptions.IllegalCharacterError:
            raise FolderError(
                "a text has a control character, which Excel cannot hold; write CSV instead"
            ) from None
        finally:
            sheet.close()
        packed = io.BytesIO()  # a ZIP archive that a full disk cut short could not be let go
        book.save(packed)
        self._file.write(packed.getbuffer())

    def _rows(self) -> Iterator[Sequence[Any]]:
        yield [str(self._source.heading(n)) for n in self._tables[0].schema.names]
        for table in self._tables:
            frame = from_canonical(table, self._source)
            if self._source.index:
                frame = frame.reset_index()
            cells = [cells_of(frame.iloc[:, i]) for i in range(frame.shape[1])]
            yield from zip(*cells, strict=True)


def cells_of(values: pd.Series) -> list[Any]:
    """A column as Python values that a cell can hold, None for missing."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    plain = values.astype(object)
    return plain.where(values.notna(), None).tolist()
