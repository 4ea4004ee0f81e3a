"""A fitted model with all that turns its rows into a file: rules, recipe, and the source's form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai import store
from medsynai.constraints import parse, repair
from medsynai.data.schema import Schema
from medsynai.data.source import Source
from medsynai.data.table import Table, canonical_dtype
from medsynai.deidentify import Recipe, finish
from medsynai.deidentify.recipe import Pattern
from medsynai.errors import ConditionError, ModelError, PlanError
from medsynai.flow.folder import RECIPE, SOURCE
from medsynai.flow.withholding import list_only
from medsynai.generator import Condition, Fitted
from medsynai.models.catalog import open_model
from medsynai.saved import read_schema
from medsynai.seeds import Seeds

ROUNDS = 20
DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class Drawn:
    """Synthetic rows in learnt columns, and how many rows each rule mended."""

    table: Table
    repairs: dict[str, int]


@dataclass(frozen=True)
class Shard:
    """Shard `number` (from 0) of `count`, each of at most `size` rows."""

    number: int
    count: int
    size: int

    def keys_apart(self, recipe: Recipe) -> Recipe:
        """The recipe with keys that no other shard draws."""
        keys = tuple(replace(k, pattern=self.apart(k.pattern)) for k in recipe.keys)
        return replace(recipe, keys=keys)

    def apart(self, pattern: Pattern, before: int | None = None) -> Pattern:
        """The pattern whose keys no other shard draws.

        Args:
            pattern: of all shards.
            before: keys of it in the shards before; None: one for each row that they may have.
        """
        mark = str(self.number).zfill(len(str(self.count - 1)))
        if self.count == 1:
            return pattern
        match pattern.form:
            case "counter":
                most = self.number * self.size if before is None else before
                return replace(pattern, start=pattern.start + most)
            case "number":
                return replace(pattern, suffix=mark + pattern.suffix)
            case "mixed" if (
                len(pattern.alphabets) > 15 and set("".join(pattern.alphabets)) <= DIGITS
            ):
                # an int64 has no room for more digits
                return replace(pattern, alphabets=(*pattern.alphabets[: -len(mark)], *mark))
            case "mixed":
                return replace(pattern, alphabets=(*pattern.alphabets, *mark))
        return pattern  # random UUIDs do not meet


@dataclass(frozen=True)
class Maker:
    """Everything needed to draw more rows of the same release; no row is held.

    Attributes:
        schema: the learnt columns, with the rules that their rows keep.
        levels: the levels listed in the files, of columns with others that are withheld.
    """

    fitted: Fitted
    schema: Schema
    recipe: Recipe
    source: Source
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def draw(self, n: int, seeds: Seeds, condition: Condition, given: Table | None = None) -> Drawn:
        """Exactly `n` rows that keep the rules, the condition and the given columns.

        Repair takes a row to the nearest lawful one; where that would break the condition or a
        given column, the row is drawn again.

        Raises:
            ConditionError: the condition and the rules cannot both be met.
        """
        rules = tuple(parse(text, self.schema) for text in self.schema.rules)
        todo = np.arange(n)
        parts: list[pd.DataFrame] = []
        places: list[np.ndarray] = []
        repairs: dict[str, int] = {}
        for turn in range(ROUNDS):
            part = None if given is None else given.rows(todo)
            raw = self.fitted.sample(len(todo), seeds.of("round", turn), condition, part)
            ordered = Table(self._as_read(raw.frame), self.schema, "synthetic")
            mended = repair(ordered, rules, self.schema)
            good = condition.met_by(mended.table) & _unchanged(mended.table, part)
            for rule in rules if mended.left else ():
                good &= ~rule.broken(mended.table.frame, self.schema)
            parts.append(mended.table.frame[good])
            places.append(todo[good])
            for name, count in mended.counts.items():
                repairs[name] = repairs.get(name, 0) + count
            todo = todo[~good]
            if not len(todo):
                break
        else:
            raise ConditionError(
                f"{len(todo)} of {n} rows cannot be as asked and keep the schema's rules; "
                "ask for something else, or look at `rules` in the schema"
            )
        frame = pd.concat(parts).set_axis(np.concatenate(places)).sort_index()
        return Drawn(Table(frame.reset_index(drop=True), self.schema, "synthetic"), repairs)

    def _as_read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The schema's columns with all its levels: a model knows only those listed."""
        whole = {c: canonical_dtype(self.schema[c]) for c in self.levels}
        return frame[list(self.schema.names)].astype(whole)  # type: ignore[arg-type]

    def finish(self, table: Table, seeds: Seeds, shard: Shard | None = None) -> Table:
        """The rows with all columns of the source: fresh keys, dates as dates."""
        recipe = shard.keys_apart(self.recipe) if shard else self.recipe
        return finish(recipe, table, seeds)

    def save(self, folder: Path) -> None:
        """Write the model folder, which only its owner may open: see docs/threat-model.md.

        Raises:
            ModelError: the model holds rows, and is never saved.
        """
        folder.mkdir(mode=0o700)
        self.fitted.save(folder)
        recipe = replace(self.recipe, schema=list_only(self.recipe.schema, self.levels))
        (folder / RECIPE).write_text(store.to_toml(recipe), encoding="utf-8")
        (folder / SOURCE).write_text(self.source.to_toml(), encoding="utf-8")


def _unchanged(table: Table, given: Table | None) -> np.ndarray:
    same = np.ones(len(table), bool)
    for name in given.schema.names if given is not None else ():
        left, right = table.frame[name], given.frame[name]  # type: ignore[union-attr]
        same &= ((left == right) | (left.isna() & right.isna())).to_numpy(bool)
    return same


def open_maker(folder: Path) -> Maker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of a release.
    """
    fitted: Any = open_model(folder)
    try:
        recipe = store.from_toml(Recipe, (folder / RECIPE).read_text(encoding="utf-8"), RECIPE)
        source = store.from_toml(Source, (folder / SOURCE).read_text(encoding="utf-8"), SOURCE)
    except (OSError, UnicodeDecodeError, PlanError):
        raise ModelError(
            f"{folder} has no readable {RECIPE} and {SOURCE}; a release's model folder has both"
        ) from None
    return Maker(fitted, read_schema(folder), recipe, source)
