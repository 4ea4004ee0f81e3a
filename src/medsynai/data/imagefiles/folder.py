"""Folders of PNG or JPEG files, with a CSV of labels or a folder a class."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles.gather import BY_FOLDER, BadFile, Item, Places, gather
from medsynai.data.imagefiles.labels import write_labels
from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.errors import MissingExtra
from medsynai.seeds import Seeds

ENDINGS = (".png", ".jpg", ".jpeg")
UNSERVED = (".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2")
WIDE = ("I;16", "I;16B", "I;16L", "I")  # Pillow's names of 16-bit grey
DEEP = ("RGB;16B", "RGBA;16B", "LA;16B")  # in a file; Pillow opens them with 8 bits


def holds(path: Path) -> bool:
    """Whether a folder has a picture, at any depth."""
    return path.is_dir() and any(files(path))


def files(path: Path) -> Iterator[Path]:
    """The pictures below a folder."""
    return (p for p in path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())


def read(path: Path, skip_bad: bool) -> LoadedImages:
    """Every picture below a folder.

    Raises:
        ReadError: pictures that cannot be used; they are named.
        MissingExtra: Pillow is not installed.
    """
    pillow()
    places: Places = [(f, partial(picture, f)) for f in sorted(files(path))]
    others = sorted(p for p in path.rglob("*") if p.suffix.lower() in UNSERVED and p.is_file())
    places = [*places, *((f, _unserved) for f in others)]
    return gather(path, places, ImageLayout.FOLDER, skip_bad)


def _unserved() -> Item:
    raise BadFile("is neither PNG nor JPEG; save it as PNG")


def picture(path: Path) -> Item:
    """One picture.

    Raises:
        BadFile: it is damaged, or of a mode that is not served.
    """
    image = pillow()
    try:
        with image.open(path) as file:
            if any(str(part[3]).endswith(DEEP) for part in file.tile):
                raise BadFile("has 16 bits a colour, half of which would be lost")
            file.load()
            if getattr(file, "n_frames", 1) > 1:
                raise BadFile("has several frames")
            mode, bare = file.mode, seen_through(file)
            if mode in ("1", "P", "LA", "RGBA", "PA"):
                file = file.convert("RGB" if mode in ("P", "RGBA", "PA") else "L")
            pixels = np.asarray(file)
    except image.DecompressionBombError:
        raise BadFile("says that it is larger than any picture that is opened") from None
    except (OSError, SyntaxError, ValueError):  # what Pillow raises of damaged files
        raise BadFile("is damaged or cut short") from None
    if file.mode in WIDE:
        pixels = pixels.astype(np.uint16)
    elif file.mode not in ("L", "RGB"):
        raise BadFile(f"has the colour mode {mode}, which is not served")
    first = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return Item(first, alpha=bare)


def seen_through(file: Any) -> bool:
    """Whether a picture has an alpha channel, or a colour that stands for none."""
    return file.mode in ("LA", "RGBA", "PA") or "transparency" in file.info


def write(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """A picture a file, numbered; labels as the source had them.

    JPEG loses pixels, so pictures that came as JPEG are written at its best quality.
    """
    image, ending = pillow(), source.facts["ending"]
    width, names = len(str(len(images))), []
    told = [images.classes[k] for k in images.labels]
    for k, pixels in enumerate(images.pixels):
        name = f"{k + 1:0{width}}{ending}"
        if source.label_file == BY_FOLDER:
            name = f"{told[k]}/{name}"
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        flat = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)
        kept: dict[str, Any] = {} if ending == ".png" else {"quality": 100, "subsampling": 0}
        image.fromarray(np.ascontiguousarray(flat.astype(source.dtype))).save(file, **kept)
        names.append(name)
    if source.columns:
        write_labels(target / source.label_file, source.columns, names, told, images.patients)


def pillow() -> Any:
    """Pillow's image module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra("reading pictures", "pillow", "images") from None
    return Image
