"""Drawing patients step by step from a net of steps, all of them side by side."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.moments import Drawn
from medsynai.learn.habits import Habits
from medsynai.learn.nets.events import NEVER, NOTHING, EventNet, told_table, unaimed
from medsynai.learn.nets.gaps import Past
from medsynai.learn.nets.kin import FAR
from medsynai.learn.nets.lodging import Lodging

# Codes of what is told; steps, span and how many steps lie a cycle after another; counts; aims.
Heads = tuple[Tensor, tuple[Tensor, Tensor, Tensor], Tensor, Tensor]
GapsOf = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]  # see `Walk.of`


@dataclass
class Walk:
    """Patients on their way; those with most steps to come stand first, and fall out from behind.

    Attributes:
        past: what is known ahead of the step at hand.
        state: (n, width) of the recurrent unit.
        always: (n, width) what is told of a patient.
        last: (n, tokens) the code of the last number of each token, -1 for none.
        total, many: (n, watched) of the numbers so far.
        habits: when tokens came so far.
        gaps_of: draws gaps; see `of`.
        lodging: the visits that go on.
        plain: of the net, what would be slow to ask it token by token.
        found: what was drawn, in pieces: step and token; patients, ticks, value, same, length.
    """

    net: EventNet
    past: Past
    state: Tensor
    always: Tensor
    last: Tensor
    total: Tensor
    many: Tensor
    habits: Habits
    generator: torch.Generator
    gaps_of: GapsOf
    lodging: Lodging
    plain: "Plain"
    found: list[tuple[tuple[int, int], tuple[Tensor, ...]]] = field(default_factory=list)

    @staticmethod
    def of(
        net: EventNet,
        heads: Heads,
        generator: torch.Generator,
        gaps_of: GapsOf,
    ) -> "Walk":
        """At the beginning.

        Args:
            net: trained.
            heads: see `Heads`; most steps first.
            generator: all randomness but that of `gaps_of`.
            gaps_of: log-odds of bins, the room there is, and whose step is the last -> bins, ticks.
        """
        n, wide, slots = len(heads[0]), len(net.watched), net.gaps.slots
        always, first = net.begin(heads[0].long())
        last = torch.full((n, net.tokens), -1)
        sums = torch.zeros(n, wide), torch.zeros(n, wide), Habits.none(n, slots, wide)
        past = _ahead(net, heads)
        rest = net.lodging(n), Plain.of(net)
        return Walk(net, past, first, always, last, *sums, generator, gaps_of, *rest)

    def run(self) -> Drawn:
        """Until nobody has a step to come."""
        steps = self.past.steps - self.past.done
        for step in range(int(steps.max()) if len(steps) else 0):
            self._keep(int((steps > step).sum()))
            self._step(step)
        whose, numbers = (
            (list(x) for x in zip(*self.found, strict=True)) if self.found else ([], [])
        )
        sizes = [len(numbers_[0]) for numbers_ in numbers]
        step, token = np.repeat(np.array(whose, np.int64).reshape(-1, 2), sizes, axis=0).T
        none = torch.zeros(0, dtype=torch.long)
        parts = (torch.cat([none, *(n[i] for n in numbers)]).numpy() for i in range(5))
        patient, gap, value, same, length = parts
        return Drawn(patient, token, step, gap, value, same.astype(bool), length)

    def _keep(self, n: int) -> None:
        if n < len(self.state):
            self.past = Past(*(x[:n] for x in self.past))
            for name in ("state", "always", "last", "total", "many"):
                setattr(self, name, getattr(self, name)[:n])
            self.habits.keep(n)
            self.lodging.keep(n)

    def _step(self, step: int) -> None:
        """One step of everybody."""
        net, past = self.net, self.past
        ready = net.ready(self.state, past, self.always)
        if int(past.done[0]):  # of a history that is gone on with, from its first step on
            ahead = past.steps - past.done
            room = (past.span - past.time - (ahead - 1)).clamp_min(1)
            gap, ticks = self.gaps_of(net.gaps(ready, past), room, ahead <= 1)
            waited = net.waited(gap)
        else:
            ticks, waited = torch.zeros(len(ready)), torch.zeros_like(ready)
        since = past.since + ticks[:, None]
        time = past.time + ticks
        part = net.gaps.slot_of(time), net.gaps.lap_of(time)
        usually = net.usually(past, since, *self.habits.at(*part))
        when = (step, ticks.long())
        content = self._content(net.ahead(ready) + waited, net.about(ready), usually, when)
        self.habits.add(*part, content.present)
        self._remember(content, ticks, since)

    def _content(
        self, ahead: Tensor, about: Tensor, usually: Tensor, when: tuple[int, Tensor]
    ) -> "Content":
        """The tokens of the step in their order, each with its numbers.

        Everybody has a token that comes next; the lowest is served first, for all who have it.
        """
        net, n = self.net, len(ahead)
        step, free = Content.empty(net, n), usually
        usually = self.lodging.barred(free, when[1])
        told = told_table(net, self.past)
        scores = (
            net.heads(torch.nn.functional.silu(ahead + step.sums[:, : ahead.shape[1]])) + usually
        )
        pending = _not_none(scores, _next(scores, 0, self.generator), self.generator)
        while (token := int(pending.min())) < net.tokens:
            at = torch.nonzero(pending == token).squeeze(1)
            mine = _told(net, self.plain, (told, step), (token, at))
            own = step.sums[at]
            state = about[at] + own[:, ahead.shape[1] :]
            value, same = self._value(state, at, token, mine)
            length = _length(self, state, token, mine)
            self.lodging.came(at, token, length, (usually, free))
            self.found.append(((when[0], token), (at, when[1][at], value, same, length)))
            own = step.add((net, self.plain), at, (token, value), own)
            told_now = ahead[at] + own[:, : ahead.shape[1]]
            later = token + 1
            scores = _heads(net, told_now, later) + usually[:, later:][at]
            pending[at] = _next(scores, later, self.generator)
        return step

    def _value(self, state: Tensor, at: Tensor, token: int, told: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) codes of the token's numbers, -1 for none; and whether it is the same as before."""
        numbers, channel = self.net.values, self.plain.value[token]
        if channel < 0:
            return torch.full_like(at, -1), torch.zeros_like(at)
        last = self.last[at, token]
        drawn = pick(numbers.ask(channel, state, last, told), self.generator)
        again = drawn > numbers.sizes[channel] - 2
        code = torch.where(again, last, drawn)
        self.last[at, token] = code
        return code, again.long()

    def _remember(self, step: "Content", ticks: Tensor, since: Tensor) -> None:
        """The step is past."""
        net = self.net
        self.total += step.places
        self.many += step.valued
        self.past = _onwards(net, self.past, step, (ticks, since), (self.total, self.many))
        read = net.steps_read(step.present, step.places, ticks, step.rest)
        self.state = net.unit(read[:, None], self.state[None])[1][0]


