"""A model's rows, weighed by how real discriminators take them for.

Azadi et al. 2019, Discriminator rejection sampling: a row is kept in proportion to D / (1 - D), the
ratio of the densities of real and drawn rows.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from jaxtyping import Float

from medsynai.constraints import Rule, parse, repair
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.forest.booster import Booster
from medsynai.forest.foretelling import NOT_FORETOLD, Foretelling, Outcome, Pool, fit_foretelling
from medsynai.forest.levelling import Cells, Levels, pick_level
from medsynai.forest.marks import Marks
from medsynai.forest.ratio import MOST_DRAWN, Rounds
from medsynai.generator import FREE, SEEDS, Condition, Fitted, check_draw
from medsynai.saved import Saved, write_model
from medsynai.seeds import Seeds

MODEL, INNER = "refined", "inner"
CHUNK = 50_000  # candidates drawn at once: memory stays flat
LEAST = 200  # candidates that weights are compared over, however few rows are asked for

Weights = Float[np.ndarray, " candidates"]


class Sifting(Protocol):
    """Settings that say how many rows are drawn, to choose from and to learn weights on."""

    @property
    def drawn(self) -> int:
        """Rows that discriminators are shown for each real one."""
        ...

    @property
    def pool(self) -> int:
        """Candidates for each row that is kept."""
        ...

    @property
    def foretell(self) -> str:
        """The column of the outcome that is to be foretold as well as in real rows; "" for none."""
        ...

    @property
    def by(self) -> tuple[str, ...]:
        """What foretells it; empty for all other columns."""
        ...


@dataclass(frozen=True)
class Weighed:
    """A refined model: the inner one, and what its rows are weighed by; never rows.

    Attributes:
        schema: the learnt columns, in the order of the table, with the rules that rows keep.
        marks: what the discriminators see of a row.
        booster: how much likelier a row is real than drawn, as a logarithm.
        gains: what held rows gained by each round; see `medsynai.forest.ratio.Rounds`.
        outcome: what rows are weighed by beside, so that their outcome goes with what they say.
        levels: what gives each column its real shares.
    """

    settings: Sifting
    inner: Fitted
    schema: Schema
    marks: Marks
    booster: Booster
    gains: tuple[float, ...]
    outcome: Foretelling
    levels: Levels

    @property
    def facts(self) -> dict[str, Any]:
        """How training went: the inner model's, and what each round gained."""
        return {**getattr(self.inner, "facts", {}), "refining_gains": list(self.gains)}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """What rows are mended by before they are weighed."""
        return rules_of(self.schema)

    @property
    def weighs(self) -> bool:
        """Whether anything helped; else rows are the inner model's, as they are."""
        return bool(self.booster.value.any()) or self.outcome.power > 0

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
        columns each row is chosen among `pool` completions of its own. Where no round helped they
        are the inner model's rows.

        Raises:
            PlanError: `n` below 1.
            ConditionError: what the inner model cannot meet.
        """
        check_draw(n, condition, given, both=True)
        if not self.weighs:
            return self.inner.sample(n, seeds.of("inner"), condition, given)
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
        size = max(self.settings.pool * n, LEAST)
        drawn = self.inner.sample(size, seeds.of("inner"), condition)
        weight, cells = self._weight(drawn)
        return drawn.frame.iloc[pick_level(cells, weight, n, seeds.of("pick").numpy())]

    def _completed(self, given: Table, seeds: Seeds, condition: Condition) -> pd.DataFrame:
        pool = self.settings.pool
        wide = given.rows(np.repeat(np.arange(len(given)), pool))
        drawn = self.inner.sample(len(wide), seeds.of("inner"), condition, wide)
        luck = seeds.of("pick").numpy().gumbel(size=(len(given), pool))
        ratio, _ = self._weight(drawn)
        best = (ratio.reshape(len(given), pool) + luck).argmax(axis=1)
        return drawn.frame.iloc[np.arange(len(given)) * pool + best]

    def _weight(self, drawn: Table) -> tuple[Weights, Cells]:
        """Log weights of rows as they will leave, and the cells that their values lie in."""
        whole = mended(drawn, self.schema, self.rules).only(self.schema.names)
        seen = self.marks.see(whole)
        cells = self.levels.cells(seen)
        weight = self.booster.log_odds(seen) + self.outcome.log_weight(whole)
        return weight + self.levels.log_weight(cells), cells

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors, schema.toml and the folder `inner`."""
        parts = (self.marks, self.booster, self.outcome, self.levels)
        arrays = {name: array for part in parts for name, array in part.arrays().items()}
        facts = {"gains": list(self.gains), "outcome": self.outcome.facts()}
        write_model(folder, Saved(MODEL, self.settings, self.schema, facts, arrays))
        (folder / INNER).mkdir(mode=0o700)
        self.inner.save(folder / INNER)


def weighed(
    settings: Sifting, inner: Fitted, table: Table, rounds: Rounds, seeds: Seeds
) -> Weighed:
    """The inner model with weights that its rows and the real ones give."""
    names = table.schema.names
    many, rules = min(MOST_DRAWN, settings.drawn * len(table)), rules_of(table.schema)

    def draw(name: str) -> Table:
        """As many candidates as are looked at, as they will leave."""
        return mended(inner.sample(many, seeds.of(name)), table.schema, rules).only(names)

    drawn, fresh = draw("drawn"), draw("fresh")
    marks = Marks.of(drawn)
    seen = marks.see(drawn), marks.see(fresh)
    real = marks.see(table.only(names))
    booster, gains = rounds.fit(real, table.whose(), seen[0], seeds)
    weight, outcome = booster.log_odds(seen[1]), NOT_FORETOLD
    if settings.foretell:
        others = tuple(n for n in names if n != settings.foretell)
        pools = Pool(drawn, booster.log_odds(seen[0])), Pool(fresh, weight)
        what, own = Outcome.of(table, settings.foretell), seeds.of("outcome")
        outcome = fit_foretelling(what, settings.by or others, table, *pools, own)
        weight = weight + outcome.log_weight(fresh)
    levels = Levels.of(seen[1], weight, real)
    return Weighed(settings, inner, table.schema, marks, booster, tuple(gains), outcome, levels)


def rules_of(schema: Schema) -> tuple[Rule, ...]:
    """What the schema says that rows keep."""
    return tuple(parse(text, schema) for text in schema.rules)


def mended(drawn: Table, schema: Schema, rules: tuple[Rule, ...]) -> Table:
    """Drawn rows as they will leave: taken to the nearest rows that keep the rules."""
    return repair(drawn.only(schema.names), rules, schema).table if rules else drawn


def opened(whole: Saved, inner: Fitted) -> Weighed:
    """What `Weighed.save` wrote, around the inner model that stood beside it."""
    marks, booster = Marks.load(whole.schema, whole.arrays), Booster.load(whole.arrays)
    gains = tuple(float(gain) for gain in whole.facts["gains"])
    outcome = Foretelling.load(whole.schema, whole.arrays, whole.facts["outcome"])
    levels = Levels.load(whole.arrays)
    return Weighed(whole.settings, inner, whole.schema, marks, booster, gains, outcome, levels)
