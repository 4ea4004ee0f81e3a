"""What `sample` draws comes to its place whole or not at all, in place of nothing but its like."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from medsynai.errors import FolderError
from medsynai.flow.folder import check_file, parents_of

MARK = ".medsynai"  # in a drawn folder: its files and their hashes, by which it is known again


@contextmanager
def placed(target: Path, overwrite: bool) -> Iterator[Path]:
    """A fresh place of the same name; what stands there at the end takes the target's.

    A folder that is replaced must hold nothing but what was drawn into it: its files are hashed.

    Raises:
        FolderError: something is in the way, or the files cannot be written.
    """
    check(target, overwrite)
    with parents_of(target):
        try:
            with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as staging:
                place = Path(staging) / "new" / target.name
                place.parent.mkdir()
                yield place
                if place.is_dir():
                    (place / MARK).write_text(json.dumps(_hashes(place)), encoding="utf-8")
                check(target, overwrite)  # another run may have been quicker
                _swap(place, target, Path(staging) / "old")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FolderError(f"{target} could not be written ({reason})") from error


def check(target: Path, overwrite: bool) -> None:
    """Refuse a place that is taken, unless what is there was drawn and may be replaced.

    Raises:
        FolderError: with what to do.
    """
    if not target.is_dir():
        check_file(target, overwrite)
        return
    if target.is_symlink():
        raise FolderError(f"{target} is a link to a folder; choose another place")
    if not overwrite:
        raise FolderError(f"{target} exists already; choose another folder or add --overwrite")
    if not any(target.iterdir()):
        return
    try:
        known = json.loads((target / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise FolderError(
            f"{target} was not drawn by `medsynai sample`, so it is not overwritten; choose "
            "another folder"
        ) from None
    strange = [name for name, told in _hashes(target).items() if known.get(name) != told]
    if strange:
        raise FolderError(
            f"{target} also holds {min(strange)!r}, which is not as it was drawn and would be "
            "lost; move it away, or choose another folder"
        )


def _hashes(folder: Path) -> dict[str, str]:
    """The files below a folder but the mark -> SHA-256 of each; "" for what is no plain file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            plain = path.is_file() and not path.is_symlink()
            found[path.relative_to(folder).as_posix()] = _hash(path) if plain else ""
    found.pop(MARK, None)
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _swap(place: Path, target: Path, aside: Path) -> None:
    """The old out of the way, then the new in; the old back if that fails."""
    if not target.exists():
        shutil.move(place, target)
        return
    if place.is_dir() and not target.is_dir():
        raise FolderError(f"{target} is a file, and what was drawn a folder; choose another place")
    target.replace(aside)
    try:
        place.replace(target)
    except BaseException:
        aside.replace(target)
        raise
