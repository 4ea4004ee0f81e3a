"""When the next step is: a bin of gaps, given the state and at which parts of the hour steps lie.

What is done by the hour goes on by the hour though something else came in between; a network that
is told of the last gaps only loses the beat in courses that it draws itself. So each part of the
clock's cycle has a chance of its own to have a step when it comes next, by how often and how
lately it had one, as in a life table; and how many steps are to come in a part that had one the
cycle before is told ahead, as counts of tokens are.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.moments import SLOTS
from medsynai.codec.steps import StepCodec
from medsynai.learn.habits import AGO, SHARES, part_of, recent, skipped
from medsynai.learn.nets.mlp import linear, quiet, vectors

FAST = 5.0  # what few weights that begin at nothing are multiplied by, to be learnt in time
EVEN = 0.05  # added to counts before their log-odds are taken
SURE = 8.0  # log-odds of what must happen
MOST_PACED = 10.0  # to which logarithms of shares of the time are held


class Past(NamedTuple):
    """What is known ahead of a step; rows (..., watched) or (...).

    Attributes:
        seen: 1 if the token came before.
        last, mean, low, high: of its numbers so far, as places in its bins from -1 to 1; without
            any 0, 0, 1 and -1.
        second, third: the same of the two numbers before the last; without, the one behind.
        since: ticks since it came last.
        left: (..., counted) how often it is still to come.
        wanted: (..., counted, 3) the mean, least and greatest that its numbers are to have; NaN
            for none.
        time, span: ticks since the first step, and at the last one.
        done, steps: how many steps were, and how many there are in all.
        regular: how many steps are still to come that lie in a part of the cycle in which there was
            a step the cycle before.
        slots: (..., slots) how many steps lay in each part of the cycle.
        laps: (..., slots) in which cycle the last of them was, from 0; -1 for none.
        signs: (..., slots) what its tokens say of a step there a cycle later; see `Gaps.sign`.
    """

    seen: Tensor
    last: Tensor
    mean: Tensor
    low: Tensor
    high: Tensor
    second: Tensor
    third: Tensor
    since: Tensor
    left: Tensor
    wanted: Tensor
    time: Tensor
    span: Tensor
    done: Tensor
    steps: Tensor
    regular: Tensor
    slots: Tensor
    laps: Tensor
    signs: Tensor


class Gaps(nn.Module):
    """See the module.

    Attributes:
        ticks, usual: (gaps,) the middle of each bin, and its log share.
        cycle, slots: ticks in which the clock comes round, and parts of it.
    """

    ticks: Tensor
    usual: Tensor

    def __init__(self, codec: StepCodec, width: int) -> None:
        super().__init__()
        self.cycle, self.slots = codec.cycle, min(SLOTS, codec.cycle)
        ticks = np.rint(codec.gaps.centre) if codec.gaps.bins else np.ones(1)
        self.register_buffer("ticks", torch.from_numpy(ticks.astype(np.float32)))
        self.register_buffer("usual", torch.zeros(len(ticks)))
        self.own = linear(width, len(ticks))
        self.slot = linear(width, self.slots + 1)
        self.passing = quiet(linear(width, 2))
        self.hazard = quiet(vectors(AGO * SHARES, 1))
        self.pacing = quiet(linear(width, 2))
        self.signs = quiet(linear(max(1, len(codec.watched)), 1))

    def forward(self, state: Tensor, past: Past) -> Float[Tensor, "n gaps"]:
        """Log-odds of each gap: by itself; by the part of the cycle that it leads to, and whether
        that had a step the cycle before; and by the parts that it passes over.
        """
        slot = self.slot_of(past.time[:, None] + self.ticks)
        own, often = self.slot(state).split([self.slots, 1], dim=1)
        which, odds = recent(past.slots, past.laps, past.time, self.cycle)
        chance = odds + FAST * self.hazard(which).squeeze(-1) + past.signs
        lean = own + (1 + often) * nn.functional.logsigmoid(chance)
        miss = nn.functional.logsigmoid(-chance)
        skip = skipped(miss, past.time, self.ticks, self.cycle)
        scores: Tensor = self.own(state) + self.usual + lean.gather(1, slot)
        passing, regular = (1 + self.passing(state)).split(1, dim=1)
        again = (which // SHARES == 1).gather(1, slot) & (self.ticks <= self.cycle)
        odds = odds_of(past.regular, past.steps - past.done)[:, None]
        ahead, rest = past.steps - past.done, past.span - past.time
        paced = (self.pacing(state)[..., None] * spacings(self.ticks, ahead, rest)).sum(-2)
        return scores + passing * skip + regular * odds * again + FAST * paced

    def sign(self, present: Float[Tensor, "n watched"]) -> Float[Tensor, " n"]:
        """How much sooner than others a step of these tokens is followed by one a cycle later."""
        signs: Tensor = self.signs(present).squeeze(-1)
        return FAST * signs

    def slot_of(self, time: Tensor) -> Int64[Tensor, "..."]:
        """Which part of the cycle a time lies in."""
        return part_of(time, self.cycle, self.slots)

    def lap_of(self, time: Tensor) -> Tensor:
        """Which cycle it lies in, from 0."""
        return torch.floor(time / self.cycle)


def spacings(
    ticks: Float[Tensor, " gaps"], ahead: Float[Tensor, " n"], rest: Float[Tensor, " n"]
) -> Float[Tensor, "n 2 gaps"]:
    """What gaps weigh by if all that are ahead share the rest of the time.

    As spacings of a Dirichlet distribution: the logarithms of what a gap leaves to the others, once
    for each of these, and of the gap in gaps of the mean. A network that is told of both only lets
    a course run out of time, and its last steps follow each other by the minute.
    """
    ahead, rest = ahead.clamp_min(1)[:, None], rest.clamp_min(1)[:, None]
    left = torch.log1p(-(ticks / rest).clamp_max(1 - 1e-3)) * (ahead - 1)
    own = torch.log(ticks.clamp_min(1) * ahead / rest)
    return torch.stack([left.clamp_min(-MOST_PACED), own.clamp(-MOST_PACED, MOST_PACED)], dim=1)


def odds_of(left: Tensor, ahead: Tensor) -> Tensor:
    """Log-odds of what is still to come so often, if it came in any of the steps ahead alike."""
    ahead = ahead.clamp_min(1)
    odds = torch.log(left.clamp_min(0) + EVEN) - torch.log((ahead - left).clamp_min(0) + EVEN)
    odds = torch.where(left >= ahead, SURE, odds)
    return torch.where(left > 0, odds, -SURE)
