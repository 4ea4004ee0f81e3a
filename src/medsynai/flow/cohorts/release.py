"""A finished release of a cohort in memory, and the folder it becomes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import write_cohort
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.cohorts.maker import CohortMaker, CohortRecipe
from medsynai.flow.internal import write_internal
from medsynai.flow.plan import Plan
from medsynai.flow.release import write_papers
from medsynai.report.evidence import Evidence


@dataclass(frozen=True)
class CohortRelease:
    """Synthetic patients with their evidence; see `medsynai.flow.release.Release`.

    Attributes:
        cohort: what is released.
        recipe: the form of the source, which it is written in.
        maker: draws more; None where the patients are real.
        internal: for the owner of the real data alone.
    """

    cohort: Cohort
    recipe: CohortRecipe
    plan: Plan
    evidence: Evidence
    maker: CohortMaker | None
    internal: dict[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """A row an event."""
        return self.cohort.events

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
            write_cohort(
                self.cohort, self.recipe.layout, place / (names.SYNTHETIC + self.recipe.suffix)
            )
            write_papers(place, self.plan, self.evidence, self.maker)
            write_internal(place / names.INTERNAL, self.internal)
        return target
