"""MST: noisy marginals of each column and of a tree of pairs, and the model that explains them.

McKenna, Miklau and Sheldon 2021, Winning the NIST contest: a scalable and general approach to
differentially private synthetic data.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.codec.bought import budget_of
from medsynai.data.table import Table
from medsynai.marginal.estimate import Model
from medsynai.marginal.fit import Shape, Way, fit_marginal
from medsynai.marginal.fitted import SEEDS, FittedMarginal, load_marginal
from medsynai.marginal.select import Candidate, Prices, Search, spanning_tree
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

SHAPE = Shape()


@dataclass(frozen=True)
class Mst:
    """Settings of MST; all public.

    Attributes:
        shape: bins, shares of the budget, and the greatest size of the model.
    """

    shape: Shape = SHAPE
    name: ClassVar[str] = "mst"

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> FittedMarginal:
        """Learn from train rows under the ledger's budget; see `fit_marginal`."""
        budget_of(ledger, self.name)
        way = Way(max(0, len(table.schema.learnt) - 1), _grow, seeds.of("pool").numpy())
        return fit_marginal(self, self.shape, way, table, ledger or Ledger())


def _grow(search: Search, pairs: list[Candidate], prices: Prices, noise: float) -> Model | None:
    spanning_tree(search, pairs, prices, noise)
    return None


load = partial(load_marginal, kind=Mst)
