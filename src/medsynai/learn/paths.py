"""Draws along a learnt velocity: from noise to an image."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.nets.unet import UNet


class Path(nn.Module):
    """From noise to images in equal Euler steps."""

    def __init__(self, net: UNet, width: int, hops: int) -> None:
        super().__init__()
        self.net, self.width, self.hops = net, width, hops

    def draw(
        self, labels: Float[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n width"]:
        """(n, width) pixels of these classes."""
        x = torch.randn(len(labels), self.width, generator=generator)
        for k in range(self.hops):
            time = torch.full((len(labels),), k / self.hops)
            x = x + self.net(x, time, labels) / self.hops
        return x
