"""How series run: the middle half of real and synthetic ones at each step, and some synthetic.

No real series is shown, and no quarter of fewer than 11 real patients.
"""

from typing import Any

import numpy as np

from medsynai.data.series import SeriesSet
from medsynai.evaluate.score import Findings
from medsynai.evaluate.series.trial import SeriesTrial

LEAST = 44  # patients of a class: a quarter of them is eleven
QUARTERS = (0.25, 0.5, 0.75)
SHOWN, MOST, POINTS = 3, 12, 200  # synthetic series a picture; pictures; steps that are drawn
DIGITS = 4


def measure(trial: SeriesTrial) -> Findings:
    """A picture for each class and channel, the commonest classes first."""
    train, made = trial.train, trial.synthetic
    pairs = [
        (k, c) for k in np.argsort(-train.counts, kind="stable") for c in range(train.channels)
    ]
    pictures = [_picture(train, made, int(k), c) for k, c in pairs if made.counts[k]]
    return Findings((), {"courses": pictures[:MOST]})


def _picture(train: SeriesSet, made: SeriesSet, label: int, channel: int) -> dict[str, Any]:
    step = -(-train.steps // POINTS)
    real, drawn = train.rows(train.labels == label), made.rows(made.labels == label)
    named = f"{train.classes[label]}, channel {channel + 1}"
    enough = len(np.unique(real.patients)) >= LEAST
    return {
        "title": named if len(train.classes) > 1 else f"Channel {channel + 1}",
        "step": list(range(1, train.steps + 1, step)),
        "real": _bands(real, channel, step) if enough else None,
        "synthetic": _bands(drawn, channel, step),
        "drawn": [_short(x[::step, channel]) for x in drawn.values[:SHOWN]],
    }


def _bands(series: SeriesSet, channel: int, step: int) -> dict[str, list[float]]:
    found = np.quantile(series.values[:, ::step, channel], QUARTERS, axis=0)
    return {k: _short(x) for k, x in zip(("low", "middle", "high"), found, strict=True)}


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{v:.{DIGITS}g}") for v in values]
