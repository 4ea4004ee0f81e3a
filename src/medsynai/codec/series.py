"""What a model of series knows beside its weights: length, channels, their scales, classes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medsynai.codec.classes import draw_labels, shares_of
from medsynai.data.pixels import PixelScale
from medsynai.data.series import SeriesSet
from medsynai.generator import Condition

STEPS = [m * 10.0**-d for d in range(7) for m in (5, 2, 1)]  # of lattices that numbers may lie on
NEAR = 1e-5  # a number this share of a step off the lattice lies on it, in float32 as well
SAME = 1e-3  # share of a spread by which series may differ and still be of one
FINE = 1e5  # steps from 0 beyond which float32 cannot tell


@dataclass(frozen=True)
class SeriesFrame:
    """Facts that turn series into rows and back. Public: it may be printed and saved.

    Attributes:
        steps: samples a channel.
        scales: for each channel the numbers at -1 and 1, widened to round numbers.
        means, spreads: of each channel on that scale; rows have mean 0 and variance 1 about.
        lattices: for each channel the distance of the numbers that it can have; 0: any number.
        normal: for each channel the mean and spread that every series has; a spread of 0: not so.
        classes, share: names, and how often each comes.
    """

    steps: int
    scales: tuple[PixelScale, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    lattices: tuple[float, ...]
    normal: tuple[tuple[float, float], ...]
    classes: tuple[str, ...]
    share: tuple[float, ...]

    @staticmethod
    def of(series: SeriesSet) -> "SeriesFrame":
        """From train series.

        Raises:
            ModelError: no series, or a class of too few patients.
        """
        share = shares_of(series.labels, series.patients, series.classes, "series")
        channels = [series.values[:, :, c] for c in range(series.channels)]
        scales = tuple(PixelScale.of(x) for x in channels)
        scaled = [s.forward(x) for s, x in zip(scales, channels, strict=True)]
        return SeriesFrame(
            series.steps,
            scales,
            tuple(round(float(x.mean()), 3) for x in scaled),
            tuple(max(round(float(x.std()), 3), 0.01) for x in scaled),
            tuple(lattice(x) for x in channels),
            tuple(normal_form(x) for x in channels),
            series.classes,
            share,
        )

    @property
    def channels(self) -> int:
        """Numbers a step."""
        return len(self.scales)

    @property
    def space(self) -> tuple[int, ...]:
        """The one axis of a series."""
        return (self.steps,)

    @property
    def width(self) -> int:
        """Numbers a series."""
        return self.channels * self.steps

    @property
    def ends(self) -> Float[np.ndarray, "2 channels"]:
        """What a row holds at the two ends of each channel's scale."""
        means, spreads = np.array(self.means), np.array(self.spreads)
        return np.stack([(-1 - means) / spreads, (1 - means) / spreads]).astype(np.float32)

    def encode(self, series: SeriesSet) -> Float[np.ndarray, "series width"]:
        """Rows of float32 numbers, all steps of the first channel first."""
        scaled = [s.forward(series.values[:, :, c]) for c, s in enumerate(self.scales)]
        rows = (np.stack(scaled, 1) - self._column(self.means)) / self._column(self.spreads)
        return rows.reshape(len(series), -1).astype(np.float32)

    def decode(self, rows: Float[np.ndarray, "series width"], labels: np.ndarray) -> SeriesSet:
        """Synthetic series, each a patient of its own, on the lattices of the real ones."""
        wide = rows.astype(np.float64).reshape(len(rows), self.channels, self.steps)
        wide = wide * self._column(self.spreads) + self._column(self.means)
        values = np.empty((len(rows), self.steps, self.channels))
        forms = zip(self.scales, self.normal, self.lattices, strict=True)
        for c, (scale, (mean, spread), step) in enumerate(forms):
            found = scale.back(wide[:, c])
            if spread:
                off = found - found.mean(1, keepdims=True)
                found = mean + off * (spread / np.maximum(off.std(1, keepdims=True), 1e-12))
            values[:, :, c] = on_lattice(found, step)
        own = np.arange(len(rows))
        return SeriesSet(values, labels, self.classes, own, "synthetic")

    def draw_labels(self, n: int, condition: Condition, rng: np.random.Generator) -> np.ndarray:
        """(n,) classes; see `medsynai.codec.classes.draw_labels`."""
        return draw_labels(self.classes, self.share, n, condition, rng)

    def _column(self, numbers: tuple[float, ...]) -> np.ndarray:
        return np.array(numbers)[:, None]


def normal_form(values: np.ndarray) -> tuple[float, float]:
    """The mean and spread that every series of (n, steps) has, if they are normalised; or zeros.

    What holds of every real series is kept by construction: no network learns it to the digit.
    """
    means, spreads = values.mean(1), values.std(1)
    mean, spread = float(np.median(means)), float(np.median(spreads))
    near = SAME * spread
    if (np.abs(means - mean) <= near).all() and (np.abs(spreads - spread) <= near).all():
        return mean, spread
    return 0.0, 0.0


def lattice(values: np.ndarray) -> float:
    """The greatest 1, 2 or 5 times a power of ten that all values are multiples of; 0: none.

    A recorder's steps are a fact of the device; without them any classifier sees real numbers.

    >>> lattice(np.array([0.005, -0.31, 1.2])), lattice(np.array([0.1, np.pi]))
    (0.005, 0.0)
    """
    flat = values.ravel()
    most = float(np.abs(flat).max(initial=0))
    for step in STEPS:
        if most / step > FINE:
            break
        parts = flat / step
        off = np.abs(parts - np.rint(parts))
        if (off <= np.maximum(NEAR, np.abs(parts) * 1e-7)).all():
            return float(step)
    return 0.0


def on_lattice(values: np.ndarray, step: float) -> np.ndarray:
    """The nearest multiples, as their shortest decimals; the values as they are for step 0."""
    if not step:
        return values
    places = max(0, round(-np.log10(step) + 0.4999))
    return np.round(np.rint(values / step) * step, places)
