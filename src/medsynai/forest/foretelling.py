"""An outcome that drawn rows foretell as well as real ones do: rows kept by a ratio of two chances.

A table model of many columns splits among them what goes with the outcome, and of few patients who
had it most is lost. A discriminator of whole rows hardly sees it: it is one column of many. So rows
are weighed as well by the chance of their own outcome, given what else they say, among real rows
over that among drawn ones (Azadi et al. 2019 weigh by the ratio of two densities; here it is of the
outcome alone), to the power at which boosting foretells the outcome of kept rows as well as that of
real ones, both out of fold.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import log_expit

from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.forest.booster import NOTHING, Booster, Features, Learner
from medsynai.forest.marks import Marks
from medsynai.forest.ratio import one_each, pick
from medsynai.seeds import Seeds
from medsynai.store import Arrays

FOLDS = 4
FEWEST = 50  # train patients with the outcome, and without it, or nothing is learnt of it
SHOWN = 4  # drawn rows that a booster of their outcome learns from, for each train row
POWERS = (0.0, 0.5, 1.0, 1.5, 2.0)
LEARNER = Learner(trees=200, leaves=8, min_leaf=20, rate=0.05)
KEY = "outcome."  # before the names of arrays

Weights = Float[np.ndarray, " rows"]
Had = Bool[np.ndarray, " rows"]


@dataclass(frozen=True)
class Pool:
    """Drawn rows, and the logarithms of what they weigh. (rows,)."""

    rows: Table
    weight: Weights


@dataclass(frozen=True)
class Outcome:
    """What is foretold: a column's level, or that the column has any value where it is None."""

    name: str = ""
    level: str | None = None

    @staticmethod
    def of(table: Table, name: str) -> "Outcome":
        """The last of a column's two levels; of a column with more, that there is a value."""
        levels = sorted(set(map(str, table.frame[name].dropna())))
        return Outcome(name, levels[-1] if len(levels) == 2 else None)

    def had(self, table: Table) -> Had:
        """(rows,) who had it."""
        values = table.frame[self.name]
        found = values.notna() if self.level is None else values.astype(str) == self.level
        return np.asarray(found, dtype=bool)


@dataclass(frozen=True)
class Foretelling:
    """How the outcome of real rows is foretold, how that of drawn ones, and by how much to mend it.

    Attributes:
        outcome: what is foretold.
        columns: what foretells it.
        marks: what boosters see of a row.
        real, drawn: log odds of the outcome, beside what half and half would give.
        odds: log odds of the outcome among real rows, and among drawn ones.
        power: of the ratio; 0 where there is no outcome, or nothing to mend.
    """

    outcome: Outcome
    columns: tuple[str, ...]
    marks: Marks
    real: Booster
    drawn: Booster
    odds: tuple[float, float]
    power: float

    def log_weight(self, table: Table) -> Weights:
        """(rows,) log of the ratio to its power."""
        if not self.power:
            return np.zeros(len(table))
        had = self.outcome.had(table)
        seen, sign = self.marks.see(table.only(self.columns)), np.where(had, 1.0, -1.0)
        of = (self.real, self.odds[0]), (self.drawn, self.odds[1])
        real, drawn = (log_expit(sign * (b.log_odds(seen) + prior)) for b, prior in of)
        return np.asarray(self.power * (real - drawn))

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        parts = {f"real.{k}": v for k, v in self.real.arrays().items()}
        parts |= {f"drawn.{k}": v for k, v in self.drawn.arrays().items()}
        parts |= {"power": np.array([self.power, *self.odds])} | self.marks.arrays()
        return {f"{KEY}{k}": v for k, v in parts.items()}

    def facts(self) -> dict[str, Any]:
        """What `arrays` cannot hold."""
        return {**asdict(self.outcome), "columns": list(self.columns)}

    @staticmethod
    def load(schema: Schema, arrays: Arrays, facts: dict[str, Any]) -> "Foretelling":
        """The inverse of `arrays` and `facts`."""
        own = _below(KEY, arrays)
        power, first, second = own["power"].tolist()
        columns = tuple(facts["columns"])
        return Foretelling(
            Outcome(facts["name"], facts["level"]),
            columns,
            Marks.load(schema.only(columns), own),
            Booster.load(_below("real.", own)),
            Booster.load(_below("drawn.", own)),
            (first, second),
            power,
        )


