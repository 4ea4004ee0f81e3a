"""What a net of steps begins at before it is trained: what is counted among train patients."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.steps import LINES
from medsynai.learn.losses.events import history, taken_apart
from medsynai.learn.nets.events import NEVER, EventNet, due_of, ripe_of
from medsynai.learn.nets.gaps import Past

Of = Callable[[Past, Tensor], Tensor]
Ranges = Callable[[EventNet, Past, Tensor], Tensor]

LOOKED, AT_ONCE = 1_000, 100  # patients who say at most when tokens come back; so many at a time
ALIKE = 5.0  # steps that are added in which a token comes as if it came in any alike


def begin(net: EventNet, lines: np.ndarray) -> None:
    """The shares of tokens, gaps and codes of numbers, which training begins at."""
    there = lines[..., 0] >= 0
    named = dict(zip(LINES, lines[there].astype(int).T, strict=True))
    token, steps = named["token"], named["starts"].sum()
    times = np.bincount(token, minlength=net.tokens)
    net.usual.copy_(
        torch.from_numpy(np.log(times + 0.5) - np.log(np.maximum(steps - times, 0) + 0.5))
    )
    net.scale.fill_(max(1.0, there.sum() / len(lines)))
    gap = named["gap"][named["gap"] >= 0]
    shares = np.bincount(gap, minlength=len(net.gaps.usual))
    net.gaps.usual.copy_(log_shares(shares))
    for numbers, name in ((net.values, "value"), (net.lengths, "length")):
        rows = np.flatnonzero(named[name] >= 0)
        channel, code = numbers.channel.numpy()[token[rows]], named[name][rows]
        if name == "value":
            code = np.where(named["same"][rows] > 0, numbers.bins.numpy()[channel] + 1, code)
        size = numbers.usual.numel()
        counts = np.bincount(channel * numbers.most + code, minlength=size)
        counts = counts.reshape(-1, numbers.most)
        numbers.usual.copy_(log_shares(counts))
        shares = counts[:, :-2] / np.maximum(counts[:, :-2].sum(axis=1, keepdims=True), 1)
        numbers.kin.share[:, : shares.shape[1]] = torch.from_numpy(shares)


def log_shares(counts: np.ndarray) -> Tensor:
    """Log shares along the last axis; `NEVER` for what did not occur."""
    total = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    logs = np.log(np.maximum(counts, 1) / total)
    return torch.from_numpy(np.where(counts > 0, logs, NEVER)).float()


@torch.no_grad()
def come_back(net: EventNet, rows: Tensor) -> None:
    """How much likelier tokens are so long after they came last than in any step alike.

    What is learnt from small steps of all weights would reach this late: hours after a laboratory's
    result the next is out of the question, a day after it is likely.

    Args:
        net: whose shares `begin` gave.
        rows: patients as the loss reads them.
    """
    some = rows[:LOOKED]

    def alike(past: Past, since: Tensor) -> Tensor:
        return net.alike(past)[:, net.watched]

    def told(past: Past, since: Tensor) -> Tensor:
        return (alike(past, since) + net.after.gather(0, due_of(net, past, since)))[:, net.counted]

    net.after.copy_(_beside(net, some, net.after, (due_of, alike)))
    if len(net.counted):
        net.ripe.copy_(_beside(net, some, net.ripe, (ripe_of, told)))


def _beside(net: EventNet, rows: Tensor, like: Tensor, by: tuple[Ranges, Of]) -> Tensor:
    """(ranges, tokens) log-odds of tokens in each range beside those that they are told to have.

    Args:
        net: what takes patients apart.
        rows: patients.
        like: of the same shape.
        by: the range of each token at each step, and the log-odds told; by what is known and ticks.
    """
    (range_of, odds_of), where = by, net.counted if like is net.ripe else slice(None)
    came, told, steps = (torch.zeros_like(like) for _ in range(3))
    for part in torch.split(rows, AT_ONCE):
        seen = taken_apart(net, part)
        if not len(seen.patient):
            continue
        past, read = history(net, seen)
        since = past.since + read.waited[:, None]
        chance = torch.sigmoid(odds_of(past, since))
        each = (came, read.present[:, where]), (told, chance), (steps, torch.ones_like(chance))
        for total, more in each:
            total.scatter_add_(0, range_of(net, past, since), more)
    share = told / steps.clamp_min(1)
    near = (came + ALIKE * share) / (steps + ALIKE)
    odds = torch.logit(near, 1e-6) - torch.logit(share, 1e-6)
    return torch.where(told > 0, odds, 0.0)


def hang_together(net: EventNet, lines: np.ndarray) -> None:
    """What the numbers of tokens that come together say of each other; see `Kin`."""
    some = lines[:LOOKED]
    events = some[some[..., 0] >= 0].astype(int)
    token, starts, value = (events[:, LINES.index(n)] for n in ("token", "starts", "value"))
    channel, place = (x.numpy()[token] for x in (net.values.channel, net.place))
    bins, kin = net.values.bins.numpy(), net.values.kin
    told = (channel >= 0) & (place >= 0) & (value >= 0) & (value < bins[channel])
    at = (starts > 0).cumsum()[told] - 1, place[told]
    level = np.zeros(((starts > 0).sum(), len(net.watched)), np.float32)
    there = np.zeros(level.shape, bool)
    there[at] = True
    level[at] = kin.level.numpy()[channel[told], value[told]]
    for which in np.unique(token[told]):
        kin.learn(int(net.values.channel[which]), int(net.place[which]), level, there)
