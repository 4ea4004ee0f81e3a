"""Draws along a learnt velocity: from noise to an image, or to what a decoder makes one of."""

import math
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

EASED = 0.6  # how much of a half cosine is in the times: steps are short at both ends


def times(hops: int) -> list[float]:
    """Where the steps of a draw begin, and 1: uneven, as a path bends most at its ends.

    Where noise is left alone, what is large in an image is settled early and what is small late.

    >>> [round(t, 3) for t in times(4)]
    [0.0, 0.188, 0.5, 0.812, 1.0]
    """
    even = (k / hops for k in range(hops + 1))
    return [(1 - EASED) * t + EASED * (1 - math.cos(math.pi * t)) / 2 for t in even]


def arc(
    one: Float[Tensor, "n width"], two: Float[Tensor, "n width"], steps: int
) -> Float[Tensor, "n*steps width"]:
    """Places on a quarter of a circle from each standard normal row to the other.

    Each is as normal as its ends are: a straight line would pass nearer to the middle than any
    draw lies (White 2016, Sampling generative networks, section 2.1).
    """
    turn = torch.linspace(0, math.pi / 2, steps)[:, None]
    return (turn.cos() * one[:, None] + turn.sin() * two[:, None]).flatten(0, 1)


class Path(nn.Module):
    """From noise to rows in uneven steps of the two-step Adams-Bashforth method.

    Each step leans on the velocity of the step before as well, which costs nothing: six steps are
    as near to the path as dozens of Euler's (Hairer, Norsett and Wanner 1993, III.1 and III.5).

    Args:
        net: gives the velocity (n, width) at (n, width) places, (n,) times and (n,) classes.
        width: numbers a row.
        hops: steps.
    """

    def __init__(self, net: nn.Module, width: int, hops: int) -> None:
        super().__init__()
        velocity: Any = net
        self.net, self.width, self.hops = velocity, width, hops

    def draw(
        self, labels: Float[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n width"]:
        """(n, width) numbers of these classes."""
        return self.carried(torch.randn(len(labels), self.width, generator=generator), labels)

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Float[Tensor, "n*steps width"]:
        """For each class `steps` rows, their noise on the way from one draw to another."""
        one, two = torch.randn(2, len(labels), self.width, generator=generator)
        return self.carried(arc(one, two, steps), labels.repeat_interleave(steps))

    def carried(
        self, x: Float[Tensor, "n width"], labels: Float[Tensor, " n"]
    ) -> Float[Tensor, "n width"]:
        """Rows that began as the noise `x`."""
        before: Tensor | None = None
        hop = past = 0.0
        for start, end in pairwise(times(self.hops)):
            past, hop = hop, end - start
            now = self.net(x, torch.full((len(x),), start, device=x.device), labels)
            bend = 0.0 if before is None else (now - before) * (hop / (2 * past))
            x, before = x + hop * (now + bend), now
        return x