def _length(walk: Walk, state: Tensor, token: int, told: Tensor) -> Tensor:
    """(n,) codes of how long the token lasts, -1 for none."""
    numbers, channel = walk.net.lengths, walk.plain.length[token]
    none = torch.full((len(state),), -1)
    if channel < 0:
        return none
    return pick(numbers.ask(channel, state, none, unaimed(told)), walk.generator)


def _ahead(net: EventNet, heads: Heads) -> Past:
    """What is known ahead of the first step."""
    _, (steps, span, regular), counts, wanted = heads
    none, zero = torch.zeros(len(steps), len(net.watched)), torch.zeros(len(steps))
    slots = torch.zeros(len(steps), net.gaps.slots)
    before = (none, none, none, none + 1, none - 1, none, none, none)
    return Past(*before, counts, wanted, zero, span, zero, steps, regular, slots, slots - 1, slots)


@dataclass(frozen=True)
class Plain:
    """Parts of a net as plain numbers, by token; -1 for none.

    Attributes:
        place: among the watched ones.
        value, length: channels of numbers.
        inside: (2 * watched, 2 * width) what a token, or the place of its number, tells the heads.
    """

    place: list[int]
    value: list[int]
    length: list[int]
    inside: Tensor

    @staticmethod
    def of(net: EventNet) -> "Plain":
        """Of a trained net."""
        told = (net.place, net.values.channel, net.lengths.channel)
        place, value, length = (x.tolist() for x in told)
        return Plain(place, value, length, net.inside.weight.detach().t().contiguous())


