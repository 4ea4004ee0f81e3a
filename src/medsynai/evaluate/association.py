"""How columns go together: correlations, covariances, and one association for all kinds."""

import math
from typing import Any

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.interval import Rows, midranks
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import Sides, compare, take_sides, unassessed
from medsynai.evaluate.trial import Trial

CAP = 20_000
# A pair of columns is compared where at least this many rows have both values, and shown where
# at least eleven real rows have.
LEAST = 11
SHOWN = 60

PEARSON = blank(
    "correlation_pearson",
    "Numbers: difference in Pearson correlation",
    Family.FIDELITY,
    "low",
    "mean |r - s| over pairs of number columns, pairwise complete rows",
)
SPEARMAN = blank(
    "correlation_spearman",
    "Numbers: difference in Spearman correlation",
    Family.FIDELITY,
    "low",
    "mean |r - s| of rank correlations over pairs of number columns (Spearman 1904)",
)
COVARIANCE = blank(
    "covariance",
    "Numbers: difference in covariance, in train standard deviations",
    Family.FIDELITY,
    "low",
    "mean |S - T| over the covariance matrix of columns divided by their train standard deviation",
)
MIXED = blank(
    "association",
    "All columns: difference in association",
    Family.FIDELITY,
    "low",
    "mean |difference| of rank correlation, correlation ratio on ranks (Pearson 1905) or "
    "bias-corrected Cramer's V (Bergsma 2013), by kinds of the pair",
)


def measure(trial: Trial) -> Findings:
    """Differences in correlation, covariance and mixed association, and the heatmaps.

    Raises:
        AssessmentError: too few rows, or fewer than two columns.
    """
    tables = take_sides(trial, CAP)
    encoding = trial.encoding
    if len(encoding.names) < 2:
        raise AssessmentError("needs at least two columns")
    values = tables.map(encoding.features)
    level = encoding.is_level
    own = tables.reference if tables.real is None else tables.real
    scores = (*_numeric(values, encoding, trial), _mixed(values, level, trial))
    return Findings(scores, {"correlation": _heatmaps(values, encoding, own.whose())})


def _numeric(values: Sides[Floats], encoding: Encoding, trial: Trial) -> tuple[Score, ...]:
    numbers = np.flatnonzero(~encoding.is_level)
    if len(numbers) < 2:
        reason = "fewer than two number columns"
        return tuple(unassessed(s, reason) for s in (PEARSON, SPEARMAN, COVARIANCE))
    train = encoding.train[:, numbers]
    centre, scale = _location(train)
    sides = values.map(lambda v: (v[:, numbers] - centre) / scale)

    def covariance(a: Rows, b: Rows) -> float:
        return mean_difference(moments(a)[0], moments(b)[0], 0)

    def pearson(a: Rows, b: Rows) -> float:
        return mean_difference(moments(a)[1], moments(b)[1], 1)

    def spearman(a: Rows, b: Rows) -> float:
        return mean_difference(moments(ranked(a))[1], moments(ranked(b))[1], 1)

    return (
        compare(PEARSON, sides, pearson, trial.seeds, (0.0, 2.0)),
        compare(SPEARMAN, sides, spearman, trial.seeds, (0.0, 2.0)),
        compare(COVARIANCE, sides, covariance, trial.seeds, (0.0, math.inf)),
    )


def _mixed(values: Sides[Floats], level: Rows, trial: Trial) -> Score:
    def statistic(a: Rows, b: Rows) -> float:
        return mean_difference(associations(a, level), associations(b, level), 1)

    return compare(MIXED, values, statistic, trial.seeds, (0.0, 2.0))


def _location(train: Floats) -> tuple[Floats, Floats]:
    count = np.maximum((~np.isnan(train)).sum(axis=0), 1)
    filled = np.nan_to_num(train)
    centre = filled.sum(axis=0) / count
    spread = np.where(np.isnan(train), 0.0, train - centre)
    scale = np.sqrt((spread**2).sum(axis=0) / count)
    return centre, np.where(scale > 0, scale, 1.0)


def moments(values: Floats) -> tuple[Floats, Floats]:
    """Covariance and Pearson correlation over pairwise complete rows; NaN where undefined.

    Args:
        values: about centred, NaN for missing, (rows, columns).

    Returns:
        covariance, correlation: (columns, columns).
    """
    there = np.isfinite(values).astype(np.float64)
    x = np.where(there > 0, values, 0.0)
    n = there.T @ there
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = x.T @ there / n  # of the row's column, over rows where both are there
        covariance = x.T @ x / n - mean * mean.T
        variance = (x * x).T @ there / n - mean**2
        variance[variance <= 1e-12 * np.maximum(mean**2, 1e-12)] = np.nan
        correlation = covariance / np.sqrt(variance * variance.T)
    few = n < LEAST
    covariance[few] = np.nan
    correlation[few] = np.nan
    return covariance, np.clip(correlation, -1.0, 1.0)


