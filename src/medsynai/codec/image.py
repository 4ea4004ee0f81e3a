"""What a model of images knows beside its weights: their size, their scale and their classes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import ConditionError, ModelError
from medsynai.generator import Condition

FEWEST = 8  # patients of a class: fewer would be learnt by heart
LABEL = "label"  # what a condition calls an image's class


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
        if not len(images):
            raise ModelError("no images to learn from")
        pairs = np.unique(np.stack([images.labels, images.patients]), axis=1)
        people = np.bincount(pairs[0], minlength=len(images.classes))
        few = [c for c, n in zip(images.classes, people, strict=True) if 0 < n < FEWEST]
        if few:
            raise ModelError(
                f"class {', '.join(few)}: fewer than {FEWEST} train patients, who would be learnt "
                "by heart; merge the class with another, or take its images out"
            )
        scale = PixelScale.of(images.pixels)
        values = scale.forward(images.pixels)
        share = images.counts / len(images)
        mean, spread = round(float(values.mean()), 3), max(round(float(values.std()), 3), 0.01)
        sizes = images.channels, images.space, scale
        return Frame(*sizes, images.classes, tuple(float(s) for s in share), mean, spread)

    @property
    def width(self) -> int:
        """Numbers an image."""
        return int(self.channels * np.prod(self.space))

    def encode(self, images: ImageSet) -> Float[np.ndarray, "images width"]:
        """Rows of float32 numbers, pixels in channel-first order."""
        flat = self.scale.forward(images.pixels).reshape(len(images), -1)
        return ((flat - self.mean) / self.spread).astype(np.float32)

    def decode(self, rows: Float[np.ndarray, "images width"], labels: np.ndarray) -> ImageSet:
        """Synthetic images, each a patient of its own, in the stored type."""
        pixels = self.scale.back(rows.astype(np.float64) * self.spread + self.mean)
        shape = (len(rows), self.channels, *self.space)
        own = np.arange(len(rows))
        return ImageSet(pixels.reshape(shape), labels, self.classes, own, "synthetic")

    def draw_labels(self, n: int, condition: Condition, rng: np.random.Generator) -> np.ndarray:
        """(n,) classes, each as often as its share asks for (largest remainder), in random order.

        Raises:
            ConditionError: another column than `label`, or a class that there is not.
        """
        share = np.array(self.share)
        for wanted in condition.wanted:
            if wanted.column != LABEL or wanted.levels is None:
                raise ConditionError(f"images can be asked for by {LABEL}=CLASS only")
            asked = np.isin(self.classes, wanted.levels)
            if not (share * asked).any():
                known = ", ".join(self.classes[:30])
                raise ConditionError(f"no such {LABEL} among the train images; one of {known}")
            share = share * asked
        ends = np.cumsum(share / share.sum())
        return rng.permutation(np.searchsorted(ends, (np.arange(n) + rng.random()) / n, "right"))
