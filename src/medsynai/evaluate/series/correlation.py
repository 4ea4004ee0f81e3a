"""How a step hangs on those before it, and a channel on the others.

Autocorrelation difference after Lai et al. 2018 (LSTNet) and TSGBench (Ang et al. 2023); cross
correlation as in Ni et al. 2020, Conditional Sig-Wasserstein GANs (the "correlational score").
"""

from dataclasses import replace

import numpy as np

from medsynai.evaluate.images.trial import Numbers
from medsynai.evaluate.interval import jackknife
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.series.trial import SeriesTrial

LAGS = 24  # at most; half of the steps where there are fewer
AUTO = blank(
    "series_autocorrelation",
    "Series: difference of autocorrelations",
    Family.FIDELITY,
    "low",
    "mean absolute difference over channels and lags 1 to 24 (half of the steps at most)",
)
CROSS = blank(
    "series_cross_correlation",
    "Series: difference of correlations between channels",
    Family.FIDELITY,
    "low",
    "mean absolute difference over pairs of channels at the same step, Ni et al. 2020",
)


def measure(trial: SeriesTrial) -> Findings:
    """Differences of auto- and cross-correlations; the latter of two channels or more.

    Raises:
        AssessmentError: no holdout, or too few series.
    """
    sides = trial.sides
    base = trial.look(sides.reference)
    looks = {k: trial.look(x) for k, x in sides.candidates.items()}
    wanted = [(AUTO, autocorrelation)]
    if trial.train.channels > 1:
        wanted.append((CROSS, cross_correlation))
    scores = []
    for score, of in wanted:

        def figure(a: Numbers, b: Numbers, of=of) -> float:  # type: ignore[no-untyped-def]
            return float(np.abs(of(a) - of(b)).mean())

        rng = trial.seeds.of("interval", score.name).numpy()
        low, high = jackknife(figure, [base, looks["synthetic"]], rng, bounds=(0.0, 2.0))
        scores.append(
            replace(
                score,
                value=figure(base, looks["synthetic"]),
                low=low,
                high=high,
                n=len(base),
                holdout=figure(base, looks["real"]),
                shuffled=figure(base, looks["shuffled"]),
            )
        )
    return Findings(tuple(scores))


def autocorrelation(x: Numbers) -> Numbers:
    """(lags, channels) of (n, steps, channels), values about the mean of the whole set."""
    unit = _unit(x)
    lags = range(1, max(2, min(LAGS, x.shape[1] // 2) + 1))
    return np.stack([(unit[:, k:] * unit[:, :-k]).mean((0, 1)) for k in lags])


def cross_correlation(x: Numbers) -> Numbers:
    """(pairs,) of (n, steps, channels), at the same step."""
    flat = _unit(x).reshape(-1, x.shape[2])
    found = flat.T @ flat / len(flat)
    return found[np.triu_indices(x.shape[2], 1)]


def _unit(x: Numbers) -> Numbers:
    wide = x.astype(np.float64) - x.mean((0, 1), dtype=np.float64)
    found: Numbers = wide / np.maximum(wide.std((0, 1)), 1e-9)
    return found
