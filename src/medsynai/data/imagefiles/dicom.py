"""DICOM folders: single images, or series of slices that are volumes.

What is written is new from the first tag on: no element of a real file is copied but a short list
of public facts (modality, spacing, window, rescale), so nothing nested or private can pass.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles.gather import BadFile, Item, gather
from medsynai.data.imagefiles.synthetic_dicom import ends, write
from medsynai.data.images import ImageLayout, LoadedImages
from medsynai.errors import MissingExtra

__all__ = ["holds", "read", "write"]

GREY = ("MONOCHROME1", "MONOCHROME2")
# Modalities whose devices write names and dates into the picture (PS3.15 E.3.1, Clean Pixel Data).
WRITTEN_ON = ("US", "IVUS", "ES", "XC", "GM", "OT", "SC", "RF", "XA")
CAPTURED = "1.2.840.10008.5.1.4.1.1.7"  # storage of captured screens, whatever the modality says
MAGIC = 128  # a DICOM file begins with that many bytes and then DICM


def holds(path: Path) -> bool:
    """Whether a folder has a DICOM file, at any depth; the ending does not matter."""
    return path.is_dir() and any(files(path))


def files(path: Path) -> Iterator[Path]:
    """The DICOM files below a folder."""
    return (p for p in path.rglob("*") if _is_dicom(p))


def _is_dicom(path: Path) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    if path.suffix.lower() == ".dcm":
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        return file.read(MAGIC + 4)[MAGIC:] == b"DICM"


def read(path: Path, skip_bad: bool) -> LoadedImages:
    """Every image, or where several files are slices of one series, every volume.

    Slices are put in order by their position in the body, never by name. MONOCHROME1 is turned,
    so that more is brighter. Stored numbers are kept with their slope and intercept.

    Raises:
        ReadError: files that cannot be used, burned-in annotation among them; they are named.
        MissingExtra: pydicom is not installed.
    """
    pydicom()
    found = sorted(files(path))
    series: dict[str, list[Path]] = defaultdict(list)
    for file in found:
        series[_series(file)].append(file)
    sliced = any(len(s) > 1 for s in series.values()) and _positioned(series)
    if sliced:
        places = [(group[0], partial(_volume, group)) for group in series.values()]
    else:
        places = [(file, partial(_image, file)) for file in found]
    return gather(path, places, ImageLayout.DICOM, skip_bad)


def _series(path: Path) -> str:
    """The series a file is of, or the file alone."""
    try:
        head = pydicom().dcmread(path, stop_before_pixels=True, force=True)
        return str(head.get("SeriesInstanceUID") or path)
    except Exception:  # of a damaged header; what is wrong is said when the file is opened
        return str(path)


def _positioned(series: dict[str, list[Path]]) -> bool:
    """Whether files of one series stand at different places of the body: slices, not pictures."""
    many = next(s for s in series.values() if len(s) > 1)
    head = pydicom().dcmread(many[0], stop_before_pixels=True, force=True)
    return "ImagePositionPatient" in head


def _open(path: Path) -> Any:
    """A data set with pixels that may be used.

    Raises:
        BadFile: not an image, compressed without a decoder, several frames, names burned in.
    """
    dicom = pydicom()
    try:
        data = dicom.dcmread(path)
    except (dicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError):
        raise BadFile("is damaged, or no DICOM file") from None
    if "PixelData" not in data:
        raise BadFile(f"holds no image ({data.get('Modality') or 'modality not said'})")
    burned = str(data.get("BurnedInAnnotation") or "").strip().upper()
    if burned == "YES":
        raise BadFile("has annotation burned into its pixels, which may name the patient")
    modality = str(data.get("Modality") or "OT")
    captured = str(data.get("SOPClassUID") or "").startswith(CAPTURED)
    if burned != "NO" and (captured or modality in WRITTEN_ON):
        raise BadFile(
            "does not say whether annotation is burned into its pixels, as it often is in "
            f"{'captured screens' if captured else modality}; look at it, then set "
            "BurnedInAnnotation to NO"
        )
    if int(data.get("NumberOfFrames") or 1) > 1:
        raise BadFile("has several frames; write one file a frame, or a NIfTI volume")
    if data.PhotometricInterpretation not in (*GREY, "RGB"):
        raise BadFile(f"holds {data.PhotometricInterpretation} colours, which are not served")
    return data


def _image(path: Path) -> Item:
    data = _open(path)
    return Item(_pixels(data), _facts(data), str(data.get("PatientID") or ""), _kept(data))


def _volume(paths: list[Path]) -> Item:
    """(1, D, H, W) of a series; D goes along the normal of its slices."""
    slices = [_slice(p, paths[0]) for p in paths]
    turns = {tuple(float(x) for x in s.ImageOrientationPatient) for s in slices}
    if len(turns) > 1:
        raise BadFile("is of a series whose slices lie in different directions")
    turn = np.array(next(iter(turns)))
    normal = np.cross(turn[:3], turn[3:])
    where = np.array(
        [float(np.dot(normal, np.array(s.ImagePositionPatient, float))) for s in slices]
    )
    order = np.argsort(where)
    gaps = np.diff(where[order])
    if len(gaps) and (gaps.min() <= 0 or gaps.max() > 1.5 * np.median(gaps)):
        raise BadFile("is of a series with slices missing, or two at one place")
    first = slices[int(order[0])]
    facts = {**_facts(first), "orientation": tuple(float(x) for x in turn)}
    pixels = np.stack([_pixels(slices[int(i)])[0] for i in order])[None]
    kept = {**_kept(first), "gap": float(np.median(gaps)) if len(gaps) else 1.0, "volume": True}
    return Item(pixels, facts, str(first.get("PatientID") or ""), kept)


def _slice(path: Path, first: Path) -> Any:
    """A data set of a series that its first file stands for.

    Raises:
        BadFile: as `_open`, or it does not say how it lies; the file is named where it is another.
    """
    try:
        data = _open(path)
        if "ImagePositionPatient" not in data or "ImageOrientationPatient" not in data:
            raise BadFile("does not say where and how it lies in the body")
        _pixels(data)
    except BadFile as error:
        if path == first:
            raise
        raise BadFile(f"is of a series of which {path.name} {error}") from None
    return data


def _pixels(data: Any) -> np.ndarray:
    """(channels, H, W) of the stored numbers, more being brighter.

    Raises:
        BadFile: the pixels cannot be decoded here.
    """
    try:
        stored = np.asarray(data.pixel_array)
    except Exception as error:  # decoders raise what they like
        if data.file_meta.TransferSyntaxUID.is_compressed:
            name = data.file_meta.TransferSyntaxUID.name
            raise BadFile(
                f"is compressed ({name}) and its decoder is missing: pip install pylibjpeg "
                "pylibjpeg-libjpeg pylibjpeg-openjpeg"
            ) from None
        raise BadFile(f"has pixels that do not fit its header ({type(error).__name__})") from None
    if data.PhotometricInterpretation == "MONOCHROME1":
        turn = sum(ends(int(data.BitsStored), bool(data.PixelRepresentation)))
        stored = (turn - stored.astype(np.int64)).astype(stored.dtype)
    return stored[None] if stored.ndim == 2 else np.moveaxis(stored, -1, 0)


def _facts(data: Any) -> dict[str, Any]:
    """What must be the same in all files."""
    slope, intercept = data.get("RescaleSlope"), data.get("RescaleIntercept")
    turned = data.PhotometricInterpretation == "MONOCHROME1" and intercept is not None
    if turned and (float(slope or 1.0) != 1.0 or float(intercept) != 0.0):
        raise BadFile("is MONOCHROME1 with a rescale, whose unit would be turned as well")
    return {
        "modality": str(data.get("Modality") or "OT"),
        "bits": int(data.BitsStored),
        "slope": 1.0 if slope is None else float(slope),
        "intercept": 0.0 if intercept is None else float(intercept),
    }


def _kept(data: Any) -> dict[str, Any]:
    """Public facts of the first file, for the writer."""
    spacing = data.get("PixelSpacing") or data.get("ImagerPixelSpacing")
    kept: dict[str, Any] = {"volume": False}
    if spacing:
        kept["spacing"] = [float(x) for x in spacing]
    for name, tag in (("center", "WindowCenter"), ("width", "WindowWidth")):
        value = data.get(tag)
        if value is not None:
            kept[name] = float(value[0] if hasattr(value, "__len__") else value)
    if "center" in kept and data.PhotometricInterpretation == "MONOCHROME1":
        # its window is turned with it; a window is half a step off its center (PS3.3 C.11.2.1.2)
        turn = sum(ends(int(data.BitsStored), bool(data.PixelRepresentation)))
        kept["center"] = turn + 1 - kept["center"]
    unit = "HU" if data.get("Modality") == "CT" else "US"  # US: unspecified
    return {**kept, "rescale_type": str(data.get("RescaleType") or unit)}


def pydicom() -> Any:
    """The DICOM reader.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise MissingExtra("reading DICOM files", "pydicom", "images") from None
    return pydicom
