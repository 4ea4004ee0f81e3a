"""A finished release of codes in memory, and the folder it becomes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.codefiles import write_codes
from medsynai.data.codes import CodeMatrix, CodeSource
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.codes.maker import CodeMaker
from medsynai.flow.plan import Plan
from medsynai.flow.release import write_papers
from medsynai.report.evidence import Evidence


@dataclass(frozen=True)
class CodeRelease:
    """Synthetic codes with their evidence; see `medsynai.flow.release.Release`.

    Attributes:
        matrix: the rows.
        keys: (rows,) fresh keys of "patient" and "visit", where the source has them.
        source: the form of the real file, which the rows are written in.
        maker: draws more rows; None where the rows are real.
    """

    matrix: CodeMatrix
    keys: dict[str, np.ndarray]
    source: CodeSource
    plan: Plan
    evidence: Evidence
    maker: CodeMaker | None

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each patient and code, with how often it stands there."""
        row = np.repeat(np.arange(len(self.matrix)), self.matrix.widths)
        patients = self.keys.get("patient", np.arange(1, len(self.matrix) + 1))
        codes = np.array(self.matrix.codes, dtype=object)[self.matrix.counts.indices]
        count = self.matrix.counts.data
        return pd.DataFrame({"patient": patients[row], "code": codes, "count": count})

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every score, in the panel's order."""
        return self.evidence.scores

    @property
    def verdict(self) -> Verdict:
        """What the policy says of the scores."""
        verdict: Verdict = self.evidence.verdict
        return verdict

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write the release folder, whole or not at all; returns its path.

        Raises:
            FolderError: the folder exists (and is not to be overwritten), or cannot be written.
        """
        target = Path(folder)
        with names.staged(target, overwrite) as place:
            file = place / (names.SYNTHETIC + self.source.suffix)
            write_codes(self.matrix, self.keys, self.source, file)
            write_papers(place, self.plan, self.evidence, self.maker)
        return target
