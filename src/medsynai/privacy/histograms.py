"""Facts about columns that are bought: bounds, sets of categories, noisy counts as weights.

Nothing here charges: the caller has charged the `Spend` that it hands over.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from medsynai.errors import PlanError
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.noise import GRAIN, noisy_counts

OTHER = "OTHER"
FALSE_CELL = 1e-6  # a range that noise alone stretches to 2^40 would ruin a column: never, then


def threshold(spend: Spend) -> float:
    """The noisy count from which a category may be named.

    A category of one patient reaches it with chance `spend.delta` at most: 1 plus the upper
    delta-quantile of the noise, one grain of the lattice on top (Korolova et al. 2009, Releasing
    search queries and clicks privately; Bun, Nissim and Stemmer 2016, stability-based histograms).

    >>> round(threshold(Spend(Kind.LAPLACE, 10.0, delta=1e-6)))  # 1 + ln(1 / (2 delta)) / eps
    132
    """
    if spend.delta <= 0:
        raise PlanError("a set of categories costs a delta of its own")
    if spend.kind is Kind.LAPLACE:
        above = spend.noise * np.log(1 / (2 * spend.delta)) if spend.delta < 0.5 else 0.0
    else:
        above = -spend.noise * ndtri(spend.delta)
    return float(1 + above + 1 / GRAIN)


def stable_histogram(counts: Mapping[str, int], spend: Spend) -> dict[str, float]:
    """The categories that many patients share, with noisy counts, sorted; all others become OTHER.

    **Guarantee:** that of `spend` with its delta, where each patient counts in one category.

    | counts | result |
    |---|---|
    | empty | OTHER alone |
    | a category of one patient | named with chance delta at most |
    """
    limit = threshold(spend)
    # sorted: in what order they came would tell of who came first
    names = sorted(n for n, count in counts.items() if count > 0 and n != OTHER)
    noised = noisy_counts(np.array([counts[n] for n in names], dtype=np.int64), spend)
    kept = {n: float(v) for n, v in zip(names, noised, strict=True) if v >= limit}
    return {**kept, OTHER: 0.0}


def bounds(values: np.ndarray, spend: Spend) -> tuple[float, float]:
    """A range for numbers of unknown size: powers of two around where patients are.

    One noisy histogram over (-2^k, -2^(k-1)], 0, [2^(k-1), 2^k) for k in -20 to 40; the outermost
    cells whose count stands out of the noise of all cells give the range (Wilson et al. 2020,
    Differentially private SQL, section 4).

    Args:
        values: (n,) one number a patient; NaN counts nowhere.
        spend: the mechanism and its noise, already charged.

    Raises:
        PlanError: too few patients for any cell to stand out.
    """
    powers = np.arange(-20, 41)
    edges = np.r_[-(2.0 ** powers[::-1]), 2.0**powers]
    finite = np.clip(values[~np.isnan(values)], edges[0], edges[-1] * (1 - 1e-12))
    cells = np.searchsorted(edges, finite, side="right") - 1
    noised = noisy_counts(np.bincount(np.maximum(cells, 0), minlength=len(edges) - 1), spend)
    out = np.flatnonzero(noised > stands_out(spend, len(noised)))
    if not len(out):
        raise PlanError("too few patients to buy a range: declare minimum and maximum instead")
    low, high = edges[out[0]], edges[out[-1] + 1]
    # the cell around 0 is no power of two wide: it is 0
    return (
        0.0 if low == -edges[len(powers)] else float(low),
        float(high) if high != edges[len(powers)] else 0.0,
    )


def stands_out(spend: Spend, cells: int) -> float:
    """What the noise alone passes in one of all cells with a chance of `FALSE_CELL` at most."""
    if spend.kind is Kind.LAPLACE:
        return float(spend.noise * np.log(cells / (2 * FALSE_CELL)))
    return float(-spend.noise * ndtri(FALSE_CELL / cells))


def monotone_counts(noised: np.ndarray, total: float) -> np.ndarray:
    """Noisy counts as weights: at least 0, with this sum (nearest in L2: a simplex projection)."""
    ordered = np.sort(noised)[::-1]
    over = (np.cumsum(ordered) - total) / np.arange(1, len(ordered) + 1)
    last = np.flatnonzero(ordered > over)
    shift = over[last[-1]] if len(last) else 0.0
    return np.maximum(noised - shift, 0.0)


RUN = 300  # cells that are smoothed together: the work grows with their cube
BENDS = np.r_[0.0, 10.0 ** np.arange(-2, 10.5, 0.5)]  # how much the density's bends may cost


def smoothed(noised: np.ndarray, widths: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Noisy counts of neighbouring cells, their density as smooth as the counts allow.

    Second differences of the density are penalised (Whittaker 1923; Eilers 2003, A perfect
    smoother), by as much as makes the estimated error least (Stein 1981, Estimation of the mean of
    a multivariate normal distribution: the noise is known). Where the counts jump, the estimate
    says so and nothing is smoothed. Reads noisy counts alone, so it costs nothing.

    Args:
        noised: (cells,) counts.
        widths: (cells,) of the cells, above 0.
        variances: (cells,) of the noise in the counts, above 0.

    Returns:
        (cells,) counts with the same sum.
    """
    parts = np.array_split(np.arange(len(noised)), -(-len(noised) // RUN))
    return np.concatenate([_smooth(noised[p], widths[p], variances[p]) for p in parts])


def _smooth(noised: np.ndarray, widths: np.ndarray, variances: np.ndarray) -> np.ndarray:
    if len(noised) < 4:
        return noised
    spread = np.sqrt(variances) / widths
    scaled = noised / widths / spread  # a density with noise of 1 in each cell
    bends = np.diff(np.diag(spread), 2, axis=0)
    costs, waves = np.linalg.eigh(bends.T @ bends)
    kept = 1 / (1 + BENDS[:, None] * (costs.clip(0) / costs[-1]))
    seen = waves.T @ scaled
    risk = ((1 - kept) ** 2 * seen**2).sum(1) + 2 * kept.sum(1)
    found = (waves @ (kept[risk.argmin()] * seen)) * spread * widths
    return found + widths * (noised.sum() - found.sum()) / widths.sum()
