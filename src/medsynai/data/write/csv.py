"""Delimited text as the source had it: marks, decimals, quotes, encoding and line ends."""

import re
from typing import IO, Any

import numpy as np
import pandas as pd

from medsynai.data.canonical import write_dates
from medsynai.data.numerals import mark_numbers, write_numbers
from medsynai.data.schema import Column, Kind
from medsynai.data.source import Form, Source
from medsynai.data.table import Table
from medsynai.errors import SchemaError

ROWS = 100_000  # a block of text held at once
BOMS = {"utf-8": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
Array = np.ndarray[Any, Any]


def open_file(file: IO[bytes], source: Source) -> "CsvFile":
    """An open CSV file that takes tables."""
    return CsvFile(file, source)


class CsvFile:
    """An open CSV file: one header, then the rows of each table."""

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self._file = file
        self._source = source
        self._encoding = "utf-16-le" if source.encoding == "utf-16" else source.encoding
        self._needs_quotes = re.compile(rf'["\r\n{re.escape(source.delimiter)}]')
        self._started = False

    def append(self, table: Table) -> None:
        """Write a table's rows, after the header if they are the first."""
        if not self._started:
            self._started = True
            self._file.write(BOMS[self._source.encoding] if self._source.bom else b"")
            heads = [str(self._source.heading(n)) for n in table.schema.names]
            line = self._source.delimiter.join(self._quote(heads, self._source.quoted_header))
            self._encode(line + self._source.newline)
        for start in range(0, len(table), ROWS):
            self._write_block(table, slice(start, start + ROWS))

    def close(self, whole: bool) -> None:
        """Nothing is held back."""

    def _write_block(self, table: Table, rows: slice) -> None:
        """Join the columns' texts row by row, in Arrow: no Python object for a row or cell."""
        import pyarrow as pa
        from pyarrow import compute

        alone = len(table.schema.columns) == 1
        columns = []
        for column in table.schema.columns:
            codes, words = self._words(table.frame[column.name].iloc[rows], column)
            form = self._source.form(column.name)
            # An empty line in a file of one column would be passed over by readers.
            missing = form.missing or ('""' if alone else "")
            texts = pa.array([*self._quote(words, form.quoted), missing], pa.large_string())
            places = pa.array(np.where(codes < 0, len(words), codes))
            columns.append(texts.take(places))
        end = pa.scalar(self._source.newline, pa.large_string())
        glue = pa.scalar(self._source.delimiter, pa.large_string())
        empty = pa.scalar("", pa.large_string())
        lines = compute.binary_join_element_wise(*columns, glue)
        lines = compute.binary_join_element_wise(lines, end, empty)
        # The text of all rows lies end to end in the array's last buffer.
        text = lines.buffers()[2]
        if self._encoding == "utf-8":
            self._file.write(memoryview(text))
        else:
            self._encode(text.to_pybytes().decode())

    def _words(self, values: pd.Series, column: Column) -> tuple[Array, list[str]]:
        """Codes (-1 for missing) and the distinct texts of one column."""
        form = self._source.form(column.name)
        if column.kind.is_number:
            codes, numbers = pd.factorize(values.to_numpy(dtype="float64"))
            return codes, self._mark(write_numbers(numbers, column, form), form)
        if column.kind.is_level:
            return values.cat.codes.to_numpy(), self._mark(values.cat.categories.tolist(), form)
        if column.kind is Kind.DATE:
            values = write_dates(values, column, form.unpadded)
        codes, words = pd.factorize(values.to_numpy(dtype=object))
        return codes, self._mark(words.tolist(), form)

    def _mark(self, words: list[str], form: Form) -> list[str]:
        return mark_numbers(words, self._source) if form.marked else words

    def _quote(self, words: list[str], always: bool) -> list[str]:
        """In quotes: all, or those that hold the delimiter, a quote or a line end."""
        if not always and not self._needs_quotes.search("".join(words)):
            return words
        need = self._needs_quotes.search
        return ['"' + w.replace('"', '""') + '"' if always or need(w) else w for w in words]

    def _encode(self, text: str) -> None:
        try:
            self._file.write(text.encode(self._encoding))
        except UnicodeEncodeError:
            raise SchemaError(
                f"{self._source.encoding}, the source's encoding, lacks a letter of a name or "
                "level; correct the schema, or save the source as UTF-8"
            ) from None
