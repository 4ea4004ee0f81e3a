"""`auto`: the model is chosen by scores on an inner split of the train rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.panel import judge
from medsynai.evaluate.trial import Trial
from medsynai.generator import Generator
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds

CANDIDATES = ("forest",)
INNER = 0.25  # share of the train patients that candidates do not see


@dataclass(frozen=True)
class Choice:
    """Which model was taken, and what the candidates scored; the lowest was best.

    Attributes:
        losses: candidate -> loss, see `loss_of`; empty where there was a single candidate.
    """

    name: str
    losses: dict[str, float]

    @property
    def sentence(self) -> str:
        """In plain words, for the report."""
        if not self.losses:
            return f"{self.name}, the only candidate of `auto` so far"
        figures = ", ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        return f"{self.name}, best on an inner split of the train rows (lower is better: {figures})"


@dataclass(frozen=True)
class Arena:
    """Where candidates meet.

    Attributes:
        train: learnt columns of the train rows.
        patients: (rows,) whose row it is; a patient is never on both sides of the inner split.
    """

    train: Table
    patients: np.ndarray

    def halves(self, seeds: Seeds) -> tuple[Table, Table]:
        """Rows to learn from and rows to judge by, of different patients."""
        people = seeds.numpy().permutation(np.unique(self.patients))
        held = np.isin(self.patients, people[: max(1, round(INNER * len(people)))])
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
        return Choice(names[0], {})
    ledger.charge(Release("choose the model", note="scores of each candidate on an inner split"))
    train, held = arena.halves(seeds.of("inner"))
    losses = {}
    for name, model in candidates.items():
        own = seeds.of("candidate", name)
        drawn = model.fit(train, Ledger(), own.of("fit")).sample(len(train), own.of("draw"))
        drawn = drawn.only(train.schema.names)
        losses[name] = loss_of(Trial(train, held, drawn, None, own.of("judge")))
    return Choice(min(names, key=losses.__getitem__), losses)


def loss_of(trial: Trial) -> float:
    """Mean of the pairwise total variation distance to the holdout and of 2 * (C2ST AUC - 0.5).

    Both lie in [0, 1] and are 0 for perfect rows. Infinite where neither can be assessed.
    """
    panel = judge(trial, ("variation", "detection"))
    scores = (panel.score("tvd_pairs"), panel.score("c2st"))
    pairs, told = (None if s is None else s.value for s in scores)
    parts = [] if pairs is None else [pairs]
    parts += [] if told is None else [2 * max(told - 0.5, 0.0)]
    return sum(parts) / len(parts) if parts else math.inf
