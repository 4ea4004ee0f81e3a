"""Does the synthetic set hold all that the real one does, and nothing else?

Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models (eq. 4 and 5);
Kynkäänniemi et al. 2019 (precision and recall); always beside what as many fresh real images reach.
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


def _blanks(lens: str) -> tuple[Score, Score, Score, Score]:
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
    recall = blank(
        f"image_recall_{lens}",
        f"Images: holdout within reach of synthetic ones, {TITLES[lens]}",
        Family.FIDELITY,
        "high",
        "improved recall, Kynkäänniemi et al. 2019, eq. 2, with 5 neighbours",
    )
    density = blank(
        f"image_density_{lens}",
        f"Images: how densely synthetic ones lie among real ones, {TITLES[lens]}",
        Family.FIDELITY,
        "info",
        "density, Naeem et al. 2020, eq. 4, with 5 neighbours: above 1 where they crowd",
    )
    return coverage, precision, recall, density


def measure(trial: ImageTrial) -> Findings:
    """Coverage, precision, recall and density by each lens, of all images and of each class.

    Raises:
        AssessmentError: no holdout, or too few images.
    """
    sides = trial.sides
    if len(sides.reference) > CAP:
        raise AssessmentError(f"needs at most {CAP} images a side")
    scores: list[Score] = []
    for name, look in lenses(trial).items():
        seen = {k: look(x) for k, x in sides.candidates.items()}
        labels = {k: x.labels for k, x in sides.candidates.items()}
        hits = _hits(look(sides.reference), seen)
        whole = zip(_blanks(name), hits, strict=True)
        scores += [_filled(score, found) for score, found in whole]
        for k, label in enumerate(trial.train.classes):
            mine = sides.reference.labels == k
            if FEWEST <= mine.sum() < len(mine):
                of_real = [{n: c[mine] for n, c in hits[i].items()} for i in (0, 2)]
                of_made = [{n: c[labels[n] == k] for n, c in hits[i].items()} for i in (1, 3)]
                parts = (of_real[0], of_made[0], of_real[1], of_made[1])
                for score, part in zip(_blanks(name), parts, strict=True):
                    scores.append(replace(_filled(score, part), group=f"label={label}"))
    return Findings(tuple(scores))


def _hits(real: Numbers, seen: dict[str, Numbers]) -> tuple[dict[str, Numbers], ...]:
    """Of each candidate: which real images are covered, which of its own look real, which real
    ones lie within its own images' reach, and how many real ones' reach each of its own lies in.
    """
    radius = reach(real)
    met = {k: distances(real, x) for k, x in seen.items()}
    covered = {k: d.min(1) <= radius for k, d in met.items()}
    inside = {k: d <= radius[:, None] for k, d in met.items()}
    exact = {k: np.asarray(found.any(0)) for k, found in inside.items()}
    reached = {k: np.asarray((met[k] <= reach(x)).any(1)) for k, x in seen.items()}
    dense = {k: found.sum(0) / NEIGHBOURS for k, found in inside.items()}
    return covered, exact, reached, dense


def reach(rows: Numbers) -> Numbers:
    """(rows,) how far each row's 5th neighbour is; the nearest is the row itself."""
    found: Numbers = np.sort(distances(rows, rows), axis=1)[:, NEIGHBOURS]
    return found


def _filled(score: Score, hits: dict[str, Numbers]) -> Score:
    own = hits["synthetic"]
    share = own.dtype == bool
    low, high = wilson(int(own.sum()), len(own)) if share else (None, None)
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
