"""Writing: a table in the form that its source had, whole or in parts, never half a file."""

import gzip
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import IO, Protocol, Self, cast

from medsynai.data.source import Format, Source
from medsynai.data.table import Table
from medsynai.data.write.cells import close_cells
from medsynai.errors import FolderError

# A new format is one file with `open_file(file, source) -> Appender`, and a row here.
WRITERS: dict[Format, str] = {
    Format.CSV: "csv",
    Format.PARQUET: "parquet",
    Format.EXCEL: "excel",
    Format.STATA: "stats",
    Format.SPSS: "stats",
    Format.SAS: "stats",
}


class Appender(Protocol):
    """An open file that takes one table after another."""

    def append(self, table: Table) -> None:
        """Write the rows behind those before."""
        ...

    def close(self, whole: bool) -> None:
        """Let go; where all rows came, write what is held back. The owner closes the file."""
        ...


def write(table: Table, source: Source, path: Path) -> None:
    """Write a table to one file, in the source's form where the ending of `path` is the source's.

    Frames and database tables have no file form of their own and are written as CSV or whatever
    else the ending of `path` asks for (`Source.written_to`).

    Raises:
        FolderError: an ending that cannot be written, or a file that cannot be.
        SchemaError: values that do not fit the source's types.
        MissingExtra: a format whose optional dependency is not installed.
    """
    with Writer(path, source) as writer:
        writer.append(table)


class Writer:
    """Takes tables one after another into one file; it appears under its name when complete.

    CSV and Parquet are written as the tables come, with flat memory; Excel (at most 1,048,576
    rows) and statistics files (Stata, SPSS, SAS), which say at the top how many rows follow, are
    held until the end. Without any table no file is made; after an error none is left.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self._path = path
        # a name of its own: another run may be writing the same file
        self._part = path.with_name(f".{path.name}.{token_hex(4)}.part")
        self._source = source.written_to(path)
        self._stack = ExitStack()
        self._appender: Appender | None = None

    def __enter__(self) -> Self:
        return self

    def append(self, table: Table) -> None:
        """Write the rows of one more table behind those before.

        Raises:
            FolderError: the file cannot be written, e.g. because the disk is full.
            SchemaError: values that do not fit the source's types.
        """
        try:
            whole, source = close_cells(table, self._source)
            if self._appender is None:
                self._appender = self._open(source)
            self._appender.append(whole)
        except OSError as error:
            raise self._failure(error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        whole = kind is None
        try:
            # First the appender, then its file; the file is closed even if the appender fails.
            self._stack.callback(self._close, whole)
            self._stack.close()
            if whole and self._appender is not None:
                self._part.replace(self._path)
        except OSError as failure:
            if whole:
                raise self._failure(failure) from None
        finally:
            self._part.unlink(missing_ok=True)

    def _close(self, whole: bool) -> None:
        if self._appender is not None:
            self._appender.close(whole)

    def _open(self, source: Source) -> Appender:
        file: IO[bytes] = self._stack.enter_context(self._part.open("wb"))
        if self._source.compressed:
            # No name and no time in the header: the same rows give the same bytes.
            packed = self._stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
            file = cast(IO[bytes], packed)
        module = import_module(f"medsynai.data.write.{WRITERS[self._source.format]}")
        opener: Callable[[IO[bytes], Source], Appender] = module.open_file
        return opener(file, source)

    def _failure(self, error: OSError) -> FolderError:
        reason = error.strerror or "the disk refused it"
        return FolderError(f"{self._path} cannot be written: {reason}")
