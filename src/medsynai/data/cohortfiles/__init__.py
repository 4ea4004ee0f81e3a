"""Cohorts in files: a folder or a file read as patients with their events, and written again."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.errors import PlanError, ReadError

# A new format is one file with the functions of `Format`, and a row here; the first that recognises
# a path reads it.
FORMATS: dict[str, str] = {
    "tables": "declared by the folder itself, in cohort.toml",
    "meds": "MEDS",
    "omop": "OMOP CDM",
    "fhir": "FHIR R4",
    "synthea": "Synthea CSV",
    "mimic": "MIMIC-III or MIMIC-IV",
    "physionet2012": "PhysioNet/CinC Challenge 2012",
    "panel": "a wide panel",
    "wfdb": "WFDB records",
    "npz": "npz arrays of signals",
    "long": "one file of events",
}


class Format(Protocol):
    """What a module of a format has."""

    def recognise(self, path: Path) -> bool:
        """Whether a file or folder shows by itself that it is of this format."""
        ...

    def read(self, path: Path, details: dict[str, str]) -> LoadedCohort:
        """All that the format says, as a cohort; what it has no place for is in the notes."""
        ...

    def write(self, cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
        """The cohort in this format; what the format has no place for is told, counted."""
        ...


def recognise(path: Path) -> str | None:
    """The format of a file or folder; None for what is no cohort as far as can be seen."""
    if not path.exists():
        return None
    return next((name for name in FORMATS if _module(name).recognise(path)), None)


def read_cohort(
    path: Path, format: str = "", details: dict[str, str] | None = None
) -> LoadedCohort:
    """A file or folder as a cohort; nothing is set aside (see `LoadedCohort.mended`).

    Args:
        path: the file or folder.
        format: a row of `FORMATS`; looked up if not given.
        details: what the format asks for, e.g. the columns of a panel.

    Raises:
        PlanError: no such format.
        ReadError: what is no cohort, or cannot be read as one; the message says how to go on.
        SchemaError: subjects or visits of one key twice, or without one.
    """
    if format and format not in FORMATS:
        raise PlanError(f"no format {format!r} of cohorts; formats: {', '.join(FORMATS)}")
    if not path.exists():
        raise ReadError(f"{path}: no such file or folder")
    name = format or recognise(path)
    if name is None:
        raise ReadError(
            f"{path} is not seen to be a cohort. Formats: {', '.join(FORMATS)}; for tables of "
            "your own say in a cohort.toml what they hold (docs/cohorts.md)"
        )
    return _module(name).read(path, details or {})


def write_cohort(cohort: Cohort, layout: Layout | str, path: Path) -> tuple[str, ...]:
    """Write a cohort as its source was written, or in another format.

    Args:
        cohort: with keys that hold.
        layout: the source's, or a row of `FORMATS` for its plain form.
        path: a folder (made if it is not there), or the file of a format of one file.

    Returns:
        What the format has no place for, counted.

    Raises:
        SchemaError: keys that do not hold.
    """
    whole = layout if isinstance(layout, Layout) else Layout(layout, clock=cohort.clock)
    if whole.format not in FORMATS:
        raise PlanError(f"no format {whole.format!r} of cohorts; formats: {', '.join(FORMATS)}")
    if not path.suffix:  # a folder
        path.mkdir(parents=True, exist_ok=True)
    return _module(whole.format).write(cohort, replace(whole, clock=cohort.clock), path)


def _module(name: str) -> Format:
    return cast(Format, import_module(f"medsynai.data.cohortfiles.{name}"))
