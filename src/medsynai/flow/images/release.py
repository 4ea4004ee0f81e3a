"""What a release of images is made of; see `medsynai.flow.kind_release`."""

from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.imagefiles import SINGLE, write_images
from medsynai.data.images import ImageSet, ImageSource
from medsynai.seeds import Seeds


def look(images: ImageSet) -> pd.DataFrame:
    """A row an image: its number and its label."""
    labels = np.array(images.classes, dtype=object)[images.labels]
    return pd.DataFrame({"image": np.arange(1, len(labels) + 1), "label": labels})


def write(images: ImageSet, source: ImageSource, seeds: Seeds, place: Path) -> None:
    """Write the images in the source's layout."""
    file = place.with_name(place.name + SINGLE.get(source.layout, ""))
    write_images(images, source, file, seeds)
