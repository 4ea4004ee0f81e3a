"""A fitted marginal model: bins and a graphical model over them, all of it paid for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import saved
from medsynai.codec.table import TableCodec
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import Condition
from medsynai.marginal.estimate import Model
from medsynai.marginal.rows import draw_rows
from medsynai.marginal.tree import Tree
from medsynai.seeds import Seeds

FREE, SEEDS = Condition(), Seeds(0)


@dataclass(frozen=True)
class FittedMarginal:
    """A distribution over codes, and what the codes mean.

    Attributes:
        settings: the settings that were fitted.
        model: the graphical model.
        facts: which pairs were measured.
    """

    settings: Any
    schema: Schema
    codec: TableCodec
    model: Model
    facts: dict[str, Any]

    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` rows; see `medsynai.generator.Fitted.sample`.

        Raises:
            ConditionError: a condition that no row meets, or given columns.
            PlanError: n below 1.
        """
        if n < 1:
            raise PlanError("the number of rows to draw must be at least 1")
        if given is not None:
            raise ConditionError(
                f"{self.settings.name} keeps no real columns: they would not be private"
            )
        able = [np.ones(size, bool) for size in self.codec.sizes]
        for wanted in condition.wanted:
            self.schema[wanted.column]
            place = self.schema.names.index(wanted.column)
            able[place] = self.codec[wanted.column].allowed(wanted)
        codes = draw_rows(self.model, n, seeds.of("codes").numpy(), able)
        if not all(able[j][codes[:, j]].all() for j in range(len(able))):
            raise ConditionError("the model gives no row that is as asked; ask for something else")
        frame = self.codec.decode(codes, condition, None, seeds.of("values").numpy())
        return Table(frame, self.schema, "synthetic")

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        tree = self.model.tree
        arrays = {f"factor.{i}": p for i, p in enumerate(self.model.potentials)}
        shape = {"cliques": tree.cliques, "parents": tree.parents, "separators": tree.separators}
        facts = {**self.facts, "tree": shape}
        whole = saved.Saved(
            self.settings.name, self.settings, self.schema, facts, self.codec.arrays() | arrays
        )
        saved.write_model(folder, whole)


def load_marginal(folder: Path, kind: Any) -> FittedMarginal:
    """A model saved by `FittedMarginal.save`.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """
    return saved.read_model(folder, kind.name, kind, _build)


def _build(whole: saved.Saved) -> FittedMarginal:
    codec = TableCodec.load(whole.schema, whole.arrays)
    facts = dict(whole.facts)
    parts = facts.pop("tree")
    tree = Tree(
        codec.sizes,
        tuple(tuple(c) for c in parts["cliques"]),
        tuple(parts["parents"]),
        tuple(tuple(s) for s in parts["separators"]),
    )
    potentials = tuple(whole.arrays[f"factor.{i}"] for i in range(len(tree.cliques)))
    if any(p.shape != tree.shape(c) for p, c in zip(potentials, tree.cliques, strict=True)):
        raise ValueError("factors of another tree")
    return FittedMarginal(whole.settings, whole.schema, codec, Model(tree, potentials), facts)
