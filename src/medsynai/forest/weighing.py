"""A model's rows, weighed by how real discriminators take them for.

Azadi et al. 2019, Discriminator rejection sampling: a row is kept in proportion to D / (1 - D), the
ratio of the densities of real and drawn rows.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from jaxtyping import Float, Integer

from medsynai.codec.table import TableCodec
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.forest.booster import Booster, Learner
from medsynai.generator import FREE, SEEDS, Condition, Fitted, check_draw
from medsynai.saved import Saved, write_model
from medsynai.seeds import Seeds

MODEL, INNER = "refined", "inner"
CHUNK = 50_000  # candidates drawn at once: memory stays flat
LEAST = 200  # candidates that weights are compared over, however few rows are asked for

Weights = Float[np.ndarray, " candidates"]


class Pooled(Protocol):
    """Settings that say how many candidates are drawn for each row that is kept."""

    @property
    def pool(self) -> int:
        """Candidates a row."""
        ...


@dataclass(frozen=True)
class Weighed:
    """A refined model: the inner one, and what its rows are weighed by; never rows.

    Attributes:
        schema: the learnt columns, in the order of the table.
        codec: the bins in which the discriminators see a row.
        boosters: the discriminators; a row's weight is the product of their odds.
    """

    settings: Pooled
    inner: Fitted
    schema: Schema
    codec: TableCodec
    boosters: tuple[Booster, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """How training went: the inner model's, and how many trees each round grew."""
        grown = [len(booster.trees.root) for booster in self.boosters]
        return {**getattr(self.inner, "facts", {}), "refining_trees": grown}

    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` rows; see `Fitted.sample`. Conditions are as exact as the inner model's.

        Candidates are drawn under the condition, `pool` for each row; of these as many as are asked
        for are kept, each with a probability in proportion to its weight, none twice. With given
        columns each row is chosen among `pool` completions of its own.

        Raises:
            PlanError: `n` below 1.
            ConditionError: what the inner model cannot meet.
        """
        check_draw(n, condition, given, both=True)
        size = max(1, CHUNK // self.settings.pool)
        frames = []
        for start in range(0, n, size):
            rows = np.arange(start, min(start + size, n))
            own = seeds.of("block", start)
            if given is None:
                frames.append(self._block(len(rows), own, condition))
            else:
                frames.append(self._completed(given.rows(rows), own, condition))
        return Table(pd.concat(frames, ignore_index=True), self.schema, "synthetic")

    def _block(self, n: int, seeds: Seeds, condition: Condition) -> pd.DataFrame:
        size = max(self.settings.pool * n, LEAST) if self.boosters else n
        drawn = self.inner.sample(size, seeds.of("inner"), condition)
        kept = pick(self._log_odds(drawn), n, seeds.of("pick").numpy())
        return drawn.frame.iloc[kept]

    def _completed(self, given: Table, seeds: Seeds, condition: Condition) -> pd.DataFrame:
        pool = self.settings.pool
        wide = given.rows(np.repeat(np.arange(len(given)), pool))
        drawn = self.inner.sample(len(wide), seeds.of("inner"), condition, wide)
        luck = seeds.of("pick").numpy().gumbel(size=(len(given), pool))
        best = (self._log_odds(drawn).reshape(len(given), pool) + luck).argmax(axis=1)
        return drawn.frame.iloc[np.arange(len(given)) * pool + best]

    def _log_odds(self, drawn: Table) -> Weights:
        codes = self.codec.encode(drawn.only(self.schema.names))
        total = np.zeros(len(codes))
        for booster in self.boosters:
            total += booster.log_odds(codes)
        return total

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors, schema.toml and the folder `inner`."""
        arrays = self.codec.arrays()
        for turn, booster in enumerate(self.boosters):
            arrays |= booster.arrays(f"booster.{turn}")
        facts = {"boosters": len(self.boosters)}
        write_model(folder, Saved(MODEL, self.settings, self.schema, facts, arrays))
        (folder / INNER).mkdir(mode=0o700)
        self.inner.save(folder / INNER)


def discriminated(
    start: Weighed, table: Table, learner: Learner, turns: tuple[int, int], seeds: Seeds
) -> Weighed:
    """Discriminators one after another, each shown the rows that those before it let through.

    Args:
        start: the inner model, whose rows nothing weighs yet.
        table: the real rows, which say whose they are.
        learner: how a discriminator is grown.
        turns: how many, and drawn rows that each is shown for a real one.
        seeds: all randomness.
    """
    fitted, real, patients = start, start.codec.encode(table), table.whose()
    last = patients.max(initial=-1) + 1
    for turn in range(turns[0]):
        own = seeds.of("round", turn)
        drawn = start.codec.encode(fitted.sample(turns[1] * len(table), own.of("draw")))
        both = np.vstack([real, drawn])
        is_real = np.arange(len(both)) < len(table)
        whose = np.concatenate([patients, last + np.arange(len(drawn))])
        booster = learner.fit(both, is_real, whose, own)
        fitted = replace(fitted, boosters=(*fitted.boosters, booster))
    return fitted


def pick(log_weight: Weights, n: int, rng: np.random.Generator) -> Integer[np.ndarray, " n"]:
    """`n` places, none twice, each with a probability in proportion to its weight, or surely.

    Systematic sampling (Madow 1949) of inclusion probabilities min(1, c * weight) that sum to `n`.
    """
    weight = np.exp(log_weight - log_weight.max())
    sure = np.zeros(len(weight), bool)
    while True:
        share = np.where(sure, 1.0, (n - sure.sum()) * weight / max(weight[~sure].sum(), 1e-300))
        more = ~sure & (share >= 1)
        if not more.any():
            break
        sure |= more
    order = rng.permutation(len(weight))
    ends = np.cumsum(share[order])
    at = (np.arange(n) + rng.random()) * ends[-1] / n
    return order[np.minimum(np.searchsorted(ends, at, side="right"), len(weight) - 1)]


def opened(whole: Saved, inner: Fitted) -> Weighed:
    """What `Weighed.save` wrote, around the inner model that stood beside it."""
    codec = TableCodec.load(whole.schema, whole.arrays)
    turns = range(int(whole.facts["boosters"]))
    boosters = tuple(Booster.load(whole.arrays, f"booster.{turn}") for turn in turns)
    return Weighed(whole.settings, inner, whole.schema, codec, boosters)
