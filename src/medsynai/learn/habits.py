"""At which parts of the clock's cycle a token came so far: what was read at the full hour is again.

That a reading is due an hour after the last one says less: one more in between, for a reason of its
own, moves nothing of the others.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

OFTENEST = 0.95  # the largest share of cycles that a part is taken to have had a step in


@dataclass
class Habits:
    """Of patients on their way; see `habits_of`, which says the same of whole courses.

    Attributes:
        lain: (n, slots, watched) how often each token came in each part of the cycle.
        came: (n, watched) how often in all.
    """

    lain: Tensor
    came: Tensor

    @staticmethod
    def none(n: int, slots: int, watched: int) -> "Habits":
        """Before the first step."""
        return Habits(torch.zeros(n, slots, watched), torch.zeros(n, watched))

    def at(self, slot: Int64[Tensor, " n"]) -> Float[Tensor, "n watched"]:
        """The share of each token's steps that lay in this part; 0 of one that never came."""
        return self.lain[torch.arange(len(slot)), slot] / self.came.clamp_min(1)

    def add(self, slot: Int64[Tensor, " n"], present: Float[Tensor, "n watched"]) -> None:
        """A step is past."""
        self.lain[torch.arange(len(slot)), slot] += present
        self.came += present

    def keep(self, n: int) -> None:
        """Only the first patients go on."""
        self.lain, self.came = self.lain[:n], self.came[:n]


def habits_of(
    slots: Float[Tensor, "people steps slots"], present: Float[Tensor, "people steps watched"]
) -> Float[Tensor, "people steps watched"]:
    """Of each token, the share of its steps before each step that lay in the same part.

    Args:
        slots: 1 at the part of the cycle that each step lies in.
        present: 1 at the tokens of each step.
    """
    alike = torch.bmm(slots, slots.transpose(1, 2)).tril(-1)
    came = present.cumsum(1) - present
    return torch.bmm(alike, present) / came.clamp_min(1)


def part_of(time: Tensor, cycle: int, parts: int) -> Int64[Tensor, "..."]:
    """Which of the parts of the cycle a time lies in."""
    there = torch.remainder(time, cycle) * parts / cycle
    return there.long().clamp_max(parts - 1)


def skipped(
    counts: Float[Tensor, "n parts"],
    time: Float[Tensor, " n"],
    gaps: Float[Tensor, " gaps"],
    cycle: int,
) -> Float[Tensor, "n gaps"]:
    """Log chance that no step lies in the parts of the cycle that each gap passes over.

    As in a life table, each part having a step in as many cycles as so far, and independently.

    Args:
        counts: steps so far in each part of the cycle.
        time: of the last step, from the first.
        gaps: ticks.
        cycle: in ticks.
    """
    parts, now = counts.shape[1], torch.remainder(time, cycle)[:, None]
    cycles = torch.floor(time / cycle)[:, None] + 1
    miss = torch.log1p(-(counts / cycles).clamp_max(OFTENEST))
    upto = miss.cumsum(1)
    there = (upto - miss).gather(1, part_of(now + gaps, cycle, parts))
    laps = torch.floor((now + gaps) / cycle)
    between = there - upto.gather(1, part_of(now, cycle, parts)) + laps * upto[:, -1:]
    return between.clamp_max(0)  # a gap inside one part passes over none
