"""Draws along a known velocity, whose end is known as well."""

import math

import pytest
import torch
from torch import Tensor, nn

from medsynai.learn.paths import Path


class Turning(nn.Module):
    """dx/dt = 2 t x: from 1 to e."""

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        return 2 * time[:, None] * x


class Normal(nn.Module):
    """The velocity from noise to a normal of this spread: from 1 to the spread."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        t, variance = time[:, None].double(), self.spread**2
        return x * (t * variance - (1 - t)) / (t**2 * variance + (1 - t) ** 2)


def carried(net: nn.Module, hops: int) -> float:
    ended = Path(net, 2, hops).carried(torch.ones(3, 2, dtype=torch.float64), torch.zeros(3))
    return float(ended.mean())


def missed(hops: int) -> float:
    return abs(carried(Turning(), hops) - math.e)


def test_twice_the_steps_leave_a_quarter_of_the_error() -> None:
    assert 3.3 < missed(16) / missed(32) < 4.7  # Euler's steps leave half of it
    assert missed(8) < 0.15  # Euler: .35


@pytest.mark.parametrize(("spread", "least"), [(0.1, 0.65), (1.0, 0.95), (5.0, 0.95), (10.0, 0.9)])
def test_six_uneven_steps_keep_large_and_small_spreads(spread: float, least: float) -> None:
    # even steps: .54, .98, .83, .58 of the spread, so they lose what most of an image hangs on
    assert least < carried(Normal(spread), 6) / spread < 1.1
