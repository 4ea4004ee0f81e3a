"""Drawing patients step by step from a net of steps, all of them side by side."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.moments import Drawn
from medsynai.learn.nets.events import NEVER, EventNet, Numbers, Past, slot_of, told_of


@dataclass
class Walk:
    """Patients on their way; those with most steps to come stand first, and fall out from behind.

    Attributes:
        past: what is known ahead of the step at hand.
        state: (n, width) of the recurrent unit.
        always: (n, width) what is told of a patient.
        last: (n, tokens) the code of the last number of each token, -1 for none.
        total, many: (n, watched) of the numbers so far.
        ticks_of: draws ticks inside the bins of gaps.
        found: what was drawn, in pieces: rows of `Drawn`.
    """

    net: EventNet
    past: Past
    state: Tensor
    always: Tensor
    last: Tensor
    total: Tensor
    many: Tensor
    generator: torch.Generator
    ticks_of: Callable[[Tensor], Tensor]
    found: list[Tensor] = field(default_factory=list)

    @staticmethod
    def of(
        net: EventNet,
        heads: tuple[Tensor, ...],
        generator: torch.Generator,
        ticks_of: Callable[[Tensor], Tensor],
    ) -> "Walk":
        """At the beginning.

        Args:
            net: trained.
            heads: codes of what is told, steps, span, counts and aims; most steps first.
            generator: all randomness but that of `ticks_of`.
            ticks_of: draws ticks inside the bins of gaps.
        """
        codes, steps, span, counts, wanted = heads
        n, wide = len(codes), len(net.watched)
        none, zero = torch.zeros(n, wide), torch.zeros(n)
        always, first = net.begin(codes.long())
        slots = torch.zeros(n, net.slots)
        past = Past(
            none, none, none, none, none, none, counts, wanted, zero, span, zero, steps, slots
        )
        last = torch.full((n, net.tokens), -1)
        sums = none.clone(), none.clone()
        return Walk(net, past, first, always, last, *sums, generator, ticks_of)

    def run(self) -> Drawn:
        """Until nobody has a step to come."""
        steps = self.past.steps.clone()
        for step in range(int(steps.max()) if len(steps) else 0):
            self._keep(int((steps > step).sum()))
            self._step(step)
        columns = torch.cat(self.found).T.numpy() if self.found else np.zeros((7, 0))
        patient, token, number, gap, value, same, length = columns.astype(np.int64)
        return Drawn(patient, token, number, gap, value, same.astype(bool), length)

    def _keep(self, n: int) -> None:
        if n < len(self.state):
            self.past = Past(*(x[:n] for x in self.past))
            for name in ("state", "always", "last", "total", "many"):
                setattr(self, name, getattr(self, name)[:n])

    def _step(self, step: int) -> None:
        """One step of everybody."""
        net, past = self.net, self.past
        ready = net.ready(self.state, past, self.always)
        if step:
            gap = _pick(net.gap_scores(ready, past), self.generator)
            ticks, waited = self.ticks_of(gap), net.waited(gap)
        else:
            ticks, waited = torch.zeros(len(ready)), torch.zeros_like(ready)
        since = past.since + ticks[:, None]
        usually = net.usually(past, since)
        when = (step, ticks.long())
        content = self._content(net.ahead(ready) + waited, net.about(ready), usually, when)
        self._remember(content, ticks, since)

    def _content(
        self, ahead: Tensor, about: Tensor, usually: Tensor, when: tuple[int, Tensor]
    ) -> "Content":
        """The tokens of the step in their order, each with its numbers."""
        net, n = self.net, len(ahead)
        step = Content.empty(n, len(net.watched), ahead.shape[1])
        upto, low = torch.zeros(n, dtype=torch.long), torch.full((n,), -1)
        at = torch.arange(n)
        while len(at):
            told = net.so_far(step.present[at], step.places[at], upto[at], step.rest[at])
            scores = net.heads(torch.nn.functional.silu(ahead[at] + told[0])) + usually[at]
            token = _next(scores, low[at], self.generator)
            went = token < net.tokens
            if not low[at].ge(0).all():  # a step in which nothing happens is none: draw again
                token, went = _not_none(scores, token, low[at], self.generator)
            at, token, numbers = at[went], token[went], told[1][went]
            if not len(at):
                break
            value, same = self._value(about[at] + numbers, at, token)
            length = self._length(about[at] + numbers, at, token)
            plain = torch.full_like(at, when[0])
            row = (at, token, plain, when[1][at], value, same, length)
            self.found.append(torch.stack(row, dim=1))
            step.add(net, at, token, value)
            low[at], upto[at] = token, net.rank[token]
        return step

    def _value(self, about: Tensor, at: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) codes of the tokens' numbers, -1 for none; and whether it is the same as before."""
        net = self.net
        code, same = torch.full_like(token, -1), torch.zeros_like(token)
        channel = net.values.channel[token]
        rows = torch.nonzero(channel >= 0).squeeze(1)
        if not len(rows):
            return code, same
        last = self.last[at[rows], token[rows]]
        told = told_of(net, self.past, at[rows], token[rows])
        drawn = _numbers(net.values, about[rows], channel[rows], (last, told), self.generator)
        again = drawn > net.values.bins[channel[rows]]
        code[rows], same[rows] = torch.where(again, last, drawn), again.long()
        self.last[at[rows], token[rows]] = code[rows]
        return code, same

    def _length(self, about: Tensor, at: Tensor, token: Tensor) -> Tensor:
        net, code = self.net, torch.full_like(token, -1)
        channel = net.lengths.channel[token]
        rows = torch.nonzero(channel >= 0).squeeze(1)
        if len(rows):
            told = told_of(net, self.past, at[rows], token[rows])
            told[:, 7] = 0.0  # aims are the values'
            none = torch.full_like(rows, -1)
            drawn = _numbers(net.lengths, about[rows], channel[rows], (none, told), self.generator)
            code[rows] = drawn
        return code

    def _remember(self, step: "Content", ticks: Tensor, since: Tensor) -> None:
        """The step is past."""
        net = self.net
        self.total += step.places
        self.many += step.valued
        self.past = _onwards(net, self.past, step, (ticks, since), (self.total, self.many))
        read = net.steps_read(step.present, step.places, ticks, step.rest)
        self.state = net.unit(read[:, None], self.state[None])[1][0]


