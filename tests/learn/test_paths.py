"""Draws along a known velocity, whose end is known as well."""

import math

import torch
from torch import Tensor, nn

from medsynai.learn.paths import Path


class Turning(nn.Module):
    """dx/dt = 2 t x: from 1 to e."""

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        return 2 * time[:, None] * x


def missed(hops: int) -> float:
    ended = Path(Turning(), 2, hops).carried(torch.ones(3, 2, dtype=torch.float64), torch.zeros(3))
    return float((ended - math.e).abs().max())


def test_twice_the_steps_leave_a_quarter_of_the_error() -> None:
    assert 3.3 < missed(16) / missed(32) < 4.7  # Euler's steps leave half of it
    assert missed(8) < 0.15  # Euler: .35
