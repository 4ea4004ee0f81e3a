"""Random features of an image's coarse waves: what a class is told by when it is told by one mean.

Rahimi and Recht 2007, Random features for large-scale kernel machines: the inner product of two
vectors of features is about a Gaussian kernel, and each vector has a norm of 1 whatever the image
is. Nothing here hangs on an image: axes, usual spreads and frequencies are public.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medsynai.codec.waves import cosines, halves
from medsynai.store import Arrays

USUAL = 0.12  # spread of the coarsest wave from image to image, root mean square of pixels
COLOUR = 3.0  # times as much as brightness varies, differences of colours vary less
COARSER = 4  # times as many waves tell of brightness: of colours less is seen, as JPEG has it
SCALES = (0.5, 1.0, 2.0)  # kernel lengths, over the setting: near and far images are both told


@dataclass(frozen=True)
class Waves:
    """Coarse waves of brightness and of differences between colours.

    Attributes:
        axes: (waves, pixels) orthonormal.
        usual: (waves,) how far each may be expected to spread from image to image. A guess: power
            falls with the square of the frequency in images of most kinds (Field 1987).
    """

    axes: Float[np.ndarray, "waves pixels"]
    usual: Float[np.ndarray, " waves"]

    @staticmethod
    def of(channels: int, space: tuple[int, ...], most: int) -> "Waves":
        """Of images of this size.

        >>> Waves.of(1, (4, 4), 8).axes.shape, Waves.of(3, (4, 4), 8).axes.shape
        ((8, 16), (12, 48))
        """
        from scipy.linalg import helmert

        flat = cosines(1, space, most)
        falling = USUAL * math.sqrt(channels * flat.shape[1]) / (1 + halves(1, space, most))
        axes, usual = [], []
        for colour, weights in enumerate(helmert(channels, full=True)):  # brightness is the first
            few = len(flat) if not colour else max(1, most // COARSER)
            axes.append(np.kron(weights, flat[:few]))
            usual.append(falling[:few] / (COLOUR if colour else 1.0))
        return Waves(np.concatenate(axes), np.concatenate(usual))

    def told(self, rows: Float[np.ndarray, "n pixels"]) -> Float[np.ndarray, "n waves"]:
        """Waves of images, each over its usual spread."""
        found: np.ndarray = rows @ self.axes.T / self.usual
        return found

    def unscaled(self, blend: Arrays) -> Arrays:
        """`means` (m, waves) and `roots` (m, waves, r) of what `told` tells, of the waves."""
        means, roots = blend["means"] * self.usual, blend["roots"] * self.usual[:, None]
        return {**blend, "means": means, "roots": roots}


def frequencies(
    waves: int, count: int, length: float, rng: np.random.Generator
) -> Float[np.ndarray, "count waves"]:
    """Frequencies of Gaussian kernels of half, once and twice this length, in turns."""
    lengths = length * np.resize(SCALES, count)
    drawn: np.ndarray = rng.standard_normal((count, waves)) / lengths[:, None]
    return drawn


def embedded(
    told: Float[np.ndarray, "n waves"], at: Float[np.ndarray, "count waves"]
) -> Float[np.ndarray, "n features"]:
    """Cosines and sines at these frequencies: (n, 2 count), each row of norm 1.

    >>> rows = embedded(np.array([[0.0], [1e6]]), np.array([[1.0], [2.0]]))
    >>> np.linalg.norm(rows, axis=1).round(9).tolist(), rows[0].round(2).tolist()
    ([1.0, 1.0], [0.71, 0.71, 0.0, 0.0])
    """
    turns = told @ at.T
    found: np.ndarray = np.concatenate([np.cos(turns), np.sin(turns)], 1) / math.sqrt(len(at))
    return found
