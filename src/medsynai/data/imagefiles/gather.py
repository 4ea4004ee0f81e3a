"""Many files, one set: what each holds, what must agree, and what cannot be used."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles.labels import Labels, find_labels
from medsynai.data.images import ImageLayout, ImageSet, ImageSource, LoadedImages
from medsynai.errors import MedSynAIError, ReadError

SHOWN = 5  # files that a message names
BY_FOLDER = "folder"  # label file of a set whose classes are folders
PARTS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")


class BadFile(Exception):
    """A file that cannot be used; the reason is for the user and holds nothing of its content."""


@dataclass(frozen=True)
class Item:
    """One image as its file holds it.

    Attributes:
        pixels: (channels, *space) of the stored type.
        facts: what must be the same in all files: "slope", "intercept" and what a layout adds.
        patient: whose it is, if the file itself says so.
        kept: facts that may differ; the first file's are kept for the writer.
        alpha: the file has an alpha channel, which `pixels` have not.
    """

    pixels: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)
    patient: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    alpha: bool = False


Found = list[tuple[Path, Item, str, str]]  # each image, its label and its patient
Places = Sequence[tuple[Path, Callable[[], Item]]]


def gather(root: Path, places: Places, layout: ImageLayout, skip_bad: bool) -> LoadedImages:
    """Read every file, join the labels, and refuse or leave out what does not fit.

    Args:
        root: the folder that labels and names are relative to.
        places: each image's path, and how to read it.
        layout: for the source.
        skip_bad: leave out, and count, instead of refusing.

    Raises:
        ReadError: files that cannot be used, or none that can.
    """
    labels = find_labels(root)
    bad: list[tuple[Path, str]] = []
    items: Found = []
    for path, open_item in places:
        try:
            item = _numeric(open_item())
            label, patient = _told(labels, path.relative_to(root))
        except BadFile as error:
            bad.append((path, str(error)))
            continue
        except (MedSynAIError, MemoryError):
            raise
        except Exception as error:  # what reads a damaged file raises what it likes
            bad.append((path, f"is damaged, or its header is ({type(error).__name__})"))
            continue
        items.append((path, item, label, patient or item.patient))
    whole = _agreeing(items, bad)
    by_folder = labels is None and _classed(root, whole)
    if by_folder:
        whole = _labelled(root, whole, bad)
    _refuse(root, bad, skip_bad, len(whole))
    said = sorted({label for _, _, label, _ in whole})
    place = {name: k for k, name in enumerate(said)}
    patients = [p or f"\0{k}" for k, (_, _, _, p) in enumerate(whole)]
    images = ImageSet.of(
        np.stack([item.pixels for _, item, _, _ in whole]),
        np.array([place[label] for _, _, label, _ in whole]),
        tuple(said),
        np.array(patients, dtype=object).astype(str),
    )
    first = whole[0][1]
    facts = {**first.facts, **first.kept, "ending": _ending(whole[0][0])}
    source = ImageSource(
        layout,
        str(first.pixels.dtype),
        float(facts.pop("slope", 1.0)),
        float(facts.pop("intercept", 0.0)),
        dict(labels.columns) if labels else {},
        labels.file if labels else BY_FOLDER if by_folder else "",
        facts,
        facts.pop("affine", ()),
    )
    unlisted = labels.unmet(p.relative_to(root) for p, _ in places) if labels else 0
    notes = _notes(images, labels, sum(not of for *_, of in whole), unlisted)
    lost = tuple((path.relative_to(root).as_posix(), why) for path, why in bad)
    return LoadedImages(images, source, None, (*notes, *_clear(whole), *_skipped(bad)), lost)


def _numeric(item: Item) -> Item:
    """The same.

    Raises:
        BadFile: not one number a pixel, or some that are none.
    """
    kind = item.pixels.dtype.kind
    if kind not in "uif":
        raise BadFile("does not hold one whole number or float a pixel")
    if kind == "f" and not np.isfinite(item.pixels).all():
        raise BadFile("has pixels that are no finite number")
    return item


def _told(labels: Labels | None, place: Path) -> tuple[str, str]:
    if labels is None:
        return "all", ""
    found = labels.of(place)
    if found is None:
        raise BadFile(f"is not listed in {labels.file}")
    if not found[0]:
        raise BadFile(f"has no label in {labels.file}")
    return found


def _classed(root: Path, items: Found) -> bool:
    """Whether the files that lie in folders of the root lie in two or more, which are classes.

    A folder for each image, or for each patient that files name, as archives export, is none.
    """
    inside = [(p.relative_to(root).parts, of) for p, *_, of in items]
    tops = [(parts[0], of or str(k)) for k, (parts, of) in enumerate(inside) if len(parts) > 1]
    names = {name for name, _ in tops}
    return len(names) > 1 and len({*tops}) > len(names)


def _labelled(root: Path, items: Found, bad: list[tuple[Path, str]]) -> Found:
    """Those in folders, each of the class that its folder is; the others have none.

    Raises:
        ReadError: the folders are parts of a set, and would be learnt as classes.
    """
    places = [p.relative_to(root).parts for p, *_ in items]
    tops = sorted({parts[0] for parts in places if len(parts) > 1})
    if all(name.lower() in PARTS for name in tops):
        first = min(tops, key=lambda name: PARTS.index(name.lower()))
        raise ReadError(
            f"{root}: its folders ({', '.join(tops)}) are parts of a set and no classes. Name one "
            f"of them, such as {root / first}, or list every file with its label in a CSV"
        )
    kept = []
    for path, item, _, of in items:
        parts = path.relative_to(root).parts
        if len(parts) > 1:
            kept.append((path, item, parts[0], of))
        else:
            bad.append((path, "lies in none of the folders, each of which is a class"))
    return kept


def _agreeing(items: Found, bad: list[tuple[Path, str]]) -> Found:
    """Those of the commonest size, type and facts; the others are told what differs."""

    def form(item: Item) -> tuple[Any, ...]:
        return (item.pixels.shape, str(item.pixels.dtype), tuple(sorted(item.facts.items())))

    if not items:
        return []
    usual = Counter(form(i[1]) for i in items).most_common(1)[0][0]
    kept = []
    for one in items:
        mine = form(one[1])
        if mine == usual:
            kept.append(one)
        else:
            bad.append((one[0], _difference(mine, usual)))
    return kept


def _difference(mine: tuple[Any, ...], usual: tuple[Any, ...]) -> str:
    if mine[0] != usual[0]:
        size = " x ".join(map(str, mine[0][1:])) + f", {mine[0][0]} channels"
        most = " x ".join(map(str, usual[0][1:])) + f", {usual[0][0]} channels"
        return f"is {size}; most are {most}"
    if mine[1] != usual[1]:
        return f"holds {mine[1]} numbers; most hold {usual[1]}"
    names = [a for (a, x), (_, y) in zip(mine[2], usual[2], strict=False) if x != y]
    return f"differs from most in {', '.join(names) or 'what its header says'}"


def _refuse(root: Path, bad: list[tuple[Path, str]], skip_bad: bool, usable: int) -> None:
    if not bad and usable:
        return
    if not bad:
        raise ReadError(f"{root} holds no image")
    shown = "; ".join(f"{p.relative_to(root)} {why}" for p, why in bad[:SHOWN])
    rest = len(bad) - SHOWN
    more = f"; and {rest:,} more, which `medsynai inspect` names" if rest > 0 else ""
    if not usable:
        raise ReadError(f"{root}: none of {len(bad):,} files can be used: {shown}{more}")
    if not skip_bad:
        raise ReadError(
            f"{root}: {len(bad):,} of {len(bad) + usable:,} files cannot be used: {shown}{more}. "
            "Mend them, or leave them out with --skip-bad"
        )


def _notes(images: ImageSet, labels: Labels | None, nobody: int, unmet: int) -> tuple[str, ...]:
    """What a person should know.

    Args:
        images: all of them.
        labels: the list of labels.
        nobody: how many of the images nobody says whose they are.
        unmet: lines of the list that name no file.
    """
    people = int(images.patients.max(initial=-1)) + 1
    size = " x ".join(map(str, images.space))
    what = f"{len(images):,} images of {size}, {images.channels} channels, {people:,} patients"
    notes = [what]
    if labels is not None and labels.unknown:
        notes.append(f"{labels.file}: {', '.join(labels.unknown)} are not learnt and not written")
    if labels is not None and unmet:
        notes.append(f"{labels.file}: lines that name no file here: {unmet:,}")
    if nobody == len(images):
        notes.append("no file or label says whose an image is: each counts as a patient of its own")
    elif nobody:
        notes.append(
            f"images that nothing says whose they are: {nobody:,}; each of these counts as a "
            "patient of its own"
        )
    return tuple(notes)


def _clear(whole: Found) -> tuple[str, ...]:
    clear = sum(item.alpha for _, item, *_ in whole)
    said = (
        f"alpha channels (what can be seen through) are dropped, of {clear:,} images: the colours "
        "below them are learnt, and no image of a release has one"
    )
    return (said,) if clear else ()


def _skipped(bad: list[tuple[Path, str]]) -> tuple[str, ...]:
    return (f"files that could not be used and were left out: {len(bad):,}",) if bad else ()


def _ending(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
