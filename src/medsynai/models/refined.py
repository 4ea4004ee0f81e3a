"""Refinement: any model's rows, weighed by how real a discriminator takes them for.

Azadi et al. 2019, Discriminator rejection sampling: a row is kept in proportion to D / (1 - D), the
ratio of the densities of real and drawn rows. Here in several rounds: each discriminator is shown
the rows that those before it let through, until they can no longer be told apart.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsynai.codec.table import TableCodec
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.forest.booster import Learner
from medsynai.forest.weighing import INNER, MODEL, Weighed, discriminated, opened
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
        rounds: discriminators, one after another.
        pool, drawn: candidates for each row that is kept; rows shown for each real one.
        trees, leaves, min_leaf, rate: of each discriminator. Few leaves of many rows cannot single
            a patient out.
        bins: about how many bins of a number it sees.
    """

    inner: str = "vae"
    settings: dict[str, Any] = field(default_factory=dict)
    rounds: int = 3
    pool: int = 20
    drawn: int = 3
    trees: int = 150
    leaves: int = 8
    min_leaf: int = 40
    rate: float = 0.1
    bins: int = 40

    def __post_init__(self) -> None:
        least = dict.fromkeys(("rounds", "pool", "drawn", "trees", "min_leaf"), 1)
        check_settings(MODEL, self, least | {"leaves": 2, "bins": 2})
        if not 0 < self.rate <= 1:
            raise PlanError(f"{MODEL}: rate must lie above 0 and not above 1")
        if self.inner == MODEL or find_entry(self.inner).copies:
            raise PlanError(f"{MODEL}: the rows of {self.inner!r} are not refined; name another")
        load_model(self.inner, self.settings)

    def fit(self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS) -> Weighed:
        """Fit the inner model, then discriminators on the same rows; see `Generator.fit`."""
        ledger = ledger or Ledger()
        note = f"discriminators of real and {self.inner} rows, read once more; leaves are kept"
        ledger.charge(Release("refine by discriminators", note=note))
        table = table.learnt()
        inner = load_model(self.inner, self.settings).fit(table, ledger, seeds.of(INNER))
        start = Weighed(self, inner, table.schema, TableCodec.fit(table, self.bins))
        learner = Learner(self.trees, self.leaves, self.min_leaf, self.rate)
        return discriminated(start, table, learner, (self.rounds, self.drawn), seeds)


def load(folder: Path) -> Weighed:
    """Open a saved refinement.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """

    def build(whole: Saved) -> Weighed:
        inner: Any = open_model(folder / INNER)  # of a table, as `fit` asked for
        return opened(whole, inner)

    return read_model(folder, MODEL, Refined, build)
