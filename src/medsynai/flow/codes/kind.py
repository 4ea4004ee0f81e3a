"""How codes are recognised, and what a file of them holds; see `flow/kinds.py`."""

from pathlib import Path

import numpy as np

from medsynai.data.codefiles import read_codes, recognise
from medsynai.data.vocabulary import LEAST

__all__ = ["RECIPE", "describe", "recognises"]
RECIPE = "codes.toml"  # in the model folder: how rows become a file again


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
