"""Rows drawn column by column: those asked for first, then the others in their own order."""

from typing import Any

import torch
from torch import Tensor, nn

from medsynai.learn.core import Batch, Modules
from medsynai.learn.draw import Asked, pick_code, restrict
from medsynai.learn.nets.anyorder import AnyOrder


def blank(modules: Modules, batch: Batch) -> tuple["SequenceDrawer", Tensor]:
    """For a look: rows of which nothing is drawn yet."""
    net: Any = modules["net"]
    return SequenceDrawer(net), torch.full_like(batch.real, torch.nan)


class SequenceDrawer(nn.Module):
    """An any-order network that draws; NaN marks what is not drawn yet.

    Attributes:
        seen: (width,) codes that occurred.
    """

    seen: Tensor

    def __init__(self, net: AnyOrder) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("seen", torch.zeros(net.layout.width, dtype=torch.bool))

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows with the asked columns drawn, and how likely each was to meet them."""
        rows, weight = torch.full((n, len(self.net.layout)), torch.nan), torch.ones(n)
        known = torch.zeros(n, self.net.reader.width)
        for column in asked.columns:
            known, chance = self._draw(rows, known, column, asked, generator)
            weight *= chance
        return rows, weight

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """The columns that are not there yet, each given all before it; see `Drawer`."""
        rows = state.clone()
        known = torch.zeros(len(rows), self.net.reader.width)
        there = [not bool(rows[0, j].isnan()) for j in range(rows.shape[1])]
        for column in (j for j, here in enumerate(there) if here):
            known = self.net.learn_more(known, column, rows[:, column].long())
        for column in (j for j, here in enumerate(there) if not here):
            known, _ = self._draw(rows, known, column, asked, generator)
        return rows

    def given(self, rows: Tensor) -> Tensor:
        """Kept codes are known columns: exact for any of them."""
        return rows

    def _draw(
        self, rows: Tensor, known: Tensor, column: int, asked: Asked, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Fill one column in; gives the new running sum and the chance of what is asked."""
        place = self.net.layout.spans[column].places
        scores = torch.log_softmax(restrict(self.net.ask(known, column), self.seen[place]), dim=1)
        able = restrict(scores, asked.able[place])
        codes = pick_code(able, generator)
        rows[:, column] = codes
        return self.net.learn_more(known, column, codes.long()), able.exp().sum(1)
