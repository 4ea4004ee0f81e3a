"""Weights that let trees tell small classes of the outcome, and small groups, apart."""

import numpy as np
from jaxtyping import Float, Integer

from medsynai.codec.table import CodeMatrix, TableCodec
from medsynai.data.schema import Role

LEAST_ROWS = 20  # rows that a leaf has at least, however much they weigh
LEAVES = 4  # leaves that a class should be able to fill
MOST_CODES = 20
Rows = slice | Integer[np.ndarray, " _"]
Weights = Float[np.ndarray, " _"]
Whose = Integer[np.ndarray, " _"]


def weights_of(
    codes: CodeMatrix, codec: TableCodec, min_leaf: int
) -> Float[np.ndarray, " rows"] | None:
    """(rows,) how much each row counts towards `min_leaf`; None if all count alike.

    A class of 80 rows cannot be told apart by leaves of 150, and then no relation of a rare
    outcome survives. So a row of a class (of the outcome or of a protected column) too small for
    four leaves counts for more, and the class gets leaves of its own, of 20 rows at least. Rows of
    other classes keep the whole `min_leaf`.
    """
    weights = np.ones(len(codes))
    for place, column in enumerate(codec.columns):
        told = column.column.role in (Role.TARGET, Role.PROTECTED)
        if told and not column.column.kind.is_number and column.size <= MOST_CODES:
            np.maximum(weights, _of_class(codes[:, place], min_leaf), out=weights)
    return weights if (weights > 1).any() else None


def shares_of(weights: Weights | None, whose: Whose | None, rows: Rows) -> Weights | None:
    """How much each of these rows counts towards `min_leaf`, a patient's rows together as one.

    Patients whose every row is in a leaf weigh 1 there, others less: a leaf that weighs `min_leaf`
    has as many patients at least, and thirty stays of one never fill a leaf alone.

    Args:
        weights: (all rows,) `weights_of`.
        whose: (all rows,) whose row each is; None where every row is another patient's.
        rows: which rows a tree is grown on.
    """
    own = None if weights is None else weights[rows]
    if whose is None:
        return own
    mine = whose[rows]
    share: Weights = 1.0 / np.bincount(mine)[mine]
    return share if own is None else share * own


def _of_class(codes: Integer[np.ndarray, " rows"], min_leaf: int) -> Float[np.ndarray, " rows"]:
    counts = np.bincount(codes)
    wanted = np.clip(counts / LEAVES, min(LEAST_ROWS, min_leaf), min_leaf)
    weights: np.ndarray = (min_leaf / wanted)[codes]
    return weights
