"""A finished release of series in memory, and the folder it becomes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.series import SeriesSet, SeriesSource
from medsynai.data.seriesfiles import write_series
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.internal import write_internal
from medsynai.flow.plan import Plan
from medsynai.flow.release import write_papers
from medsynai.flow.series.maker import SeriesMaker
from medsynai.report.evidence import Evidence


@dataclass(frozen=True)
class SeriesRelease:
    """Synthetic series with their evidence; see `medsynai.flow.release.Release`.

    Attributes:
        series: what is released.
        source: the form of the real files, which they are written in.
        maker: draws more.
        internal: for the owner of the real data alone.
    """

    series: SeriesSet
    source: SeriesSource
    plan: Plan
    evidence: Evidence
    maker: SeriesMaker
    internal: dict[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """A row a series: its number and its label."""
        labels = np.array(self.series.classes, dtype=object)[self.series.labels]
        return pd.DataFrame({"series": np.arange(1, len(labels) + 1), "label": labels})

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
            write_series(self.series, self.source, place / (names.SYNTHETIC + self.source.suffix))
            write_papers(place, self.plan, self.evidence, self.maker)
            write_internal(place / names.INTERNAL, self.internal)
        return target
