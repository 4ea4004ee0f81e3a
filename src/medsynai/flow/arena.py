"""Where models meet: inner splits of the train rows, by patient; the holdout is never here."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import ModelError
from medsynai.evaluate.glance import Glance, glance
from medsynai.evaluate.trial import Trial
from medsynai.generator import Condition, Fitted, Generator
from medsynai.learn.desk import at_desk, desk
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

INNER = 0.25  # share of the train patients that candidates do not see
STEADY = 1_000  # rows below which one split is mostly noise
TURNS = 3  # splits then, whose held rows are of different patients
DRAWS = 5  # of each candidate on each split: less noise; only the first is shown to models
FREE = Condition()


class Meeting(Protocol):
    """Where models of one kind of data meet; `Arena` is that of tables."""

    @property
    def train(self) -> Any:
        """The train rows."""
        ...

    @property
    def turns(self) -> int:
        """How many splits to judge by."""
        ...

    @property
    def load(self) -> Callable[[str, dict[str, Any]], Any]:
        """A name and settings to a model."""
        ...

    def halves(self, seeds: Seeds, turn: int = 0) -> tuple[Any, Any]:
        """Rows to learn from and rows to judge by, of different patients."""
        ...

    def fit(self, model: Any, train: Any, seeds: Seeds) -> Any:
        """A trial fit."""
        ...

    def judge(self, fitted: Any, halves: Any, seeds: Seeds, judging: Seeds) -> Glance:
        """A model's figures."""
        ...


@dataclass(frozen=True)
class Arena:
    """Where candidates meet.

    Attributes:
        train: learnt columns of the train rows; a patient is never on both sides of a split.
        leaks: columns that tell the outcome afterwards.
        condition, keep: what the release asks of a model, so that one that cannot is not chosen.
    """

    train: Table
    leaks: tuple[str, ...] = ()
    condition: Condition = FREE
    keep: tuple[str, ...] = ()
    load = staticmethod(load_model)

    @property
    def turns(self) -> int:
        """How many splits to judge by."""
        return turns_of(len(self.train))

    def halves(self, seeds: Seeds, turn: int = 0) -> tuple[Table, Table]:
        """Rows to learn from and rows to judge by, of different patients.

        Args:
            seeds: the order of the patients.
            turn: from 0 to 3; the rows to judge by are of other patients in each.
        """
        held = held_out(self.train.whose(), seeds, turn)
        return self.train.rows(~held), self.train.rows(held)

    def fit(self, model: Generator, train: Table, seeds: Seeds) -> Fitted:
        """A trial fit, which nothing is charged for: whoever holds the contest has done that.

        Raises:
            ModelError: training that an alarm ended.
            ConditionError: a model that cannot do what the release asks.
        """
        fitted: Fitted = well_fitted(model, train, seeds)
        if self.condition and not self.keep:
            fitted.sample(1, seeds.of("asked"), self.condition)
        if self.keep:
            given = train.rows(np.zeros(1, int)).only(self.keep)
            fitted.sample(1, seeds.of("asked"), FREE, given)
        return fitted

    def judge(
        self, fitted: Fitted, halves: tuple[Table, Table], seeds: Seeds, judging: Seeds
    ) -> Glance:
        """A model's figures: the mean over a few draws of as many rows as it learnt from.

        Args:
            fitted: the model.
            halves: rows that it learnt from, and rows that it did not see.
            seeds: the draws.
            judging: the judge's chance; the same for all that are compared.
        """
        train, held = halves
        found = []
        for draw in range(DRAWS):
            drawn = fitted.sample(len(train), seeds.of("draw", draw)).only(train.schema.names)
            target, chance = train.schema.target, judging.of(draw)
            trial = Trial(train, held, drawn, target, chance, self.leaks)
            found.append(glance(trial, models=draw == 0))
        return mean_of(found)


def turns_of(rows: int) -> int:
    """On how many splits of so many rows a model is judged."""
    return TURNS if rows < STEADY else 1


def held_out(patients: np.ndarray, seeds: Seeds, turn: int) -> np.ndarray:
    """(n,) which rows to judge by: a quarter of the patients, of every turn's others.

    Args:
        patients: (n,) whose row each is.
        seeds: the order of the patients.
        turn: from 0 to 3.
    """
    people = seeds.numpy().permutation(np.unique(patients))
    size = max(1, round(INNER * len(people)))
    return np.isin(patients, people[turn * size : (turn + 1) * size])


def well_fitted(model: Any, train: Any, seeds: Seeds) -> Any:
    """A trial fit, which nothing is charged for.

    Raises:
        ModelError: training that an alarm ended.
    """
    with at_desk(replace(desk(), began=perf_counter())):
        fitted = model.fit(train, Ledger(), seeds.of("fit"))
    facts = getattr(fitted, "facts", {})
    if facts.get("healthy") is False:
        raise ModelError(f"training went wrong: {facts.get('ended')}")
    return fitted


def mean_of(glances: list[Glance]) -> Glance:
    """Figure by figure, over those that could be assessed."""
    found = {}
    for field in fields(Glance):
        values = [v for g in glances if (v := getattr(g, field.name)) is not None]
        found[field.name] = float(np.mean(values)) if values else None
    return Glance(**found)
