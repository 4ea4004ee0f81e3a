"""A fitted forest, and how rows are drawn from it: freely, under a condition, or given columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from medsynai.codec.table import TableCodec
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError
from medsynai.forest.passage import Codes, Passage
from medsynai.forest.step import Step
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

POOLS = (1, 2, 4, 8, 16, 32, 64)  # rows begun for each row wanted under a condition
ENOUGH = 0.8  # effective rows for each row wanted at which a pool is large enough
TOO_FEW = 0.1  # below it, rows would repeat each other
POOL_ROWS = 2_000_000


@dataclass(frozen=True)
class FittedForest:
    """A trained sequential forest. Holds histograms, splits and facts; never rows.

    Attributes:
        settings: the `Forest` that was fitted.
        schema: the learnt columns, in the order of the table.
        codec: bins and lattices, in the order in which columns are drawn.
        steps: one a column, in that order too.
        withheld: how many rare levels of which column are never drawn.
    """

    settings: Any
    schema: Schema
    codec: TableCodec
    steps: tuple[Step, ...]
    withheld: Mapping[str, int]

    @property
    def order(self) -> tuple[str, ...]:
        """Columns in the order in which they are drawn."""
        return tuple(c.column.name for c in self.codec.columns)

    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` rows; see `medsynai.generator.Fitted.sample`.

        Under a condition the columns up to the last one conditioned are drawn for a pool of rows,
        each conditioned column from the part of its leaf that meets the condition; a row's weight
        is the product of those parts' shares, and `n` rows are kept in proportion to it
        (likelihood weighting, Fung and Chang 1990). The condition is met by every row, and no row
        is rejected. Conditions on the first column in the order need no weights at all.

        Raises:
            ConditionError: a condition that no row can meet, that could only be met by repeating
                few rows, or that speaks of a given column; given columns that are not the first
                in the order.
            PlanError: n below 1.
        """
        check_draw(n, condition, given)
        rng = seeds.of("sample").numpy()
        if condition:
            codes, begun = self._conditioned(n, condition, rng), self._until(condition)
        else:
            codes, begun = self._given(given, n), len(given.schema.names) if given else 0
        Passage(self.steps, codes).walk(begun, len(self.steps), {}, rng)
        frame = self.codec.decode(codes.T, condition, given, rng)
        return Table(frame[list(self.schema.names)], self.schema, "synthetic")

    def _given(self, given: Table | None, n: int) -> Codes:
        """(columns, n) with the given columns filled in."""
        codes = np.zeros((len(self.steps), n), dtype=np.int32)
        if given is None:
            return codes
        names = given.schema.names
        if set(names) != set(self.order[: len(names)]):
            raise ConditionError(
                "columns can be given only if they were put first when the model was fitted;"
                f" this model's first columns are {', '.join(self.order[: len(names)])}"
            )
        first = TableCodec(self.codec.columns[: len(names)])
        codes[: len(names)] = first.encode(given).T
        return codes

    def _until(self, condition: Condition) -> int:
        """How many columns are drawn before the condition is met whole."""
        return max(self.order.index(name) + 1 for name in condition.columns)

    def _conditioned(self, n: int, condition: Condition, rng: np.random.Generator) -> Codes:
        """(columns, n) with the columns up to the last conditioned one drawn."""
        for name in condition.columns:
            self.schema[name]
        able = {
            self.order.index(w.column): self.codec[w.column].allowed(w) for w in condition.wanted
        }
        for pool in POOLS:
            codes = np.zeros((len(self.steps), n * pool), dtype=np.int32)
            weight = Passage(self.steps, codes).walk(0, self._until(condition), able, rng)
            effective = weight.sum() ** 2 / max((weight**2).sum(), 1e-300)
            if effective >= ENOUGH * n or n * pool * 2 > max(POOL_ROWS, n):
                break
        if effective < max(TOO_FEW * n, 1.0):
            hidden = [n for n in condition.columns if self.withheld.get(n)]
            never = _NEVER.format(", ".join(hidden)) if hidden else ""
            raise ConditionError(_TOO_RARE.format(", ".join(condition.columns)) + never)
        return codes[:, _in_proportion(weight, n, rng)]

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        arrays = self.codec.arrays()
        for place, step in enumerate(self.steps):
            arrays |= step.arrays(f"step.{place}")
        facts = {"order": list(self.order), "withheld_levels": dict(self.withheld)}
        write_model(folder, Saved("forest", self.settings, self.schema, facts, arrays))

    @staticmethod
    def load(folder: Path, settings: type) -> "FittedForest":
        """The inverse of `save`.

        Raises:
            ModelError: not a forest's folder, or a corrupt one.
        """
        return read_model(folder, "forest", settings, _rebuilt)


def _rebuilt(whole: Saved) -> FittedForest:
    codec = TableCodec.load(whole.schema.only(tuple(whole.facts["order"])), whole.arrays)
    steps = tuple(Step.load(whole.arrays, f"step.{j}") for j in range(len(codec.columns)))
    withheld = dict(whole.facts["withheld_levels"])
    return FittedForest(whole.settings, whole.schema, codec, steps, withheld)


_TOO_RARE = (
    "rows that meet the condition on {} are too rare to be drawn from this model without repeating"
    " a few of them; fit a model with this condition, so that its columns are drawn first"
)
_NEVER = ". Levels of {} that too few train patients have are never drawn, whatever the model"


def _in_proportion(
    weight: Float[np.ndarray, " pool"], n: int, rng: np.random.Generator
) -> Integer[np.ndarray, " n"]:
    """`n` places of the pool, each about as often as its weight says (systematic resampling)."""
    ends = np.cumsum(weight)
    at = (np.arange(n) + rng.random()) / n * ends[-1]
    picked = np.minimum(np.searchsorted(ends, at, side="right"), len(weight) - 1)
    return rng.permutation(picked)
