"""At which parts of the clock's cycle a token came so far: what was read at the full hour is again.

That a reading is due an hour after the last one says less: one more in between, for a reason of its
own, moves nothing of the others.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

OFTENEST = 0.95  # the largest share of cycles that a part is taken to have had a step in
SELDOM = 0.005  # the same of one that had none
AGO = 4  # never, in the cycle before, in the one before that, earlier
SHARES = 4  # ranges of the share of cycles in which a part had a step


@dataclass
class Habits:
    """Of patients on their way; see `habits_of`, which says the same of whole courses.

    Attributes:
        lain: (n, slots, watched) how often each token came in each part of the cycle.
        laps: (n, slots, watched) in which cycle it did last, from 0; -1 for never.
        came: (n, watched) how often in all.
    """

    lain: Tensor
    laps: Tensor
    came: Tensor

    @staticmethod
    def none(n: int, slots: int, watched: int) -> "Habits":
        """Before the first step."""
        lain = torch.zeros(n, slots, watched)
        return Habits(lain, torch.full_like(lain, -1.0), torch.zeros(n, watched))

    def at(
        self, slot: Int64[Tensor, " n"], lap: Float[Tensor, " n"]
    ) -> tuple[Float[Tensor, "n watched"], Int64[Tensor, "n watched"]]:
        """The share of each token's steps that lay in this part; and how many cycles ago."""
        mine = torch.arange(len(slot)), slot
        last = self.laps[mine]
        share = self.lain[mine] / self.came.clamp_min(1)
        return share, ago_of(lap[:, None] - last, last >= 0)

    def add(
        self, slot: Int64[Tensor, " n"], lap: Float[Tensor, " n"], present: Float[Tensor, "n d"]
    ) -> None:
        """A step is past."""
        mine = torch.arange(len(slot)), slot
        self.lain[mine] += present
        self.laps[mine] = torch.where(present > 0, lap[:, None], self.laps[mine])
        self.came += present

    def keep(self, n: int) -> None:
        """Only the first patients go on."""
        self.lain, self.laps, self.came = self.lain[:n], self.laps[:n], self.came[:n]


def habits_of(
    slots: Float[Tensor, "people steps slots"],
    laps: Float[Tensor, "people steps"],
    present: Float[Tensor, "people steps watched"],
) -> tuple[Float[Tensor, "people steps watched"], Int64[Tensor, "people steps watched"]]:
    """Of each token, the share of its steps before each step that lay in the same part.

    And whether one lay there in the cycle before (1), the one before that (2), at all (3), never.

    Args:
        slots: 1 at the part of the cycle that each step lies in.
        laps: which cycle it lies in.
        present: 1 at the tokens of each step.
    """
    alike = torch.bmm(slots, slots.transpose(1, 2)).tril(-1)
    apart = laps[:, :, None] - laps[:, None, :]
    came = present.cumsum(1) - present
    share = torch.bmm(alike, present) / came.clamp_min(1)
    one, two = (torch.bmm(alike * (apart == k), present) > 0 for k in (1, 2))
    return share, torch.where(one, 1, torch.where(two, 2, 3 * (share > 0)))


def ago_of(laps: Tensor, there: Tensor) -> Int64[Tensor, "..."]:
    """The class of so many cycles ago; 0 where nothing was there."""
    far = torch.where((laps == 1) | (laps == 2), laps, 3).long()
    return torch.where(there, far, 0)


def part_of(time: Tensor, cycle: int, parts: int) -> Int64[Tensor, "..."]:
    """Which of the parts of the cycle a time lies in."""
    there = torch.remainder(time, cycle) * parts / cycle
    return there.long().clamp_max(parts - 1)


def recent(
    counts: Float[Tensor, "n parts"],
    laps: Float[Tensor, "n parts"],
    time: Float[Tensor, " n"],
    cycle: int,
) -> tuple[Int64[Tensor, "n parts"], Float[Tensor, "n parts"]]:
    """For each part, when it comes next: a class of how many cycles ago a step lay there last and
    in how large a share of them; and the log-odds of that share.
    """
    parts = counts.shape[1]
    now, lap = part_of(time, cycle, parts)[:, None], torch.floor(time / cycle)[:, None]
    ahead = lap + (torch.arange(parts) <= now)
    share = counts / ahead.clamp_min(1)
    range_ = torch.bucketize(share, torch.tensor([0.15, 0.4, 0.75]))
    held = share.clamp(SELDOM, OFTENEST)
    return ago_of(ahead - laps, laps >= 0) * SHARES + range_, torch.log(held / (1 - held))


def skipped(
    miss: Float[Tensor, "n parts"],
    time: Float[Tensor, " n"],
    gaps: Float[Tensor, " gaps"],
    cycle: int,
) -> Float[Tensor, "n gaps"]:
    """Log chance that no step lies in the parts of the cycle that each gap passes over.

    As in a life table, each part by itself.

    Args:
        miss: the log chance of no step in each part when it comes next.
        time: of the last step, from the first.
        gaps: ticks.
        cycle: in ticks.
    """
    parts, now = miss.shape[1], torch.remainder(time, cycle)[:, None]
    upto = miss.cumsum(1)
    there = (upto - miss).gather(1, part_of(now + gaps, cycle, parts))
    laps = torch.floor((now + gaps) / cycle)
    between = there - upto.gather(1, part_of(now, cycle, parts)) + laps * upto[:, -1:]
    return between.clamp_max(0)  # a gap inside one part passes over none
