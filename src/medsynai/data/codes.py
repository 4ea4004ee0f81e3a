"""A code matrix: who has which code, and how often; sparse until a batch of it is made dense."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from medsynai.data.source import Source
from medsynai.errors import SchemaError

Counts = Any  # scipy.sparse.csr_array of whole numbers, which has no useful type of its own


@dataclass(frozen=True)
class CodeMatrix:
    """Rows of codes: a patient's, or a stay's of a patient.

    Attributes:
        counts: (rows, codes) CSR: how often a row has a code; what is not stored is 0.
        codes: what each column stands for, as text: leading zeros and dots are kept.
        patients: (rows,) whose row it is, as numbers; the unit of privacy is the patient.

    >>> m = CodeMatrix.of(np.array([[1, 0], [0, 2]]), ("250", "V27"))
    >>> len(m), m.binary, m.widths.tolist()
    (2, False, [1, 1])
    """

    counts: Counts
    codes: tuple[str, ...]
    patients: np.ndarray
    origin: Literal["real", "synthetic"] = "real"

    def __post_init__(self) -> None:
        rows, width = self.counts.shape
        if width != len(self.codes) or rows != len(self.patients):
            raise SchemaError("a code matrix needs a name for each column, a patient for each row")

    @staticmethod
    def of(counts: Any, codes: tuple[str, ...], patients: np.ndarray | None = None) -> "CodeMatrix":
        """From dense or sparse counts; without `patients` every row is a patient of its own."""
        sparse = sp.csr_array(counts, dtype=np.int32)
        sparse.sum_duplicates()
        sparse.eliminate_zeros()
        own = np.arange(sparse.shape[0]) if patients is None else patients
        return CodeMatrix(sparse, codes, np.asarray(own))

    def __len__(self) -> int:
        return int(self.counts.shape[0])

    @property
    def binary(self) -> bool:
        """Whether no code stands more than once in a row."""
        return not (self.counts.data > 1).any()

    @property
    def present(self) -> Counts:
        """(rows, codes) CSR of ones: which codes a row has."""
        ones = np.ones(self.counts.nnz, np.float32)
        shape = self.counts.shape
        return sp.csr_array((ones, self.counts.indices, self.counts.indptr), shape=shape)

    @property
    def widths(self) -> np.ndarray:
        """(rows,) how many different codes a row has."""
        return np.diff(self.counts.indptr)

    def rows(self, index: np.ndarray) -> "CodeMatrix":
        """The rows at these positions (integers or a mask)."""
        return replace(self, counts=self.counts[index], patients=self.patients[index])

    def patients_of_codes(self) -> np.ndarray:
        """(codes,) how many patients have each code."""
        whose, patient = np.unique(self.patients, return_inverse=True)
        row = np.repeat(np.arange(len(self)), self.widths)
        pairs = np.unique(patient[row] * np.int64(len(self.codes)) + self.counts.indices)
        assert len(whose) or not len(pairs)
        return np.bincount(pairs % max(len(self.codes), 1), minlength=len(self.codes))


class Layout(StrEnum):
    """How a file holds codes."""

    SPARSE = "sparse"  # npz with CSR parts, or as scipy.sparse writes it
    LONG = "long"  # a CSV with a row for each patient and code
    DENSE = "dense"  # a CSV with a row for each patient and a column for each code


@dataclass(frozen=True)
class CodeSource:
    """What a file of codes looked like. Public: it may be printed, hashed and saved.

    Attributes:
        table: for CSV: how the text was written.
        columns: for CSV: its columns by what they hold: "patient", "code", "visit", "rank".
        named: the codes have names; else a code is known by its place only.
        width: how many columns a file without names has.
        types: for npz: the type of each array; only these are written.
        empty: rows without any code can be written.
    """

    layout: Layout
    table: Source | None = None
    columns: dict[str, str] = field(default_factory=dict)
    named: bool = True
    width: int = 0
    types: dict[str, str] = field(default_factory=dict)
    empty: bool = True

    @property
    def suffix(self) -> str:
        """The file ending of what is written in this form."""
        return ".npz" if self.table is None else self.table.suffix


@dataclass(frozen=True)
class LoadedCodes:
    """A code matrix as it was read.

    Attributes:
        matrix: the rows.
        source: what the file looked like, for the writer.
        keys: the distinct keys of "patient" and "visit" as they stood, to draw fresh ones like
            them; never saved.
        notes: what a person should know about the reading, without any cell's value.
    """

    matrix: CodeMatrix
    source: CodeSource
    keys: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
