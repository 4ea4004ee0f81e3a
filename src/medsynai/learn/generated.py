"""Rows drawn from a trained generator: noise, a condition of its own, chances, codes."""

import torch
from torch import Tensor, nn

from medsynai.errors import ConditionError
from medsynai.learn.core import Modules
from medsynai.learn.draw import Asked, pick_code, restrict, shares_of
from medsynai.learn.nets.player import TableGenerator
from medsynai.seeds import Seeds

CHUNK = 8192
ROUNDS = 10  # of setting the levels: each brings every column's shares nearer to the train rows'


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

    def __init__(self, generator: TableGenerator, asked: int = 0) -> None:
        super().__init__()
        self.generator, self.layout = generator, generator.board.space.codes
        self.register_buffer("seen", torch.zeros(self.layout.width, dtype=torch.bool))
        self.register_buffer("level", torch.zeros(self.layout.width))
        self.register_buffer("asks", torch.zeros(1, asked))
        self.register_buffer("shares", torch.ones(1))
        self.register_buffer("fixed", torch.full((1, len(self.layout)), torch.nan))

    @torch.no_grad()
    def take(
        self,
        modules: Modules,
        rows: Tensor,
        seeds: Seeds,
        kinds: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:
        """The trained weights, the conditions if any, and levels set to the rows' shares."""
        self.generator.load_state_dict(modules["generator"].state_dict())
        if kinds is not None:
            self.asks, self.shares, self.fixed = kinds
        target = shares_of(self.layout, rows)
        random = torch.Generator().manual_seed(seeds.of("level").integer())
        free = Asked(self.seen, ())
        state, _ = self.begin(CHUNK, free, random)
        scores = self._scores(state)
        known = self._fixed(state)
        for _ in range(ROUNDS):
            mass = self._chances(scores, known).mean(0)
            self.level += torch.log((target + SOFT) / (mass + SOFT)) * self.seen
        self.level.clamp_(-MOST, MOST)

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
        shares = self.shares * self._able(asked)
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


SOFT, MOST, TINY = 1e-5, 12.0, 1e-30