def _below(start: str, arrays: Arrays) -> Arrays:
    return {k[len(start) :]: v for k, v in arrays.items() if k.startswith(start)}


NOT_FORETOLD = Foretelling(Outcome(), (), Marks(Schema(()), ()), NOTHING, NOTHING, (0.0, 0.0), 0.0)


def fit_foretelling(
    outcome: Outcome,
    columns: tuple[str, ...],
    table: Table,
    drawn: Pool,
    fresh: Pool,
    seeds: Seeds,
) -> Foretelling:
    """Learn how the outcome is foretold among train rows, and among drawn ones.

    Args:
        outcome: what is foretold.
        columns: what may foretell it; nothing that tells it afterwards.
        table: train rows; of each patient one is looked at: folds and leaves are of patients.
        drawn: rows of a model of `table`, to learn from.
        fresh: others, to find the power with: those it learnt from are foretold too well.
        seeds: all randomness.
    """
    table = table.rows(one_each(table.whose(), seeds.of("one"))[0])
    real, made = outcome.had(table), outcome.had(drawn.rows)
    if not columns or min(min(y.sum(), (~y).sum()) for y in (real, made)) < FEWEST:
        return NOT_FORETOLD
    marks = Marks.of(drawn.rows.only(columns))
    some = pick(drawn.weight, min(SHOWN * len(table), len(made)), seeds.of("some").numpy())
    learnt, aim = _grown(marks.see(table.only(columns)), real, seeds.of("real"))
    shown = marks.see(drawn.rows.rows(some).only(columns))
    other, _ = _grown(shown, made[some], seeds.of("drawn"))
    odds = (_odds(real), _odds(made[some]))
    told = Foretelling(outcome, columns, marks, learnt, other, odds, 1.0)
    ratio, had, reached = told.log_weight(fresh.rows), outcome.had(fresh.rows), list[float]()
    for power in POWERS:
        own = seeds.of("power", power)
        rows = pick(fresh.weight + power * ratio, len(table), own.of("keep").numpy())
        seen = marks.see(fresh.rows.rows(rows).only(columns))
        reached.append(_grown(seen, had[rows], own.of("grow"))[1])
        if reached[-1] >= aim:
            break
    power = _met(POWERS[: len(reached)], reached, aim)
    return replace(told, power=power) if power else NOT_FORETOLD


def _odds(had: Had) -> float:
    return float(np.log(had.mean() / (1 - had.mean())))


def _grown(rows: Features, had: Had, seeds: Seeds) -> tuple[Booster, float]:
    """The mean booster of folds, and the AUC with which each foretells the fold it did not see."""
    from sklearn.metrics import roc_auc_score

    fold = seeds.of("folds").numpy().permutation(len(rows)) % FOLDS
    found, boosters = np.zeros(len(rows)), list[Booster]()
    for k in range(FOLDS):
        mine = fold != k
        held = (fold == (k + 1) % FOLDS)[mine]  # says when to stop
        once = np.ones(int(mine.sum()))
        boosters.append(LEARNER.fit(rows[mine], had[mine], once, held, seeds.of("grow", k)))
        found[~mine] = boosters[-1].log_odds(rows[~mine])
    return Booster.joined(boosters, 1 / FOLDS), float(roc_auc_score(had, found))


def _met(powers: tuple[float, ...], reached: list[float], aim: float) -> float:
    """The power at which the aim is met, between two tried; the best where none meets it."""
    if reached[0] >= aim:
        return 0.0
    if reached[-1] < aim:
        return powers[int(np.argmax(reached))]
    return float(np.interp(aim, reached[-2:], powers[len(reached) - 2 : len(reached)]))
