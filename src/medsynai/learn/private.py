"""What a network is trained on under a budget: paid for before a row is read, and nothing else.

The bins and one histogram a column are bought first. Whatever a model looks up outside of its
updates (first shares, levels, which codes there are) it looks up in rows drawn from these
histograms, column by column; only noised gradients see real ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from medsynai.codec.bought import (
    buy,
    lawful_rows,
    learnable,
    noise_within,
    planned,
    stand_in,
)
from medsynai.codec.table import TableCodec
from medsynai.codec.tokens import to_rows
from medsynai.data.contract import check_contract
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ModelError, PlanError
from medsynai.forest.order import order_of
from medsynai.learn.core import Phase, planned_releases
from medsynai.learn.job import Job
from medsynai.learn.mechanism import DpSgd, Mechanism, Way
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.seeds import Seeds

STOOD_IN = 16_384  # rows drawn from the bought histograms


@dataclass(frozen=True)
class Prices:
    """What everything costs for one dial, the noise of the whole; public.

    Attributes:
        histograms: of the columns.
        phases: what reads real rows, and how often.
        way: by which it reads them.
        singles: share of the budget for the histograms.
    """

    histograms: int
    phases: tuple[Phase, ...]
    way: Way
    singles: float

    def single(self, noise: float) -> Spend:
        """One histogram."""
        return Spend(Kind.GAUSSIAN, noise * (self.histograms / self.singles) ** 0.5)

    def bought(self, noise: float) -> Way:
        """The way with the noise of each step."""
        share = max(1e-3, 1 - self.singles)
        return self.way.at(noise * share**-0.5, planned_releases(self.phases))

    def spends(self, noise: float) -> tuple[Spend, ...]:
        """All of it."""
        steps = self.bought(noise).charge("", self.phases).spends
        return (*[self.single(noise)] * self.histograms, *steps)


@dataclass(frozen=True)
class Ready:
    """All that is read of a table, and what of it may be looked at where.

    Attributes:
        codec: of its columns, in the network's order.
        rows: (n, columns) train rows as codes.
        held: rows held out of them; none under a budget.
        known: rows that whatever is not an update may look at.
        open: the same, held-out rows left out.
        adapted: what becomes of the model's job.
        place: where progress is kept.
    """

    schema: Schema
    codec: TableCodec
    rows: Tensor
    held: Tensor
    known: Tensor
    open: Tensor
    adapted: Callable[[Job], Job]
    place: Path | None = None


def ready_privately(
    settings: Any,
    budget: Budget,
    table: Table,
    ledger: Ledger,
    seeds: Seeds,
    way: Way | None = None,
) -> Ready:
    """Charge everything, then buy the bins; `way` is how rows are read, else by noised gradients.

    **Guarantee:** the ledger's, for one patient, of whatever is made of the result: `known` and
    `codec` were bought, and `rows` reach a loss by way of `mechanism` alone.

    Raises:
        PlanError: a model whose losses need their batch, or patients that cannot be told apart.
        SchemaError: a schema whose facts are inferred.
        BudgetError: the budget is spent.
        ModelError: no column.
    """
    schema, how, name = learnable(table), settings.pace.private, settings.name
    if not schema.columns:
        raise ModelError("there is no column to learn")
    check_contract(schema)
    phases = settings.phases()
    way = DpSgd(1.0, how.rate, how.clip, how.micro) if way is None else way
    prices = Prices(planned(schema), phases, way, how.singles)
    noise = noise_within(budget, ledger.spends, prices.spends)
    bare = prices.bought(noise)
    trained = bare.charge(f"train the {name} model", phases)
    single = prices.single(noise)
    note = f"{prices.histograms} histograms: bins, quantiles and first shares"
    counted = Release(
        f"{name}: count each column", "gaussian", note=note, spends=(single,) * prices.histograms
    )
    ledger.charge(counted, trained)
    lawful, patients = lawful_rows(table)
    lawful = lawful.only(order_of(lawful.schema, ()))
    bought = buy(lawful, single, settings.bins)
    rows = to_rows(bought.codec.encode(lawful))
    known = to_rows(stand_in(bought, STOOD_IN, seeds.of("known").numpy()))
    expected = bought.total / schema.max_rows

    def adapted(job: Job) -> Job:
        return adapted_to(job, bare.at_work(job, rows, patients, expected), phases, name)

    return Ready(schema, bought.codec, rows, rows[:0], known, known, adapted)


def adapted_to(job: Job, mechanism: Mechanism, phases: tuple[Phase, ...], name: str) -> Job:
    """The job under a budget: nothing is held out, measured or timed.

    Raises:
        PlanError: it reads real rows more often than the phases that were paid for.
    """
    if planned_releases(job.phases) > planned_releases(phases):
        raise PlanError(f"{name} would read real rows more often than its plan says")
    pace = replace(job.pace, seconds=None)
    return replace(job, mechanism=mechanism, pace=pace, watched=None, monitor=None)
