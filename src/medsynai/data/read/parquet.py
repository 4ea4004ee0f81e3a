"""Parquet files, by Arrow; each column's Arrow type is noted so that it can be written again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from medsynai.data.read import frame as frames
from medsynai.data.read.files import check_file
from medsynai.data.source import Format, Raw
from medsynai.errors import ReadError


def read(path: Path) -> Raw:
    """A Parquet file.

    Raises:
        ReadError: not a Parquet file, no rows, or nested columns.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(check_file(path)).read()
    except (pa.ArrowException, OSError):
        raise ReadError(f"{path} is not a readable Parquet file") from None
    types = {str(field.name): field.type for field in table.schema}
    nested = [name for name, kind in types.items() if pa.types.is_nested(kind)]
    if nested:
        raise ReadError(
            f"column {nested[0]!r} holds lists or records; flatten it into plain columns"
        )
    if len(types) < len(table.schema):
        raise ReadError(f"{path} has duplicate column names; rename them")
    raw = frames.read(_plain_decimals(table).to_pandas(date_as_object=True), Format.PARQUET)
    source = raw.source
    forms = {
        name: replace(source.form(name), native=str(types[str(source.heading(name))]))
        for name in source.names
        if str(source.heading(name)) in types
    }
    return replace(raw, source=source.forming(forms))


def _plain_decimals(table: Any) -> Any:
    """Exact decimals as float64, which is how numbers are held here."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            plain = table.column(place).cast(pa.float64())
            table = table.set_column(place, field.name, plain)
    return table
