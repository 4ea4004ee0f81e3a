"""A cohort written in parts, one behind the other, so that only one is in memory."""

import gzip
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import write_cohort
from medsynai.data.cohortfiles.layout import Layout, Part
from medsynai.data.cohortfiles.tables import DECLARED
from medsynai.data.cohortfiles.texts import PARQUETS
from medsynai.data.source import suffix_of
from medsynai.errors import SchemaError

# Formats whose tables are patient after patient, without a count that runs through them.
APPENDED = ("long", "panel", "physionet2012", "tables")


def appends(layout: Layout) -> bool:
    """Whether parts of such files can stand one behind the other.

    Not where rows are numbered through a file, the table of codes is one of them, or it is Parquet.
    """
    return (
        layout.format in APPENDED
        and bool(layout.sheets)
        and not any(s.numbered or s.part is Part.CODES for s in layout.sheets)
        and not any(suffix_of(Path(s.file or s.name), PARQUETS) for s in layout.sheets)
    )


def write_parts(parts: Iterable[Cohort], layout: Layout, target: Path) -> tuple[str, ...]:
    """Write cohorts of different patients as one, whole or not at all; see `write_cohort`.

    Raises:
        SchemaError: keys that do not hold, or parts that are not of the same columns.
    """
    notes: tuple[str, ...] = ()
    with TemporaryDirectory(dir=target.parent, prefix=".parts-") as place:
        whole = Path(place) / "whole" / target.name
        for number, cohort in enumerate(parts):
            part = Path(place) / str(number) / target.name
            part.parent.mkdir()
            notes = write_cohort(cohort, layout, part)
            for file in [part] if part.is_file() else sorted(part.rglob("*")):
                if file.is_file() and not (number and file.name == DECLARED):  # it is no table
                    _append(file, whole / file.relative_to(part) if part.is_dir() else whole)
            shutil.rmtree(part.parent)
        shutil.move(whole, target)
    return notes


def _append(file: Path, whole: Path) -> None:
    """Put a table's rows behind those that are there."""
    whole.parent.mkdir(parents=True, exist_ok=True)
    if not whole.exists():
        shutil.move(file, whole)
        return
    with _opened(whole) as there:
        head = there.readline()
    with _opened(file) as rows, whole.open("ab") as out:
        if rows.readline() != head:
            raise SchemaError(f"{whole.name}: parts of the cohort have different columns")
        if not whole.name.lower().endswith(".gz"):
            shutil.copyfileobj(rows, out)
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
            shutil.copyfileobj(rows, packed)


def _opened(path: Path) -> IO[bytes]:
    packed = path.name.lower().endswith(".gz")
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")
