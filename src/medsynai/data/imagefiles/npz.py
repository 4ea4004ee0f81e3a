"""npz files of images: MedMNIST's parts, or `images` with `labels` and whose each is."""

from pathlib import Path

import numpy as np

from medsynai.data.imagefiles.array import channels_first, channels_last
from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.data.npz import BROKEN, read_arrays
from medsynai.errors import ReadError
from medsynai.seeds import Seeds

PARTS = ("train", "val", "test")
PATIENT = ("patients", "patient", "subjects", "subject", "slide", "slides", "groups", "case")
Arrays = dict[str, np.ndarray]


def holds(path: Path) -> bool:
    """Whether an npz has `images` or `train_images`; a damaged one is for `read` to name."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as file:
            return bool({"images", "train_images"} & set(file.files))
    except BROKEN:
        return True


def read(path: Path, skip_bad: bool) -> LoadedImages:
    """All parts as one set; MedMNIST's test part is held out.

    Raises:
        ReadError: a damaged file, Python objects in it, parts of different sizes or lengths.
    """
    arrays = opened(path)
    parts = [p for p in PARTS if f"{p}_images" in arrays]
    lead = [f"{p}_" for p in parts] or [""]
    shapes = {arrays[f"{k}images"].shape[1:] for k in lead}
    if len(shapes) > 1:
        raise ReadError(f"{path}: its parts hold images of different sizes")
    pixels = np.concatenate([arrays[f"{k}images"] for k in lead])
    labels = _labels(arrays, lead, len(pixels), path)
    names = _names(arrays, labels, path)
    whose = next((name for name in PATIENT if name in arrays), "")
    if whose and arrays[whose].shape not in ((len(pixels),), (len(pixels), 1)):
        raise ReadError(f"{path}: `{whose}` must say of each image whose it is")
    own = arrays[whose].ravel() if whose else None
    which = None if labels is None else np.unique(labels, return_inverse=True)[1]
    images = ImageSet.of(channels_first(pixels, path), which, names, own)
    sizes = [len(arrays[f"{k}images"]) for k in lead]
    facts = {
        "parts": parts,
        "shares": [s / len(pixels) for s in sizes],
        "labels": "" if labels is None else str(labels.dtype),
        "column": bool(labels is not None and arrays[f"{lead[0]}labels"].ndim == 2),
        "patients": whose,
        "names": labels is not None and "class_names" in arrays,
        "values": [] if labels is None else np.unique(labels).tolist(),
        "last": pixels.ndim - 1 if pixels.shape[-1] == images.channels > 1 else 0,
    }
    held = None
    if "test" in parts and len(parts) > 1:
        held = np.repeat([p == "test" for p in parts], sizes)
    note = f"{len(images):,} images of {' x '.join(map(str, images.space))}"
    lost = sorted({*arrays} - _used(arrays, lead, whose))
    beside = (f"{', '.join(lost)} are not learnt and not written",) if lost else ()
    source = ImageSource(ImageLayout.NPZ, str(pixels.dtype), facts=facts)
    return LoadedImages(images, source, held, (note, *beside))


def opened(path: Path) -> Arrays:
    """All arrays by name.

    Raises:
        ReadError: a damaged file, or Python objects in it.
    """
    arrays = read_arrays(path)
    if "images" not in arrays and "train_images" not in arrays:
        raise ReadError(f"{path} holds no `images`")
    told = [n for n in arrays if n in (*PATIENT, "class_names") or n.endswith(("images", "labels"))]
    for name in told:
        if arrays[name].ndim == 0:
            raise ReadError(f"{path}: `{name}` is one value, not one for each image or class")
    return arrays


def _labels(arrays: Arrays, lead: list[str], n: int, path: Path) -> np.ndarray | None:
    """(n,) labels as they stand; MedMNIST keeps them as (n, 1)."""
    there = [f"{k}labels" in arrays for k in lead]
    if not any(there):
        return None
    if not all(there):
        raise ReadError(f"{path}: some parts have labels, some have none")
    stacked = np.concatenate([arrays[f"{k}labels"] for k in lead])
    if len(stacked) != n or stacked.size != n:
        raise ReadError(f"{path}: images need one label each; several labels are not served yet")
    if stacked.dtype.kind == "f" and np.isnan(stacked).any():
        raise ReadError(f"{path}: {int(np.isnan(stacked).sum()):,} images have no label")
    return stacked.reshape(n)


def _names(arrays: Arrays, labels: np.ndarray | None, path: Path) -> tuple[str, ...]:
    if labels is None:
        return ("all",)
    values = np.unique(labels)
    if "class_names" not in arrays:
        return tuple(str(v) for v in values)
    names = arrays["class_names"]
    whole = np.issubdtype(labels.dtype, np.integer) and values.min() >= 0
    if not whole or values.max() >= len(names):
        raise ReadError(f"{path}: `class_names` does not name every label")
    found = tuple(str(names[int(v)]) for v in values)
    if len({*found}) < len(found):
        raise ReadError(f"{path}: `class_names` calls two labels the same")
    return found


def _used(arrays: Arrays, lead: list[str], whose: str) -> set[str]:
    of_parts = {f"{k}{what}" for k in lead for what in ("images", "labels")}
    return {*of_parts, "class_names", whose} & set(arrays)


def write(images: ImageSet, source: ImageSource, target: Path, seeds: Seeds) -> None:
    """The arrays that the source had; parts get the shares that they had there."""
    facts = source.facts
    pixels = channels_last(images.pixels, facts["last"]).astype(source.dtype)
    arrays: Arrays = {}
    parts = [f"{p}_" for p in facts["parts"]] or [""]
    ends = np.rint(np.cumsum(facts["shares"]) * len(images)).astype(int)
    begin = 0
    for lead, end in zip(parts, ends, strict=True):
        arrays[f"{lead}images"] = pixels[begin:end]
        if facts["labels"]:
            values = np.array(facts["values"], dtype=facts["labels"])[images.labels[begin:end]]
            arrays[f"{lead}labels"] = values[:, None] if facts["column"] else values
        begin = int(end)
    if facts["patients"]:
        arrays[facts["patients"]] = images.patients.astype(np.int32)
    if facts["names"]:
        whole = int(max(facts["values"])) + 1
        names = [""] * whole
        for value, name in zip(facts["values"], images.classes, strict=True):
            names[int(value)] = name
        arrays["class_names"] = np.array(names)
    with target.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
