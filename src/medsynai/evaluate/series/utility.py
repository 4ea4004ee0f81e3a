"""What a classifier learns from synthetic series, tried on real ones that nobody learnt from."""

import numpy as np

from medsynai.data.series import SeriesSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.judge_net import ask, train_judge
from medsynai.evaluate.images.trial import Numbers
from medsynai.evaluate.images.utility import balanced, filled, found
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.series.trial import NO_HOLDOUT, SeriesTrial

STEPS = 600
TRAINED = "The holdout anchor is the same network trained on the train series."
_ESTEBAN = "trained on synthetic, tested on real (Esteban et al. 2017); one small network"
ACCURACY = blank(
    "tstr_accuracy",
    "Trained on synthetic: accuracy of labels on holdout series",
    Family.UTILITY,
    "high",
    _ESTEBAN,
)
BALANCED = blank(
    "tstr_balanced",
    "Trained on synthetic: balanced accuracy on holdout series",
    Family.UTILITY,
    "high",
    f"{_ESTEBAN}; mean over classes of the share found",
)


def measure(trial: SeriesTrial) -> Findings:
    """Accuracy and balanced accuracy.

    Raises:
        AssessmentError: no holdout, or series of one class.
    """
    if trial.holdout is None:
        raise AssessmentError(NO_HOLDOUT)
    if len(np.unique(trial.holdout.labels)) < 2:
        raise AssessmentError("needs series of two classes or more")
    sources = {"synthetic": trial.synthetic, "real": trial.train, "shuffled": trial.shuffled}
    stacks = {k: _stack(trial, x, trial.holdout) for k, x in sources.items()}
    figures = ((ACCURACY, found), (BALANCED, balanced))
    return Findings(tuple(filled(s, f, stacks, trial.seeds, TRAINED) for s, f in figures))


def _stack(trial: SeriesTrial, source: SeriesSet, holdout: SeriesSet) -> Numbers:
    """(holdout, 1 + classes): the true class, then the network's probabilities."""
    classes = len(source.classes)
    looks = [np.moveaxis(2 * trial.look(x) - 1, 2, 1) for x in (source, holdout)]
    net = train_judge(looks[0], source.labels, classes, STEPS, trial.seeds.of("utility"))
    return np.column_stack([holdout.labels, ask(net, looks[1])[0]])
