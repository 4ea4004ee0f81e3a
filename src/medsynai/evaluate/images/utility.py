"""What a classifier learns from synthetic images, tried on real ones that nobody learnt from."""

from dataclasses import replace
from functools import partial

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.judge_net import JudgeNet, ask, train_judge
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
SPECIFICITY = blank(
    "tstr_specificity",
    "Trained on synthetic: share of the other classes' images not taken for this one",
    Family.UTILITY,
    "high",
    _ESTEBAN,
)
CALIBRATION = blank(
    "tstr_calibration",
    "Trained on synthetic: calibration error of a class",
    Family.UTILITY,
    "low",
    "expected calibration error, Guo et al. 2017, eq. 3, of the class against all others",
)
TRTS = blank(
    "trts_balanced",
    "Trained on real: balanced accuracy on synthetic images",
    Family.UTILITY,
    "info",
    "trained on real, tested on synthetic (Esteban et al. 2017)",
    note="The holdout anchor is its accuracy on holdout images. Above it, synthetic images are "
    "easier than unseen real ones, or copies of those it learnt from; below, some do not look "
    "like their class.",
)
BINS = 10  # of probabilities


def measure(trial: ImageTrial) -> Findings:
    """Balanced accuracy, AUROC and Brier score; share found, specificity and calibration by class.

    And what the network of the train images makes of the synthetic ones.

    Raises:
        AssessmentError: no holdout, or images of one class.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real images that the generator never saw")
    if len(np.unique(trial.holdout.labels)) < 2:
        raise AssessmentError("needs images of two classes or more")
    nets, stacks = nets_of(trial), tried(trial)
    figures = {BALANCED: balanced, AUROC: auroc, BRIER: brier}
    scores = [filled(s, f, stacks, trial.seeds, TRAINED) for s, f in figures.items()]
    for k, label in enumerate(trial.train.classes):
        mine = {n: s[s[:, 0] == k] for n, s in stacks.items()}
        rest = {n: s[s[:, 0] != k] for n, s in stacks.items()}
        if len(mine["synthetic"]) < 2:
            continue
        of_class = (
            filled(RECALL, found, mine, trial.seeds, TRAINED),
            filled(SPECIFICITY, partial(spared, label=k), rest, trial.seeds, TRAINED),
            filled(CALIBRATION, partial(miscalibrated, label=k), stacks, trial.seeds, TRAINED),
        )
        scores += [replace(one, group=f"label={label}") for one in of_class]
    other = answers(trial, nets["real"], trial.synthetic)
    dealt = answers(trial, nets["real"], trial.shuffled)
    real = {"synthetic": other, "real": stacks["real"], "shuffled": dealt}
    return Findings((*scores, filled(TRTS, balanced, real, trial.seeds, TRTS.note)))


def nets_of(trial: ImageTrial) -> dict[str, JudgeNet]:
    """The network that each side taught; the same for every measure of a trial."""
    if "nets" not in trial.kept:
        sources = {"synthetic": trial.synthetic, "real": trial.train, "shuffled": trial.shuffled}
        trial.kept["nets"] = {k: taught(trial, x) for k, x in sources.items()}
    nets: dict[str, JudgeNet] = trial.kept["nets"]
    return nets


def tried(trial: ImageTrial) -> dict[str, Numbers]:
    """What these networks say of the holdout; see `answers`.

    Raises:
        AssessmentError: no holdout.
    """
    holdout = trial.holdout
    if holdout is None:
        raise AssessmentError("needs a holdout: real images that the generator never saw")
    return {k: answers(trial, net, holdout) for k, net in nets_of(trial).items()}


def tried_on(trial: ImageTrial, source: ImageSet, holdout: ImageSet) -> Numbers:
    """See `answers`, of the network that `source` taught."""
    return answers(trial, taught(trial, source), holdout)


def taught(trial: ImageTrial, source: ImageSet) -> JudgeNet:
    """A network that tells the classes of these images."""
    seeds = trial.seeds.of("utility")
    return train_judge(trial.look(source), source.labels, len(source.classes), STEPS, seeds)


def answers(trial: ImageTrial, net: JudgeNet, images: ImageSet) -> Numbers:
    """(images, 1 + classes): the true class, then the network's probabilities."""
    return np.column_stack([images.labels, ask(net, trial.look(images))[0]])


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


def spared(stack: Numbers, label: int) -> float:
    """Share of these rows that are not taken for a class that none of them is of."""
    return float((stack[:, 1:].argmax(1) != label).mean()) if len(stack) else float("nan")


def miscalibrated(stack: Numbers, label: int) -> float:
    """How far a class's probability is from how often it comes true, over tenths of it.

    >>> said = np.array([[0, 0.25, 0.75], [1, 0.25, 0.75], [1, 0.25, 0.75], [1, 0.25, 0.75]])
    >>> miscalibrated(said, 1), miscalibrated(said[:1], 1)
    (0.0, 0.75)
    """
    said, came = stack[:, 1 + label], stack[:, 0] == label
    bin_of = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [abs(float((said - came)[bin_of == b].sum())) for b in np.unique(bin_of)]
    return sum(gaps) / len(stack)


def balanced(stack: Numbers) -> float:
    """Mean over the classes of the share found."""
    return float(np.mean([found(stack[stack[:, 0] == k]) for k in np.unique(stack[:, 0])]))


def brier(stack: Numbers) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes."""
    truth = np.eye(stack.shape[1] - 1)[stack[:, 0].astype(int)]
    return float(((stack[:, 1:] - truth) ** 2).sum(1).mean())
