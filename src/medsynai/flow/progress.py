"""The folder beside a release in which an interrupted training waits to be gone on with.

It holds weights of networks and never rows; weights of half-trained networks tell of the real rows
as much as a model does, so only its owner may open it. It is gone when the run ends otherwise.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsynai.errors import FolderError
from medsynai.flow.folder import parents_of
from medsynai.learn.state import FACTS


def place_of(target: Path) -> Path:
    """Where the progress of a run into `target` is kept."""
    return target.with_name(f"{target.name}.progress")


@contextmanager
def kept_beside(target: Path, resume: bool = False, overwrite: bool = False) -> Iterator[Path]:
    """A folder for the progress of one run; what an interruption leaves in it is said and kept.

    Args:
        target: the release.
        resume: go on from what is there.
        overwrite: remove what is there.

    Raises:
        FolderError: nothing to go on from, or progress there that nobody said what to do with.
        KeyboardInterrupt: an interruption, with the words for a person.
    """
    place = place_of(target)
    if resume and not place.is_dir():
        raise FolderError(f"{place} is not there, so nothing can be gone on with: drop --resume")
    if place.exists() and not resume:
        if not overwrite:
            raise FolderError(
                f"{place} holds the progress of an interrupted run: add --resume to go on from "
                "it, or --overwrite to begin again"
            )
        if not all(p.is_dir() or p.match("progress.*") for p in place.rglob("*")):
            raise FolderError(f"{place} is no progress of ours; move it, or choose another --out")
        shutil.rmtree(place)
    with parents_of(target):
        try:
            yield place
        except KeyboardInterrupt:
            if not any(place.rglob(FACTS)):
                shutil.rmtree(place, ignore_errors=True)
                raise
            raise KeyboardInterrupt(
                f"interrupted; no release was written. How far training had come is in {place}: "
                "the same command with --resume goes on from there"
            ) from None
        except BaseException:
            if not resume:
                shutil.rmtree(place, ignore_errors=True)
            raise
        shutil.rmtree(place, ignore_errors=True)
