"""The judge's recurrent network, trained here on what it is given: it tells series, or goes on.

Yoon, Jarrett and van der Schaar 2019, Time-series generative adversarial networks, section 5 and
appendix (the post-hoc networks: a layer of gated units, half as many as channels; here 4 at least).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from medsynai.evaluate.images.trial import Numbers
from medsynai.seeds import Seeds

BATCH, RATE, LEAST = 128, 1e-3, 4
ROUNDS, FEWEST, PASSES = 2000, 200, 60


class SequenceNet(nn.Module):
    """Gated recurrent units, and a linear layer on each of their states."""

    def __init__(self, channels: int, units: int, outputs: int) -> None:
        super().__init__()
        self.units = nn.GRU(channels, units, batch_first=True)
        self.last = nn.Linear(units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, steps, outputs) of (n, steps, channels)."""
        found: Tensor = self.last(self.units(x)[0])
        return found


Loss = Callable[[Tensor, Tensor], Tensor]


def train_sequence(
    x: Numbers, y: Numbers, outputs: int, loss: Loss, steps: int, seeds: Seeds
) -> SequenceNet:
    """A network trained on batches of 128 with Adam.

    Args:
        x: (n, steps, channels) in [0, 1].
        y: (n, ...) what `loss` compares the outputs with.
        outputs: numbers a step.
        loss: of the outputs and y, a number.
        steps: of training.
        seeds: all randomness.
    """
    with torch.random.fork_rng(devices=[]):  # torch's own first values leave no trace
        net = SequenceNet(x.shape[2], units_for(x.shape[2]), outputs)
    _begin(net, seeds.of("net"))
    generator = torch.Generator().manual_seed(seeds.of("batches").integer())
    rows, told = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.float32))
    adam = torch.optim.Adam(net.parameters(), RATE, fused=True)
    for _ in range(steps):
        pick = torch.randint(len(rows), (BATCH,), generator=generator)
        found = loss(net(rows[pick]), told[pick])
        adam.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return net.eval()


def units_for(channels: int) -> int:
    """Gated units: half as many as channels, as published, and 4 at least.

    >>> units_for(1), units_for(28)
    (4, 14)
    """
    return max(LEAST, channels // 2)


@torch.no_grad()
def _begin(net: SequenceNet, seeds: Seeds) -> None:
    """U(-1 / sqrt(units), 1 / sqrt(units)) for every weight, from one generator."""
    generator = torch.Generator().manual_seed(seeds.integer())
    bound = net.units.hidden_size**-0.5
    for weight in net.parameters():
        weight.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def ask(net: SequenceNet, x: Numbers) -> Numbers:
    """(n, steps, outputs)."""
    parts = torch.split(torch.from_numpy(x.astype(np.float32)), 1024)
    found: Numbers = torch.cat([net(part) for part in parts]).numpy()
    return found


def rounds_for(x: Numbers) -> int:
    """Training steps: 2,000 as published for 24 steps of a series, fewer for longer ones.

    A small set is seen 60 times at most: more tells its series by heart.

    >>> rounds_for(np.zeros((9000, 24, 1))), rounds_for(np.zeros((9000, 140, 1)))
    (2000, 342)
    """
    return max(FEWEST, min(ROUNDS, ROUNDS * 24 // x.shape[1], PASSES * len(x) // BATCH))
