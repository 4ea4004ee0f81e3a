"""Long CSV files of codes: a row for each patient and code, with visits and ranks where given.

Codes are text as it stood: leading zeros and dots are kept. A matrix has one row a patient, with
all codes of all visits; how often a code was repeated is not kept.
"""

from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import scipy.sparse as sp

from medsynai.data.codefiles import roles, text_of
from medsynai.data.codes import CodeMatrix, CodeSource, Layout, LoadedCodes
from medsynai.data.read import csv
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.data.write.csv import open_file
from medsynai.errors import ReadError

ONE_VISIT = (
    "codes: all visits of a patient are read as one, and each synthetic patient has one visit; "
    "the order of visits is not learnt"
)
RANKED = "codes: the rank of a code is not learnt; ranks are numbered anew"


def read(path: Path, columns: dict[str, str]) -> LoadedCodes:
    """A long file as a matrix of one row a patient.

    Args:
        path: the file.
        columns: "patient", "code" and "visit" -> names of its columns; by name where not given.

    Raises:
        ReadError: a column that is not there, or rows without a patient.
    """
    raw = csv.read(path)
    columns = columns or roles(raw.source.names)
    for role, name in columns.items():
        if name not in raw.frame:
            raise ReadError(
                f"{path} has no column {name!r} for the {role}; "
                f"columns: {', '.join(raw.source.names)}"
            )
    patients = raw.frame[columns["patient"]]
    if (lost := int((patients == "").sum())) > 0:
        raise ReadError(f"{path}: {lost:,} rows name no patient; fill them in or take them out")
    row, people = pd.factorize(patients)
    place, names = pd.factorize(raw.frame[columns["code"]].replace("", None))
    order = np.argsort(names.astype(str), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    filled = place >= 0
    shape = (len(people), len(names))
    ones = np.ones(int(filled.sum()), np.int32)
    counts = sp.csr_array((ones, (row[filled], rank[place[filled]])), shape=shape)
    repeated = len(ones) - counts.nnz
    counts.data[:] = 1
    codes = tuple(str(names[i]) for i in order)
    keys = {"patient": np.asarray(people, dtype=object)}
    if "visit" in columns:
        keys["visit"] = raw.frame[columns["visit"]].unique()
    kept = [n in columns.values() for n in raw.source.names]
    header = tuple(h for h, k in zip(raw.source.header, kept, strict=True) if k)
    text = replace(raw.source, header=header)
    idle = int((np.diff(counts.indptr) == 0).sum())
    source = CodeSource(Layout.LONG, text, columns, empty=idle > 0)
    said = {
        f"left out, as they are no code: {len(kept) - sum(kept)} columns": not all(kept),
        f"codes: {repeated:,} repeats of a code in a patient are counted once": repeated > 0,
        f"codes: {idle:,} patients have no code": idle > 0,
        ONE_VISIT: "visit" in columns,
        RANKED: "rank" in columns,
    }
    notes = (*raw.notes, *(note for note, so in said.items() if so))
    return LoadedCodes(CodeMatrix.of(counts, codes), source, keys, notes)


def write(
    matrix: CodeMatrix, keys: dict[str, np.ndarray], source: CodeSource, file: IO[bytes]
) -> None:
    """A row for each patient and code, in the source's columns and text form."""
    lines = np.maximum(matrix.widths, int(source.empty))
    row = np.repeat(np.arange(len(matrix)), lines)
    ends = np.cumsum(lines)
    rank = np.arange(len(row)) - np.repeat(ends - lines, lines)
    code = np.full(len(row), None, dtype=object)
    code[matrix.widths[row] > 0] = np.array(matrix.codes, dtype=object)[matrix.counts.indices]
    columns: dict[str, np.ndarray] = {
        role: keys[role][row] for role in ("patient", "visit") if role in source.columns
    }
    columns |= {"code": code, "rank": np.array([str(r + 1) for r in rank], dtype=object)}
    text = text_of(source)
    role_of = {name: role for role, name in source.columns.items()}
    frame = pd.DataFrame({n: columns[role_of[n]] for n in text.names}, dtype=object)
    schema = Schema(tuple(Column(n, Kind.IDENTIFIER, missing=True) for n in text.names))
    appender = open_file(file, text)
    appender.append(Table(frame, schema, "synthetic"))
    appender.close(whole=True)
