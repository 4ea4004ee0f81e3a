"""Draws along a learnt velocity: from noise to an image, or to what a decoder makes one of."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Path(nn.Module):
    """From noise to rows in equal Euler steps.

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
        for k in range(self.hops):
            time = torch.full((len(labels),), k / self.hops, device=x.device)
            x = x + self.net(x, time, labels) / self.hops
        return x
