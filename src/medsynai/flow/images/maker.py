"""A fitted model of images with what turns its pixels into files; no image is held."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.data.imagefiles import write_images
from medsynai.data.images import ImageSet, ImageSource
from medsynai.flow.folder import parents_of
from medsynai.flow.images.kind import RECIPE
from medsynai.flow.kind_maker import open_parts, shards, write_model
from medsynai.flow.labelled import asked
from medsynai.flow.sampling import Order
from medsynai.flow.watch import Tell
from medsynai.generator import FREE, Condition, FittedImages
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class ImageMaker:
    """Draws images, and knows the form that they are written in."""

    fitted: FittedImages
    source: ImageSource

    def draw(self, n: int, seeds: Seeds, condition: Condition = FREE) -> ImageSet:
        """Exactly `n` images; see `FittedImages.sample`."""
        return self.fitted.sample(n, seeds, condition)

    def save(self, folder: Path) -> None:
        """Write the model folder, which only its owner may open."""
        write_model(folder, self.fitted, self.source, RECIPE)


def open_maker(folder: Path) -> ImageMaker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of images.
    """
    return ImageMaker(*open_parts(folder, ImageSource, RECIPE))


def sample(folder: Path, order: Order, target: Path, tell: Tell) -> None:
    """See `kind.sample`."""
    maker = open_maker(folder)
    condition = asked(order.conditions, maker.fitted.classes)
    parts: list[ImageSet] = []
    for n, seeds in shards(order):
        parts.append(maker.draw(n, seeds, condition))
        tell(f"Drawing images: {sum(map(len, parts)):,} of {order.rows:,}")
    whole = ImageSet(
        np.concatenate([p.pixels for p in parts]),
        np.concatenate([p.labels for p in parts]),
        parts[0].classes,
        np.arange(order.rows),
        "synthetic",
    )
    with parents_of(target):
        write_images(whole, maker.source, target, Seeds(order.seed))
