"""What a linear predictor sees of a column: a small table of numbers, one row a code."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.special import ndtri

from medsynai.codec.numbers import NumberCodec
from medsynai.codec.table import ColumnCodec
from medsynai.data.schema import Kind

HEAVY = 0.1  # a value that this share of the rows has gets an indicator of its own
MAX_HEAVY = 3
MAX_LEVELS = 12
MIN_ROWS = 20  # rows behind an indicator

Table = Float[np.ndarray, "codes width"]
Counts = Integer[np.ndarray, " codes"]


def normal_scores(counts: Counts) -> Float[np.ndarray, " codes"]:
    """The normal quantile of each code's middle rank; 0 for the last code, missing.

    A tie of ranks shares its middle, as in van der Waerden scores.
    """
    present = counts[:-1].astype(float)
    total = present.sum()
    if not total:
        return np.zeros(len(counts))
    middle = (np.cumsum(present) - present / 2) / total
    edge = 0.5 / max(total, 2.0)
    return np.append(ndtri(np.clip(middle, edge, 1 - edge)), 0.0)


def indicators(counts: Counts, chosen: Integer[np.ndarray, " k"]) -> Table:
    """One column of zeros and a one for each code chosen."""
    table = np.zeros((len(counts), len(chosen)))
    table[chosen, np.arange(len(chosen))] = 1.0
    return table


def design_of(codec: ColumnCodec, counts: Counts) -> Table:
    """(codes, width): standardised over the rows that `counts` describes, constants left out.

    A number: its normal score, the square of that, its plain value (sums of costs or of
    concentrations are linear there, not in ranks), heavy values and missingness. Levels: the
    commonest dozen, and the score of their order where there is one.
    """
    inner = codec.inner
    if isinstance(inner, NumberCodec):
        parts = _of_number(inner, counts)
    else:
        common = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
        parts = [indicators(counts, common[counts[common] >= MIN_ROWS])]
        if codec.column.kind is Kind.ORDINAL:
            parts.append(normal_scores(counts)[:, None])
    table = np.hstack(parts)
    share = counts / max(counts.sum(), 1)
    table = table - share @ table
    spread = np.sqrt(share @ table**2)
    keep = spread > 1e-6
    standard: Table = (table[:, keep] / spread[keep]).astype(np.float32)
    return standard


def _of_number(codec: NumberCodec, counts: Counts) -> list[Table]:
    score = normal_scores(counts)
    square = score**2 - 1
    square[-1] = 0.0
    present = counts[:-1] / max(counts[:-1].sum(), 1)
    mean = present @ codec.centre
    spread = np.sqrt(present @ (codec.centre - mean) ** 2)
    plain = np.clip((codec.centre - mean) / max(spread, 1e-300), -4, 4)
    heavy = np.argsort(-counts[:-1], kind="stable")[:MAX_HEAVY]
    heavy = heavy[counts[heavy] >= max(HEAVY * counts.sum(), MIN_ROWS)]
    absent = np.array([len(counts) - 1] if counts[-1] else [], dtype=np.int64)
    columns = np.column_stack([score, square, np.append(plain, 0.0)])
    return [columns, indicators(counts, np.concatenate((heavy, absent)))]


def target_of(codec: ColumnCodec, counts: Counts) -> Table:
    """(codes, width): what trees are grown to tell apart in a target column.

    Splits lower the summed variance of these numbers. A number: its normal score and the square
    of that, so that spread counts as well as level, its heavy values and missingness. Levels: one
    indicator each, scaled so that rare levels count (as in Gini's index, by 1 / sqrt(share)).
    """
    total = max(counts.sum(), 1)
    if isinstance(codec.inner, NumberCodec):
        score = normal_scores(counts)
        present = counts[:-1] / max(counts[:-1].sum(), 1)
        square = 0.5 * (score**2 - present @ score[:-1] ** 2)
        square[-1] = 0.0
        heavy = np.argsort(-counts[:-1], kind="stable")[:2]
        heavy = heavy[counts[heavy] > HEAVY * total]
        parts = [np.column_stack([score, square]), 1.5 * indicators(counts, heavy)]
        if 0 < counts[-1] < total:
            absent = np.zeros((len(counts), 1))
            absent[-1] = 2.0
            parts.insert(1, absent)
        return np.hstack(parts)
    common = np.argsort(-counts, kind="stable")[:_MAX_TOLD]
    common = common[counts[common] > 0]
    scale = 1 / np.sqrt(np.maximum(counts[common] / total, 0.01))
    return indicators(counts, common) * scale


_MAX_TOLD = 8
MANY_TOLD = 12  # levels from which a target is also told apart by its profiles
AXES = 16
MOST_PROFILED = 800  # commonest levels that have a profile of their own: bounds time and memory
LEAST_SHARE = 0.002  # a rarer level's profile is not stretched further


def profiles_of(
    codes: Integer[np.ndarray, "rows columns"],
    counts: Sequence[Integer[np.ndarray, " _"]],
    place: int,
) -> Table:
    """(codes, axes): where the levels of the column at `place` lie by what stands before them.

    Correspondence analysis (Greenacre 1984) of the tables of this column by each earlier one,
    laid side by side: the principal axes of their standardised residuals. Hundreds of diagnoses
    cannot have an indicator each; along these axes they part as the columns before them do.
    Without them a tree tells only the commonest eight apart, and pairs of codes come out wrong
    (Diabetes-130: a discriminator's AUC on two diagnoses alone .61).
    """
    mine, rows = _commonest(counts[place]), len(codes)
    levels = int(mine.max()) + 1
    own = mine[codes[:, place]]
    share = np.bincount(own, minlength=levels) / rows
    gram = np.zeros((levels, levels))
    for before in range(place):
        other = _commonest(counts[before])
        width = int(other.max()) + 1
        pairs = own * width + other[codes[:, before]]
        table = np.bincount(pairs, minlength=levels * width).reshape(levels, width)
        chance = np.outer(share, table.sum(axis=0))
        residual = (table - chance) / np.sqrt(chance + 1.0)
        gram += residual @ residual.T
    strength, axes = np.linalg.eigh(gram)
    strength, axes = strength[-AXES:], axes[:, -AXES:]
    places = axes / np.sqrt(np.maximum(share, LEAST_SHARE))[:, None]
    places -= share @ places
    spread = np.sqrt(share @ places**2)
    kept = (spread > 1e-6) & (strength > 1e-9 * strength[-1])
    weight = 2.0 * np.sqrt(strength[kept] / strength[-1]) / spread[kept]
    profiles: Table = (places[:, kept] * weight)[mine]
    return profiles


def _commonest(counts: Counts) -> Integer[np.ndarray, " codes"]:
    """Each code's place by frequency; those beyond the commonest share the last place."""
    place = np.empty(len(counts), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(place, MOST_PROFILED)


@dataclass(frozen=True)
class Ridge:
    """Linear predictors of any column from the columns before it, by one factorisation.

    The ridge regression on the first p design columns needs only the leading p x p block of the
    Cholesky factor of the whole Gram matrix, so all targets share the one factor.
    """

    factor: Float[np.ndarray, "width width"]
    design: Float[np.ndarray, "rows width"]

    @staticmethod
    def of(design: Float[np.ndarray, "rows width"], strength: float) -> "Ridge":
        """Penalty `strength * sqrt(rows)` on standardised columns."""
        gram = design.T.astype(np.float64) @ design
        gram[np.diag_indices_from(gram)] += strength * np.sqrt(len(design))
        return Ridge(np.linalg.cholesky(gram), design)

    def directions(
        self, width: int, targets: Float[np.ndarray, "rows k"]
    ) -> Float[np.ndarray, "width k"]:
        """Weights that predict `targets` from the first `width` design columns."""
        from scipy.linalg import cho_solve

        moments = self.design[:, :width].T @ targets
        weights: np.ndarray = cho_solve((self.factor[:width, :width], True), moments)
        return weights.astype(np.float32)
