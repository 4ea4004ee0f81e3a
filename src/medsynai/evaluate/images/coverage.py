"""Does the synthetic set hold all that the real one does, and nothing else?

Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models (eq. 4 and 5);
Kynkäänniemi et al. 2019 (precision); always beside what as many fresh real images reach.
"""

from dataclasses import replace

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.images.lenses import lenses
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.interval import wilson
from medsynai.evaluate.score import Family, Findings, Score, blank

NEIGHBOURS, FEWEST, CAP = 5, 10, 4_000
_SOURCE = "share of holdout images with a synthetic one nearer than their 5th holdout neighbour"
TITLES = {"features": "in a classifier's features", "pixels": "in components of the pixels"}


def _blanks(lens: str) -> tuple[Score, Score]:
    coverage = blank(
        f"image_coverage_{lens}",
        f"Images: holdout covered, {TITLES[lens]}",
        Family.FIDELITY,
        "high",
        f"coverage, Naeem et al. 2020, eq. 5: {_SOURCE}",
    )
    precision = blank(
        f"image_precision_{lens}",
        f"Images: synthetic ones that look like real ones, {TITLES[lens]}",
        Family.FIDELITY,
        "high",
        "improved precision, Kynkäänniemi et al. 2019, eq. 1, with 5 neighbours",
    )
    return coverage, precision


def measure(trial: ImageTrial) -> Findings:
    """Coverage and precision by each lens; coverage of each class by the sharpest lens.

    Raises:
        AssessmentError: no holdout, or too few images.
    """
    sides = trial.sides
    if len(sides.reference) > CAP:
        raise AssessmentError(f"needs at most {CAP} images a side")
    scores: list[Score] = []
    for name, look in lenses(trial).items():
        real = look(sides.reference)
        radius = np.sort(distances(real, real), axis=1)[:, NEIGHBOURS]
        met = {k: distances(real, look(x)) for k, x in sides.candidates.items()}
        covered = {k: _within(d, radius) for k, d in met.items()}
        exact = {k: _within((d - radius[:, None]).T, np.zeros(1)) for k, d in met.items()}
        first, second = _blanks(name)
        scores += [_filled(first, covered), _filled(second, exact)]
        for k, label in enumerate(trial.train.classes):
            mine = sides.reference.labels == k
            if FEWEST <= mine.sum() < len(mine):
                part = {n: c[mine] for n, c in covered.items()}
                scores.append(replace(_filled(first, part), group=f"label={label}"))
    return Findings(tuple(scores))


def _within(distance: Numbers, radius: Numbers) -> Numbers:
    found: Numbers = np.less_equal(distance.min(1), radius)
    return found


def _filled(score: Score, hits: dict[str, Numbers]) -> Score:
    own = hits["synthetic"]
    low, high = wilson(int(own.sum()), len(own))
    return replace(
        score,
        value=float(own.mean()),
        low=low,
        high=high,
        n=len(own),
        holdout=float(hits["real"].mean()),
        shuffled=float(hits["shuffled"].mean()),
        note="The holdout anchor is what as many train images reach: no generator need do better.",
    )


def distances(a: Numbers, b: Numbers) -> Numbers:
    """(len(a), len(b)) Euclidean distances."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    found: Numbers = np.sqrt(np.maximum(squares, 0))
    return found
