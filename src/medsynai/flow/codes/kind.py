"""The doors of the kind "codes"; the story of a run is told in `flow/kind_stages.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medsynai.data.codefiles import read_codes, recognise
from medsynai.data.vocabulary import LEAST
from medsynai.flow.codes.maker import has_model, sample
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

if TYPE_CHECKING:
    from medsynai.flow.codes.release import CodeRelease
    from medsynai.flow.judging import Assessment, Files, Panel

__all__ = ["assess", "describe", "has_model", "make", "recognises", "sample"]


def recognises(source: Path) -> bool:
    """Whether a file shows that it holds codes; see `medsynai.data.codefiles.recognise`."""
    return recognise(source) is not None


def describe(source: Path, declared: str) -> dict[str, str | int]:
    """What a file of codes holds: how much of everything, and how much is rare.

    Raises:
        ReadError: a file that cannot be read as codes.
    """
    from medsynai.flow.codes import stages

    loaded = read_codes(source, stages.declared(declared))
    matrix = loaded.matrix
    held = matrix.patients_of_codes()
    return {
        "kind": "codes",
        "layout": loaded.source.layout.value,
        "rows": len(matrix),
        "patients": len(np.unique(matrix.patients)),
        "codes": len(matrix.codes),
        "codes of fewer than 3 patients": int((held < LEAST).sum()),
        "most codes in a row": int(matrix.widths.max()),
    }


def make(plan: Plan, tell: Tell, work: Path | None = None) -> "CodeRelease":
    """Make a release of codes in memory; see `medsynai.flow.run.make`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow import kind_stages  # loads torch, which a table's own rows never need
    from medsynai.flow.codes import stages

    made: CodeRelease = kind_stages.make(stages, plan, tell, work)
    return made


def assess(files: "Files", panel: "Panel", seed: int, tell: Tell) -> "Assessment":
    """Judge anybody's synthetic codes; see `medsynai.flow.judging.assess`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow.codes import judging

    return judging.assess(files, panel, seed, tell)
