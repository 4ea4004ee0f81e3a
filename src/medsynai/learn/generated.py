"""Rows drawn from a trained generator: noise, a condition of its own, chances, codes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from medsynai.errors import ConditionError
from medsynai.learn.condition import Kinds
from medsynai.learn.core import Modules
from medsynai.learn.draw import Asked, pick_code, restrict, shares_of
from medsynai.seeds import Seeds

CHUNK = 8192
ROUNDS = 12  # of setting the levels: each brings every column's shares nearer to the train rows'


class GeneratedDrawer(nn.Module):
    """A generator, and the conditions that it was trained under.

    Attributes:
        seen: (width,) codes that occurred.
        level: (width,) added to the codes' log-chances, so that rows drawn freely have the train
            rows' own shares in every column.
        asks: (kinds, condition) what the generator is asked for, a row a kind.
        shares: (kinds,) how often.
        fixed: (kinds, columns) codes that a kind settles; NaN where it settles nothing.
    """

    seen: Tensor
    level: Tensor
    asks: Tensor
    shares: Tensor
    fixed: Tensor

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        maker: Any = generator.eval()
        self.generator, self.layout = maker, maker.board.space.codes
        self.register_buffer("seen", torch.zeros(self.layout.width, dtype=torch.bool))
        self.register_buffer("level", torch.zeros(self.layout.width))
        self.register_buffer("asks", torch.zeros(1, 0))
        self.register_buffer("shares", torch.ones(1))
        self.register_buffer("fixed", torch.full((1, len(self.layout)), torch.nan))

    @torch.no_grad()
    def take(
        self,
        modules: Modules,
        rows: Tensor,
        seeds: Seeds,
        kinds: Kinds | None = None,
    ) -> None:
        """The trained weights, the conditions if any, and levels set to the rows' shares."""
        self.generator.load_state_dict(modules["generator"].state_dict())
        if kinds is not None:
            self.asks, self.shares, self.fixed = kinds.asks, kinds.shares, kinds.fixed
        target = shares_of(self.layout, rows)
        random = torch.Generator().manual_seed(seeds.of("level").integer())
        free = Asked(self.seen, ())
        state, _ = self.begin(CHUNK, free, random)
        z, kind = self._latent(state)
        self.generator.calm(z, self.asks[kind], target)
        scores = self._scores(state)
        known, by_cell = self._fixed(state), self.generator.board.by_cell
        for _ in range(ROUNDS):
            # half a Newton step a cell, as a curvature matrix of chances is at most twice its
            # diagonal: where rows are nearly certain, steps by the ratio of shares hardly move them
            chances = self._chances(scores, known)
            mass, square = by_cell(chances.mean(0)), by_cell(chances.square().mean(0))
            step = (by_cell(target) - mass) / (2 * (mass - square) + SOFT)
            self.level += step.clamp(-STRIDE, STRIDE) * self.seen
        self.level.clamp_(-MOST, MOST)

    def load_state_dict(self, state_dict: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        """Torch's own, for as many kinds as were saved."""
        for name in ("asks", "shares", "fixed"):
            if name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[name]))
        return super().load_state_dict(state_dict, *rest, **more)

    def _latent(self, state: Tensor) -> tuple[Tensor, Tensor]:
        kind = state[:, -1].long()
        return state[:, :-1], kind

    def _fixed(self, state: Tensor) -> Tensor:
        return self.fixed[self._latent(state)[1]]

    def _scores(self, state: Tensor) -> Tensor:
        parts = []
        for part in torch.split(state, CHUNK):
            z, kind = self._latent(part)
            parts.append(self.generator.scores(z, self.asks[kind]))
        return torch.cat(parts)

    def _chances(self, scores: Tensor, known: Tensor) -> Tensor:
        """Chances of every code, columns independent given the latent and the kind."""
        scores = restrict(scores + self.level, self.seen)
        spans = []
        for place, span in enumerate(self.layout):
            part = torch.softmax(scores[:, span.places], dim=1)
            here = ~known[:, place].isnan()
            if bool(here.any()):
                part[here] = 0.0
                part[here, known[here, place].long()] = 1.0
            spans.append(torch.nan_to_num(part))
        return torch.cat(spans, dim=1)

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents and kinds, and how likely each is to be as asked; see `Drawer`."""
        shares = self._open(asked)
        if not bool(shares.any()):
            raise ConditionError(
                "the columns asked for never go together like that among the train rows; widen the"
                " condition"
            )
        kind = torch.multinomial(shares, n, replacement=True, generator=generator)
        z = torch.randn(n, self.generator.latent, generator=generator)
        state, weight = torch.cat([z, kind[:, None].float()], dim=1), torch.ones(n)
        if asked.columns:
            parts = [self._likely(part, asked) for part in torch.split(state, CHUNK)]
            weight = torch.cat(parts)
        return state, weight

    def _able(self, asked: Asked) -> Tensor:
        """Which kinds settle no column otherwise than asked."""
        able = torch.ones(len(self.fixed))
        for place, span in enumerate(self.layout):
            code = self.fixed[:, place]
            free = code.isnan()
            met = asked.able[span.places][torch.nan_to_num(code).long()]
            able *= (free | met).float()
        return able

    def _open(self, asked: Asked) -> Tensor:
        """(kinds,) how often to begin with each.

        Where kinds settle a column that is asked for, rows begin with those alone that settle it as
        asked: a rare level is asked of the generator, not waited for. Of several such columns, the
        one that fewest rows meet.
        """
        able, least = self.shares * self._able(asked), 1.0
        found = able
        for column in asked.columns:
            settles = ~self.fixed[:, column].isnan()
            met = float((able * settles).sum() / (self.shares * settles).sum().clamp_min(TINY))
            if bool(settles.any()) and met <= least:
                found, least = able * settles, met
        return found

    def _likely(self, state: Tensor, asked: Asked) -> Tensor:
        chances = self._chances(self._scores(state), self._fixed(state)) * asked.able
        spans = [self.layout.spans[j].places for j in asked.columns]
        return torch.stack([chances[:, s].sum(1) for s in spans]).prod(0)

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """Codes drawn by their chances; see `Drawer`."""
        chances = self._chances(self._scores(state), self._fixed(state)) * asked.able
        scores = (chances + TINY * asked.able).log()
        codes = [pick_code(scores[:, span.places], generator) for span in self.layout]
        return torch.stack(codes, dim=1)

    def given(self, rows: Tensor) -> Tensor:
        """Refused: which noise a kept value belongs to is not known exactly."""
        raise ConditionError(
            "this model cannot keep real columns as they are; use autoregressive or forest"
        )


SOFT, STRIDE, MOST, TINY = 1e-5, 2.0, 12.0, 1e-30
