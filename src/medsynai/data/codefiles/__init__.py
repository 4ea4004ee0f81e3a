"""Files of codes: a code matrix read from a file, and written in the form that the file had."""

import gzip
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, cast

import numpy as np

from medsynai.data.codes import CodeMatrix, CodeSource, Layout, LoadedCodes
from medsynai.data.names import words
from medsynai.data.read.dialect import sniff
from medsynai.data.read.files import check_file
from medsynai.data.source import Source, suffix_of
from medsynai.errors import FolderError, MedSynAIError, ReadError

# A new layout is one file with `read(path, columns) -> LoadedCodes` and
# `write(matrix, keys, source, path)`, and a row here.
LAYOUTS: dict[Layout, str] = {
    Layout.SPARSE: "sparse",
    Layout.LONG: "long",
    Layout.DENSE: "dense",
}
TEXTS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
PATIENT = ("patient", "subject", "person", "member", "participant", "pat", "mrn")
VISIT = ("hadm", "visit", "encounter", "stay", "admission", "episode", "icustay", "claim")
CODE: tuple[str, ...] = (
    "icd",
    "icd9",
    "icd10",
    "code",
    "codes",
    "dx",
    "diagnosis",
    "atc",
    "ndc",
    "cpt",
    "loinc",
)
CODE += ("rxnorm", "snomed", "hcpcs", "phecode", "ccs", "concept")
RANK = ("seq", "sequence", "rank", "position", "priority", "line", "order")
BESIDE = ("id", "ids", "num", "number", "nbr", "no", "code", "cd", "key", "value", "9", "10", "cm")


@dataclass(frozen=True)
class Declared:
    """What a person said of a file of codes.

    Attributes:
        columns: "patient", "code" and "visit" -> the names of a long file's columns.
    """

    columns: dict[str, str]


def recognise(path: Path) -> Layout | None:
    """The layout of a file that shows that it holds codes; None for one that is a table.

    An npz with CSR parts does, and a CSV that has a patient's column, a code's, and nothing but
    visits and ranks beside. A dense matrix looks like any table, so it must be declared.

    Raises:
        ReadError: an npz that is neither CSR parts nor scipy's.
    """
    if not path.is_file():
        return None
    if path.name.lower().endswith(".npz"):
        from medsynai.data.codefiles.sparse import is_codes

        return Layout.SPARSE if is_codes(path) else None
    if suffix_of(path, TEXTS) is None:
        return None
    try:
        header = sniff(check_file(path)).names
    except ReadError:
        return None  # whoever reads it as a table says what is wrong
    found = roles(header)
    whole = {"patient", "code"} <= set(found) and len(found) == len(header)
    return Layout.LONG if whole else None


def roles(header: tuple[str, ...]) -> dict[str, str]:
    """What each column of a long file holds, by its name; columns of no known name are left out.

    >>> roles(("subject_id", "hadm_id", "seq_num", "icd9_code"))
    {'patient': 'subject_id', 'visit': 'hadm_id', 'rank': 'seq_num', 'code': 'icd9_code'}
    >>> roles(("patient_id", "code", "code_system"))
    {'patient': 'patient_id', 'code': 'code'}
    """
    found: dict[str, str] = {}
    for name in header:
        said = words(name)
        for role, known in (("patient", PATIENT), ("visit", VISIT), ("rank", RANK), ("code", CODE)):
            core = [w for w in said if w in known]
            rest = [w for w in said if w not in known and w not in BESIDE and not w.isdigit()]
            if core and not rest and role not in found:
                found[role] = name
                break
    return found


def read_codes(path: Path, declared: Declared | None = None) -> LoadedCodes:
    """A file of codes as a matrix.

    Args:
        path: an npz or a CSV.
        declared: what a person said of it; None for a file that was recognised.

    Raises:
        ReadError: a file that cannot be read as codes.
    """
    layout = recognise(path)
    columns = declared.columns if declared else {}
    if path.name.lower().endswith(".npz"):
        layout = Layout.SPARSE
    elif suffix_of(path, TEXTS) is None:
        raise ReadError(f"{path}: codes are read from {', '.join(('.npz', *TEXTS))}")
    elif columns:
        layout = Layout.LONG
    module = import_module(f"medsynai.data.codefiles.{LAYOUTS[layout or Layout.DENSE]}")
    loaded: LoadedCodes = module.read(check_file(path), columns)
    if len(loaded.matrix) < 1 or not loaded.matrix.codes:
        raise ReadError(f"{path} holds no codes")
    return loaded


def write_codes(
    matrix: CodeMatrix, keys: dict[str, np.ndarray], source: CodeSource, path: Path
) -> None:
    """Write a matrix in the form that its source had, whole or not at all.

    Args:
        matrix: synthetic rows.
        keys: (rows,) fresh keys of "patient" and "visit", as texts, where the form has them.
        source: the form.
        path: the file.

    Raises:
        FolderError: another ending than the form's, or a file that cannot be written.
    """
    if not path.name.lower().endswith(source.suffix):
        raise FolderError(f"{path.name}: codes go back to the form they had; use {source.suffix}")
    module: Any = import_module(f"medsynai.data.codefiles.{LAYOUTS[source.layout]}")
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(part.open("wb"))
            if source.table is not None and source.table.compressed:
                # No name and no time in the header: the same rows give the same bytes.
                file = cast(
                    IO[bytes], stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
                )
            module.write(matrix, keys, source, file)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or "the disk refused it"
        raise FolderError(f"{path} cannot be written: {reason}") from None
    finally:
        part.unlink(missing_ok=True)


def text_of(source: CodeSource) -> Source:
    """How the text of a CSV was written.

    Raises:
        MedSynAIError: the source of an npz, which has no text.
    """
    if source.table is None:
        raise MedSynAIError("an npz has no text form")
    return source.table
