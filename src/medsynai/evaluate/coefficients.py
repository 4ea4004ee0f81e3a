"""Logistic, linear and Cox regression with standard errors, quick enough to refit many times."""

from collections.abc import Callable

import numpy as np

from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Z

# A whisper of ridge, so that separation or a constant column gives a wide interval, not a crash.
RIDGE = 1e-6
STEPS = 30
# Halvings of a step at most, and the slope downhill, as a share of that uphill, that ends them.
HALVINGS, BEYOND = 10, 0.1
# A standard error beyond this, on standardised terms, says that nothing was estimated.
VACUOUS = 10.0

Coefficients = tuple[Floats, Floats]


def fit_logistic(x: Floats, y: Floats) -> Coefficients:
    """Coefficients and standard errors of a logistic regression, by Newton steps.

    Args:
        x: design matrix with its constant column, (rows, terms).
        y: 0 or 1, (rows,).

    Source: iteratively reweighted least squares, McCullagh and Nelder 1989, section 4.4.
    """

    def slope(beta: Floats) -> tuple[Floats, Floats]:
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        return x.T @ (y - p), (x * (p * (1 - p))[:, None]).T @ x

    return _newton(slope, x.shape[1], RIDGE * len(x))


def fit_cox(rows: Floats) -> Coefficients:
    """Log hazard ratios and standard errors by the partial likelihood, ties by Breslow.

    Args:
        rows: time, event (0 or 1), terms: (rows, 2 + terms).

    Source: Cox 1972, J. R. Stat. Soc. B 34; Breslow 1974, Biometrics 30.
    """
    ordered = rows[np.argsort(-rows[:, 0], kind="stable")]
    times, event, x = ordered[:, 0], ordered[:, 1], ordered[:, 2:]
    # Everybody with this time or a later one is at risk: up to the last row of the tie.
    last = np.flatnonzero(np.r_[times[1:] != times[:-1], True])
    group = np.searchsorted(-times[last], -times)
    deaths = np.bincount(group, weights=event)
    square = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)

    def slope(beta: Floats) -> tuple[Floats, Floats]:
        risk = np.exp(np.clip(x @ beta, -30, 30))
        total = np.cumsum(risk)[last]
        mean = np.cumsum(risk[:, None] * x, axis=0)[last] / total[:, None]
        second = np.cumsum(risk[:, None] * square, axis=0)[last] / total[:, None]
        spread = deaths @ second - ((deaths[:, None] * mean).T @ mean).ravel()
        return event @ x - deaths @ mean, spread.reshape(x.shape[1], -1)

    return _newton(slope, x.shape[1], RIDGE * len(x))


def _newton(
    slope: Callable[[Floats], tuple[Floats, Floats]], terms: int, ridge: float
) -> Coefficients:
    """Maximise a concave likelihood given its gradient and information at a point.

    A step that ends far beyond the top of its line is halved: few rows and long tails throw plain
    Newton steps to where they never come back from.
    """
    penalty: Floats = ridge * np.eye(terms)

    def at(beta: Floats) -> tuple[Floats, Floats]:
        gradient, information = slope(beta)
        return gradient - ridge * beta, information + penalty

    beta: Floats = np.zeros(terms)
    gradient, information = at(beta)
    for _ in range(STEPS):
        step = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        # Long steps overshoot under near separation.
        step = step * min(1.0, 5.0 / max(float(np.abs(step).max(initial=0.0)), 1e-12))
        for _ in range(HALVINGS):
            climbs = float(gradient @ step)
            ahead, spread = at(beta + step)
            if float(ahead @ step) >= -BEYOND * climbs:
                break
            step = step / 2
        beta, gradient, information = beta + step, ahead, spread
        if float(np.abs(step).max(initial=0.0)) < 1e-8:
            break
    errors: Floats = np.sqrt(np.diag(np.linalg.inv(information)))
    return beta, errors


def fit_linear(x: Floats, y: Floats) -> Coefficients:
    """Coefficients and standard errors of a least-squares regression."""
    gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
    beta = np.asarray(np.linalg.solve(gram, x.T @ y), dtype=np.float64)
    spread = float(((y - x @ beta) ** 2).sum()) / max(len(x) - x.shape[1], 1)
    errors: Floats = np.sqrt(spread * np.diag(np.linalg.inv(gram)))
    return beta, errors


def overlap(a: Coefficients, b: Coefficients) -> float:
    """Mean overlap of two sets of 95 % intervals, each overlap as a share of both lengths.

    Negative where they lie apart; 1 where they are the same. Terms that the reference cannot
    estimate are left out; one that only the candidate cannot estimate counts 0, although an
    endless interval overlaps everything. NaN where no term is left.

    Args:
        a: the candidate's estimates and standard errors.
        b: the reference's.

    Source: Karr et al. 2006, Am. Statistician 60(3).

    >>> overlap((np.array([0.0]), np.array([1.0])), (np.array([0.0]), np.array([1.0])))
    1.0
    """
    used = b[1] < VACUOUS
    if not used.any():
        return float("nan")
    a, b = (a[0][used], a[1][used]), (b[0][used], b[1][used])
    upper = np.minimum(a[0] + Z * a[1], b[0] + Z * b[1])
    shared = upper - np.maximum(a[0] - Z * a[1], b[0] - Z * b[1])
    each = 0.5 * (shared / (2 * Z * a[1]) + shared / (2 * Z * b[1]))
    # Intervals far apart would let one term outweigh all others.
    return float(np.where(a[1] < VACUOUS, np.clip(each, -1.0, 1.0), 0.0).mean())


def sign_agreement(reference: Coefficients, other: Coefficients) -> float:
    """Of the coefficients whose reference interval leaves out 0, the share with the same sign.

    NaN where there is none.
    """
    clear = np.abs(reference[0]) > Z * reference[1]
    if not clear.any():
        return float("nan")
    return float((np.sign(reference[0]) == np.sign(other[0]))[clear].mean())
