"""AIM: round after round, the pair of columns that the model explains worst is measured.

McKenna, Mullins, Sheldon and Miklau 2022, AIM: an adaptive and iterative mechanism for
differentially private synthetic data. Here the rounds and their noise are fixed by the plan; no
clock ends them, as how long a round takes hangs on the rows.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.codec.bought import budget_of
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.marginal.fit import Shape, Way, fit_marginal
from medsynai.marginal.fitted import SEEDS, FittedMarginal, load_marginal
from medsynai.marginal.select import adaptive
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

SHAPE = Shape(singles=0.4)  # chosen on two tables: bench/settings.py


@dataclass(frozen=True)
class Aim:
    """Settings of AIM; all public.

    Attributes:
        shape: bins, shares of the budget, and the greatest size of the model.
        rounds: pairs that are measured; 0: by epsilon and the number of columns.
        target: how much more a pair with the outcome counts.
    """

    shape: Shape = SHAPE
    rounds: int = 0
    target: float = 1.5
    name: ClassVar[str] = "aim"

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.target < 1:
            raise PlanError("aim: rounds at least 0, target at least 1")

    def pairs(self, columns: int, epsilon: float) -> int:
        """How many pairs are measured: a tree's at least, three times as many at most."""
        return self.rounds or round((columns - 1) * min(3.0, max(1.0, 1.6 * epsilon**0.27)))

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> FittedMarginal:
        """Learn from train rows under the ledger's budget; see `fit_marginal`."""
        budget = budget_of(ledger, self.name)
        random = seeds.of("pool").numpy()
        rounds = self.pairs(len(table.schema.learnt), budget.epsilon)
        way = Way(rounds, partial(adaptive, random=random), random, self.target)
        return fit_marginal(self, self.shape, way, table, ledger or Ledger())


load = partial(load_marginal, kind=Aim)
