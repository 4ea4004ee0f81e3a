"""What a release of codes is made of; see `medsynai.flow.kind_release`."""

from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.codefiles import write_codes
from medsynai.data.codes import CodeMatrix, CodeSource

Keys = dict[str, np.ndarray]


def look(matrix: CodeMatrix, keys: Keys) -> pd.DataFrame:
    """A row for each patient and code, with how often it stands there."""
    row = np.repeat(np.arange(len(matrix)), matrix.widths)
    patients = keys.get("patient", np.arange(1, len(matrix) + 1))
    codes = np.array(matrix.codes, dtype=object)[matrix.counts.indices]
    return pd.DataFrame({"patient": patients[row], "code": codes, "count": matrix.counts.data})


def write(matrix: CodeMatrix, keys: Keys, source: CodeSource, place: Path) -> None:
    """Write the codes in the source's layout."""
    write_codes(matrix, keys, source, place.with_name(place.name + source.suffix))
