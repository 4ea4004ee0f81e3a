"""Draws along a learnt velocity: from noise to an image, or to what a decoder makes one of."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Path(nn.Module):
    """From noise to rows in equal steps of the two-step Adams-Bashforth method.

    Each step leans on the velocity of the step before as well, which costs nothing: eight steps are
    as near to the path as dozens of Euler's (Hairer, Norsett and Wanner 1993, III.1).

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

    def carried(
        self, x: Float[Tensor, "n width"], labels: Float[Tensor, " n"]
    ) -> Float[Tensor, "n width"]:
        """Rows that began as the noise `x`."""
        before: Tensor | None = None
        for k in range(self.hops):
            time = torch.full((len(labels),), k / self.hops, device=x.device)
            now = self.net(x, time, labels)
            ahead = now if before is None else 1.5 * now - 0.5 * before
            x, before = x + ahead / self.hops, now
        return x
