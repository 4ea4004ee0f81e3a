"""Rows drawn from latents through a decoder: exact under conditions, level with the train rows."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.errors import ConditionError
from medsynai.learn.core import Batch, Modules
from medsynai.learn.desk import desk
from medsynai.learn.draw import Asked, levelled, pick_code, restrict, shares_of
from medsynai.learn.losses.likelihood import encoded
from medsynai.learn.monitor import Begin
from medsynai.learn.priors import Flow
from medsynai.seeds import Seeds

FLOWN = 250  # rows of a look that are carried along a flow
CHUNK = 8192  # rows worked on at once, and rows that levels are measured on


def rebuilt(space: Space) -> Begin:
    """For a look: rows begun from draws of the train rows' posteriors; no prior is fitted yet."""

    def begin(modules: Modules, batch: Batch) -> tuple["LatentDrawer", Tensor]:
        drawer = LatentDrawer(space, modules["decoder"], nn.Module())
        return drawer, drawer.at(encoded(modules, batch))

    return begin


def flown(space: Space, flow: Flow) -> Begin:
    """For a look: a few rows carried along the flow as it is; each takes all its hops."""

    def begin(modules: Modules, batch: Batch) -> tuple["LatentDrawer", Tensor]:
        drawer = LatentDrawer(space, modules["net"], flow)
        return drawer, drawer.at(flow.carried(drawer.decoder, batch.noise[:FLOWN, :-1]))

    return begin


class LatentDrawer(nn.Module):
    """A decoder and the prior of its latents.

    A row begun is its latent, then one code a column, NaN where it is not drawn yet.

    Attributes:
        seen: (width,) codes that occurred.
        level: (width,) added to the codes' log-probabilities, so that rows drawn freely have the
            train rows' own shares in every column.
    """

    seen: Tensor
    level: Tensor

    def __init__(self, space: Space, decoder: nn.Module, prior: nn.Module) -> None:
        super().__init__()
        self.space, self.layout = space, space.codes
        self.decoder: Any = decoder
        self.prior: Any = prior
        self.register_buffer("seen", torch.zeros(self.layout.width, dtype=torch.bool))
        self.register_buffer("level", torch.zeros(self.layout.width))

    @torch.no_grad()
    def take(self, net: nn.Module, source: nn.Module, rows: Tensor, seeds: Seeds) -> None:
        """The trained weights; then the prior is fitted by `source`, and levels are set."""
        generator = torch.Generator().manual_seed(seeds.of("settle").integer())
        self.decoder.load_state_dict(net.state_dict())
        self.prior.fit(source, self.space, rows, generator)
        self.set_levels(rows, generator)

    def set_levels(self, rows: Tensor, generator: torch.Generator) -> None:
        """Measure, on rows drawn freely, what keeps every column at the train rows' shares."""
        target, free = shares_of(self.layout, rows), Asked(self.seen, ())

        def measure(n: int) -> None:
            state = self._latents(n, generator)
            self._walk(state, range(len(self.layout)), free, generator, target)

        desk().rest.work(measure, CHUNK, share=1.0)

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents, with the columns up to those asked for, and how likely they met it."""
        state = self._latents(n, generator)
        if not asked.columns:
            return state, torch.ones(n)
        first = range(max(asked.columns) + 1) if self.decoder.ties else asked.columns
        parts = torch.split(state, CHUNK)
        return state, torch.cat([self._walk(part, first, asked, generator) for part in parts])

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """The columns that are not there yet; see `Drawer`."""
        state = state.clone()
        self._walk(state, range(len(self.layout)), asked, generator)
        return state[:, -len(self.layout) :]

    def given(self, rows: Tensor) -> Tensor:
        """Refused: which latent a kept value belongs to is not known exactly."""
        raise ConditionError(
            "this model cannot keep real columns as they are; use autoregressive or forest"
        )

    def at(self, latents: Tensor) -> Tensor:
        """(n, k) rows begun from these latents, without a column yet."""
        return torch.cat([latents, torch.full((len(latents), len(self.layout)), torch.nan)], dim=1)

    def _latents(self, n: int, generator: torch.Generator) -> Tensor:
        return self.at(self.prior.draw(self.decoder, n, generator))

    def _walk(
        self,
        state: Tensor,
        columns: Iterable[int],
        asked: Asked,
        generator: torch.Generator,
        target: Tensor | None = None,
    ) -> Tensor:
        """Fill columns in where they are NaN; gives how likely each row was to be as asked.

        With `target`, the shares that every column is to have, levels are set on the way.
        """
        latent = state.shape[1] - len(self.layout)
        outs, bias = self.decoder.open(state[:, :latent])
        known, weight = torch.zeros(len(state), self.decoder.ties), torch.ones(len(state))
        for column in columns:
            place = self.layout.spans[column].places
            if state[0, latent + column].isnan():
                scores = self.decoder.ask(column, outs, bias, known)
                if target is not None:
                    self.level[place] = levelled(scores, target[place])
                scores = restrict(scores + self.level[place], self.seen[place])
                able = restrict(torch.log_softmax(scores, dim=1), asked.able[place])
                weight *= able.exp().sum(1)
                state[:, latent + column] = pick_code(able, generator)
            known = self.decoder.tell(column, state[:, latent + column], known)
        return weight
