"""How different the synthetic images are from each other: a collapsed generator draws one image.

Vendi score: Friedman and Dieng 2023, eq. 3. Structural similarity: Wang et al. 2004, eq. 13, over
whole images of the same class, beside what pairs of real images have (Odena et al. 2017).
"""

from dataclasses import replace

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.evaluate.images.lenses import lenses
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

PAIRS, CAP = 400, 1_000
VENDI = blank(
    "image_vendi",
    "Images: how many different ones there are, as a share of the holdout's",
    Family.FIDELITY,
    "high",
    "Vendi score, Friedman and Dieng 2023, eq. 3, on components of the pixels; ratio to holdout",
)
ALIKE = blank(
    "image_alike",
    "Images: likeness of two of a class",
    Family.FIDELITY,
    "info",
    "structural similarity, Wang et al. 2004, eq. 13, mean over pairs of one class",
    note="Higher than real pairs: the generator repeats itself. Lower: it draws noise.",
)


def measure(trial: ImageTrial) -> Findings:
    """The Vendi score as a ratio, and the likeness of pairs.

    Raises:
        AssessmentError: no holdout, or too few images.
    """
    sides, look = trial.sides, lenses(trial)["pixels"]
    floor = vendi(look(sides.reference)[:CAP])
    ratio = {k: vendi(look(x)[:CAP]) / floor for k, x in sides.candidates.items()}
    seeds = trial.seeds.of("pairs")
    alike = {k: likeness(trial, x, seeds) for k, x in sides.candidates.items()}
    n = len(sides.reference)
    scores = (
        replace(
            VENDI,
            value=ratio["synthetic"],
            holdout=ratio["real"],
            shuffled=ratio["shuffled"],
            n=n,
        ),
        replace(
            ALIKE,
            value=alike["synthetic"],
            holdout=alike["real"],
            shuffled=alike["shuffled"],
            n=n,
        ),
    )
    return Findings(scores)


def vendi(seen: Numbers) -> float:
    """exp(- sum of l log l) over the eigenvalues l of the cosine kernel divided by n.

    >>> round(vendi(np.eye(4)), 6), round(vendi(np.ones((4, 2))), 6)
    (4.0, 1.0)
    """
    unit = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
    values = np.linalg.svd(unit / np.sqrt(len(unit)), compute_uv=False) ** 2
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def likeness(trial: ImageTrial, images: ImageSet, seeds: Seeds) -> float:
    """Mean structural similarity of pairs of one class; the data range is 2."""
    rng, pixels = seeds.numpy(), trial.look(images)
    found = []
    for k in np.unique(images.labels):
        mine = np.flatnonzero(images.labels == k)
        if len(mine) > 1:
            a = rng.choice(mine, PAIRS)
            b = rng.choice(mine, PAIRS)
            keep = a != b
            found.append(ssim(pixels[a[keep]], pixels[b[keep]]))
    return float(np.mean(np.concatenate(found))) if found else float("nan")


def ssim(a: Numbers, b: Numbers) -> Numbers:
    """(n,) structural similarity of whole images in [-1, 1].

    >>> x = np.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
    >>> round(float(ssim(x, x)[0]), 6), bool(ssim(x, -x)[0] < 0)
    (1.0, True)
    """
    axes = tuple(range(1, a.ndim))
    first, second = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    ma, mb = a.mean(axes), b.mean(axes)
    va, vb = a.var(axes), b.var(axes)
    shape = (-1, *(1,) * (a.ndim - 1))
    both = ((a - ma.reshape(shape)) * (b - mb.reshape(shape))).mean(axes)
    found: Numbers = ((2 * ma * mb + first) * (2 * both + second)) / (
        (ma**2 + mb**2 + first) * (va + vb + second)
    )
    return found