@dataclass
class Content:
    """What a step has so far: (n, watched) four times.

    Attributes:
        level: the numbers themselves.
        rest: (n, 2 * width) sums over unwatched tokens.
        sums: (n, 2 * width) what all of it tells the heads; see `EventNet.so_far`.
    """

    present: Tensor
    places: Tensor
    valued: Tensor
    level: Tensor
    rest: Tensor
    sums: Tensor

    @staticmethod
    def empty(net: EventNet, n: int) -> "Content":
        """Nothing yet."""
        present, places, valued, level = (torch.zeros(n, len(net.watched)) for _ in range(4))
        sums = net.inside.bias.detach().expand(n, -1).clone()
        return Content(present, places, valued, level, torch.zeros_like(sums), sums)

    def given(self, net: EventNet, channel: int, at: Tensor) -> Tensor | float:
        """What the numbers of these patients give for one of the channel; see `Kin`."""
        kin = net.values.kin
        if not kin.has(channel):
            return FAR
        return kin.given(torch.full_like(at, channel), self.level[at], self.valued[at])

    def add(
        self, whose: tuple[EventNet, Plain], at: Tensor, what: tuple[int, Tensor], own: Tensor
    ) -> Tensor:
        """A token with its values, for these patients, whose sums are `own`; gives the new ones."""
        (net, plain), (token, value) = whose, what
        place, channel = plain.place[token], plain.value[token]
        if place < 0:
            self.rest[at] += net.others.weight[token]
            self.sums[at] = own = own + net.others.weight[token]
            return own
        self.present[at, place] = 1.0
        more = plain.inside[place].expand(len(at), -1)
        if channel >= 0:
            number = (value >= 0) & (value < net.values.sizes[channel] - 2)
            where = net.values.place[channel][value.clamp_min(0)] * number
            self.valued[at, place], self.places[at, place] = number.float(), where
            code = value.clamp(0, net.values.kin.level.shape[1] - 1)
            self.level[at, place] = net.values.kin.level[channel][code] * number
            more = torch.addcmul(more, where[:, None], plain.inside[self.present.shape[1] + place])
        self.sums[at] = own = own + more
        return own


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
    earlier = (torch.where(had, x, step.places) for x in (past.last, past.second))
    older = (past.second, past.third)
    second, third = (torch.where(valued, x, y) for x, y in zip(earlier, older, strict=True))
    slots, laps, mine = past.slots.clone(), past.laps.clone(), torch.arange(len(time))
    slot, lap = net.gaps.slot_of(time), net.gaps.lap_of(time)
    regular = (past.laps[mine, slot] == lap - 1) & (lap > 0)
    signs = past.signs.clone()
    signs[mine, slot] = net.gaps.sign(step.present)
    slots[mine, slot] += 1
    laps[mine, slot] = lap
    return Past(
        past.seen.maximum(step.present),
        torch.where(valued, step.places, past.last),
        total / many.clamp_min(1),
        torch.where(many > 0, low, 1.0),
        torch.where(many > 0, high, -1.0),
        second,
        third,
        torch.where(step.present > 0, 0.0, since),
        past.left - step.present[:, net.counted],
        past.wanted,
        time,
        past.span,
        past.done + 1,
        past.steps,
        past.regular - regular.float(),
        slots,
        laps,
        signs,
    )


def _told(
    net: EventNet, plain: Plain, what: tuple[Tensor, Content], whose: tuple[int, Tensor]
) -> Tensor:
    """What is told of a token's number: what was ahead of the step, and what it has so far."""
    (table, step), (token, at), place = what, whose, plain.place[whose[0]]
    if place < 0:
        return NOTHING.expand(len(at), -1)
    told = table[at, place]
    if plain.value[token] >= 0:
        told[:, -1] = step.given(net, plain.value[token], at)
    return told


def _heads(net: EventNet, told: Tensor, first: int) -> Tensor:
    """Log-odds of the tokens from `first` on: those before it are past."""
    weight, bias = net.heads.weight[first:], net.heads.bias[first:]
    return torch.nn.functional.linear(torch.nn.functional.silu(told), weight, bias)


def pick(scores: Tensor, generator: torch.Generator) -> Tensor:
    """(n,) a place for each, in proportion to exp(scores)."""
    upto = scores.softmax(1).cumsum(1)
    point = torch.rand(len(scores), 1, generator=generator) * (upto[:, -1:] * (1 - 1e-6))
    return (upto <= point).sum(1)


def _next(scores: Tensor, first: int, generator: torch.Generator) -> Tensor:
    """(n,) the first token whose coin falls, of those from `first` on, whose log-odds these are; as
    many as there are tokens for none.
    """
    many = scores.shape[1]
    if not many:
        return torch.full((len(scores),), first)
    falls = torch.rand(scores.shape, generator=generator) < torch.sigmoid(scores)
    return torch.where(falls.any(1), falls.int().argmax(1), many) + first


def _not_none(scores: Tensor, token: Tensor, generator: torch.Generator) -> Tensor:
    """The first token of a step, which has one: where there is none, by its chance to be first."""
    empty = torch.nonzero(token >= scores.shape[1]).squeeze(1)
    if not len(empty):
        return token
    mine = scores[empty].double()
    first = mine - torch.nn.functional.softplus(mine).cumsum(1)  # comes, and none before it does
    token = token.clone()
    token[empty] = pick(first.float().clamp_min(4 * NEVER), generator)
    return token
