"""Images read for a budget: each by itself, beside what a contract says, and never a refusal.

What is read of one patient's files hangs on nobody else's: no size is the commonest, no class is
looked up, and what cannot be used is left out and counted, for the owner of the data alone. Arrays
are typed sources: their shape and type are facts of the whole file, and refused if they are others.
"""

import csv
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles import array, folder, npz, recognise
from medsynai.data.imagefiles.gather import BadFile
from medsynai.data.imagefiles.labels import Labels, find_labels
from medsynai.data.images import ImageLayout, ImageSet
from medsynai.errors import ReadError

STRANGE, NOBODY, OTHER = "class not in the contract", "nobody is named", "another size or type"
BROKEN, UNLISTED = "damaged or in a mode that is not served", "not listed in the labels"


@dataclass(frozen=True)
class Form:
    """What images there can be; public.

    Attributes:
        space: (height, width) or (depth, height, width).
        channels: 1 or 3; 8 bits each.
        classes: names.
    """

    space: tuple[int, ...]
    channels: int
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image in an array."""
        return self.space if self.channels == 1 else (*self.space, self.channels)


@dataclass
class Apart:
    """Images as they were read.

    Attributes:
        named: whether the source says whose an image is: an array of patients, a column of them.
        lost: how many images were left out, by why.
    """

    images: ImageSet
    named: bool
    lost: Counter[str] = field(default_factory=Counter)


def layout_of(path: Path) -> ImageLayout:
    """How the images are held; a folder that has pictures, or nothing, is one of pictures.

    Raises:
        ReadError: nothing is there, or nothing that holds images.
    """
    if not path.exists():
        raise ReadError(f"{path} does not exist")
    if path.is_dir() and (folder.holds(path) or recognise(path) is None):
        return ImageLayout.FOLDER
    found = recognise(path)
    if found is None:
        raise ReadError(f"{path} holds no images: name an .npz, an .npy or a folder of pictures")
    return found


def read_apart(path: Path, layout: ImageLayout, form: Form) -> Apart:
    """The images that are of this form.

    Raises:
        ReadError: a damaged array, or one of another shape or type than the form's.
    """
    if layout is ImageLayout.FOLDER:
        with warnings.catch_warnings():  # a decoder's words would tell of a file
            warnings.simplefilter("ignore")
            return _pictures(path, form)
    if layout is ImageLayout.ARRAY:
        return _of_arrays(npz.Arrays(images=array.opened(path)), "", path, form)
    arrays = npz.opened(path)
    parts = [f"{p}_" for p in npz.PARTS if f"{p}_images" in arrays] or [""]
    names = ("images", "labels") if f"{parts[0]}labels" in arrays else ("images",)
    try:
        whole = {n: np.concatenate([arrays[f"{k}{n}"] for k in parts]) for n in names}
    except (KeyError, ValueError):
        raise ReadError(f"{path}: its parts differ in size, or some have no labels") from None
    whose = next((name for name in npz.PATIENT if name in arrays), "")
    beside = {n: arrays[n] for n in (whose, "class_names") if n in arrays}
    return _of_arrays(whole | beside, whose, path, form)


def _of_arrays(arrays: npz.Arrays, whose: str, path: Path, form: Form) -> Apart:
    pixels = arrays["images"]
    if pixels.shape[1:] != form.shape or pixels.dtype != np.uint8:
        sides = " x ".join(map(str, form.space))
        raise ReadError(
            f"the contract speaks of images of {sides}, {form.channels} channels and 8 bits; "
            "these are others"
        )
    n = len(pixels)
    if any(arrays[name].size != n for name in ("labels", whose) if name in arrays):
        raise ReadError(f"{path}: images need one label and one patient each")
    labels, names = arrays.get("labels"), arrays.get("class_names")
    told = ["all"] * n if labels is None else [_name(v, names) for v in labels.reshape(n).tolist()]
    own = arrays[whose].reshape(n).tolist() if whose else range(n)
    patients = ["" if p is None or p != p else str(p) for p in own]
    first = np.moveaxis(pixels, -1, 1) if form.channels > 1 else pixels[:, None]
    return _lawful(first, told, patients, bool(whose), form)


def _name(value: Any, names: np.ndarray | None) -> str:
    """What a class is called; "" where nothing names it."""
    if names is None:
        return str(value)
    inside = isinstance(value, int) and 0 <= value < len(names)
    return str(names[value]) if inside else ""


def _pictures(path: Path, form: Form) -> Apart:
    labels, lost = find_labels(path, _lines), Counter[str]()
    named = labels is not None and "patient" in labels.columns
    pixels, told, patients = [], [], []
    for k, file in enumerate(sorted(folder.files(path))):
        label, patient = _told(labels, file.relative_to(path))
        try:
            one = folder.picture(file).pixels
        except BadFile:
            lost[BROKEN] += 1
            continue
        if label is None:
            lost[UNLISTED] += 1
        elif one.shape != (form.channels, *form.space) or one.dtype != np.uint8:
            lost[OTHER] += 1
        else:
            pixels.append(one)
            told.append(label)
            patients.append(patient if named else str(k))
    whole = np.array(pixels, np.uint8).reshape(-1, form.channels, *form.space)
    found = _lawful(whole, told, patients, named, form)
    found.lost.update(lost)
    return found


def _told(labels: Labels | None, place: Path) -> tuple[str | None, str]:
    """Label and patient; a folder's name, where there is no list."""
    if labels is None:
        return (place.parts[0] if len(place.parts) > 1 else "all"), ""
    return labels.of(place) or (None, "")


def _lines(file: Path) -> list[list[str]]:
    """Rows of a list of labels, each line by itself; those without the header's fields go."""
    rows: list[list[str]] = []
    for line in file.read_text(encoding="utf-8-sig", errors="replace").split("\n"):
        try:
            row = next(csv.reader([line.rstrip("\r")]), [])
        except csv.Error:
            continue
        if row and (not rows or len(row) == len(rows[0])):
            rows.append(row)
    return rows


def _lawful(
    pixels: np.ndarray, told: list[str], patients: list[str], named: bool, form: Form
) -> Apart:
    """Images of known classes, each of somebody."""
    place = {name: k for k, name in enumerate(form.classes)}
    label = np.array([place.get(name, -1) for name in told], np.int64)
    nobody = np.array([not p for p in patients], bool)
    kept = (label >= 0) & ~nobody
    lost = Counter({STRANGE: int((label < 0).sum()), NOBODY: int((nobody & (label >= 0)).sum())})
    whose = np.array(patients, dtype=object).astype(str)[kept]
    return Apart(ImageSet.of(pixels[kept], label[kept], form.classes, whose), named, lost)
