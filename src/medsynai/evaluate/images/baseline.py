"""Is what was drawn better than principal components, which take a second?"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.coverage import distances, reach
from medsynai.evaluate.images.lenses import lenses
from medsynai.evaluate.images.trial import ImageTrial, Numbers, some
from medsynai.evaluate.images.utility import answers, balanced, taught, tried
from medsynai.evaluate.interval import jackknife
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.seeds import Seeds

NAME = "baseline"
NOTE = (
    "Above 0: better than the baseline `pca`, fitted to the same train images. The holdout anchor "
    "is what as many train images gain on it."
)
TITLES = {
    "features": "Images: holdout covered beyond the baseline, in a classifier's features",
    "pixels": "Images: holdout covered beyond the baseline, in components of the pixels",
    "tstr": "Trained on synthetic: balanced accuracy beyond the baseline",
}
WORDS = {
    "features": "coverage in a classifier's features",
    "pixels": "coverage in components of the pixels",
    "tstr": "balanced accuracy, trained on synthetic",
}
_SOURCE = "difference of coverage (Naeem et al. 2020, eq. 5), of the same holdout images"
_TSTR = "difference of balanced accuracy (Esteban et al. 2017), on the same holdout images"
Sides = dict[str, Numbers]  # what each side does for every holdout image


def measure(trial: ImageTrial) -> Findings:
    """What is gained on the baseline: coverage by each lens, and what a classifier learns.

    The exhibit `baseline` has the figures that the differences are of.

    Raises:
        AssessmentError: no baseline, no holdout, or too few images.
    """
    sides, seeds = trial.sides, trial.seeds.of(NAME)
    if trial.baseline is None:
        raise AssessmentError("no baseline was fitted beside these images")
    counts = np.bincount(sides.synthetic.labels, minlength=len(trial.train.classes))
    beside = some(trial.baseline, counts, seeds.of("rows"))
    scores: list[Score] = []
    rows: list[dict[str, Any]] = []
    for name, look in lenses(trial).items():
        reference = look(sides.reference)
        candidates = sides.candidates | {NAME: beside}
        covered = {
            k: (distances(reference, look(x)).min(1) <= reach(reference))[:, None]
            for k, x in candidates.items()
        }
        _add(scores, rows, name, covered, (lambda hit: float(hit.mean()), seeds))
    if trial.holdout is not None and len(np.unique(trial.holdout.labels)) > 1:
        learnt = tried(trial) | {NAME: _learnt(trial, trial.baseline)}
        _add(scores, rows, "tstr", learnt, (balanced, seeds))
    return Findings(tuple(scores), {NAME: rows})


def _learnt(trial: ImageTrial, baseline: ImageSet) -> Numbers:
    assert trial.holdout is not None
    return answers(trial, taught(trial, baseline), trial.holdout)


def _add(
    scores: list[Score],
    rows: list[dict[str, Any]],
    name: str,
    sides: Sides,
    how: tuple[Callable[[Numbers], float], Seeds],
) -> None:
    """The gain by one figure, and the figures themselves."""
    figure, seeds = how
    said = {k: figure(x) for k, x in sides.items()}
    mine, width = sides["synthetic"], sides["synthetic"].shape[1]
    both = np.hstack([mine, sides[NAME]])

    def gain(stack: Numbers) -> float:
        return figure(stack[:, :width]) - figure(stack[:, width:])

    low, high = jackknife(gain, [both], seeds.of(name).numpy(), bounds=(-1.0, 1.0))
    family, source = (Family.UTILITY, _TSTR) if name == "tstr" else (Family.FIDELITY, _SOURCE)
    one = blank(f"beyond_pca_{name}", TITLES[name], family, "high", source, NOTE)
    scores.append(
        replace(
            one,
            value=said["synthetic"] - said[NAME],
            low=low,
            high=high,
            n=len(both),
            holdout=said["real"] - said[NAME],
            shuffled=said["shuffled"] - said[NAME],
        )
    )
    called = {"synthetic": "synthetic", NAME: "pca", "real": "as many train images"}
    rows.append({"figure": WORDS[name]} | {words: said[k] for k, words in called.items()})
