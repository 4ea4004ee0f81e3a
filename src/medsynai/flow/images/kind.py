"""How images are recognised, and what a file of them holds; see `flow/kinds.py`."""

from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles import read_images, recognise

__all__ = ["RECIPE", "describe", "recognises"]
RECIPE = "images.toml"  # in the model folder: how pixels become files again


def recognises(source: Path) -> bool:
    """Whether a path shows that it holds images; see `medsynai.data.imagefiles.recognise`."""
    return recognise(source) is not None


def describe(source: Path, declared: str) -> dict[str, Any]:
    """What a folder or file of images holds; files that cannot be used are named with why.

    Raises:
        ReadError: nothing that can be read as images.
    """
    loaded = read_images(source, skip_bad=True)
    images = loaded.images
    facts: dict[str, Any] = {
        "kind": "images",
        "layout": loaded.source.layout.value,
        "images": len(images),
        "patients": len(np.unique(images.patients)),
        "size": " x ".join(map(str, images.space)),
        "channels": images.channels,
        "stored as": loaded.source.dtype,
        "classes": ", ".join(
            f"{c} ({n:,})" for c, n in zip(images.classes, images.counts, strict=True)
        ),
        "unusable": [{"file": name, "reason": why} for name, why in loaded.lost],
    }
    told = [n for n in loaded.notes[1:] if "left out" not in n]  # the first says what facts do
    return facts | ({"notes": "\n".join(told)} if told else {})
