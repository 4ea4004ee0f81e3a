"""What a network learns of the next step from synthetic series, tried on real ones."""

from dataclasses import replace

import numpy as np
from torch import Tensor

from medsynai.data.series import SeriesSet
from medsynai.evaluate.images.trial import Numbers
from medsynai.evaluate.interval import jackknife
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.series.sequence_net import ask, rounds_for, train_sequence
from medsynai.evaluate.series.trial import SeriesTrial

PREDICTIVE = blank(
    "predictive_score",
    "Trained on synthetic: error of the next step of holdout series",
    Family.UTILITY,
    "low",
    "Yoon et al. 2019, TimeGAN, section 5: mean absolute error of the last channel's next value, "
    "from the other channels (a single one from itself), on [0, 1]",
    note="The holdout anchor is the same network trained on the train series.",
)


def measure(trial: SeriesTrial) -> Findings:
    """The predictive score.

    Raises:
        AssessmentError: no holdout, or too few series.
    """
    sides = trial.sides
    found = {k: errors(trial, x, sides.reference) for k, x in sides.candidates.items()}
    rng = trial.seeds.of("interval", "predictive").numpy()
    low, high = jackknife(lambda e: float(e.mean()), [found["synthetic"]], rng)
    score = replace(
        PREDICTIVE,
        value=float(found["synthetic"].mean()),
        low=low,
        high=high,
        n=len(sides.reference),
        holdout=float(found["real"].mean()),
        shuffled=float(found["shuffled"].mean()),
    )
    return Findings((score,))


def errors(trial: SeriesTrial, source: SeriesSet, reference: SeriesSet) -> Numbers:
    """(n,) mean absolute error of each reference series."""
    x, y = _task(trial.look(source))
    seeds = trial.seeds.of("predictive")
    net = train_sequence(x, y, 1, _absolute, rounds_for(x), seeds)
    asked, truth = _task(trial.look(reference))
    said = 1 / (1 + np.exp(-ask(net, asked)[:, :, 0]))
    found: Numbers = np.abs(said - truth).mean(1)
    return found


def _task(x: Numbers) -> tuple[Numbers, Numbers]:
    """What is shown at each step, and the last channel's value at the next one."""
    shown = x[:, :-1, :-1] if x.shape[2] > 1 else x[:, :-1]
    return shown, x[:, 1:, -1]


def _absolute(outs: Tensor, truth: Tensor) -> Tensor:
    return (outs[:, :, 0].sigmoid() - truth).abs().mean()
