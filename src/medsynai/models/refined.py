"""Refinement: any model's rows, weighed by how real discriminators take them for.

Azadi et al. 2019, Discriminator rejection sampling: a row is kept in proportion to D / (1 - D), the
ratio of the densities of real and drawn rows. Here in rounds: discriminators are shown the rows
that those before them let through, while patients they did not learn from are explained better.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.forest.booster import LEAVES, Learner
from medsynai.forest.ratio import Rounds
from medsynai.forest.weighing import INNER, MODEL, Weighed, opened, weighed
from medsynai.generator import SEEDS, check_settings
from medsynai.models.catalog import find_entry, load_model, open_model
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import Saved, read_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Refined:
    """Settings of a refinement; all public.

    Attributes:
        inner, settings: the model whose rows are refined, and what is not default of its settings.
        rounds, folds: of discriminators; a round's folds leave patients out, their mean counts.
        pool: candidates for each row that is kept.
        drawn: rows that discriminators are shown for each real one.
        trees, leaves, min_leaf, rate: of each; few leaves of many rows single nobody out.
        foretell, by: a column to be foretold as well as in real rows, and by which; else none.
    """

    inner: str = "vae"
    settings: dict[str, Any] = field(default_factory=dict)
    rounds: int = 4
    folds: int = 4
    pool: int = 20
    drawn: int = 10
    trees: int = 200
    leaves: int = LEAVES
    min_leaf: int = 40
    rate: float = 0.1
    foretell: str = ""
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = dict.fromkeys(("rounds", "pool", "drawn", "trees", "min_leaf"), 1)
        check_settings(MODEL, self, least | {"leaves": 2, "folds": 2})
        if not 0 < self.rate <= 1 or self.leaves > LEAVES:
            raise PlanError(f"{MODEL}: rate lies above 0 and up to 1, leaves up to {LEAVES}")
        if self.inner == MODEL or find_entry(self.inner).copies:
            raise PlanError(f"{MODEL}: the rows of {self.inner!r} are not refined; name another")
        load_model(self.inner, self.settings)

    def fit(self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS) -> Weighed:
        """Fit the inner model, then discriminators on the same rows; see `Generator.fit`."""
        ledger = ledger or Ledger()
        note = f"discriminators of real and {self.inner} rows, read once more; leaves are kept"
        ledger.charge(Release("refine by discriminators", note=note))
        table, each = table.learnt(), Learner(self.trees, self.leaves, self.min_leaf, self.rate)
        inner = load_model(self.inner, self.settings).fit(table, ledger, seeds.of(INNER))
        return weighed(self, inner, table, Rounds(each, self.rounds, self.folds), seeds)


def load(folder: Path) -> Weighed:
    """Open a saved refinement.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """

    def build(whole: Saved) -> Weighed:
        inner: Any = open_model(folder / INNER)  # of a table, as `fit` asked for
        return opened(whole, inner)

    return read_model(folder, MODEL, Refined, build)
