"""The release folder: the names of its files, and how it comes into being whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from medsynai.errors import FolderError
from medsynai.privacy.ledger import Ledger, reopen

SYNTHETIC = "synthetic"  # with the suffix of its format
REPORT, SCORES, CARD = "report.html", "scores.json", "card.md"
PLAN, SCHEMA, LEDGER = "plan.toml", "schema.toml", "ledger.json"
MODEL = "model"
INTERNAL = "internal"  # for the owner of the real data alone
RECIPE, SOURCE = "recipe.toml", "source.toml"  # in the model folder: how rows become a file again


PARTS = (REPORT, SCORES, CARD, PLAN, SCHEMA, LEDGER, MODEL, INTERNAL)


def looks_like_release(folder: Path) -> bool:
    """Whether a folder is one that this package wrote: a report, and scores or a ledger."""
    others = ((folder / n).is_file() for n in (SCORES, LEDGER))
    return (folder / REPORT).is_file() and any(others)


def is_of_release(source: object) -> bool:
    """Whether data are the synthetic rows of a release of ours."""
    if not isinstance(source, str | Path) or "://" in str(source):
        return False
    path = Path(source).absolute()
    return path.name.partition(".")[0] == SYNTHETIC and looks_like_release(path.parent)


def open_ledger(folder: Path) -> Ledger:
    """The ledger of a release.

    Raises:
        FolderError: there is none that can be read.
        PlanError: it has no budget.
    """
    try:
        record = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise FolderError(f"{folder} has no {LEDGER}: name the folder of a release") from None
    return reopen(record)


def check_target(target: Path, overwrite: bool) -> None:
    """Refuse a place that a release may not be written to, before any work is done.

    Raises:
        FolderError: it exists and may not be replaced, or its parent is not a folder.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise FolderError(f"{target} is not a folder; choose another place")
    if target.exists() and not overwrite:
        raise FolderError(f"{target} exists already; choose another folder or add --overwrite")
    if target.exists() and any(target.iterdir()) and not looks_like_release(target):
        raise FolderError(f"{target} is not a release of ours, so it is not overwritten")
    foreign = [p.name for p in target.iterdir() if not _is_part(p)] if target.exists() else []
    if foreign:
        raise FolderError(
            f"{target} also holds {foreign[0]!r}, which is not of a release and would be lost; "
            "move it away, or choose another folder"
        )
    parent = target.resolve().parent
    if parent.exists() and not parent.is_dir():
        raise FolderError(f"{parent} is not a folder; choose another place")
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise FolderError(f"{parent} cannot be written to; choose another place")


def _is_part(path: Path) -> bool:
    return path.name in PARTS or path.name.partition(".")[0] == SYNTHETIC


def check_apart(target: Path, *sources: object) -> None:
    """Refuse to write over what is read: a source that is the target, or lies in its folder.

    Raises:
        FolderError: a source would be lost.
    """
    place = target.resolve()
    for source in sources:
        if not isinstance(source, str | Path) or "://" in str(source):
            continue
        path = Path(source).resolve()
        if path.exists() and path.is_relative_to(place):
            raise FolderError(f"{source} is read, and {target} would replace it; write elsewhere")


@contextmanager
def staged(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place when the block ends well.

    Whatever ends the block otherwise, Ctrl-C and a full disk among it, leaves `target` as it was
    and no temporary folder. A replaced release is removed last, after the new one stands.

    Raises:
        FolderError: the target is refused, or the files cannot be written.
    """
    check_target(target, overwrite)
    temporary: Path | None = None
    with parents_of(target):
        try:
            temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            _put_in_place(temporary, target, overwrite)
        except OSError as error:
            raise FolderError(_unwritten(target, error)) from error
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def parents_of(target: Path) -> Iterator[None]:
    """Make the folders above `target`; those that are empty at the end go again.

    Raises:
        FolderError: they cannot be made.
    """
    made = _make_parents(target)
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def check_file(target: Path, overwrite: bool) -> None:
    """Refuse a file that exists, unless it may be overwritten.

    Raises:
        FolderError: it exists, or is a folder.
    """
    if target.is_dir():
        raise FolderError(f"{target} is a folder that exists already; choose another name")
    if target.exists() and not overwrite:
        raise FolderError(f"{target} exists already; choose another file or add --overwrite")


def write_text(target: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        FolderError: it cannot be written.
    """
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    with parents_of(target):
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(target)
        except OSError as error:
            raise FolderError(_unwritten(target, error)) from error
        finally:
            part.unlink(missing_ok=True)


def _make_parents(target: Path) -> list[Path]:
    """Make the folders above `target`; the ones made, deepest first."""
    missing = []
    parent = target.parent
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(_unwritten(target, error)) from error
    return missing


def _put_in_place(temporary: Path, target: Path, overwrite: bool) -> None:
    if not target.exists():
        temporary.replace(target)
        return
    check_target(target, overwrite)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        target.replace(aside)  # onto an empty folder: one step
        try:
            temporary.replace(target)
        except BaseException:
            aside.replace(target)
            raise
    finally:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _unwritten(target: Path, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{target} could not be written ({reason}); nothing was left behind"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
