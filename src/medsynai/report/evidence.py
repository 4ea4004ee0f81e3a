"""Evidence: everything that a release folder's documents are made from, and nothing else."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medsynai import store
from medsynai.data.schema import Schema
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Family, Score
from medsynai.report.suppress import Shown, withhold, withhold_group


@dataclass(frozen=True)
class DataFacts:
    """What the real data are, as far as it may be published.

    Attributes:
        source: how the owner names them, e.g. a file's name; never a path.
        rows, columns: the real table as it was read; no rows where their number is private.
        missing: share of empty cells, 0 to 1.
        patients: how many people the rows are about; None where no column names them.
        train, holdout: rows the generator saw, and rows it never saw.
        synthetic: rows in the release.
        credit: origin, as given.
        licence, contact: as given.
        across: what a row consists of: "columns", "codes" or "pixels".
        unit: what a row is: "rows" of a table, "patients", "images" or "series".
    """

    source: str
    rows: int | None
    columns: int
    synthetic: int
    train: int | None = None
    holdout: int | None = None
    missing: float | None = None
    patients: int | None = None
    credit: str = ""
    licence: str = ""
    contact: str = ""
    across: str = "columns"
    unit: str = "rows"

    @property
    def each(self) -> str:
        """One of the unit."""
        return self.unit if self.unit == "series" else self.unit.removesuffix("s")

    def said(self, words: str) -> str:
        """Words about rows as they are said of this unit; patients have rows, and keep theirs.

        >>> DataFacts("scans", 9, 4, 9, unit="images").said("Rows drawn: no row is a patient.")
        'Images drawn: no image is a patient.'
        """
        if self.unit == "patients":
            return words
        for old, new in (("row", self.each), ("rows", self.unit)):
            words = re.sub(rf"\b{old}\b", new, words)
            words = re.sub(rf"\b{old.capitalize()}\b", new.capitalize(), words)
        return words


@dataclass(frozen=True)
class ModelFacts:
    """How the synthetic rows were made.

    Attributes:
        name, title, paper: the catalogue's entry.
        about: how the model works, in a few plain sentences.
        settings: the public settings.
        order: the order in which columns were drawn, where the model has one.
        chosen: how the model was chosen, where nobody named it.
        kept: columns taken from real rows unchanged (partially synthetic).
        mixed: share of real rows in the release (hybrid); 0 for none.
        conditions: what every synthetic row was asked to be, in words.
        training: how a network's training went: "rounds", "ended", "healthy", and "losses", a
            list of looks with "rounds" and any figures; empty for other models.
    """

    name: str
    title: str
    paper: str = ""
    about: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    chosen: str = ""
    kept: tuple[str, ...] = ()
    mixed: float = 0.0
    conditions: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """Fully synthetic, partially synthetic or hybrid."""
        if self.mixed > 0:
            return "hybrid"
        return "partially synthetic" if self.kept else "fully synthetic"

    def made(self, unit: str) -> str:
        """What the release is made up of: the word "synthetic" is for fully synthetic ones."""
        if self.mixed > 0:
            return f"{unit}, real patients' among them"
        return f"{unit} with real patients' values in them" if self.kept else f"synthetic {unit}"


@dataclass(frozen=True)
class Evidence:
    """What a release's documents say. A field left empty is printed as "not assessed".

    Attributes:
        title: of the release.
        data: facts about the real table.
        schema: of the real table.
        scores: every score, in the panel's order.
        verdict: what the policy says of the scores.
        model: None where the synthetic rows are somebody else's.
        ledger: `Ledger.record()`; empty where nothing is known of the making.
        plan: `plan.toml` as a plain dict.
        exhibits: plain data of the tables and pictures, by name.
        absent: why a measure of the panel gave nothing, by the measure's name.
        notes: what was done to identifiers and dates, and what else a reader must know.
        repairs: how many synthetic cells or rows each rule mended.
        timing: seconds a stage.
        versions: of this package and what it stands on.
        hashes: SHA-256 of the release's files by name.
        contract: under a budget, what is public of records that have no columns, in words.
    """

    title: str
    data: DataFacts
    schema: Schema
    scores: tuple[Score, ...]
    verdict: Verdict
    model: ModelFacts | None = None
    ledger: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    exhibits: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    repairs: dict[str, int] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    contract: dict[str, str] = field(default_factory=dict)

    @property
    def made(self) -> str:
        """What the release is made up of; see `ModelFacts.made`."""
        unit = self.data.unit
        return f"synthetic {unit}" if self.model is None else self.model.made(unit)

    @cached_property
    def shown(self) -> Shown:
        """The exhibits that may be published; those with a small real cell are withheld."""
        return withhold(store.to_plain(self.exhibits))

    @cached_property
    def published(self) -> tuple[Score, ...]:
        """The scores as they may be published; a group of few rows keeps its name alone."""
        return tuple(withhold_group(s) for s in self.scores)

    def of(self, family: Family, groups: bool = False) -> tuple[Score, ...]:
        """The scores of one family: those of all rows, or those of subgroups."""
        return tuple(s for s in self.published if s.family is family and bool(s.group) is groups)

    def score(self, name: str) -> Score | None:
        """The score of all rows with this name, if the panel made one."""
        return next((s for s in self.published if s.name == name and not s.group), None)

    def to_json(self) -> str:
        """The text of scores.json: every figure of the documents, small cells withheld."""
        names = ("title", "data", "model", "ledger", "repairs", "notes", "absent")
        record: dict[str, Any] = {"format": 1, "verdict": _ruled(self.verdict)}
        record |= {name: getattr(self, name) for name in names}
        record["scores"] = self.published
        record["exhibits"] = self.shown.exhibits
        record["withheld"] = self.shown.withheld
        record |= {n: getattr(self, n) for n in ("plan", "timing", "versions", "hashes")}
        return store.to_json(record) + "\n"


def _ruled(verdict: Verdict) -> dict[str, Any]:
    """The verdict with what it derives from its gates."""
    return {
        "passed": verdict.passed,
        "status": verdict.status,
        "sentence": verdict.sentence,
        "gates": verdict.gates,
    }
