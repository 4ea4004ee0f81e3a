"""What a classifier learns from synthetic images, tried on real ones that nobody learnt from."""

from dataclasses import replace

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.judge_net import ask, train_judge
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.interval import jackknife
from medsynai.evaluate.metrics import auroc
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.seeds import Seeds

STEPS = 500
TRAINED = "The holdout anchor is the same network trained on the train images."
_ESTEBAN = "trained on synthetic, tested on real (Esteban et al. 2017); one small network"
BALANCED = blank(
    "tstr_balanced",
    "Trained on synthetic: balanced accuracy on holdout images",
    Family.UTILITY,
    "high",
    f"{_ESTEBAN}; mean over classes of the share found",
)
AUROC = blank(
    "tstr_auroc", "Trained on synthetic: AUROC on holdout images", Family.UTILITY, "high", _ESTEBAN
)
RECALL = blank(
    "tstr_recall", "Trained on synthetic: share of a class found", Family.UTILITY, "high", _ESTEBAN
)
BRIER = blank(
    "tstr_brier", "Trained on synthetic: Brier score", Family.UTILITY, "low", "Brier 1950, eq. 2"
)


def measure(trial: ImageTrial) -> Findings:
    """Balanced accuracy, AUROC and Brier score, and each class's share found.

    Raises:
        AssessmentError: no holdout, or images of one class.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real images that the generator never saw")
    if len(np.unique(trial.holdout.labels)) < 2:
        raise AssessmentError("needs images of two classes or more")
    sources = {"synthetic": trial.synthetic, "real": trial.train, "shuffled": trial.shuffled}
    stacks = {k: tried_on(trial, x, trial.holdout) for k, x in sources.items()}
    figures = {BALANCED: balanced, AUROC: auroc, BRIER: brier}
    scores = [filled(s, f, stacks, trial.seeds, TRAINED) for s, f in figures.items()]
    for k, label in enumerate(trial.train.classes):
        mine = {n: s[s[:, 0] == k] for n, s in stacks.items()}
        if len(mine["synthetic"]) >= 2:
            one = filled(RECALL, found, mine, trial.seeds, TRAINED)
            scores.append(replace(one, group=f"label={label}"))
    return Findings(tuple(scores))


def tried_on(trial: ImageTrial, source: ImageSet, holdout: ImageSet) -> Numbers:
    """(holdout, 1 + classes): the true class, then the network's probabilities."""
    seeds = trial.seeds.of("utility")
    net = train_judge(trial.look(source), source.labels, len(source.classes), STEPS, seeds)
    return np.column_stack([holdout.labels, ask(net, trial.look(holdout))[0]])


def filled(
    score: Score, figure: object, stacks: dict[str, Numbers], seeds: Seeds, note: str
) -> Score:
    """The score of a figure of stacks, the other sides' as its anchors."""
    said = {k: float(figure(s)) for k, s in stacks.items()}  # type: ignore[operator]
    rng = seeds.of("interval", score.name).numpy()
    low, high = jackknife(figure, [stacks["synthetic"]], rng)  # type: ignore[arg-type]
    return replace(
        score,
        value=said["synthetic"],
        low=low,
        high=high,
        n=len(stacks["synthetic"]),
        holdout=said["real"],
        shuffled=said["shuffled"],
        note=note,
    )


def found(stack: Numbers) -> float:
    """Share of rows whose likeliest class is the true one."""
    return float((stack[:, 1:].argmax(1) == stack[:, 0]).mean())


def balanced(stack: Numbers) -> float:
    """Mean over the classes of the share found."""
    return float(np.mean([found(stack[stack[:, 0] == k]) for k in np.unique(stack[:, 0])]))


def brier(stack: Numbers) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes."""
    truth = np.eye(stack.shape[1] - 1)[stack[:, 0].astype(int)]
    return float(((stack[:, 1:] - truth) ** 2).sum(1).mean())
