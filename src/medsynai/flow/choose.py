"""`auto`: the model is chosen by scores on inner splits of the train rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.evaluate.glance import Glance, glance
from medsynai.evaluate.trial import Trial
from medsynai.generator import Generator
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds

CANDIDATES = ("forest", "grouped-copula")  # the first is taken where there is no contest
INNER = 0.25  # share of the train patients that candidates do not see
MANY = 2_000  # rows from which the forest won on every table that was tried
FEW = 80  # rows below which a quarter of them is too few to judge by
STEADY = 1_000  # rows below which one split is mostly noise
TURNS = 3  # splits then, whose held rows are of different patients
DRAWS = 5  # of each candidate on each split: less noise; only the first is shown to models
SAFE = 0.02  # membership AUC above chance that costs nothing
DEAR = 5.0  # loss for each unit of membership AUC above that


def candidates_for(rows: int, schema: Schema) -> tuple[str, ...]:
    """Who may compete, by the table's size and kinds of columns.

    >>> from medsynai.data.schema import Column, Kind
    >>> labs = Schema((Column("crp", Kind.CONTINUOUS), Column("ldh", Kind.CONTINUOUS)))
    >>> candidates_for(300, labs), candidates_for(3000, labs)
    (('forest', 'grouped-copula'), ('forest',))
    """
    numbers = sum(c.kind.is_number for c in schema.learnt)
    return CANDIDATES if FEW <= rows < MANY and numbers >= 2 else CANDIDATES[:1]


@dataclass(frozen=True)
class Choice:
    """Which model was taken, and what the candidates scored; the lowest loss was best.

    Attributes:
        losses: candidate -> loss, see `loss_of`; empty where there was a single candidate.
        seen: candidate -> its figures, means over the splits.
        splits: how many inner splits there were.
    """

    name: str
    losses: dict[str, float]
    seen: dict[str, Glance]
    splits: int

    @property
    def sentence(self) -> str:
        """In plain words, for the report."""
        if not self.losses:
            return f"{self.name}, the only candidate of `auto` for a table of this size and kind"
        figures = ", ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        where = "an inner split" if self.splits == 1 else f"{self.splits} inner splits"
        return f"{self.name}, best on {where} of the train rows (lower is better: {figures})"

    @property
    def exhibit(self) -> list[dict[str, Any]]:
        """The candidates side by side, one row each; empty where there was no contest."""
        return [
            {
                "candidate": name,
                "tvd_pairs": _rounded(self.seen[name].pairs),
                "c2st": _rounded(self.seen[name].c2st),
                "tstr": _rounded(self.seen[name].tstr),
                "trtr": _rounded(self.seen[name].trtr),
                "membership_auc": _rounded(self.seen[name].membership),
                "loss": _rounded(loss),
            }
            for name, loss in self.losses.items()
        ]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


@dataclass(frozen=True)
class Arena:
    """Where candidates meet.

    Attributes:
        train: learnt columns of the train rows.
        patients: (rows,) whose row it is; a patient is never on both sides of the inner split.
        leaks: columns that tell the outcome afterwards.
    """

    train: Table
    patients: np.ndarray
    leaks: tuple[str, ...] = ()

    @property
    def turns(self) -> int:
        """How many splits to judge by."""
        return TURNS if len(self.train) < STEADY else 1

    def halves(self, seeds: Seeds, turn: int = 0) -> tuple[Table, Table]:
        """Rows to learn from and rows to judge by, of different patients.

        Args:
            seeds: the order of the patients.
            turn: from 0 to 3; the rows to judge by are of other patients in each.
        """
        people = seeds.numpy().permutation(np.unique(self.patients))
        size = max(1, round(INNER * len(people)))
        held = np.isin(self.patients, people[turn * size : (turn + 1) * size])
        return self.train.rows(~held), self.train.rows(held)


def choose(
    candidates: Mapping[str, Generator], arena: Arena, ledger: Ledger, seeds: Seeds
) -> Choice:
    """The candidate whose rows lie nearest to real rows that it did not see.

    Args:
        candidates: by name; with a single one there is nothing to choose and no row is read.
        arena: the train rows.
        ledger: where the trial fits are written down.
        seeds: all randomness.
    """
    names = list(candidates)
    if len(names) == 1:
        return Choice(names[0], {}, {}, 0)
    ledger.charge(Release("choose the model", note="scores of each candidate on inner splits"))
    seen = {
        name: _mean([_try(model, arena, turn, seeds, name) for turn in range(arena.turns)])
        for name, model in candidates.items()
    }
    losses = {name: loss_of(figures) for name, figures in seen.items()}
    return Choice(min(names, key=losses.__getitem__), losses, seen, arena.turns)


def _try(model: Generator, arena: Arena, turn: int, seeds: Seeds, name: str) -> Glance:
    """One candidate's figures on one split."""
    train, held = arena.halves(seeds.of("inner"), turn)
    own = seeds.of("candidate", name, turn)
    fitted = model.fit(train, Ledger(), own.of("fit"))
    found = []
    for draw in range(DRAWS):
        drawn = fitted.sample(len(train), own.of("draw", draw)).only(train.schema.names)
        # the judge's chance is the same for all candidates: they differ in their rows alone
        judge = seeds.of("judge", turn, draw)
        trial = Trial(train, held, drawn, train.schema.target, judge, arena.leaks)
        found.append(glance(trial, models=draw == 0))
    return _mean(found)


def _mean(glances: list[Glance]) -> Glance:
    """Figure by figure, over those that could be assessed."""
    found = {}
    for field in fields(Glance):
        values = [v for g in glances if (v := getattr(g, field.name)) is not None]
        found[field.name] = float(np.mean(values)) if values else None
    return Glance(**found)


def loss_of(seen: Glance) -> float:
    """How far the rows are from real ones that were not learnt from, and what they give away.

    The mean of the pairwise total variation distance, 2 * (C2ST AUC - 0.5) and 2 * (TRTR - TSTR),
    each from 0 (as good as real) to 1, and then 5 for each unit by which the membership AUC
    exceeds that of shuffled columns by more than 0.02. Infinite where rows cannot be compared.

    >>> round(loss_of(Glance(pairs=0.2, c2st=0.7, membership=0.58, chance=0.52)), 3)
    0.5
    """
    parts = [] if seen.pairs is None else [seen.pairs]
    parts += [] if seen.c2st is None else [2 * max(seen.c2st - 0.5, 0.0)]
    if not parts:
        return math.inf
    if seen.tstr is not None and seen.trtr is not None:
        parts.append(min(2 * max(seen.trtr - seen.tstr, 0.0), 1.0))
    excess = 0.0
    if seen.membership is not None and seen.chance is not None:
        excess = max(seen.membership - seen.chance - SAFE, 0.0)
    return sum(parts) / len(parts) + DEAR * excess
