"""The doors of the kind "images"; the story of a run is told in `flow/kind_stages.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medsynai.data.imagefiles import read_images, recognise
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

if TYPE_CHECKING:
    from medsynai.flow.images.release import ImageRelease
    from medsynai.flow.judging import Assessment, Files, Panel
    from medsynai.flow.sampling import Order

__all__ = ["assess", "describe", "has_model", "make", "recognises", "sample"]
RECIPE = "images.toml"  # in the model folder: how pixels become files again


def recognises(source: Path) -> bool:
    """Whether a path shows that it holds images; see `medsynai.data.imagefiles.recognise`."""
    return recognise(source) is not None


def describe(source: Path, declared: str) -> dict[str, str | int]:
    """What a folder or file of images holds; files that cannot be used are counted.

    Raises:
        ReadError: nothing that can be read as images.
    """
    loaded = read_images(source, skip_bad=True)
    images = loaded.images
    lost = next((n for n in loaded.notes if "left out" in n), "none")
    return {
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
        "unusable": lost,
    }


def make(plan: Plan, tell: Tell, work: Path | None = None) -> "ImageRelease":
    """Make a release of images in memory; see `medsynai.flow.run.make`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow import kind_stages  # loads torch, which a table's own rows never need
    from medsynai.flow.images import stages

    made: ImageRelease = kind_stages.make(stages, plan, tell, work)
    return made


def assess(files: "Files", panel: "Panel", seed: int, tell: Tell) -> "Assessment":
    """Judge anybody's synthetic images; see `medsynai.flow.judging.assess`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow.images import judging

    return judging.assess(files, panel, seed, tell)


def has_model(folder: Path) -> bool:
    """Whether a model folder holds a model of images."""
    return (folder / RECIPE).is_file()


def sample(folder: Path, order: "Order", target: Path, tell: Tell) -> None:
    """Draw images from a model folder into a file or folder, whole or not at all.

    Raises:
        ConditionError: a condition on anything but a known label.
        FolderError: another ending than the source's, or a folder that exists.
    """
    from medsynai.flow.images import maker

    maker.sample(folder, order, target, tell)
