"""Correlated normal scores: estimate their correlation, draw them within spans exactly.

Everything here lives in latent space: rows of standard normals, one column a latent dimension.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medsynai.copula.cells import Floats, Spans

SWEEPS = 30
EDGE = 8.2
LEAST_OWN = 1e-3  # share of its variance that no factor may take from a dimension
LEAST_MASS = 1e-300  # a span this unlikely has no mass left in floating point


def correlate(scores: Floats) -> Floats:
    """Latent correlation (d, d) of normal scores (n, d) with NaN where a value is absent.

    A score of a coarse column is the mean of its latent normal within the level, so its variance
    v falls short of 1 and the latent correlation is the scores' covariance over the product of
    their variances (to first order; exact against a continuous column: Olsson et al. 1982,
    polyserial correlation). Then shrunk towards none by the weight of least expected squared
    error (Ledoit and Wolf 2004, in the closed form of Schaefer and Strimmer 2005, eq. 8).
    """
    seen = ~np.isnan(scores)
    filled = np.where(seen, scores, 0.0)
    pairs = np.maximum(seen.T.astype(float) @ seen.astype(float), 1.0)
    variance = (filled**2).sum(0) / np.maximum(seen.sum(0), 1)
    varied = variance > 1e-6  # a column of one value has no correlation to estimate
    variance = np.where(varied, variance, 1.0)
    raw = (filled.T @ filled) / pairs / np.outer(variance, variance)
    raw = np.clip(raw, -0.98, 0.98) * np.outer(varied, varied)
    np.fill_diagonal(raw, 0.0)
    # the sampling variance of a coarse column's estimate grows as its scores' variance falls
    noise = (1 - raw**2) ** 2 / pairs / np.outer(variance, variance) * np.outer(varied, varied)
    np.fill_diagonal(noise, 0.0)
    weight = min(1.0, noise.sum() / max(float((raw**2).sum()), 1e-12))
    return _nearest_correlation((1 - weight) * raw + np.eye(len(raw)))


def _nearest_correlation(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    lawful = (vectors * np.maximum(values, 1e-4)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(lawful))
    result: Floats = lawful * np.outer(scale, scale)
    np.fill_diagonal(result, 1.0)
    return result


def factorise(correlation: Floats, factors: int) -> Floats:
    """The nearest correlation (d, d) that so many common factors explain, in likelihood.

    L L' + diag(own), the maximum-likelihood factor model (Joereskog 1967) by its fixed point in
    the scaled eigenvectors. `d` factors or more leave the matrix as it is.
    """
    if factors >= len(correlation):
        return correlation
    own = np.clip(1 / np.diag(np.linalg.inv(correlation)), LEAST_OWN, 1.0)
    common = np.zeros_like(correlation)
    for _ in range(200):
        root = np.sqrt(own)
        values, vectors = np.linalg.eigh(correlation / np.outer(root, root))
        kept = slice(len(values) - factors, None)
        loads = root[:, None] * vectors[:, kept] * np.sqrt(np.maximum(values[kept] - 1, 0.0))
        common = loads @ loads.T
        before, own = own, np.clip(1 - np.diag(common), LEAST_OWN, 1.0)
        if np.abs(own - before).max() < 1e-3:
            break
    return _nearest_correlation(common + np.diag(1 - np.diag(common)))


def log_likelihood(
    correlation: Floats, within: Mapping[int, Spans], draws: int, rng: np.random.Generator
) -> Floats:
    """Log probability that normals with this correlation lie in their spans. (rows,).

    Args:
        correlation: (d, d).
        within: for some dimensions, spans of probability: (1, k) for all rows or (n, k) by row;
            rows are n where any of them is by row, else 1.
        draws: how many draws a row; with one held dimension the answer is exact.
        rng: the only source of chance.

    Source: the simulator of Geweke (1991), Hajivassiliou and Keane: dimensions are drawn inside
    their spans one after another, and the mean product of the spans' masses is unbiased.
    """
    held = sorted(within)
    rows = max((len(within[i][0]) for i in held), default=1)
    times = draws if len(held) > 1 else 1
    root = np.linalg.cholesky(correlation[np.ix_(held, held)])
    noise = np.zeros((rows * times, len(held)))
    log_mass = np.zeros(rows * times)
    for j, i in enumerate(held):
        low, high = (
            np.repeat(np.broadcast_to(x, (rows, x.shape[1])), times, axis=0) for x in within[i]
        )
        mean = noise @ root[j]
        latent, mass = _truncated(mean, float(root[j, j]), low, high, rng)
        log_mass += np.log(np.maximum(mass, LEAST_MASS))
        noise[:, j] = (latent - mean) / root[j, j]
    by_row = log_mass.reshape(rows, times)
    top = by_row.max(axis=1)
    found: Floats = top + np.log(np.exp(by_row - top[:, None]).mean(axis=1))
    return found


def draw(
    correlation: Floats,
    n: int,
    within: Mapping[int, Spans],
    rng: np.random.Generator,
    even: bool = False,
) -> Floats:
    """`n` rows of normals with this correlation, each held dimension inside its spans.

    Args:
        correlation: (d, d).
        n: how many rows.
        within: for some dimensions, spans of probability: (1, k) for all rows or (n, k) by row.
        rng: the only source of chance.
        even: where nothing is held, each dimension has one row in each n-th of its probability (a
            Latin hypercube, Stein 1987): the same law with less noise of sampling.

    Returns:
        Probabilities (n, d) in [0, 1]. Held dimensions lie in their spans on every row; with one
        of them the law is exact, with several they are drawn by 30 sweeps of Gibbs sampling
        (Geweke 1991), and all other dimensions exactly given these.
    """
    from scipy.special import ndtr

    held = np.array(sorted(within), dtype=int)
    free = np.setdiff1d(np.arange(len(correlation)), held)
    out = np.empty((n, len(correlation)))
    mean = np.zeros((n, len(free)))
    spread = correlation[np.ix_(free, free)]
    if len(held):
        among = correlation[np.ix_(held, held)]
        latent = _held(among, n, [within[int(i)] for i in held], rng)
        out[:, held] = latent
        pull = np.linalg.solve(among, correlation[np.ix_(held, free)])
        mean = latent @ pull
        spread = spread - correlation[np.ix_(free, held)] @ pull
    if len(free):
        root = _root(spread)
        out[:, free] = mean + rng.standard_normal((n, len(free))) @ root.T
    if even and not len(held):
        place = out.argsort(axis=0).argsort(axis=0)
        spread_out: Floats = (place + rng.random(out.shape)) / n
        return spread_out
    probability: Floats = ndtr(out)
    for i in held:  # the way through latent space may cost the last digits at a border
        probability[:, i] = _nearest_in(probability[:, i], within[int(i)])
    return probability


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def _held(among: Floats, n: int, spans: list[Spans], rng: np.random.Generator) -> Floats:
    """Latents (n, held) in their spans."""
    precision = np.linalg.inv(among)
    latent = np.zeros((n, len(spans)))
    for i, (low, high) in enumerate(spans):
        latent[:, i], _ = _truncated(np.zeros(n), 1.0, low, high, rng)
    for _ in range(SWEEPS if len(spans) > 1 else 0):
        for i, (low, high) in enumerate(spans):
            others = latent @ precision[i] - latent[:, i] * precision[i, i]
            mean, spread = -others / precision[i, i], precision[i, i] ** -0.5
            latent[:, i], _ = _truncated(mean, spread, low, high, rng)
    return latent


def _truncated(
    mean: Floats, spread: float, low: Floats, high: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """One normal a row, inside the union of that row's spans of standard-normal probability.

    Returns:
        The normals (n,), and the probability that such a normal lies in the spans (n,).
    """
    from scipy.special import ndtr, ndtri

    n = len(mean)
    # (1 or n, k) latent borders; beyond EDGE a double has no probability left
    a, b = np.clip(ndtri(low), -EDGE, EDGE), np.clip(ndtri(high), -EDGE, EDGE)
    left, right = (a - mean[:, None]) / spread, (b - mean[:, None]) / spread
    # work in the lower tail, where small probabilities keep their digits
    flip = left + right > 0
    left, right = np.where(flip, -right, left), np.where(flip, -left, right)
    from_, to = ndtr(left), ndtr(right)
    mass = to - from_
    total = mass.cumsum(axis=1)
    pick = (rng.random(n) * total[:, -1])[:, None]
    k = np.minimum((pick >= total).sum(1), mass.shape[1] - 1)[:, None]
    take = np.take_along_axis
    u = take(from_, k, 1) + rng.random((n, 1)) * take(mass, k, 1)
    z = np.clip(ndtri(u), take(left, k, 1), take(right, k, 1))
    z = np.where(take(flip, k, 1), -z, z)
    drawn = mean[:, None] + spread * z
    # a span far out in the tail has no mass left in floating point: its border is taken
    drawn = np.where(np.isfinite(drawn), drawn, mean[:, None])
    lowest, highest = (np.broadcast_to(x, left.shape) for x in (a, b))
    inside: Floats = np.clip(drawn, take(lowest, k, 1), take(highest, k, 1))[:, 0]
    return inside, total[:, -1]


def _nearest_in(u: Floats, spans: Spans) -> Floats:
    low, high = spans
    inside = np.clip(u[:, None], low, high)  # (n, k)
    gap: NDArray[np.int64] = np.abs(inside - u[:, None]).argmin(1)
    return np.take_along_axis(inside, gap[:, None], 1)[:, 0]
