"""A table: canonical columns, their schema, and whether the rows are real or synthetic."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from medsynai.data.levels import owners
from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import SchemaError


@dataclass(frozen=True)
class Table:
    """Rows in canonical dtypes, one patient or stay a row.

    Canonical dtypes by kind: continuous and integer are float64 with NaN for missing; ordinal,
    categorical, binary and constant are pandas categories of strings (`schema.categories`, in
    order); dates are datetime64[us]; text and identifiers are objects (strings or None).
    Readers make this form; writers give back the source's own dtypes and text.

    Attributes:
        patients: (rows,) whose row each is, by number, where the column that says so is gone;
            None: ask `whose`.
    """

    frame: pd.DataFrame
    schema: Schema
    origin: Literal["real", "synthetic"] = "real"
    patients: np.ndarray | None = None

    def __post_init__(self) -> None:
        if tuple(self.frame.columns) != self.schema.names:
            raise SchemaError("the table's columns are not those of its schema, in its order")
        if self.patients is not None and len(self.patients) != len(self.frame):
            raise SchemaError("the table does not say of each of its rows whose it is")

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, index: np.ndarray) -> "Table":
        """The rows at these positions (integers or a mask)."""
        part = self.frame[index] if index.dtype == bool else self.frame.iloc[index]
        patients = None if self.patients is None else self.patients[index]
        return Table(part.reset_index(drop=True), self.schema, self.origin, patients)

    def only(self, names: tuple[str, ...]) -> "Table":
        """These columns, in the order given."""
        told = self.patients is not None or self.schema.subject is not None
        patients = self.whose() if told else None  # the subject's column may stay behind
        return Table(self.frame[list(names)], self.schema.only(names), self.origin, patients)

    def whose(self) -> np.ndarray:
        """(rows,) whose row each is, by number.

        Without a subject column every row is a patient of its own, and so is a row whose subject
        is missing.
        """
        if self.patients is not None:
            return self.patients
        if self.schema.subject is None:
            return np.arange(len(self))
        codes, known = pd.factorize(self.frame[self.schema.subject])
        return owners(codes, len(known))

    def repeated(self) -> np.ndarray | None:
        """`whose`, or None where every row is another patient's, so that rows may be counted."""
        if self.patients is None and self.schema.subject is None:
            return None
        whose = self.whose()
        return whose if len(np.unique(whose)) < len(whose) else None

    def learnt(self) -> "Table":
        """The columns that generators and judges work on: no identifiers, text or raw dates."""
        return self.only(tuple(c.name for c in self.schema.learnt))


def canonical_dtype(column: Column) -> object:
    """The dtype that `Table.frame` holds a column in."""
    if column.kind.is_number:
        return np.dtype("float64")
    if column.kind.is_level:
        ordered = column.kind is Kind.ORDINAL
        return pd.CategoricalDtype(pd.Index(list(column.categories or ()), dtype=object), ordered)
    if column.kind is Kind.DATE:
        return np.dtype("datetime64[us]")
    return np.dtype("object")
