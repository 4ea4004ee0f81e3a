"""A warm start: what a network learns of public or simulated rows before the real ones cost it.

Nobody of the ledger's patients is in these rows, so learning them is free; that this is so is the
word of whoever named them, and the ledger says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from medsynai.codec.bought import lawful_rows
from medsynai.codec.table import TableCodec
from medsynai.codec.tokens import to_rows
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.learn.core import Modules
from medsynai.learn.job import Job
from medsynai.learn.loop import train
from medsynai.privacy.ledger import PUBLIC, Ledger, Release
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Warm:
    """Rows of nobody in the ledger, under the same contract.

    Attributes:
        source: where they are from, for the ledger.
    """

    table: Table
    source: str

    def charge(self, name: str, ledger: Ledger) -> None:
        """Have what costs nothing written down with what is charged next.

        Raises:
            PlanError: there is no budget, so nothing to be saved by it.
        """
        if ledger.budget is None:
            raise PlanError("a warm start is for a run with epsilon: without it nothing is saved")
        note = (
            f"{len(self.table)} rows of {self.source}, named as public or simulated: costs nothing"
        )
        ledger.intend(Release(f"{name}: warm start", PUBLIC, note=note))

    def weights(self, make: Callable[[], Job], codec: TableCodec, seeds: Seeds) -> Modules:
        """The networks after as many rounds on these rows as the real ones will have.

        Nothing is held out or monitored, and gradients are exact.

        Raises:
            PlanError: no rows, or another contract than that of the real ones.
        """
        lawful, columns = lawful_rows(self.table)[0], [c.column for c in codec.columns]
        if not len(lawful) or not set(columns) <= set(lawful.schema.columns):
            raise PlanError("a warm start needs rows, under the same contract as the real ones")
        rows = to_rows(codec.encode(lawful.only(tuple(c.name for c in columns))))
        job = make()
        job = replace(job, pace=replace(job.pace, seconds=None), watched=None, monitor=None)
        none = torch.zeros(0, rows.shape[1])
        return train(job, rows, none, seeds).modules
