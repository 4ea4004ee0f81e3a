"""Folders of NIfTI volumes: read in the files' own axes, the affine kept."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles.gather import BY_FOLDER, BadFile, Item, gather
from medsynai.data.imagefiles.labels import write_labels
from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.errors import MissingExtra
from medsynai.seeds import Seeds

ENDINGS = (".nii", ".nii.gz")


def holds(path: Path) -> bool:
    """Whether a folder has a NIfTI file, at any depth."""
    return path.is_dir() and any(files(path))


def files(path: Path) -> Iterator[Path]:
    """The volumes below a folder."""
    return (p for p in path.rglob("*") if p.name.lower().endswith(ENDINGS) and p.is_file())


def read(path: Path, skip_bad: bool) -> LoadedImages:
    """Every volume below a folder, turned to right, anterior, superior.

    Raises:
        ReadError: volumes that cannot be used; they are named.
        MissingExtra: nibabel is not installed.
    """
    nibabel()
    places = [(f, partial(_volume, f)) for f in sorted(files(path))]
    return gather(path, places, ImageLayout.NIFTI, skip_bad)


def _volume(path: Path) -> Item:
    """(1, D, H, W) in right-anterior-superior order; several frames are channels."""
    nib = nibabel()
    try:
        file = nib.load(path)
        turn = nib.io_orientation(file.affine)
        stored = np.asanyarray(file.dataobj.get_unscaled())
    except _broken(nib):
        raise BadFile("is damaged or cut short") from None
    if np.isnan(turn).any() or not _placed(file.header):
        raise BadFile("does not say how it lies in the body: it has no affine, qform or sform")
    if stored.ndim not in (3, 4):
        raise BadFile(f"has {stored.ndim} axes; volumes have 3, or 4 with frames")
    to_ras = nib.orientations.apply_orientation(stored, turn)
    pixels = to_ras[None] if stored.ndim == 3 else np.moveaxis(to_ras, -1, 0)
    facts: dict[str, Any] = {"slope": float(file.dataobj.slope)}  # nibabel blanks the header's
    facts["intercept"] = float(file.dataobj.inter)
    facts["axes"] = "".join(nib.aff2axcodes(file.affine))
    affine = tuple(tuple(float(x) for x in row) for row in file.affine)
    kept: dict[str, Any] = {"affine": affine, "units": list(file.header.get_xyzt_units())}
    kept["step"] = float(file.header.get_zooms()[-1]) if stored.ndim == 4 else 1.0
    return Item(pixels.astype(stored.dtype.newbyteorder("=")), facts, "", kept)


def _placed(header: Any) -> bool:
    """Whether a header says where its axes go; without either form a reader makes them up."""
    return bool(header["qform_code"] > 0 or header["sform_code"] > 0)


def write(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """A volume a file, in the axes and the affine of the source; the stored numbers are exact."""
    nib, ending = nibabel(), source.facts["ending"]
    affine = np.array(source.affine)
    back = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.io_orientation(affine)
    )
    width, names = len(str(len(images))), []
    told = [images.classes[k] for k in images.labels]
    for k, volume in enumerate(images.pixels):
        name = f"{k + 1:0{width}}{ending}"
        if source.label_file == BY_FOLDER:
            name = f"{told[k]}/{name}"
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        stored = volume[0] if len(volume) == 1 else np.moveaxis(volume, 0, -1)
        turned = nib.orientations.apply_orientation(stored, back).astype(source.dtype)
        file = nib.Nifti1Image(turned, affine, dtype=np.dtype(source.dtype))
        file.header["descrip"] = b"synthetic: shows no patient"
        if stored.ndim == 4:  # from frame to frame; a file of an older model does not say it
            steps = (*file.header.get_zooms()[:3], source.facts.get("step", 1.0))
            file.header.set_zooms(steps)
        file.header.set_xyzt_units(*source.facts["units"])
        file.header.set_slope_inter(source.slope, source.intercept)  # of numbers stored as they are
        nib.save(file, target / name)
        names.append(name)
    if source.columns:
        write_labels(target / source.label_file, source.columns, names, told, images.patients)


def _broken(nib: Any) -> tuple[type[Exception], ...]:
    """What a damaged file makes nibabel raise."""
    damaged = nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError
    return (*damaged, OSError, EOFError, ValueError)


def nibabel() -> Any:
    """The NIfTI reader.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import nibabel
    except ImportError:
        raise MissingExtra("reading NIfTI volumes", "nibabel", "images") from None
    return nibabel
