"""The CSV beside image files: which file shows what, and whose it is."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.data.names import words
from medsynai.errors import ReadError

PATH = ("path", "file", "filename", "image", "img", "picture", "volume", "scan", "series")
LABEL = ("label", "labels", "class", "target", "diagnosis", "finding", "category", "outcome")
PATIENT = ("patient", "subject", "person", "participant", "case", "slide", "mrn")
BESIDE = ("id", "ids", "name", "code", "index", "no", "nr", "number", "key", "uid")
ROLES = (("path", PATH), ("label", LABEL), ("patient", PATIENT))


@dataclass(frozen=True)
class Labels:
    """What a label file says.

    Attributes:
        file: its name in the folder.
        columns: "path", "label", "patient" -> its columns' names, where it has them.
        unknown: names of columns that nothing is made of.
        rows: by a file's relative path, its name, its name without ending, or the folder of a
            series: (label, patient).
    """

    file: str
    columns: dict[str, str]
    unknown: tuple[str, ...]
    rows: dict[str, tuple[str, str]]

    def of(self, place: Path) -> tuple[str, str] | None:
        """Label and patient of a file at a relative path; None if it is not listed."""
        key = self.key(place)
        return None if key is None else self.rows[key]

    def key(self, place: Path) -> str | None:
        """By which name a file is listed; None if it is not."""
        names = (place.as_posix(), place.name, _stem(place.name))
        folders = (place.parent.as_posix(), place.parent.name)
        return next((name for name in (*names, *folders) if name in self.rows), None)

    def unmet(self, places: Iterable[Path]) -> int:
        """How many lines name none of these files."""
        return len({*self.rows} - {self.key(place) for place in places})


def find_labels(
    folder: Path, lines: Callable[[Path], list[list[str]]] | None = None
) -> Labels | None:
    """The one label file of a folder: a CSV with a column of files and one of labels or patients.

    Args:
        folder: whose own CSV files are looked at.
        lines: reads a file's rows in place of the usual way, and then an image that is listed
            twice is what its first line says.

    Raises:
        ReadError: a file listed twice with different labels, a CSV that is not text, or one that is
            called labels and does not say of what.
    """
    files = sorted(folder.glob("*.csv"), key=lambda p: ("label" not in p.stem.lower(), p.name))
    for file in files:
        found = _read(file, _lines(file)) if lines is None else _read(file, lines(file), False)
        if found is not None:
            return found
        if "label" in file.stem.lower():
            raise ReadError(
                f"{file} names no column of files ({', '.join(PATH[:4])}) beside one of labels or "
                "patients; columns are parted by commas"
            )
    return None


def _lines(file: Path) -> list[list[str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            return [row for row in csv.reader(text) if row]
    except UnicodeDecodeError:
        raise ReadError(f"{file} is not UTF-8 text; save the labels as UTF-8") from None
    except csv.Error:
        raise ReadError(f"{file} is no CSV file that can be read; a field has no end") from None


def _read(file: Path, rows: list[list[str]], strict: bool = True) -> Labels | None:
    if not rows:
        return None
    header, columns = rows[0], {}
    for name in header:
        for role, known in ROLES:
            said = words(name)
            core = [w for w in said if w in known]
            if core and role not in columns and all(w in (*known, *BESIDE) for w in said):
                columns[role] = name
                break
    if "path" not in columns or len(columns) < 2:
        return None
    at = {role: header.index(name) for role, name in columns.items()}
    found: dict[str, tuple[str, str]] = {}
    for row in rows[1:]:
        if len(row) != len(header):
            raise ReadError(f"{file}: a row has {len(row)} fields, the header has {len(header)}")
        told = (
            row[at["label"]].strip() if "label" in at else "all",
            row[at["patient"]].strip() if "patient" in at else "",
        )
        key = row[at["path"]].strip().replace("\\", "/").removeprefix("./")
        if found.setdefault(key, told) != told and strict:
            raise ReadError(f"{file} lists {key} twice, with different labels or patients")
    unknown = tuple(name for name in header if name not in columns.values())
    return Labels(file.name, columns, unknown, found)


def write_labels(
    target: Path, columns: dict[str, str], names: list[str], labels: list[str], patients: np.ndarray
) -> None:
    """A label file of the columns that the source's had."""
    told = {
        "path": names,
        "label": labels,
        "patient": [f"synthetic-{p + 1}" for p in patients],
    }
    with target.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(list(columns.values()))
        writer.writerows(zip(*(told[role] for role in columns), strict=True))


def _stem(name: str) -> str:
    """A file's name without its endings (.nii.gz counts as one)."""
    return name.removesuffix(".gz").rpartition(".")[0] or name
