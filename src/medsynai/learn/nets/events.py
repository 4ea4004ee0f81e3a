"""A recurrent net of steps: when the next one is, what happens in it, and with which numbers.

A gated recurrent unit (Cho et al. 2014) reads steps. Ahead of each step stands what is known of the
tokens one by one: the last number, how long ago, how many are still to come. The tokens of a step
are drawn in their order, each told of those before it and of their numbers (NADE; Larochelle and
Murray 2011); numbers are codes of bins, each told of the token's last one.
"""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.marks import Marks
from medsynai.codec.steps import StepCodec, spread_of
from medsynai.learn.habits import AGO
from medsynai.learn.nets.gaps import FAST, Gaps, Past, odds_of
from medsynai.learn.nets.kin import FAR, Kin
from medsynai.learn.nets.lodging import Lodging
from medsynai.learn.nets.mlp import linear, quiet, vectors

NEVER = -30.0  # log-odds of what cannot happen
LEAST = 0.01  # added to shares of slots before their logarithm is taken
SCALARS = 8
RIPE = (0.05, 0.12, 0.25, 0.4, 0.6, 0.8, 0.95, 1.1, 1.3, 1.6, 2.2)  # ends of ranges; see `ripe_of`
# Of a number: three aims, the same so far, the two before the last (the last alone forgets too
# soon), how many are left, whether it is aimed, and 1.
TOLD = 11
# Behind it: codes of the least and the greatest, the same of those that did not come yet (-1: it
# did), whether nothing else may come, the logarithm of how many are left, and what the numbers of
# the step before it give (see `Kin`).
NOTHING = torch.tensor([*[0.0] * 10, 1.0, -1.0, 1e9, -1.0, -1.0, 0.0, 0.0, FAR])


