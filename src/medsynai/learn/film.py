"""What a network painted from the same noise at moments of its training, for whoever looks on."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medsynai.learn.core import Modules

FRAMES = 10  # moments that are kept at most
EACH = 8  # images at each
Paints = Callable[[Modules], Tensor]
Paint = Callable[[Modules, Tensor, Tensor], Tensor]


def paints(paint: Paint, noise: int, classes: int) -> Paints:
    """What paints the same few images at every look, the classes by turns.

    Args:
        paint: networks, (n, noise) normal numbers and (n,) classes -> (n, pixels).
        noise: numbers that an image is made of.
        classes: how many there are.
    """
    fixed = torch.randn(EACH, noise, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(EACH) % max(1, classes)
    return lambda modules: paint(modules, fixed, labels.float())


@dataclass
class Film:
    """Moments about equally far apart: when there are too many, every second one goes.

    Attributes:
        shots: rounds that were done, and (images, pixels).
    """

    shots: list[tuple[int, Tensor]] = field(default_factory=list)

    @torch.no_grad()
    def take(self, done: int, paint: Paints, modules: Modules) -> None:
        """Add a moment, unless it comes sooner than the ones before it did."""
        if len(self.shots) > 1:
            apart = self.shots[1][0] - self.shots[0][0]
            if done - self.shots[-1][0] < apart:
                return
        self.shots.append((done, paint(modules)))
        if len(self.shots) > FRAMES:
            self.shots = self.shots[::2]