@dataclass
class Content:
    """What a step has so far: (n, watched) thrice; (n, 2 * width) sums over unwatched tokens."""

    present: Tensor
    places: Tensor
    valued: Tensor
    rest: Tensor

    @staticmethod
    def empty(n: int, watched: int, width: int) -> "Content":
        """Nothing yet."""
        present, places, valued = (torch.zeros(n, watched) for _ in range(3))
        return Content(present, places, valued, torch.zeros(n, 2 * width))

    def add(self, net: EventNet, at: Tensor, token: Tensor, value: Tensor) -> None:
        """A token, for these patients."""
        place, channel = net.place[token], net.values.channel[token].clamp_min(0)
        mine = place >= 0
        self.present[at[mine], place[mine]] = 1.0
        number = mine & (value >= 0) & (value < net.values.bins[channel])
        rows, to = at[number], place[number]
        self.valued[rows, to] = 1.0
        self.places[rows, to] = net.values.place[channel[number], value[number]]
        self.rest[at[~mine]] += net.others(token[~mine])


def _onwards(
    net: EventNet,
    past: Past,
    step: Content,
    when: tuple[Tensor, Tensor],
    sums: tuple[Tensor, Tensor],
) -> Past:
    """What is known ahead of the next step; `when`: ticks passed, and since each token came."""
    (ticks, since), (total, many), valued = when, sums, step.valued > 0
    time, had = past.time + ticks, many > step.valued
    low = torch.where(had, past.low, torch.inf).minimum(step.places.masked_fill(~valued, torch.inf))
    high = torch.where(had, past.high, -torch.inf).maximum(
        step.places.masked_fill(~valued, -torch.inf)
    )
    slots = past.slots.clone()
    slots[torch.arange(len(slots)), slot_of(net, time)] += 1
    return Past(
        past.seen.maximum(step.present),
        torch.where(valued, step.places, past.last),
        total / many.clamp_min(1),
        torch.where(many > 0, low, 0.0),
        torch.where(many > 0, high, 0.0),
        torch.where(step.present > 0, 0.0, since),
        past.left - step.present[:, net.counted],
        past.wanted,
        time,
        past.span,
        past.done + 1,
        past.steps,
        slots,
    )


def _pick(scores: Tensor, generator: torch.Generator) -> Tensor:
    """(n,) a place for each, in proportion to exp(scores)."""
    noise = torch.rand(scores.shape, generator=generator).clamp_min(1e-20)
    return (scores - (-noise.log()).log()).argmax(1)


def _next(scores: Tensor, low: Tensor, generator: torch.Generator) -> Tensor:
    """(n,) the first token behind `low` whose coin falls; as many as there are tokens for none."""
    tokens = scores.shape[1]
    falls = torch.rand(scores.shape, generator=generator) < torch.sigmoid(scores)
    falls &= torch.arange(tokens) > low[:, None]
    return torch.where(falls.any(1), falls.int().argmax(1), tokens)


def _not_none(
    scores: Tensor, token: Tensor, low: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The first token of a step, given that there is one: exactly, by its chance to be first."""
    tokens = scores.shape[1]
    empty = torch.nonzero((low < 0) & (token >= tokens)).squeeze(1)
    if len(empty):
        mine = scores[empty].double()
        passed = torch.nn.functional.softplus(mine)
        first = mine - passed.cumsum(1)  # log of: comes, and none before it does
        token = token.clone()
        token[empty] = _pick(first.float().clamp_min(4 * NEVER), generator)
    return token, token < tokens


def _numbers(
    numbers: Numbers,
    about: Tensor,
    channel: Tensor,
    told: tuple[Tensor, Tensor],
    generator: torch.Generator,
) -> Tensor:
    """(n,) a code for each number."""
    code = torch.zeros_like(channel)
    for rows, scores in numbers(about, channel, *told):
        code[rows] = _pick(scores, generator)
    return code
