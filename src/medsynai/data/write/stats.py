"""Stata, SPSS and SAS transport files, by pyreadstat, with value and variable labels."""

import tempfile
from pathlib import Path
from typing import IO, Any

import pandas as pd

from medsynai.data.canonical import from_canonical
from medsynai.data.schema import Column
from medsynai.data.source import Format, Source
from medsynai.data.table import Table
from medsynai.errors import FolderError, MissingExtra


def open_file(file: IO[bytes], source: Source) -> "StatsFile":
    """An open statistics file that takes tables.

    Raises:
        MissingExtra: pyreadstat is not installed.
    """
    try:
        import pyreadstat
    except ImportError:
        purpose = "writing Stata, SPSS and SAS files"
        raise MissingExtra(purpose, "pyreadstat", "stats") from None
    return StatsFile(file, source, pyreadstat)


class StatsFile:
    """Holds its tables until it is closed: these formats say at the top how many rows follow."""

    def __init__(self, file: IO[bytes], source: Source, pyreadstat: Any) -> None:
        self._file, self._source, self._pyreadstat = file, source, pyreadstat
        self._parts: list[pd.DataFrame] = []
        self._columns: tuple[Column, ...] = ()

    def append(self, table: Table) -> None:
        """Hold a table's rows, coded as the file will have them."""
        self._columns = table.schema.columns
        frame = from_canonical(table, self._source)
        if self._source.index:
            frame = frame.reset_index()
        plain = {
            self._head(c): to_codes(frame.iloc[:, i], self._source.form(c.name).labels)
            for i, c in enumerate(self._columns)
        }
        self._parts.append(pd.DataFrame(plain))

    def close(self, whole: bool) -> None:
        """Write all rows, if they all came.

        Raises:
            FolderError: names or values that the format cannot hold.
        """
        if not whole:
            return
        frame = pd.concat(self._parts, ignore_index=True)
        about: dict[str, Any] = {
            "column_labels": {self._head(c): self._source.form(c.name).label for c in self._columns}
        }
        if self._source.format is not Format.SAS:
            about["variable_value_labels"] = self._labels(frame)
            about["variable_format"] = self._formats(frame)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table"
            try:
                self._save(frame, path, about)
            except (self._pyreadstat.PyreadstatError, self._pyreadstat.ReadstatError, ValueError):
                raise FolderError(
                    f"a {self._source.format} file cannot hold these columns; it wants short, "
                    "distinct names of letters, digits and underscores: write CSV or Parquet"
                ) from None
            self._file.write(path.read_bytes())

    def _save(self, frame: pd.DataFrame, path: Path, about: dict[str, Any]) -> None:
        if self._source.format is Format.STATA:
            self._pyreadstat.write_dta(frame, str(path), **about)
        elif self._source.format is Format.SPSS:
            self._pyreadstat.write_sav(frame, str(path), **about)
        else:
            self._pyreadstat.write_xport(frame, str(path), file_format_version=8, **about)

    def _head(self, column: Column) -> str:
        return str(self._source.heading(column.name))

    def _formats(self, frame: pd.DataFrame) -> dict[str, str]:
        """Display formats of the numbers; dates get the format that fits what is written."""
        forms = {self._head(c): self._source.form(c.name).native for c in self._columns}
        return {h: f for h, f in forms.items() if f and frame[h].dtype.kind in "iuf"}

    def _labels(self, frame: pd.DataFrame) -> dict[str, dict[Any, str]]:
        found: dict[str, dict[Any, str]] = {}
        for column in self._columns:
            labels, head = self._source.form(column.name).labels, self._head(column)
            if labels and pd.api.types.is_numeric_dtype(frame[head].dtype):
                whole = frame[head].dtype.kind in "iu"
                found[head] = {int(c) if whole else float(c): w for w, c in labels.items()}
            elif labels:
                found[head] = {code: word for word, code in labels.items()}
        return found


def to_codes(values: pd.Series, labels: dict[str, str]) -> pd.Series:
    """A column as the format holds it: codes for labels, numbers for truth values, "" for none."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        words = values.cat.categories.tolist()
        if labels and all(w in labels for w in words):
            codes = pd.to_numeric(pd.Series([labels[w] for w in words], dtype=object))
            values = values.map(dict(zip(words, codes, strict=True))).astype("float64")
            whole = values.notna().all() and (values == values.round()).all()
            return _shrink(values.astype("int64")) if whole else values
        values = values.astype(values.cat.categories.dtype)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if pd.api.types.is_bool_dtype(values.dtype):
        values = values.astype("Int64")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _shrink(values.astype("float64") if values.isna().any() else values)
    if values.dtype.kind == "M":
        return values
    return values.astype(object).where(values.notna(), "")


def _shrink(values: pd.Series) -> pd.Series:
    """Whole numbers in 32 bits where they fit: none of these formats knows 64."""
    if values.dtype.kind not in "iu" or not len(values):
        return values
    return values.astype("int32") if values.abs().max() < 2_000_000_000 else values
