"""Tables that a format knows by name, found in a folder with the columns that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medsynai.data.cohortfiles.layout import Layout, Named, Part, Sheet
from medsynai.data.cohortfiles.texts import PARQUETS
from medsynai.data.read.dialect import sniff
from medsynai.data.read.files import check_file
from medsynai.data.source import suffix_of
from medsynai.errors import ReadError


@dataclass(frozen=True)
class Known:
    """A table of a format.

    Attributes:
        columns: a cohort's column -> the table's, or what it may be called, the first that is there
            counting; a name with "+" is joined from several.
        file: where the format's own folder has it.
    """

    name: str
    part: Part
    columns: Mapping[str, Named] = field(default_factory=dict)
    kind: str = ""
    numbered: tuple[str, ...] = ()
    file: str = ""


def header_of(path: Path) -> tuple[str, ...]:
    """The column names of a table.

    Raises:
        ReadError: a file that cannot be read as a table.
    """
    if not suffix_of(path, PARQUETS):
        return sniff(check_file(path)).names
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return tuple(parquet.read_schema(check_file(path)).names)
    except (pa.ArrowException, OSError):
        raise ReadError(f"{path} is not a readable Parquet file") from None


def fit(known: Known, header: Sequence[str]) -> Sheet:
    """The table as it is: what it has of the columns that the format knows."""
    spelt = {h.lower(): h for h in header}
    columns: dict[str, Named] = {}
    for column, said in known.columns.items():
        for name in (said,) if isinstance(said, str) else said:
            parts = tuple(spelt.get(p.lower(), "") for p in name.split("+"))
            if all(parts):
                columns[column] = parts[0] if len(parts) == 1 else parts
                break
    numbered = tuple(spelt[n.lower()] for n in known.numbered if n.lower() in spelt)
    return Sheet(known.name, known.part, columns, known.kind, numbered)


def fit_all(known: Sequence[Known], files: dict[str, Path], format: str) -> Layout:
    """The layout of a folder of tables that a format knows."""
    sheets = [fit(k, header_of(files[k.name])) for k in known if k.name in files]
    return Layout(format, tuple(sheets))


def plain(known: Sequence[Known], format: str, kinds: set[str]) -> Layout:
    """The layout of a folder that was not read: the format's newest columns, and its file names."""
    sheets = []
    for k in known:
        if k.part is not Part.EVENTS or k.kind in kinds:
            names = [n if isinstance(n, str) else n[0] for n in k.columns.values()]
            sheet = fit(k, [p for n in names for p in n.split("+")])
            sheets.append(
                Sheet(k.name, k.part, sheet.columns, k.kind, k.numbered, k.file or f"{k.name}.csv")
            )
    return Layout(format, tuple(sheets))


def short(files: dict[str, Path], known: Sequence[Known]) -> dict[str, Path]:
    """The files by the names that the format knows, whatever stands before: `demo_admissions`."""
    names = {k.name.removesuffix("_icd"): k.name for k in known} | {k.name: k.name for k in known}
    found: dict[str, Path] = {}
    for name, path in files.items():
        ends = sorted((n for n in names if f"_{name}".endswith(f"_{n}")), key=len)
        match = names[ends[-1]] if ends else name
        found[match if match not in found else name] = path
    return found
