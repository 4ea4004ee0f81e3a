"""A small design matrix for regressions whose coefficients are compared."""

from dataclasses import dataclass

import numpy as np

from medsynai.evaluate.encode import LARGEST, Encoding, Floats

TERMS = 12
# A level gets a coefficient from this share of the train rows.
COMMON = 0.05
# A term must add this share of variance to what the terms before it tell.
LEAST_NEW = 0.1


@dataclass(frozen=True)
class Design:
    """Which terms, learnt from train rows: standardised numbers and indicators of levels.

    Attributes:
        terms: (column, level code) a term; -1 for a number.
        names: how a reader knows the terms.
        centre: mean of each number term's column.
        scale: its standard deviation.
    """

    terms: tuple[tuple[int, int], ...]
    names: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]

    def matrix(self, values: Floats) -> Floats:
        """Constant and terms, missing numbers at their mean: (rows, 1 + terms)."""
        out = np.ones((len(values), 1 + len(self.terms)))
        for k, (j, level) in enumerate(self.terms):
            cell = usable(values[:, j])
            if level >= 0:
                out[:, k + 1] = cell == level
            else:
                out[:, k + 1] = np.nan_to_num((cell - self.centre[k]) / self.scale[k])
        return out


def usable(cells: Floats) -> Floats:
    """Infinite cells as missing, and none so large that its square is not a number."""
    return np.clip(np.where(np.isfinite(cells), cells, np.nan), -LARGEST, LARGEST)


def design(encoding: Encoding, values: Floats, outcome: Floats, columns: tuple[int, ...]) -> Design:
    """The up to twelve terms most correlated with an outcome in the train rows.

    Args:
        encoding: of the trial.
        values: train rows.
        outcome: a number a row.
        columns: candidates.
    """
    candidates = [t for j in columns for t in _terms(j, encoding, values)]
    kept: list[tuple[float, tuple[int, int], float, float]] = []
    for term in candidates:
        cell = usable(values[:, term[0]])
        present = cell[np.isfinite(cell)]
        centre, scale = (0.0, 1.0) if term[1] >= 0 else (present.mean(), present.std())
        column = (cell == term[1]).astype(float) if term[1] >= 0 else np.nan_to_num(cell - centre)
        kept.append((_correlation(column, outcome), term, float(centre), float(scale)))
    kept.sort(key=lambda k: (-k[0], k[1]))
    kept = _distinct(kept, values)[:TERMS]
    return Design(
        tuple(k[1] for k in kept),
        tuple(_name(k[1], encoding) for k in kept),
        tuple(k[2] for k in kept),
        tuple(k[3] for k in kept),
    )


def _terms(j: int, encoding: Encoding, values: Floats) -> list[tuple[int, int]]:
    cell = usable(values[:, j])
    present = cell[np.isfinite(cell)]
    if len(present) < len(cell) * 0.5 or len(np.unique(present)) < 2:
        return []
    if not encoding.is_level[j]:
        return [(j, -1)]
    counts = np.bincount(present.astype(np.int64))
    common = [int(i) for i in np.flatnonzero(counts >= COMMON * len(cell))]
    reference = int(counts.argmax())
    return [(j, i) for i in common if i != reference]


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / norm if norm > 0 else 0.0


def _distinct(
    kept: list[tuple[float, tuple[int, int], float, float]], values: Floats
) -> list[tuple[float, tuple[int, int], float, float]]:
    """Leave out terms that better ones all but tell: their coefficients mean nothing.

    Disease groups and the classes they fall into, say: a class is the sum of its groups, though no
    single group repeats it.
    """
    out: list[tuple[float, tuple[int, int], float, float]] = []
    columns: list[Floats] = []
    for term in kept:
        j, level = term[1]
        column = (
            (values[:, j] == level) * 1.0 if level >= 0 else np.nan_to_num(usable(values[:, j]))
        )
        if _unexplained(column, columns) > LEAST_NEW:
            out.append(term)
            columns.append(column)
        if len(out) == TERMS:
            break
    return out


def _unexplained(column: Floats, others: list[Floats]) -> float:
    """The share of a column's variance that a linear combination of others leaves over."""
    total = float(column.var())
    if total <= 0:
        return 0.0
    known = np.column_stack([np.ones(len(column)), *others])
    left = column - known @ np.linalg.lstsq(known, column, rcond=None)[0]
    return float(left.var()) / total


def _name(term: tuple[int, int], encoding: Encoding) -> str:
    column, level = term
    name = encoding.names[column]
    return name if level < 0 else f"{name}={encoding.levels[column][level]}"
