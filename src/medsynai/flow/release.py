"""A finished release in memory, and the folder it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from medsynai import store
from medsynai.data.canonical import from_canonical
from medsynai.data.schema import Schema
from medsynai.data.source import Source
from medsynai.data.table import Table
from medsynai.data.write import write
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.internal import write_internal
from medsynai.flow.judging import write_documents, write_promise
from medsynai.flow.maker import Maker
from medsynai.flow.plan import Plan
from medsynai.report.evidence import Evidence


class Released(Protocol):
    """What every kind of data makes: synthetic rows with their evidence."""

    @property
    def frame(self) -> pd.DataFrame:
        """The synthetic rows as a frame."""
        ...

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every score, in the panel's order."""
        ...

    @property
    def verdict(self) -> Verdict:
        """What the policy says of the scores."""
        ...

    @property
    def evidence(self) -> Evidence:
        """What the documents are made from."""
        ...

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write the release folder, whole or not at all; returns its path."""
        ...


SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}


@dataclass(frozen=True)
class Release:
    """Synthetic rows with their evidence.

    Attributes:
        table: the rows, all columns of the release in canonical form.
        source: the form of the real file, which the rows are written in.
        schema: of the real data, as a person may edit it; `schema.toml`.
        maker: draws more rows; None where the rows are real and no model is given away.
        internal: for the owner of the real data alone: worst-off records and groups; see
            `medsynai.flow.internal`.
        inside: under a budget, the evidence with all that was computed on real rows; it is written
            to the internal folder alone, and `evidence` holds nothing of it.
    """

    table: Table
    source: Source
    schema: Schema
    plan: Plan
    evidence: Evidence
    maker: Maker | None
    internal: dict[str, Any] = field(default_factory=dict)
    inside: Evidence | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The synthetic rows in the dtypes of the real data."""
        return from_canonical(self.table, self.source)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every score, in the panel's order."""
        return self.evidence.scores

    @property
    def verdict(self) -> Verdict:
        """What the policy says of the scores."""
        verdict: Verdict = self.evidence.verdict
        return verdict

    @property
    def suffix(self) -> str:
        """The file ending of the synthetic table."""
        return SUFFIXES.get(self.plan.form, self.source.suffix)

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write the release folder, whole or not at all; returns its path.

        Raises:
            FolderError: the folder exists (and is not to be overwritten), or cannot be written.
        """
        target = Path(folder)
        with names.staged(target, overwrite) as place:
            self._write(place)
        return target

    def _write(self, place: Path) -> None:
        table = place / (names.SYNTHETIC + self.suffix)
        write(self.table, self.source.written_to(table), table)
        (place / names.SCHEMA).write_text(self.schema.to_toml(), encoding="utf-8")
        documents = write_documents if self.inside is None else write_promise
        write_papers(place, self.plan, self.evidence, self.maker, documents)
        write_internal(place / names.INTERNAL, self.internal)  # last: no document may know of it
        if self.inside is not None:
            write_documents(place / names.INTERNAL, self.inside)


class Saves(Protocol):
    """What draws more rows, and can be saved."""

    def save(self, folder: Path) -> None:
        """Write itself to a folder that is yet to be made."""
        ...


def write_papers(
    place: Path,
    plan: Plan,
    evidence: Evidence,
    maker: Saves | None,
    documents: Callable[[Path, Evidence], None] = write_documents,
) -> None:
    """Write what every release has beside its rows: plan, ledger, model and documents."""
    (place / names.PLAN).write_text(plan.to_toml(), encoding="utf-8")
    ledger = store.to_json(evidence.ledger) + "\n"
    (place / names.LEDGER).write_text(ledger, encoding="utf-8")
    if maker is not None:
        maker.save(place / names.MODEL)
    documents(place, evidence)
