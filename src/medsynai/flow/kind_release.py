"""A finished release of a kind beside tables in memory, and the folder that it becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.internal import write_internal
from medsynai.flow.judging import write_documents, write_promise
from medsynai.flow.plan import Plan
from medsynai.flow.release import write_papers
from medsynai.report.evidence import Evidence


@dataclass(frozen=True)
class KindRelease:
    """Synthetic records with their evidence; see `medsynai.flow.release.Release`.

    Attributes:
        made: the records: codes, a cohort, images or series.
        look: gives them as a table.
        write: puts them, in the source's layout, where the name without an ending says.
        maker: draws more; None where the records are real.
        internal: for the owner of the real data alone; None where a kind has no such part.
        show: puts pictures into that part, beside its figures.
        inside: under a budget, the evidence with all that was computed on real records; see
            `medsynai.flow.release.Release`.
        contract: what was public beforehand, as TOML; "" where there was none.
    """

    made: Any
    look: Callable[[], pd.DataFrame]
    write: Callable[[Path], object]
    plan: Plan
    evidence: Evidence
    maker: Any
    internal: Mapping[str, Any] | None = None
    show: Callable[[Path], None] | None = None
    inside: Evidence | None = None
    contract: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """The records as a table, to look at."""
        return self.look()

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
            self.write(place / names.SYNTHETIC)
            if self.contract:
                (place / names.SCHEMA).write_text(self.contract, encoding="utf-8")
            documents = write_documents if self.inside is None else write_promise
            write_papers(place, self.plan, self.evidence, self.maker, documents)
            if self.internal is not None:
                write_internal(place / names.INTERNAL, self.internal)
            if self.show is not None:
                self.show(place / names.INTERNAL)
            if self.inside is not None:
                write_documents(place / names.INTERNAL, self.inside)
        return target
