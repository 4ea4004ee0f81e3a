"""Files of images: read as one set of one size, and written in the form that the files had."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import Any

from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.errors import FolderError, ReadError
from medsynai.seeds import Seeds

# A new layout is one file with `holds(path) -> bool`, `read(path, skip_bad) -> LoadedImages` and
# `write(images, source, target, seeds)`, if it is a folder `files(path)`, and a row here.
LAYOUTS: dict[ImageLayout, str] = {
    ImageLayout.NPZ: "npz",
    ImageLayout.ARRAY: "array",
    ImageLayout.NIFTI: "nifti",
    ImageLayout.DICOM: "dicom",
    ImageLayout.FOLDER: "folder",
}
SAID = {
    ImageLayout.NIFTI: "NIfTI",
    ImageLayout.DICOM: "DICOM",
    ImageLayout.FOLDER: "PNG or JPEG",
}
SINGLE = {ImageLayout.NPZ: ".npz", ImageLayout.ARRAY: ".npy"}  # one file, not a folder


def recognise(path: Path) -> ImageLayout | None:
    """The layout of a file or folder that shows that it holds images; None for other data.

    Of a folder of several layouts that of most files: a stray one does not outweigh the set.
    """
    found = [layout for layout in LAYOUTS if _module(layout).holds(path)]
    if len(found) < 2:
        return found[0] if found else None
    return max(found, key=lambda layout: sum(1 for _ in _module(layout).files(path)))


def read_images(path: Path, skip_bad: bool = False) -> LoadedImages:
    """All images of a file or folder.

    Args:
        path: an npz, an npy, or a folder of PNG, JPEG, DICOM or NIfTI files.
        skip_bad: leave out files that cannot be used, and count them, instead of refusing.

    Raises:
        ReadError: nothing that holds images, or files that cannot be used; they are named.
        MissingExtra: a package that reads these files is not installed.
    """
    if not path.exists():
        raise ReadError(f"{path} does not exist")
    layout = recognise(path)
    if layout is None:
        raise ReadError(
            f"{path} holds no images: name an .npz or .npy of images, or a folder of PNG, JPEG, "
            "DICOM or NIfTI files"
        )
    beside = _others(path, layout) if path.is_dir() else {}
    if beside and not skip_bad:
        more = "; ".join(f"{len(n):,} {SAID[k]} files, such as {n[0]}" for k, n in beside.items())
        raise ReadError(
            f"{path} holds {SAID[layout]} files and, beside them, {more}. Part them, or leave the "
            "others out with --skip-bad"
        )
    loaded: LoadedImages = _module(layout).read(path, skip_bad)
    lost = [
        (name, f"is {SAID[k]}, most are {SAID[layout]}") for k, n in beside.items() for name in n
    ]
    note = (f"files of another kind that were left out: {len(lost):,}",) if lost else ()
    return replace(loaded, notes=(*loaded.notes, *note), lost=(*loaded.lost, *lost))


def _others(path: Path, layout: ImageLayout) -> dict[ImageLayout, list[str]]:
    """Names of the files of the other layouts in a folder."""
    found = {}
    for other in (k for k in LAYOUTS if k not in SINGLE and k is not layout):
        files = sorted(p.relative_to(path).as_posix() for p in _module(other).files(path))
        if files:
            found[other] = files
    return found


def write_images(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """Write images in the layout that the source had, whole or not at all.

    Args:
        images: synthetic images of the source's classes.
        source: the form.
        target: the file of an npz or npy, else a folder that is not there yet.
        seeds: fresh identifiers, where the layout has any.

    Raises:
        FolderError: another ending than the form's, a folder that exists, a disk that refuses.
    """
    ending = SINGLE.get(source.layout)
    if ending is not None and target.suffix.lower() != ending:
        raise FolderError(f"{target.name}: images go back to the form they had; use {ending}")
    if ending is None and target.exists():
        raise FolderError(f"{target} exists; name a folder that is not there yet")
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _module(source.layout).write(images, source, part, seeds)
        part.replace(target)
    except OSError as error:
        reason = error.strerror or "the disk refused it"
        raise FolderError(f"{target} cannot be written: {reason}") from None
    finally:
        if part.is_dir():
            rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)


def _module(layout: ImageLayout) -> Any:
    return import_module(f"medsynai.data.imagefiles.{LAYOUTS[layout]}")
