"""Pictures beside those of the judges: what a model shows of itself, and real images inside."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from medsynai.data.images import ImageSet
from medsynai.evaluate.images.pictures import plain
from medsynai.report.html import page
from medsynai.report.markup import tag
from medsynai.report.mosaic import mosaic
from medsynai.seeds import Seeds

PAGE = "pictures.html"
STEPS, MOST = 10, 12  # images on the way from one draw to another; classes that are shown
SIDE = 64  # pixels a side at most
_WARNING = (
    "This page shows real patients' images and must not leave the house. Where a synthetic image "
    "and the train image beside it show the same patient, do not release."
)


def write_pictures(folder: Path, pictures: Any) -> None:
    """Write the page into the internal folder; nothing if there are no pictures."""
    if not pictures:
        return
    body = [part for title, grid in pictures.items() for part in (tag("h2", title), mosaic(grid))]
    title = "Internal: real images"
    text = page(title, tag("main", tag("h1", title), tag("p", _WARNING), *body))
    (folder / PAGE).write_text(text, encoding="utf-8")


def small(images: ImageSet) -> ImageSet:
    """Every second pixel of large images, or every third, so that the page stays small."""
    step = -(-max(images.space) // SIDE)
    cut = (slice(None, None, step),) * len(images.space)
    return replace(images, pixels=images.pixels[:, :, *cut])


def shown(fitted: Any, seeds: Seeds) -> dict[str, Any]:
    """What a model shows of itself: the ways between two draws, and the film of its training.

    Exhibits "between" and "film", of synthetic images alone. A model that has neither, such as
    `pca`, shows nothing.
    """
    exhibits: dict[str, Any] = {}
    frame: Any = getattr(fitted, "frame", None)
    if hasattr(getattr(fitted, "drawer", None), "between"):
        way = plain(frame.scale, small(fitted.between(STEPS, seeds)))
        classes = fitted.classes or ("",)
        rows = [
            {"label": name, "images": way[k * STEPS : (k + 1) * STEPS]}
            for k, name in enumerate(classes[:MOST])
        ]
        exhibits["between"] = {"channels": frame.channels, "rows": rows}
    if film := getattr(fitted, "film", ()):
        rows = [
            {"label": f"Round {rounds:,}", "images": plain(frame.scale, small(images))}
            for rounds, images in film
        ]
        exhibits["film"] = {"channels": frame.channels, "rows": rows}
    return exhibits
