r"""Delimited text, every line by itself: what one patient's line holds changes no other line.

The usual reader looks at the whole file to find delimiter, encoding, quotes and decimal marks, and
refuses ragged rows; under differential privacy each of these would tell of the rows. Here the
header, which is public, decides; a line that has not its number of fields is left out, so no field
may hold a line break.
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.read.dialect import DELIMITERS
from medsynai.data.read.files import check_file, open_bytes
from medsynai.data.source import Format, Raw, Source
from medsynai.errors import ReadError


def read(path: Path) -> Raw:
    """A delimited file in UTF-8, packed with gzip or not; a field ends with its line.

    Raises:
        ReadError: no file, or no header. What stands below the header raises nothing.
    """
    with open_bytes(check_file(path)) as file:
        text = file.read().decode("utf-8", errors="replace").removeprefix("\ufeff")
    head, *lines = text.replace("\r\n", "\n").split("\n")
    if not head.strip():
        raise ReadError(f"{path} has no header in its first line")
    delimiter = max(DELIMITERS, key=head.count)
    header = _fields(head, delimiter)
    rows = [row for row in (_fields(v, delimiter) for v in lines) if len(row) == len(header)]
    table = np.array(rows, dtype=object).reshape(len(rows), len(header))
    source = Source(Format.CSV, tuple(header), delimiter=delimiter)
    return Raw(pd.DataFrame(table, columns=list(source.names), dtype=object), source)


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of one line; none of a line that a broken quote runs through."""
    if line.count('"') % 2:
        return []
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field of more than 131,072 characters
        return []
