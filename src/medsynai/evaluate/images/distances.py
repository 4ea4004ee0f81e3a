"""How far the synthetic set as a whole is from real images, by every lens; nothing is downloaded.

A distance is named after its lens: the FID is another, of a network that saw photographs.
"""

from dataclasses import replace

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.images.lenses import lenses
from medsynai.evaluate.images.textures import textures
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.seeds import Seeds

CAP, HALVES = 2_000, 60
TITLES = {
    "features": "a classifier's features",
    "pixels": "components of the pixels",
    "convolutions": "fixed random convolutions",
    "radiomics": "radiomics",
}
_NOTE = (
    "The holdout anchor is as many train images. Below it is no merit: copies score so, too; read "
    "it beside the near copies."
)
KERNEL = {
    lens: blank(
        f"image_kid_{lens}",
        f"Images: kernel distance to the holdout, in {words}",
        Family.FIDELITY,
        "low",
        "squared maximum mean discrepancy of a cubic kernel, Binkowski et al. 2018, section 4",
        note=_NOTE,
    )
    for lens, words in TITLES.items()
}
FRECHET = {
    lens: blank(
        f"image_fd_{lens}",
        f"Images: Fréchet distance to the holdout, in {words}",
        Family.FIDELITY,
        "info",
        "distance of two Gaussians: Dowson and Landau 1982, eq. 4; sides of equal size",
        note=_NOTE,
    )
    for lens, words in TITLES.items()
}


def measure(trial: ImageTrial) -> Findings:
    """Kernel and Fréchet distance by each lens, beside the same of real images, in equal numbers.

    Raises:
        AssessmentError: no holdout, or too few images.
    """
    sides = trial.sides
    if len(sides.reference) > CAP:
        raise AssessmentError(f"needs at most {CAP} images a side")
    scores: list[Score] = []
    for name, look in (lenses(trial) | textures(trial)).items():
        real = look(sides.reference)
        seen = {k: look(x) for k, x in sides.candidates.items()}
        kid = {k: kernel_distance(x, real) for k, x in seen.items()}
        rng = trial.seeds.of("halves", name)
        low, high = kernel_interval(seen["synthetic"], real, kid["synthetic"], rng)
        scores.append(replace(_filled(KERNEL[name], kid), low=low, high=high, n=len(real)))
        if len(real) >= 2 * real.shape[1]:  # fewer say nothing of a covariance
            fd = {k: frechet_distance(x, real) for k, x in seen.items()}
            scores.append(replace(_filled(FRECHET[name], fd), n=len(real)))
    return Findings(tuple(scores))


def _filled(score: Score, found: dict[str, float]) -> Score:
    return replace(
        score, value=found["synthetic"], holdout=found["real"], shuffled=found["shuffled"]
    )


def kernel_distance(x: Numbers, y: Numbers) -> float:
    """Squared maximum mean discrepancy with the kernel (x y / features + 1)^3, unbiased.

    >>> x = np.random.default_rng(0).normal(size=(400, 3))
    >>> abs(kernel_distance(x[:200], x[200:])) < 0.1 < kernel_distance(x[:200], x[200:] + 1)
    True
    """
    n, m = len(x), len(y)
    within = [
        (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (_cubic(x, x), _cubic(y, y))
    ]
    return float(sum(within) - 2 * _cubic(x, y).sum() / (n * m))


def _cubic(x: Numbers, y: Numbers) -> Numbers:
    found: Numbers = (x @ y.T / x.shape[1] + 1) ** 3
    return found


def kernel_interval(x: Numbers, y: Numbers, value: float, seeds: Seeds) -> tuple[float, float]:
    """95 %: halves drawn without replacement differ by as much as the whole set's figure is unsure.

    Shao and Wu 1989, A general theory for jackknife variance estimation (half of the rows deleted).
    """
    rng, found = seeds.numpy(), []
    for _ in range(HALVES):
        part = [rng.permutation(len(side))[: len(side) // 2] for side in (x, y)]
        found.append(kernel_distance(x[part[0]], y[part[1]]))
    reach = 1.96 * float(np.std(found, ddof=1))
    return value - reach, value + reach


def frechet_distance(x: Numbers, y: Numbers) -> float:
    """|mean - mean|^2 + tr(C + D - 2 (C D)^(1/2)).

    >>> x = np.random.default_rng(0).normal(size=(2000, 2))
    >>> round(frechet_distance(x, x + 1), 6), round(frechet_distance(x, 3 * x) / 4, 0)
    (2.0, 2.0)
    """
    c, d = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    values, axes = np.linalg.eigh(c)
    root = (axes * np.sqrt(values.clip(0))) @ axes.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ d @ root).clip(0)).sum()
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return float(apart + np.trace(c) + np.trace(d) - 2 * cross)