class Numbers(nn.Module):
    """Codes of numbers, for each token that has them, given the state and the token's last code.

    Attributes:
        channel: (tokens,) the place of each token among those with numbers, -1 for none.
        bins: (channels,) how many bins each has.
        place: (channels, most + 2) where a code lies in its token's bins, -1 to 1; the codes behind
            the bins are "missing" and "the same as the last".
        usual: (channels, most + 2) log shares of the codes; what never occurred is never drawn.
        eager: (channels,) added to the log-odds of the least and the greatest that have not come;
            see `learn.extremes`.
    """

    channel: Tensor
    bins: Tensor
    place: Tensor
    usual: Tensor
    eager: Tensor

    def __init__(self, marks: Marks, tokens: int, width: int) -> None:
        super().__init__()
        bins = [c.bins for c in marks.codecs] or [0]  # tables without lines would be no tables
        self.sizes, self.most = [b + 2 for b in bins], max(bins) + 2
        channel = torch.full((tokens,), -1)
        channel[torch.from_numpy(marks.tokens)] = torch.arange(len(marks.tokens))
        place = np.zeros((len(bins), self.most), np.float32)
        for row, b in enumerate(bins):
            place[row, :b] = spread_of(b)
        self.register_buffer("channel", channel)
        self.register_buffer("bins", torch.tensor(bins))
        self.register_buffer("place", torch.from_numpy(place))
        self.register_buffer("usual", torch.zeros(len(bins), self.most))
        self.register_buffer("eager", torch.zeros(len(bins)))
        self.aims = vectors(len(bins), TOLD * width)
        self.codes = vectors(len(bins) * (self.most + 1), width)
        self.turn = vectors(len(bins) * (self.most + 1), self.most)
        self.heads = linear(width, sum(self.sizes))
        self.edges = quiet(vectors(len(bins), 2))
        self.kin = Kin(marks, self.most - 2)

    def where(self, channel: Tensor, code: Tensor) -> Tensor:
        """The line of a code in the tables; -1, for none, has the last of its channel."""
        return channel * (self.most + 1) + torch.where(code < 0, self.most, code)

    def forward(
        self, about: Float[Tensor, "n width"], channel: Tensor, last: Tensor, told: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """For each channel at hand: which rows are its, and their (rows, size) log-odds.

        Args:
            about: the state of the step, with what came before in it.
            channel: (n,) of each number.
            last: (n,) the code of the token's last one.
            told: (n, 18) see `TOLD`.
        """
        order = torch.argsort(channel, stable=True)
        counts = torch.bincount(channel, minlength=len(self.sizes)).tolist()
        line = self.where(channel, last)[order]
        about = about[order] + self.codes(line)
        # split once: a slice of its own for each channel has a gradient as large as all of them
        whole = (about, told[order], last[order], self.turn(line), order)
        parts = zip(*(torch.split(x, counts) for x in whole), strict=True)
        heads = zip(
            torch.split(self.heads.weight, self.sizes),
            torch.split(self.heads.bias, self.sizes),
            strict=True,
        )
        aims = self.aims.weight.view(len(self.sizes), TOLD, -1).unbind(0)
        found = []
        for place, (own, head) in enumerate(zip(parts, heads, strict=True)):
            mine, aimed, before, turn, rows = own
            if len(rows):
                state = nn.functional.silu(mine + aimed[:, :TOLD] @ aims[place])
                scores = nn.functional.linear(state, *head) + self.usual[place, : self.sizes[place]]
                scores = scores + turn[:, : self.sizes[place]]
                found.append((rows, self._within(scores, place, aimed, before)))
        return found

    def ask(self, channel: int, about: Tensor, last: Tensor, told: Tensor) -> Tensor:
        """(n, size) log-odds of the codes of one channel; see `forward`."""
        start, size = sum(self.sizes[:channel]), self.sizes[channel]
        line = last.where(last >= 0, self.most).add_(channel * (self.most + 1))
        aims = self.aims.weight[channel].view(TOLD, -1)
        state = torch.addmm(about + self.codes.weight[line], told[:, :TOLD], aims)
        state = nn.functional.silu(state)
        mine = slice(start, start + size)
        own = nn.functional.linear(state, self.heads.weight[mine], self.heads.bias[mine])
        scores = own + self.usual[channel, :size] + self.turn.weight[line, :size]
        return self._within(scores, channel, told, last)

    def _within(self, scores: Tensor, channel: int, told: Tensor, last: Tensor) -> Tensor:
        """The log-odds with what is wanted: no number lies beyond the least and the greatest.

        One of these that did not come yet comes at one of the readings left, alike at any to begin
        with; at the last that is left it must. Nor is there "the same as the last" without a last.
        """
        bins = self.sizes[channel] - 2
        low, high, first, second, forced, left, given = told[:, TOLD:, None].unbind(1)
        code, free = torch.arange(bins), forced == 0
        edge = (code == first) | (code == second)
        inside = (code >= low) & (code <= high) & (edge | free)
        turns, later = self.edges.weight[channel]
        often = torch.log(high - low + 1) - left + FAST * (turns + later * left)
        often = often + self.eager[channel]
        never = scores.new_full((), NEVER)
        own, again = scores[:, :bins], scores[:, bins + 1 :]
        if self.kin.has(channel):
            lean = self.kin(channel, given.squeeze(1), bins)
            own, again = own + lean, again + lean.gather(1, last.clamp(0, bins - 1)[:, None])
        own = torch.where(inside, own + edge * often, never)
        again = torch.where((last >= 0)[:, None] & free, again, never)
        return torch.cat([own, scores[:, bins : bins + 1], again], dim=1)


class EventNet(nn.Module):
    """See the module.

    Attributes:
        usual: (tokens,) log-odds of a token in a step.
        watched, counted: as in `StepCodec`.
        since: (bins,) where ranges of time since a token came last begin.
        after: (bins + 1, watched) log-odds that a token comes so long after it came last, beside
            those of a token that comes in any step alike; see `learn.beginning`.
        ripe: (ranges + 1, counted) log-odds that it comes beside those, by how much of the time is
            past that it would wait if all that are still to come lay evenly; see `ripe_of`.
        scale: events of a patient, in the mean.
        rooms: what holds of visits, and how long they are.
    """

    usual: Tensor
    watched: Tensor
    counted: Tensor
    place: Tensor
    rank: Tensor
    since: Tensor
    after: Tensor
    ripe: Tensor
    scale: Tensor

    def __init__(self, codec: StepCodec, width: int, memory: int) -> None:
        super().__init__()
        tokens, watched, counted = codec.tokens, len(codec.watched), len(codec.counted)
        self.tokens = tokens
        self.layout = Layout.of_codec(codec.told)
        self.register_buffer("usual", torch.zeros(tokens))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("watched", torch.from_numpy(codec.watched))
        self.register_buffer("counted", torch.from_numpy(codec.counted))
        place = torch.full((tokens,), -1)
        place[self.watched] = torch.arange(watched)
        self.register_buffer("place", place)
        self.register_buffer("rank", (place >= 0).cumsum(0))
        self.register_buffer("since", torch.from_numpy(codec.since.astype(np.float32)))
        self.values = Numbers(codec.values, tokens, width)
        self.lengths = Numbers(codec.lengths, tokens, width)
        self.told = nn.EmbeddingBag(self.layout.width, width + memory, mode="sum")
        self.inside = linear(2 * watched, 2 * width)
        self.others = vectors(tokens, 2 * width)
        self.read = linear(2 * watched + 1, width)
        self.unit = nn.GRU(width, memory, batch_first=True)
        self.trunk = linear(memory + 4 * watched + 4 * counted + SCALARS, width)
        self.gaps = Gaps(codec, width)
        self.waited = vectors(len(self.gaps.usual), width)
        self.ahead = linear(width, width)
        self.register_buffer("after", torch.zeros(len(codec.since) + 1, max(1, watched)))
        self.register_buffer("ripe", torch.zeros(len(RIPE) + 2, max(1, counted)))
        self.ripeness = quiet(vectors(len(RIPE) + 2, max(1, counted)))
        self.due = quiet(vectors(len(codec.since) + 1, max(1, watched)))
        self.heads = linear(width, tokens)
        self.about = linear(width, width)
        self.habit = quiet(vectors(2, max(1, watched)))
        self.again = quiet(vectors(AGO, max(1, watched)))
        self.rooms = codec.rooms, codec.lengths

    def lodging(self, n: int) -> Lodging:
        """Of so many patients before their first step."""
        return Lodging.none(*self.rooms, n)

    def begin(self, codes: Int64[Tensor, "n columns"]) -> tuple[Tensor, Tensor]:
        """What is told of a patient: for every step, and as the state before the first."""
        starts = torch.tensor(self.layout.starts)
        sizes = [self.ahead.in_features, self.unit.hidden_size]
        always, first = self.told(codes + starts).split(sizes, dim=1)
        return always, torch.tanh(first)

    def ready(self, state: Tensor, past: Past, always: Tensor) -> Float[Tensor, "n width"]:
        """All that is known ahead of a step, told to the heads."""
        told: Tensor = self.trunk(torch.cat([state, self.known(past)], dim=-1)) + always
        return nn.functional.silu(told)

    def known(self, past: Past) -> Float[Tensor, "... features"]:
        """What stands ahead of a step, as features."""
        ahead = (past.steps - past.done).clamp_min(1)
        rest = (past.span - past.time).clamp_min(0)
        wanted = torch.nan_to_num(past.wanted).flatten(-2)
        scalars = (
            torch.log1p(past.time) / 5,
            past.time / past.span.clamp_min(1),
            torch.log1p(ahead),
            torch.log1p(past.done),
            torch.log1p(rest) / 5,
            torch.log1p(rest / ahead) / 3,
            (past.done == 0).float(),
            odds_of(past.regular, past.steps - past.done) / 5,
        )
        since = past.seen * torch.log1p(past.since) / 5
        parts = (past.seen, past.last, past.mean, since, self.base(past) / 5, wanted)
        return torch.cat([*parts, torch.stack(scalars, dim=-1)], dim=-1)

    def base(self, past: Past) -> Float[Tensor, "... counted"]:
        """Log-odds of a token in a step if it came in any of those left alike."""
        return odds_of(past.left, (past.steps - past.done)[..., None])

    def usually(
        self, past: Past, since: Tensor, habit: Tensor, ago: Tensor
    ) -> Float[Tensor, "n tokens"]:
        """Log-odds of each token at a step.

        Args:
            past: what is known ahead of it.
            since: (n, watched) ticks since the token came last, at the step.
            habit: (n, watched) see `habits_of`.
            ago: (n, watched) the same.
        """
        scores = self.alike(past)
        watched = torch.gather(self.after + self.due.weight, 0, due_of(self, past, since))
        ripe = torch.gather(self.ripe + FAST * self.ripeness.weight, 0, ripe_of(self, past, since))
        watched = watched.index_add(1, self.counted, ripe)
        rarely, often = self.habit.weight
        watched = watched + past.seen * (rarely * torch.log(habit + LEAST) + often * habit)
        watched = watched + FAST * torch.gather(self.again.weight, 0, ago)
        return scores.index_add(1, self.watched, watched)

    def alike(self, past: Past) -> Float[Tensor, "n tokens"]:
        """Log-odds of each token at a step, if it came in any step alike; none beyond its count."""
        scores = self.usual.expand(len(past.left), -1).clone()
        never = torch.full_like(past.left, NEVER)
        told = torch.where(past.left > 0, self.base(past), never)
        scores[:, self.watched[self.counted]] = told
        return scores

    def so_far(
        self, present: Tensor, places: Tensor, upto: Tensor, rest: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(n, width) twice, for tokens and for numbers: what came in a step so far.

        Args:
            present: (n, watched) which tokens the step has.
            places: (n, watched) where their numbers lie.
            upto: (n,) how many of the watched tokens, in order, are past.
            rest: (n, 2 * width) the sum of the vectors of tokens past that are not watched.
        """
        past = torch.arange(present.shape[1]) < upto[:, None]
        summed = self.inside(torch.cat([present * past, places * past], dim=1)) + rest
        tokens, numbers = summed.chunk(2, dim=1)
        return tokens, numbers

    def steps_read(self, present: Tensor, places: Tensor, waited: Tensor, rest: Tensor) -> Tensor:
        """What the recurrent unit reads of a step, (n, width)."""
        ticks = torch.log1p(waited)[:, None] / 5
        told = self.read(torch.cat([present, places, ticks], dim=1))
        summed: Tensor = told + rest.chunk(2, dim=1)[0]
        return summed


def due_of(net: EventNet, past: Past, since: Tensor) -> Int64[Tensor, "n watched"]:
    """The range that the ticks since each token came last lie in, from 1; 0 is for never."""
    due = torch.bucketize(since, net.since, right=True).clamp_min(1)
    return torch.where(past.seen > 0, due, 0)


def ripe_of(net: EventNet, past: Past, since: Tensor) -> Int64[Tensor, "n counted"]:
    """The range of how long a token has not come, from 1, in waits of one that comes evenly until
    the end; 0 for one that never came, and where none is to come.
    """
    whole = (past.span - past.time)[:, None] + past.since[:, net.counted]
    waits = since[:, net.counted] * (past.left + 0.5) / whole.clamp_min(1)
    some = (past.seen[:, net.counted] > 0) & (past.left > 0)
    return torch.where(some, torch.bucketize(waits, torch.tensor(RIPE)) + 1, 0)


def told_table(net: EventNet, past: Past) -> Float[Tensor, "n watched 18"]:
    """What is told of the numbers of each watched token: see `TOLD`."""
    told = NOTHING.repeat(*past.mean.shape, 1)
    so_far = (past.mean, past.low, past.high, past.second, past.third)
    told[..., 3:8] = torch.stack(so_far, dim=-1)
    able, left = past.wanted.isfinite().all(-1), past.left.clamp_min(0)
    wanted = torch.where(able[..., None], past.wanted, 0.0)
    told[:, net.counted, :3] = wanted
    told[:, net.counted, 8:10] = torch.stack([torch.log1p(left) * able, able.float()], dim=-1)
    _, low, high = wanted.unbind(-1)
    bins = net.values.bins[net.values.channel[net.watched[net.counted]].clamp_min(0)]
    later = able & (past.low[:, net.counted] > low + 0.5 / bins)
    other = able & (past.high[:, net.counted] < high - 0.5 / bins)
    other &= ~later | (low < high)
    forced = (later | other) & (later.long() + other.long() >= left)
    low, high = (((x + 1) * bins - 1).div(2).round() for x in (low, high))  # as `spread_of`
    codes = (torch.where(on, x, -1.0) for on, x in ((later, low), (other, high)))
    least, greatest = torch.where(able, low, -1.0), torch.where(able, high, NOTHING[TOLD + 1])
    edges = (least, greatest, *codes, forced.float(), left.clamp_min(1).log())
    told[:, net.counted, TOLD:-1] = torch.stack(edges, dim=-1)
    return told


def told_of(net: EventNet, table: Tensor, row: Tensor, token: Tensor) -> Float[Tensor, "n 18"]:
    """The lines of tokens in steps; of an unwatched one nothing is told."""
    place = net.place[token]
    told: Tensor = table[row, place.clamp_min(0)]
    return torch.where(place[:, None] >= 0, told, NOTHING)


def unaimed(told: Tensor) -> Float[Tensor, "n 18"]:
    """The same of another number of the token: what is wanted is the values'."""
    return torch.cat([told[:, : TOLD - 2], NOTHING[TOLD - 2 :].expand(len(told), -1)], dim=1)
