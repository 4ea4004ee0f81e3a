"""A small U-Net over unshuffled pixels, told the time and the class.

Ronneberger et al. 2015, U-Net; Shi et al. 2016, Real-time single image super-resolution (pixels
unshuffled: a fold of space becomes channels, so that no layer works at full size).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, layer_norm, pad, silu

from medsynai.learn.nets.mlp import linear, quiet, vectors
from medsynai.learn.precision import brisk

FOLD = 2  # pixels along each axis that become channels
WAVES = 16  # pairs of sines that tell the time
GROUPS = 8


def waves(time: Float[Tensor, " b"]) -> Float[Tensor, "b waves"]:
    """Sines and cosines of the time, from half a turn to 128."""
    rates = 2 ** torch.linspace(0, 8, WAVES, device=time.device)
    turns = rates * math.pi * time[:, None]
    return torch.cat([turns.sin(), turns.cos()], 1)


def convolution(nd: int, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Module:
    """A convolution over `nd` axes that keeps their length, or halves it; see `mlp.linear`."""
    kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[nd - 1]
    with torch.random.fork_rng(devices=[]):
        made: nn.Module = kind(inputs, outputs, size, stride, size // 2)
    return made


class Norm(nn.GroupNorm):
    """Group normalisation (Wu and He 2018), worked out as a layer norm of each group.

    Torch's own takes a third of a step in bfloat16, as it does not work on several numbers at once.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(min(GROUPS, channels), channels)

    def forward(
        self, input: Float[Tensor, "b c ..."], told: Float[Tensor, "b told"] | None = None
    ) -> Tensor:
        """Same shape out as in; `told`: scale and shift of each image's channels behind it.

        The layer's own and what is told are put together first, one number an image and channel:
        the pixels are then gone over twice in place of four times.
        """
        flat = input.reshape(len(input), self.num_groups, -1)
        even = layer_norm(flat, flat.shape[2:], eps=self.eps).reshape(input.shape)
        shape = (*input.shape[:2], *(1,) * (input.dim() - 2))
        weight, bias = (x.to(even.dtype).expand(shape[:2]) for x in (self.weight, self.bias))
        if told is not None:
            scale, shift = told.chunk(2, 1)
            weight, bias = weight * (1 + scale), bias * (1 + scale) + shift
        return even * weight.reshape(shape) + bias.reshape(shape)


class Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))) * (1 + scale) + shift)); the last one starts at 0."""

    def __init__(self, nd: int, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = Norm(inputs)
        self.into = convolution(nd, inputs, outputs)
        self.tell = linear(told, 2 * outputs)
        self.second = Norm(outputs)
        self.out = convolution(nd, outputs, outputs)
        quiet(self.out)
        self.past = convolution(nd, inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Float[Tensor, "b c ..."], told: Float[Tensor, "b t"]) -> Tensor:
        """(b, outputs, ...)."""
        h = self.into(silu(self.first(x)))
        past: Tensor = self.past(x)
        return past + self.out(silu(self.second(h, self.tell(told))))


class UNet(nn.Module):
    """A velocity for each pixel of a noisy image.

    Args:
        channels, space: of the images.
        classes: how many there are.
        width: channels at the finest level; each coarser level has twice as many.
        levels: how often the size is halved after the fold.
    """

    def __init__(
        self, channels: int, space: tuple[int, ...], classes: int, width: int, levels: int
    ) -> None:
        super().__init__()
        nd, told = len(space), 4 * width
        self.channels, self.space = channels, space
        folded = channels * FOLD**nd
        self.classes, self.time = vectors(classes, told), linear(2 * WAVES, told)
        self.mix = linear(told, told)
        self.stem = convolution(nd, folded, width)
        sizes = [width * 2**k for k in range(levels + 1)]
        self.down = nn.ModuleList(Block(nd, c, c, told) for c in sizes[:-1])
        self.halve = nn.ModuleList(convolution(nd, c, 2 * c, 3, 2) for c in sizes[:-1])
        self.middle = nn.ModuleList(Block(nd, sizes[-1], sizes[-1], told) for _ in range(2))
        self.shrink = nn.ModuleList(convolution(nd, 2 * c, c) for c in reversed(sizes[:-1]))
        self.up = nn.ModuleList(Block(nd, 2 * c, c, told) for c in reversed(sizes[:-1]))
        self.norm = Norm(width)
        self.last = convolution(nd, width, folded)

    def forward(
        self, x: Float[Tensor, "b pixels"], time: Float[Tensor, " b"], label: Float[Tensor, " b"]
    ) -> Float[Tensor, "b pixels"]:
        """The velocity of each pixel of (b, channels * space) rows; a blinded label gives NaN."""
        with brisk():
            return self._velocity(x, time, label).float()

    def _velocity(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        told = self._told(time, label)
        h = self.stem(fold(padded(x.reshape(-1, self.channels, *self.space))))
        kept = []
        for block, halve in zip(self.down, self.halve, strict=True):
            h = block(h, told)
            kept.append(h)
            h = halve(h)
        for block in self.middle:
            h = block(h, told)
        for shrink, block in zip(self.shrink, self.up, strict=True):
            fine = kept.pop()  # half a length is rounded up, so that nothing needs padding
            h = cut(interpolate(shrink(h), scale_factor=2.0), fine.shape[2:])
            h = block(torch.cat([h, fine], 1), told)
        out = unfold(self.last(silu(self.norm(h))), self.channels)
        return cut(out, self.space).flatten(1)

    def _told(self, time: Tensor, label: Tensor) -> Tensor:
        known = label.nan_to_num().long()
        told = self.time(waves(time)) + self.classes(known)
        return silu(self.mix(silu(told + 0 * label[:, None])))


def padded(image: Float[Tensor, "b c ..."]) -> Tensor:
    """The image with zeros behind odd axes, so that it can be folded."""
    short = [-s % FOLD for s in reversed(image.shape[2:])]
    return pad(image, [p for s in short for p in (0, s)]) if any(short) else image


def cut(image: Float[Tensor, "b c ..."], space: Sequence[int]) -> Tensor:
    """The first so many numbers along each axis."""
    for axis, size in enumerate(space):
        image = image.narrow(2 + axis, 0, size)
    return image


def fold(image: Float[Tensor, "b c ..."]) -> Tensor:
    """Two pixels along each axis become channels."""
    nd = image.dim() - 2
    sizes = [x for s in image.shape[2:] for x in (s // FOLD, FOLD)]
    split = image.reshape(*image.shape[:2], *sizes)
    order = (0, 1, *(3 + 2 * k for k in range(nd)), *(2 + 2 * k for k in range(nd)))
    return split.permute(order).flatten(1, 1 + nd)


def unfold(folded: Float[Tensor, "b f ..."], channels: int) -> Tensor:
    """The inverse of `fold`."""
    nd, space = folded.dim() - 2, folded.shape[2:]
    split = folded.reshape(len(folded), channels, *(FOLD,) * nd, *space)
    order = [0, 1]
    for k in range(nd):
        order += [2 + nd + k, 2 + k]
    return split.permute(order).reshape(len(folded), channels, *(FOLD * s for s in space))
