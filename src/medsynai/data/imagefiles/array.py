"""One NumPy array of images, and where its channels stand."""

from pathlib import Path

import numpy as np

from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.errors import ReadError
from medsynai.seeds import Seeds

COLOURS = (3, 4)  # a last axis of this length is colour, not width


def holds(path: Path) -> bool:
    """Whether it is an .npy; what is in it is checked by `read`."""
    return path.suffix.lower() == ".npy" and path.is_file()


def read(path: Path, skip_bad: bool) -> LoadedImages:
    """(n, H, W), (n, H, W, 3 or 4) or (n, D, H, W); no labels, each a patient of its own.

    Raises:
        ReadError: a damaged file, Python objects in it, or another shape.
    """
    pixels = opened(path)
    first = channels_first(pixels, path)
    last = pixels.ndim - 1 if pixels.shape[-1] == first.shape[1] > 1 else 0
    source = ImageSource(ImageLayout.ARRAY, str(pixels.dtype), facts={"last": last})
    note = f"{len(first):,} images of {' x '.join(map(str, first.shape[2:]))}"
    return LoadedImages(ImageSet.of(first), source, None, (note,))


def opened(path: Path) -> np.ndarray:
    """The array in a file.

    Raises:
        ReadError: a damaged file, or Python objects in it.
    """
    try:
        pixels: np.ndarray = np.load(path, allow_pickle=False)
        return pixels
    except (ValueError, EOFError, OSError):
        raise ReadError(
            f"{path} is damaged, or holds Python objects, which are never unpickled"
        ) from None


def write(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """An array of the source's shape and type."""
    pixels = channels_last(images.pixels, source.facts["last"]).astype(source.dtype)
    with target.open("wb") as file:
        np.save(file, pixels, allow_pickle=False)


def channels_first(pixels: np.ndarray, path: Path) -> np.ndarray:
    """(n, channels, *space) of an array whose channels, if it has several, are its last axis.

    Raises:
        ReadError: another number of axes, no image, or numbers that are none or not finite.
    """
    if pixels.dtype.kind not in "uif":
        raise ReadError(f"{path}: images must be whole numbers or floats")
    if pixels.ndim not in (3, 4, 5) or 0 in pixels.shape:
        raise ReadError(f"{path}: an array of shape {pixels.shape} holds no images")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ReadError(f"{path}: some pixels are no finite number")
    coloured = pixels.ndim > 3 and (pixels.shape[-1] in COLOURS or pixels.ndim == 5)
    return np.moveaxis(pixels, -1, 1) if coloured else pixels[:, None]


def channels_last(pixels: np.ndarray, last: int) -> np.ndarray:
    """Back to the source's axes: `last` says where the channels stood; 0: one channel, no axis."""
    return np.moveaxis(pixels, 1, last) if last else pixels[:, 0]
