"""Parquet, one row group or more for each table, in the Arrow types that the source had."""

import re
from typing import IO, Any

import pandas as pd

from medsynai.data.canonical import from_canonical
from medsynai.data.schema import Column
from medsynai.data.source import Form, Source
from medsynai.data.table import Table
from medsynai.errors import SchemaError

HELD = {"date": "date32", "bool": "bool", "int": "int64", "float": "double", "decimal": "double"}
HELD |= {"time": "time64[us]"}
TEXTS = ("str", "object", "string")
DICTIONARY = re.compile(r"dictionary<values=(.+), indices=(\w+), ordered=([01])>")


def open_file(file: IO[bytes], source: Source) -> "ParquetFile":
    """An open Parquet file that takes tables."""
    return ParquetFile(file, source)


class ParquetFile:
    """An open Parquet file: the first table settles the types, every table adds row groups."""

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self._file = file
        self._source = source
        self._writer: Any = None
        self._schema: Any = None

    def append(self, table: Table) -> None:
        """Write a table's rows as row groups."""
        import pyarrow as pa
        from pyarrow import parquet

        arrow = to_arrow(table, self._source)
        if self._writer is None:
            self._schema = arrow.schema
            self._writer = parquet.ParquetWriter(self._file, self._schema)
        self._writer.write_table(pa.Table.from_arrays(arrow.columns, schema=self._schema))

    def close(self, whole: bool) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


def to_arrow(table: Table, source: Source) -> Any:
    """The table in the user's dtypes as an Arrow table; pandas finds its dtypes again.

    Raises:
        SchemaError: values that do not fit the source's Arrow type; names the column.
    """
    import pyarrow as pa

    frame = from_canonical(table, source)
    plain = pa.Table.from_pandas(frame, preserve_index=bool(source.index) or False)
    ahead = len(plain.column_names) - len(source.index)
    arrays, fields = [], []
    order = [n for n in table.schema.names if n not in source.index]
    for place, head in enumerate(plain.column_names):
        name = order[place] if place < ahead else source.index[place - ahead]
        column, values = table.schema[name], plain.column(place)
        try:
            wanted = arrow_type(column, source.form(name))
            values = values if wanted is None else values.cast(wanted, safe=False)
        except (pa.ArrowException, ValueError):
            raise SchemaError(
                f"column {name!r} cannot be written as the source's type "
                f"{source.form(name).native or column.storage}"
            ) from None
        arrays.append(values)
        fields.append(pa.field(head, values.type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, plain.schema.metadata))


def arrow_type(column: Column, form: Form) -> Any:
    """The Arrow type of a column; None where the values' own type will do.

    Raises:
        ValueError: a type that Arrow does not know.
    """
    import pyarrow as pa

    if form.native:
        return parse_type(form.native)
    if form.stored:
        return parse_type(HELD[form.stored])
    if column.storage == "category":
        inner = form.levels or "object"
        ordered = form.ordered or (column.kind == "ordinal" and not form.levels)
        values = pa.string() if inner in TEXTS else pa.array(pd.Series([], dtype=inner)).type
        return pa.dictionary(pa.int32(), values, ordered=ordered)
    if column.storage in TEXTS:
        return pa.string()
    return pa.array(pd.Series([], dtype=column.storage)).type


def parse_type(text: str) -> Any:
    """An Arrow type from how it prints.

    >>> str(parse_type("dictionary<values=string, indices=int8, ordered=0>"))
    'dictionary<values=string, indices=int8, ordered=0>'
    >>> str(parse_type("timestamp[us, tz=UTC]")), str(parse_type("decimal128(10, 2)"))
    ('timestamp[us, tz=UTC]', 'decimal128(10, 2)')

    Raises:
        ValueError: a type that Arrow does not know.
    """
    import pyarrow as pa

    if match := DICTIONARY.fullmatch(text):
        return pa.dictionary(
            pa.type_for_alias(match[2]), parse_type(match[1]), ordered=match[3] == "1"
        )
    if match := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", text):
        return pa.timestamp(match[1], match[2])
    if match := re.fullmatch(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)", text):
        return getattr(pa, f"decimal{match[1]}")(int(match[2]), int(match[3]))
    return pa.type_for_alias(text)
