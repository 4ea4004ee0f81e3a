"""Nearest-neighbour adversarial accuracy, the patient being the unit: are train patients too near?

It is the mean of two shares: of real patients whose nearest synthetic patient is farther off than
their nearest other real one, and the same the other way round. Nobody is their own neighbour. Two
samples of the same people score .5, a copy 0. Against patients whom nobody showed to the model it
says how much of that is likeness; what it is lower against train patients is the loss.
"""

import numpy as np
from scipy.spatial import cKDTree

from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.codes.trial import LEAST, Numbers
from medsynai.evaluate.cohorts.accusing import some, traits
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Findings

MOST = 1_000  # patients looked at on any side
PARTS = 8  # of train, each as large as the holdout: accuracy hangs on how dense a set lies
Z = 1.959964
LOSS = Heading(
    "nnaa_loss",
    "Nearest neighbours: adversarial accuracy lost on train patients",
    "accuracy against holdout patients less that against as many train patients; Yale et al. 2020, "
    "nearest-neighbour adversarial accuracy and privacy loss",
)


def measure(trial: CohortTrial) -> Findings:
    """The loss of accuracy; the control releases the train part."""
    if trial.holdout is None:
        return Findings((LOSS.absent("needs a holdout"),))
    if min(map(len, (trial.train, trial.holdout, trial.synthetic))) < LEAST:
        return Findings((LOSS.absent(f"needs at least {LEAST} patients on every side"),))
    rng, views, width = trial.seeds.of("nearness").numpy(), trial.views, len(trial.variables)
    spread = traits(views["train"], width).std(0)

    def points(view: View) -> Numbers:
        few = np.sort(rng.permutation(len(view))[:MOST])
        return traits(some(view, few), width)[:, spread > 0] / spread[spread > 0]

    train, fresh = points(views["train"]), points(views["holdout"])
    released = {"synthetic": views["synthetic"], "shuffled": trial.sides.shuffled}
    sides = {"control": train} | {name: points(view) for name, view in released.items()}
    order = rng.permutation(len(train))
    found = {name: loss(train[order], fresh, made) for name, made in sides.items()}
    said = " and ".join(f"{x:.2f}" for x in accuracies(train[order], fresh, sides["synthetic"]))
    return Findings((LOSS.score(found, len(train), f"accuracy {said} against holdout and train"),))


def accuracies(train: Numbers, fresh: Numbers, made: Numbers) -> tuple[float, float]:
    """Adversarial accuracy against holdout patients, and against as many train patients."""
    outs, ins = [_farther(fresh, made)], [_farther(part, made) for part in _parts(train, fresh)]
    mean = [np.mean([(real.mean() + syn.mean()) / 2 for real, syn in x]) for x in (outs, ins)]
    return float(mean[0]), float(mean[1])


def loss(train: Numbers, fresh: Numbers, made: Numbers) -> Interval:
    """How much lower the accuracy is against train patients.

    Args:
        train: (patients, traits) in one scale, in random order.
        fresh: likewise of the holdout.
        made: likewise of synthetic patients.

    Returns:
        The mean over parts of train as large as the holdout. Neighbours of several synthetic
        patients are often one and the same real one, so the interval counts no more of the
        synthetic patients than there are in the holdout.
    """
    out, near = _farther(fresh, made)
    ins = [_farther(part, made) for part in _parts(train, fresh)]
    mine = np.concatenate([real for real, _ in ins])
    pairs = near - np.mean([syn for _, syn in ins], axis=0)
    value = (out.mean() - mine.mean() + pairs.mean()) / 2
    n = min(len(fresh), len(train))
    squares = out.var() / len(out) + mine.var() / len(mine) + pairs.var() / min(n, len(made))
    half = Z * (np.sqrt(squares) / 2 + 0.5 / n)  # half a record, that all alike is no certainty
    return Interval(float(value), float(max(value - half, -1)), float(min(value + half, 1)))


def _parts(train: Numbers, fresh: Numbers) -> list[Numbers]:
    size = min(len(fresh), len(train))
    return [train[i * size : (i + 1) * size] for i in range(min(len(train) // size, PARTS))]


def _farther(real: Numbers, made: Numbers) -> tuple[Numbers, Numbers]:
    """(real,) and (made,) 1 where the nearest of the other side is farther off than of its own."""
    sides = {"real": cKDTree(real), "made": cKDTree(made)}
    found = []
    for points, own, other in ((real, "real", "made"), (made, "made", "real")):
        within = np.asarray(sides[own].query(points, k=[2])[0])[:, 0]  # the first is oneself
        across = np.asarray(sides[other].query(points, k=[1])[0])[:, 0]
        found.append(np.where(across == within, 0.5, across > within))
    return found[0], found[1]
