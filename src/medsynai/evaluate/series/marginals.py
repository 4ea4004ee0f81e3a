"""How values are spread: over all steps, and step by step."""

from dataclasses import replace

import numpy as np

from medsynai.data.series import SeriesSet
from medsynai.evaluate.images.trial import Numbers
from medsynai.evaluate.interval import jackknife
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.series.trial import SeriesTrial

BINS, BINS_OF_STEP = 20, 5
_TVD = "total variation distance of values in bins of equal shares of the holdout"
POOLED = blank(
    "series_tvd",
    "Series: values of each channel",
    Family.FIDELITY,
    "low",
    f"{_TVD}, all steps together, mean over channels",
)
STEPWISE = blank(
    "series_step_tvd",
    "Series: values of each channel at each step",
    Family.FIDELITY,
    "low",
    f"{_TVD} at one step, mean over steps and channels",
)


def measure(trial: SeriesTrial) -> Findings:
    """Total variation distances of values, pooled and step by step.

    Raises:
        AssessmentError: no holdout, or too few series.
    """
    sides, scores = trial.sides, []
    for score, pooled in ((POOLED, True), (STEPWISE, False)):
        base = _columns(sides.reference, pooled)

        def figure(a: Numbers, b: Numbers, pooled: bool = pooled) -> float:
            return distance(a, b, BINS if pooled else BINS_OF_STEP)

        found = {k: _columns(x, pooled) for k, x in sides.candidates.items()}
        rng = trial.seeds.of("interval", score.name).numpy()
        low, high = jackknife(figure, [base, found["synthetic"]], rng)
        scores.append(
            replace(
                score,
                value=figure(base, found["synthetic"]),
                low=low,
                high=high,
                n=len(sides.reference),
                holdout=figure(base, found["real"]),
                shuffled=figure(base, found["shuffled"]),
            )
        )
    return Findings(tuple(scores))


def _columns(series: SeriesSet, pooled: bool) -> Numbers:
    """(n, columns, values): a channel of all steps, or a channel at one step."""
    wide = np.moveaxis(series.values, 2, 1)
    return wide if pooled else wide.reshape(len(wide), -1, 1)


def distance(real: Numbers, other: Numbers, bins: int) -> float:
    """Mean total variation distance over columns of (n, columns, values).

    >>> x = np.arange(8.0).reshape(8, 1, 1)
    >>> distance(x, x, 4), distance(x, x + 100, 4)
    (0.0, 0.75)
    """
    found = []
    for c in range(real.shape[1]):
        a, b = real[:, c].ravel(), other[:, c].ravel()
        edges = np.unique(np.quantile(a, np.linspace(0, 1, bins + 1)[1:-1]))
        shares = [
            np.bincount(np.searchsorted(edges, x, "right"), minlength=len(edges) + 1) / len(x)
            for x in (a, b)
        ]
        found.append(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(np.mean(found))
