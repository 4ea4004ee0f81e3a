"""Two more ways of looking at an image, for which nothing is trained: fixed filters and radiomics.

A classifier sees what tells its classes apart; these see texture and contrast whatever the class.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.trial import ImageTrial, Numbers

FILTERS = (16, 32)
LEVELS = 8  # grey levels of a co-occurrence matrix
BINS = 16  # of the histogram that entropy is of
EDGES = np.linspace(-1, 1, LEVELS + 1)[1:-1]
Lens = Callable[[ImageSet], Numbers]


def textures(trial: ImageTrial) -> dict[str, Lens]:
    """Both lenses, standardised by half of the train images."""
    return {
        name: standardised(trial, plain)
        for name, plain in (("convolutions", convolutions), ("radiomics", radiomics))
    }


def standardised(trial: ImageTrial, plain: Callable[[Numbers], Numbers]) -> Lens:
    """Numbers of mean 0 and variance 1 over half of the train images, without constant ones."""
    seen = plain(trial.look(trial.halves[0]))
    mean, spread = seen.mean(0), seen.std(0)
    alive = spread > 1e-6 * max(1.0, float(np.abs(mean).max()))
    if not alive.any():
        raise AssessmentError("the train images do not differ from each other")

    def look(images: ImageSet) -> Numbers:
        found: Numbers = (plain(trial.look(images)) - mean)[:, alive] / spread[alive]
        return found

    return look


@torch.no_grad()
def convolutions(pixels: Numbers) -> Numbers:
    """(n, 96): mean and spread over an image of what two layers of fixed random filters make of it.

    Saxe et al. 2011, On random weights and unsupervised feature learning: filters that nobody
    trained tell textures apart; they need no data and are the same on every machine.
    """
    fixed = torch.Generator().manual_seed(0)
    x, nd = torch.from_numpy(pixels).float(), pixels.ndim - 2
    convolve = (nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d)[nd - 1]
    layers, channels = [], x.shape[1]
    for filters in FILTERS:
        size = (filters, channels, *(3,) * nd)
        layers.append(torch.randn(size, generator=fixed) / (channels * 3**nd) ** 0.5)
        channels = filters
    found = []
    for part in torch.split(x, 512):
        told = []
        for place, weight in enumerate(layers):
            part = torch.relu(convolve(part, weight, stride=1 if place else 2, padding=1))
            flat = part.flatten(2)
            told += [flat.mean(2), flat.std(2, unbiased=False)]
        found.append(torch.cat(told, 1))
    return torch.cat(found).numpy()


def radiomics(pixels: Numbers) -> Numbers:
    """(n, 16 a channel): intensity, edges, and co-occurrence of neighbours' grey levels.

    Zwanenburg et al. 2020, The image biomarker standardization initiative (intensity statistics);
    Haralick, Shanmugam and Dinstein 1973, Textural features for image classification, features 1,
    2, 3 and 5, of neighbours one pixel apart, mean over the axes.

    Args:
        pixels: (n, channels, *space) in [-1, 1].
    """
    parts = [_of_channel(pixels[:, c].astype(np.float64)) for c in range(pixels.shape[1])]
    return np.concatenate(parts, axis=1)


def _of_channel(x: Numbers) -> Numbers:
    flat = x.reshape(len(x), -1)
    mean, spread = flat.mean(1), flat.std(1)
    unit = (flat - mean[:, None]) / np.maximum(spread, 1e-6)[:, None]
    tenth, lower, half, upper, ninth = np.quantile(flat, (0.1, 0.25, 0.5, 0.75, 0.9), axis=1)
    places = np.clip(((flat + 1) / 2 * BINS).astype(int), 0, BINS - 1)
    shares = _counts(places, BINS) / flat.shape[1]
    entropy = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(1)
    first = (mean, spread, (unit**3).mean(1), (unit**4).mean(1), tenth, half, ninth)
    edges = np.sqrt(sum((g**2 for g in _slopes(x)), np.zeros_like(x))).reshape(len(x), -1)
    more = (upper - lower, entropy, (flat**2).mean(1), edges.mean(1), edges.std(1))
    return np.stack([*first, *more, *_together(x)], axis=1)


def _slopes(x: Numbers) -> list[Numbers]:
    return [np.gradient(x, axis=axis) for axis in range(1, x.ndim) if x.shape[axis] > 1]


def _counts(places: Numbers, size: int) -> Numbers:
    """(n, size) how often each place stands in each row."""
    shifted = places + np.arange(len(places))[:, None] * size
    found: Numbers = np.bincount(shifted.ravel(), minlength=len(places) * size)
    return found.reshape(len(places), size)


def _together(x: Numbers) -> list[Numbers]:
    """Energy, contrast, correlation and homogeneity of neighbours' grey levels."""
    levels, n = np.digitize(x, EDGES), len(x)
    i, j = (v.ravel() for v in np.indices((LEVELS, LEVELS)))
    found: list[list[Numbers]] = []
    for axis in range(1, x.ndim):
        if x.shape[axis] < 2:
            continue
        one, two = (np.take(levels, where, axis=axis).reshape(n, -1) for where in _pairs(x, axis))
        shares = _counts(np.concatenate([one * LEVELS + two, two * LEVELS + one], 1), LEVELS**2)
        p = shares / shares.sum(1, keepdims=True)
        mean = p @ i
        spread = p @ i**2 - mean**2
        both = (p @ (i * j) - mean**2) / np.maximum(spread, 1e-6)
        found.append([(p**2).sum(1), p @ (i - j) ** 2, both, p @ (1 / (1 + (i - j) ** 2))])
    return list(np.mean(found or np.zeros((1, 4, n)), axis=0))  # of one pixel: no neighbours


def _pairs(x: Numbers, axis: int) -> tuple[Numbers, Numbers]:
    return np.arange(x.shape[axis] - 1), np.arange(1, x.shape[axis])
