"""The judge's own small network: trained here on what it is given, never downloaded."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from medsynai.evaluate.images.trial import Numbers
from medsynai.seeds import Seeds

WIDTH, BATCH, RATE = 24, 64, 2e-3
FEATURES = 64
LARGE = (
    56 * 56
)  # pixels beyond which a step costs more than it tells: 64 x 64 half an hour a release


class Halved(nn.Module):
    """Means of two along each axis that has two: torch's own refuses volumes of a few slices."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, *space) to half of the space, rounded up."""
        pools = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
        pool: Callable[..., Tensor] = pools[x.ndim - 3]
        return pool(x, tuple(min(2, side) for side in x.shape[2:]), ceil_mode=True)


class JudgeNet(nn.Module):
    """Three convolutions and two linear layers; `features` is the layer before the last.

    Args:
        channels: numbers a pixel.
        space: sides of an image. The first convolution goes in steps of `stride_of` pixels.
        outputs: how many classes there may be.
    """

    def __init__(self, channels: int, space: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        nd, stride = len(space), stride_of(space)
        conv: Callable[..., nn.Module] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[nd - 1]
        adaptive = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
        flat: Callable[..., nn.Module] = adaptive[nd - 1]
        layers: list[nn.Module] = []
        for a, b in ((channels, WIDTH), (WIDTH, 2 * WIDTH), (2 * WIDTH, 4 * WIDTH)):
            step = 1 if layers else stride
            layers += [conv(a, b, 2 * step + 1, step, step), nn.ReLU(), Halved()]
        self.body = nn.Sequential(*layers, flat(2), nn.Flatten())
        self.features = nn.Sequential(nn.Linear(4 * WIDTH * 2**nd, FEATURES), nn.ReLU())
        self.last = nn.Linear(FEATURES, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, outputs) log-odds."""
        found: Tensor = self.last(self.features(self.body(x)))
        return found


def stride_of(space: tuple[int, ...]) -> int:
    """The least step at which an image has no more places than one of 56 x 56.

    >>> stride_of((28, 28)), stride_of((64, 64)), stride_of((128, 128)), stride_of((28, 28, 28))
    (1, 2, 3, 2)
    """
    stride = 1
    while math.prod(-(-side // stride) for side in space) > LARGE:
        stride += 1
    return stride


def train_judge(
    pixels: Numbers,
    labels: Numbers,
    outputs: int,
    steps: int,
    seeds: Seeds,
    begun: JudgeNet | None = None,
) -> JudgeNet:
    """A network that tells `labels` by `pixels`, classes in equal numbers in every batch.

    Args:
        pixels: (n, channels, *space) in [-1, 1].
        labels: (n,) from 0.
        outputs: how many classes there may be.
        steps: of 64 images; the same for whoever is compared.
        seeds: all randomness.
        begun: a network to teach further, in place of a new one.
    """
    net = begun
    if net is None:
        with torch.random.fork_rng(devices=[]):  # torch's own first values leave no trace
            net = JudgeNet(pixels.shape[1], pixels.shape[2:], outputs)
        _begin(net, seeds.of("net"))
    if pixels.ndim == 4:  # a tenth quicker, and in bfloat16 twice
        net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rng, x, y = seeds.of("batches").numpy(), torch.from_numpy(pixels), torch.from_numpy(labels)
    places = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    adam = torch.optim.Adam(net.parameters(), RATE, fused=True)
    for step in range(steps):
        adam.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / steps))
        which = np.concatenate([rng.choice(p, BATCH // len(places) + 1) for p in places])
        pick = torch.from_numpy(which)
        loss = nn.functional.cross_entropy(net(x[pick]), y[pick])
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return net.eval()


@torch.no_grad()
def _begin(net: JudgeNet, seeds: Seeds) -> None:
    """First values of every weight from one generator (He et al. 2015, for rectified units)."""
    generator = torch.Generator().manual_seed(seeds.integer())
    for layer in net.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            bound = (6 / layer.weight[0].numel()) ** 0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


@torch.no_grad()
def ask(net: JudgeNet, pixels: Numbers) -> tuple[Numbers, Numbers]:
    """(n, outputs) probabilities and (n, 64) features."""
    said, seen = [], []
    for part in torch.split(torch.from_numpy(pixels), 512):
        features = net.features(net.body(part))
        said.append(torch.softmax(net.last(features).float(), 1))
        seen.append(features.float())
    return torch.cat(said).numpy(), torch.cat(seen).numpy()
