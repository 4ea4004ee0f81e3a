"""A page of real images beside synthetic ones, for the owner of the real data alone."""

from pathlib import Path
from typing import Any

from medsynai.report.html import page
from medsynai.report.markup import tag
from medsynai.report.mosaic import mosaic

PAGE = "pictures.html"
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
