"""Can a small network tell synthetic images from real ones that nobody learnt from?"""

from dataclasses import replace

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.evaluate.images.judge_net import ask, train_judge
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.interval import auc, auc_interval
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

STEPS = 300
C2ST = blank(
    "c2st",
    "Telling synthetic from unseen real images: AUC of a convolutional network",
    Family.DETECTION,
    "low",
    "classifier two-sample test, two folds (Lopez-Paz and Oquab 2017); 0.5 is perfect",
    note="Classes are matched, and both sides are stored numbers.",
)


def measure(trial: ImageTrial) -> Findings:
    """The C2ST of synthetic images, of as many train images, and of shuffled pixels.

    Raises:
        AssessmentError: no holdout, or too few images.
    """
    sides, seeds = trial.sides, trial.seeds.of("detection")
    found = {k: tell_apart(trial, x, sides.reference, seeds) for k, x in sides.candidates.items()}
    low, high = auc_interval(*found["synthetic"])
    score = replace(
        C2ST,
        value=auc(*found["synthetic"]),
        low=low,
        high=high,
        n=len(sides.reference),
        holdout=auc(*found["real"]),
        shuffled=auc(*found["shuffled"]),
    )
    return Findings((score,))


def tell_apart(
    trial: ImageTrial, candidate: ImageSet, reference: ImageSet, seeds: Seeds
) -> tuple[Numbers, Numbers]:
    """Truth (1: real) and the score of a network that did not see the image."""
    x = np.concatenate([trial.look(reference), trial.look(candidate)])
    truth = np.r_[np.ones(len(reference), np.int64), np.zeros(len(candidate), np.int64)]
    fold = np.empty(len(x), np.int64)
    for side in (0, 1):
        mine = np.flatnonzero(truth == side)
        fold[mine] = seeds.of("fold", side).numpy().permutation(len(mine)) % 2
    score = np.empty(len(x))
    for k in (0, 1):
        net = train_judge(x[fold != k], truth[fold != k], 2, STEPS, seeds.of("net", k))
        score[fold == k] = ask(net, x[fold == k])[0][:, 1]
    return truth, score
