"""A folder of figures that come one after another, which an interrupted command goes on with."""

from pathlib import Path

from medsynai.errors import FolderError


def opened(folder: Path, text: str, what: str) -> Path:
    """The folder of cells, which only its owner may open, for this plan and no other.

    Args:
        folder: made where it is not there.
        text: of plan.toml; two runs of one text go on with each other.
        what: e.g. "a frontier", for the message.

    Raises:
        FolderError: a folder of another plan, of something else, or one that cannot be written.
    """
    place, mark = folder / "cells", folder / "plan.toml"
    if mark.is_file() and mark.read_text(encoding="utf-8") != text:
        raise FolderError(f"{folder} holds {what} of another plan; choose another folder")
    if folder.exists() and not mark.is_file() and any(folder.iterdir()):
        raise FolderError(f"{folder} is not empty, and holds no such plan; choose another folder")
    try:
        place.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        mark.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{folder} cannot be written ({error.strerror})") from None
    return place
