"""Cells that hold more than a plain number, closed as the source had them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.numerals import mark_numbers, round_numbers, write_numbers
from medsynai.data.schema import Column, Kind
from medsynai.data.source import MIXED, PLAIN, Cell, Source
from medsynai.data.table import Table


def close_cells(table: Table, source: Source) -> tuple[Table, Source]:
    """The table with its cells as the source had them, and the source without them."""
    frame, schema, header = table.frame, table.schema, list(source.header)
    forms = dict(source.forms)
    for name, cell in source.cells.items():
        parts = cell.parts(name)
        if any(p not in schema for p in parts):
            continue
        first, form = schema[parts[0]], forms.pop(parts[0], PLAIN)
        stored = "str" if source.format.is_text else first.storage
        stored = "object" if form.stored == MIXED else stored
        texts = _closed([frame[p] for p in parts], [schema[p] for p in parts], cell, source)
        whole = Column(name, Kind.TEXT, storage=stored, missing=True)
        columns: list[Column] = []
        for column in schema.columns:
            columns += [whole] if column.name == parts[0] else []
            columns += [] if column.name in parts else [column]
        if cell.glue:
            forms.pop(parts[1], None)
            place = header.index(parts[0])
            header[place : place + 2] = [cell.heading]
        forms[name] = replace(form, marked=False, places=0)
        schema = replace(schema, columns=tuple(columns))
        frame = frame.assign(**{name: texts})[list(schema.names)]
    closed = replace(source, header=tuple(header), cells={}, forms={})
    return Table(frame, schema, table.origin), closed.forming(forms)


def _closed(values: list[pd.Series], columns: list[Column], cell: Cell, source: Source) -> Any:
    """(rows,) texts of cells; None where a part of one is missing."""
    whole = np.stack([v.to_numpy("float64") for v in values])
    whole[np.isnan(whole)] = np.inf  # equal to itself
    words, keys = np.unique(whole, axis=1, return_inverse=True)
    sides = [_written(w, column, cell, source) for w, column in zip(words, columns, strict=True)]
    gone = np.isinf(words).any(axis=0).tolist()
    texts = [
        None if absent else cell.glue.join(pair) + cell.unit
        for *pair, absent in zip(*sides, gone, strict=True)
    ]
    return np.array([*texts, None], dtype=object)[keys.ravel()]


def _written(numbers: np.ndarray, column: Column, cell: Cell, source: Source) -> list[str]:
    form = source.form(column.name)
    there = np.where(np.isinf(numbers), 0.0, numbers)
    texts = write_numbers(there, column, form)
    limits = {float(n): t for t, n in reversed(cell.limits.items())}  # the usual spelling is first
    rounded = round_numbers(there, column.decimals or 0) if limits else there
    texts = [limits.get(x, t) for x, t in zip(rounded.tolist(), texts, strict=True)]
    return mark_numbers(texts, source) if form.marked else texts