def ranked(values: Floats) -> Floats:
    """Each column's mid-ranks among its present values, centred, in [-1, 1]."""
    out = np.full(values.shape, np.nan)
    for j in range(values.shape[1]):
        there = np.isfinite(values[:, j])
        count = int(there.sum())
        if count:
            out[there, j] = (2 * midranks(values[there, j]) - count - 1) / count
    return out


def associations(values: Floats, level: Rows) -> Floats:
    """One symmetric table of association for all kinds: (columns, columns), diagonal 1.

    Number pairs: signed rank correlation. Level pairs: Cramer's V. Mixed: correlation ratio.
    """
    numbers, levels = np.flatnonzero(~level), np.flatnonzero(level)
    out = np.full((len(level), len(level)), np.nan)
    ranks = ranked(values[:, numbers])
    if len(numbers):
        out[np.ix_(numbers, numbers)] = moments(ranks)[1]
    codes = [_codes(values[:, j]) for j in levels]
    for a, i in enumerate(levels):
        ratio = _ratios(codes[a], ranks)
        out[i, numbers] = out[numbers, i] = ratio
        for b in range(a):
            out[i, levels[b]] = out[levels[b], i] = cramers_v(codes[a], codes[b])
    np.fill_diagonal(out, 1.0)
    return out


def _codes(cells: Floats) -> Rows:
    """Levels as 0..; -1 for missing."""
    return np.where(np.isnan(cells), -1, np.nan_to_num(cells)).astype(np.int64)


def _ratios(codes: Rows, ranks: Floats) -> Floats:
    """The correlation ratio of every number column on one level column: eta, in [0, 1]."""
    seen = codes >= 0
    x, k = ranks[seen], codes[seen]
    if len(k) < LEAST:
        return np.full(ranks.shape[1], np.nan)
    there = ~np.isnan(x)
    filled = np.where(there, x, 0.0)
    size = int(k.max()) + 1
    out = np.full(ranks.shape[1], np.nan)
    for j in range(ranks.shape[1]):
        n = there[:, j].sum()
        counts = np.bincount(k, weights=there[:, j], minlength=size)
        sums = np.bincount(k, weights=filled[:, j], minlength=size)
        used = counts > 0
        between = float((sums[used] ** 2 / counts[used]).sum()) - filled[:, j].sum() ** 2 / max(
            n, 1
        )
        total = float((filled[:, j] ** 2).sum()) - filled[:, j].sum() ** 2 / max(n, 1)
        if n >= LEAST and total > 1e-12:
            out[j] = math.sqrt(min(1.0, max(0.0, between / total)))
    return out


def cramers_v(a: Rows, b: Rows) -> float:
    """Cramer's V with Bergsma's (2013) bias correction; NaN where a side does not vary.

    Args:
        a: codes from 0; -1 for missing.
        b: the other column's codes.
    """
    both = (a >= 0) & (b >= 0)
    n = int(both.sum())
    if n < LEAST:
        return math.nan
    wide = int(b[both].max()) + 1
    counts = np.bincount(a[both] * wide + b[both], minlength=(int(a[both].max()) + 1) * wide)
    table = counts.reshape(-1, wide).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    r, c = table.shape
    if min(r, c) < 2:
        return math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float((table**2 / expected).sum()) / n - 1
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    return math.sqrt(min(1.0, phi / least)) if least > 0 else math.nan


def mean_difference(a: Floats, b: Floats, above: int) -> float:
    """Mean |a - b| over the upper triangle from that diagonal, where both are defined."""
    upper = np.triu_indices(len(a), above)
    gap = np.abs(a - b)[upper]
    defined = gap[~np.isnan(gap)]
    return float(defined.mean()) if len(defined) else math.nan


def _heatmaps(values: Sides[Floats], encoding: Encoding, whose: Rows) -> dict[str, Any]:
    """Association tables of real and synthetic rows; None where fewer than 11 patients count."""
    shown = slice(0, SHOWN)
    level = encoding.is_level[shown]
    real = values.reference if values.real is None else values.real
    of_real = associations(real[:, shown], level)
    of_real[_of_few(~np.isnan(real[:, shown]), whose)] = np.nan
    of_synthetic = associations(values.synthetic[:, shown], level)
    return {
        "columns": list(encoding.names[shown]),
        "real": _plain(of_real),
        "synthetic": _plain(of_synthetic),
        "difference": _plain(of_synthetic - of_real),
        "left_out": max(0, len(encoding.names) - SHOWN),
    }


def _of_few(there: Rows, whose: Rows) -> Rows:
    """(columns, columns) which pairs fewer than 11 patients may stand behind; not the diagonal.

    All rows of a patient weigh one together, so a pair's weight is never above its patients.
    """
    weight = 1.0 / np.bincount(whose)[whose]
    both = (there * weight[:, None]).T @ there.astype(np.float64)
    return (both < LEAST - 1e-9) & ~np.eye(len(both), dtype=bool)


def _plain(table: Floats) -> list[list[float | None]]:
    return [[None if math.isnan(v) else round(float(v), 3) for v in row] for row in table]
