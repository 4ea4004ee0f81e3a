"""Folders of CSV or Parquet tables whose keys a person declared in `cohort.toml`."""

from dataclasses import replace
from pathlib import Path

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.errors import SchemaError

DECLARED = "cohort.toml"


def recognise(path: Path) -> bool:
    """Whether a folder says itself what its tables are."""
    return (path / DECLARED).is_file()


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """The tables that `cohort.toml` in the folder names; others are named, not carried."""
    return sheets.read(path, declared(path / DECLARED))


def declared(path: Path) -> Layout:
    """A layout that a person wrote.

    Raises:
        SchemaError: a file that cannot be read or is no layout.
    """
    try:
        said = Layout.from_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SchemaError(f"no readable layout at {path}") from None
    return replace(said, format="tables")  # whatever format it was made from


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """The same tables again, and what they are."""
    notes = sheets.write(cohort, layout, path)
    (path / DECLARED).write_text(layout.to_toml(), encoding="utf-8")
    return notes
