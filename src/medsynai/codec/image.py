"""What a model of images knows beside its weights: their size, their scale and their classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medsynai.codec.bought import paid_equally
from medsynai.codec.classes import draw_labels, shares_of
from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import PlanError
from medsynai.generator import Condition
from medsynai.privacy.ledger import Ledger


@dataclass(frozen=True)
class Frame:
    """Facts that turn images into rows and back. Public: it may be printed and saved.

    Attributes:
        channels, space: of each image.
        scale: stored numbers at -1 and 1.
        classes: names.
        share: of the train images in each class.
        mean, spread: of all pixels on the scale: rows have mean 0 and variance 1 about.
    """

    channels: int
    space: tuple[int, ...]
    scale: PixelScale
    classes: tuple[str, ...]
    share: tuple[float, ...]
    mean: float
    spread: float

    @staticmethod
    def of(images: ImageSet) -> "Frame":
        """From train images.

        Raises:
            ModelError: no images, or a class of too few patients.
        """
        share = shares_of(images.labels, images.patients, images.classes, "images")
        scale = PixelScale.of(images.pixels)
        values = scale.forward(images.pixels)
        mean, spread = round(float(values.mean()), 3), max(round(float(values.std()), 3), 0.01)
        sizes = images.channels, images.space, scale
        return Frame(*sizes, images.classes, share, mean, spread)

    @staticmethod
    def public(images: ImageSet, share: tuple[float, ...] = ()) -> "Frame":
        """From what is public of images of 8 bits: rows are pixels on [-1, 1] as they are.

        Args:
            images: of which size, type and names of the classes are looked at.
            share: of each class, paid for.
        """
        sizes = images.channels, images.space, PixelScale.of(images.pixels)
        return Frame(*sizes, images.classes, share, 0.0, 1.0)

    @property
    def width(self) -> int:
        """Numbers an image."""
        return int(self.channels * np.prod(self.space))

    def encode(self, images: ImageSet) -> Float[np.ndarray, "images width"]:
        """Rows of float32 numbers, pixels in channel-first order."""
        flat = self.scale.forward(images.pixels).reshape(len(images), self.width)
        return ((flat - self.mean) / self.spread).astype(np.float32)

    def decode(self, rows: Float[np.ndarray, "images width"], labels: np.ndarray) -> ImageSet:
        """Synthetic images, each a patient of its own, in the stored type."""
        pixels = self.scale.back(rows.astype(np.float64) * self.spread + self.mean)
        shape = (len(rows), self.channels, *self.space)
        own = np.arange(len(rows))
        return ImageSet(pixels.reshape(shape), labels, self.classes, own, "synthetic")

    def draw_labels(self, n: int, condition: Condition, rng: np.random.Generator) -> np.ndarray:
        """(n,) classes; see `medsynai.codec.classes.draw_labels`."""
        return draw_labels(self.classes, self.share, n, condition, rng)


def frame_and_noise(
    images: ImageSet, ledger: Ledger, purposes: Sequence[str]
) -> tuple[Frame, float]:
    """What a model knows that reads images in a few releases, all charged ahead: a public frame.

    The noise is that of each release, see `medsynai.codec.bought.paid_equally`; 0: no budget.

    Raises:
        PlanError: a budget, and images of more than 8 bits.
        BudgetError: what is left of the budget buys nothing but noise.
        ModelError: no budget, and no images or a class of too few patients.
    """
    refuse_deep(images, ledger.budget is not None)
    noise = paid_equally(ledger, purposes)
    if not noise:
        Frame.of(images)  # refuses what would be learnt by heart
    return Frame.public(images), noise


def refuse_deep(images: ImageSet, paid: bool) -> None:
    """Refuse images of more than 8 bits where there is a budget.

    Raises:
        PlanError: their range would be looked up in them, and tells of patients.
    """
    if paid and images.pixels.dtype.itemsize > 1:
        raise PlanError("a budget needs images of 8 bits: the range of others is not public")
