"""How different the synthetic images are from each other: a collapsed generator draws one image.

Vendi score: Friedman and Dieng 2023, eq. 3. Structural similarity: Wang et al. 2004, eq. 13, over
whole images of the same class, beside what pairs of real images have (Odena et al. 2017).
"""

from collections.abc import Callable
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
    note="Above the holdout anchor is no merit: copies of train images score so, too.",
)
ALIKE = blank(
    "image_alike",
    "Images: likeness of two of a class",
    Family.FIDELITY,
    "info",
    "structural similarity, Wang et al. 2004, eq. 13, mean over pairs of one class",
    note="Higher than real pairs: the generator repeats itself. Lower: it draws noise.",
)
SCALES = replace(
    ALIKE,
    name="image_alike_scales",
    title="Images: likeness of two of a class, over several scales",
    source="multi-scale structural similarity, Wang, Simoncelli and Bovik 2003, eq. 7, mean over "
    "pairs of one class; as many scales as the images have room for",
)
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from the finest; the same paper
WINDOW, ROOM = 1.5, 11  # spread of the window in pixels; sides that it needs


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
    many = {k: likeness(trial, x, seeds, scaled) for k, x in sides.candidates.items()}
    n = len(sides.reference)
    scores = (
        replace(
            VENDI,
            value=ratio["synthetic"],
            holdout=ratio["real"],
            shuffled=ratio["shuffled"],
            n=n,
        ),
        *(
            replace(score, value=x["synthetic"], holdout=x["real"], shuffled=x["shuffled"], n=n)
            for score, x in ((ALIKE, alike), (SCALES, many))
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


def likeness(
    trial: ImageTrial,
    images: ImageSet,
    seeds: Seeds,
    of_pairs: Callable[[Numbers, Numbers], Numbers] | None = None,
) -> float:
    """Mean structural similarity of pairs of one class; the data range is 2."""
    measured = of_pairs or ssim
    rng, pixels = seeds.numpy(), trial.look(images)
    found = []
    for k in np.unique(images.labels):
        mine = np.flatnonzero(images.labels == k)
        if len(mine) > 1:
            a = rng.choice(mine, PAIRS)
            b = rng.choice(mine, PAIRS)
            keep = a != b
            found.append(measured(pixels[a[keep]], pixels[b[keep]]))
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


def scaled(a: Numbers, b: Numbers) -> Numbers:
    """(n,) multi-scale structural similarity of images in [-1, 1], channels and dimensions any.

    Windows need `ROOM` pixels a side, so small images have fewer scales than the paper's five, and
    weights that add up to one again; images without room for one are compared as wholes.

    >>> x = np.linspace(-1, 1, 784).reshape(1, 1, 28, 28)
    >>> round(float(scaled(x, x)[0]), 6), bool(scaled(x, -x)[0] < 0.5)
    (1.0, True)
    """
    sides = [s for s in a.shape[2:] if s > 1]
    scales = sum(min(sides, default=1) // 2**k >= ROOM for k in range(len(WEIGHTS)))
    if not scales:
        return ssim(a, b)
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    found = np.ones(len(a))
    for k in range(scales):
        light, shape = _windows(a, b)
        part = shape * light if k == scales - 1 else shape
        axes = tuple(range(1, a.ndim))
        found *= np.maximum(part.mean(axes), 0) ** weights[k]
        a, b = (_halved(x) for x in (a, b))
    return found


def _windows(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    """Likeness of light, and of contrast and structure, at every pixel's window."""
    from scipy.ndimage import gaussian_filter

    spread = (0.0, 0.0, *(WINDOW if s > 1 else 0.0 for s in a.shape[2:]))
    first, second = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    ma, mb, aa, bb, ab = (gaussian_filter(x, spread) for x in (a, b, a * a, b * b, a * b))
    light = (2 * ma * mb + first) / (ma**2 + mb**2 + first)
    shape = (2 * (ab - ma * mb) + second) / (aa - ma**2 + bb - mb**2 + second)
    return light, shape


def _halved(x: Numbers) -> Numbers:
    """Means of neighbours, two along each axis of space that has them."""
    for axis in range(2, x.ndim):
        if x.shape[axis] > 1:
            even = x.shape[axis] // 2 * 2
            one, two = (np.take(x, np.arange(k, even, 2), axis=axis) for k in (0, 1))
            x = (one + two) / 2
    return x
