"""Dense CSV files of codes: a row for each patient and a column for each code, 0/1 or counts."""

from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy.sparse as sp

from medsynai.data.codefiles import roles, text_of
from medsynai.data.codes import CodeMatrix, CodeSource, Layout, LoadedCodes
from medsynai.data.read.csv import parse_fields
from medsynai.data.read.dialect import sniff
from medsynai.errors import ReadError

BLOCK = 2_000  # rows made dense at once while writing
SHOWN = 3


def read(path: Path, columns: dict[str, str]) -> LoadedCodes:
    """A dense matrix; the first column is the patient's key where its name says so.

    Raises:
        ReadError: cells that are not whole numbers of 0 or more; the columns are named.
    """
    fields, source = parse_fields(path, sniff(path))
    if fields.num_rows < 2:
        raise ReadError(f"{path} has column names but no rows")
    first = roles(source.names[:1]).get("patient")
    names = source.names[1:] if first else source.names
    places, data, bad = [], [], []
    for name, column in zip(names, fields.columns[bool(first) :], strict=True):
        counts = _counts(column.slice(1))
        if counts is None:
            bad.append(name)
            continue
        where = np.flatnonzero(counts)
        places.append(where)
        data.append(counts[where])
    if bad:
        more = f" and {len(bad) - SHOWN} more" if bad[SHOWN:] else ""
        raise ReadError(
            f"{path}: codes are 0/1 or counts, and other cells are in the column(s) "
            f"{', '.join(map(repr, bad[:SHOWN]))}{more}; take these out, fill empty cells with 0, "
            "or read the file as a table (--kind table)"
        )
    ends = np.cumsum([0, *map(len, places)])
    shape = (fields.num_rows - 1, len(names))
    parts: Any = (np.concatenate(data), np.concatenate(places), ends) if places else None
    whole = sp.csr_array(sp.csc_array(parts, shape=shape))
    keys, patients, held = {}, None, {}
    if first:
        texts = np.array(fields.column(0).to_pylist()[1:], dtype=object)
        whose, patients = np.unique(texts.astype(str), return_inverse=True)
        keys, held = {"patient": whose.astype(object)}, {"patient": first}
    matrix = CodeMatrix.of(whole, names, patients)
    return LoadedCodes(matrix, CodeSource(Layout.DENSE, source, held), keys)


def _counts(column: object) -> np.ndarray | None:
    """(rows,) whole numbers of 0 or more; None if a cell is anything else."""
    import pyarrow as pa
    from pyarrow import compute

    words = compute.unique(column).to_pylist()  # few, so that the check costs nothing
    try:
        values = [int(w) for w in words]
    except ValueError:
        return None
    if min(values) < 0 or max(values) >= 2**31 or any(not w.strip().isdigit() for w in words):
        return None
    place = compute.index_in(column, pa.array(words)).to_numpy()
    counts: np.ndarray = np.array(values, dtype=np.int32)[place]
    return counts


def write(
    matrix: CodeMatrix, keys: dict[str, np.ndarray], source: CodeSource, file: IO[bytes]
) -> None:
    """Every code a column, rows made dense in blocks: memory stays flat."""
    text = text_of(source)
    first = [source.columns["patient"]] if "patient" in source.columns else []
    mark, end = text.delimiter, text.newline
    header = mark.join(_quoted(str(h), mark, text.quoted_header) for h in (*first, *matrix.codes))
    file.write((header + end).encode(text.encoding))
    words = [str(i) for i in range(int(matrix.counts.data.max(initial=0)) + 1)]
    for start in range(0, len(matrix), BLOCK):
        block = matrix.counts[start : start + BLOCK].toarray().tolist()
        lines = [mark.join([words[v] for v in row]) for row in block]
        if first:
            own = keys["patient"][start : start + BLOCK]
            lines = [f"{key}{mark}{line}" for key, line in zip(own, lines, strict=True)]
        file.write((end.join(lines) + end).encode(text.encoding))


def _quoted(name: str, mark: str, always: bool) -> str:
    return '"' + name.replace('"', '""') + '"' if always or mark in name or '"' in name else name
