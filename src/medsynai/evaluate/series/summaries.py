"""What a series is known by: levels, spread, memory and spectrum of each channel."""

from itertools import pairwise

import numpy as np

from medsynai.evaluate.images.trial import Numbers

LAGS, BANDS = (1, 2, 4, 8, 16), 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAINT = 1e-12


def summaries(x: Numbers) -> Numbers:
    """(n, features) of (n, steps, channels) in [0, 1].

    For each channel: mean, spread, ends, quantiles, first and last value, spread of the changes,
    autocorrelation at five lags, log power in eight bands of the spectrum; then the correlation of
    each channel with the next one.
    """
    wide = x.astype(np.float64)
    centred = wide - wide.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1))
    parts = [wide.mean(1), spread, wide.min(1), wide.max(1), wide[:, 0], wide[:, -1]]
    parts += list(np.quantile(wide, QUANTILES, axis=1))
    parts.append(np.diff(wide, axis=1).std(1))
    square = np.maximum((centred**2).sum(1), FAINT)
    parts += [(centred[:, k:] * centred[:, :-k]).sum(1) / square for k in LAGS if k < wide.shape[1]]
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], BANDS + 1).astype(int))
    parts += [np.log(power[:, a:b].sum(1) + FAINT) for a, b in pairwise(edges)]
    if wide.shape[2] > 1:
        beside = (centred[:, :, 1:] * centred[:, :, :-1]).mean(1)
        parts.append(beside / np.maximum(spread[:, 1:] * spread[:, :-1], FAINT))
    return np.hstack(parts)
