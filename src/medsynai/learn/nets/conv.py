"""Convolutional networks that paint, read and judge small images of two or three dimensions.

As in `nets.unet` no layer works at full size: pixels two by two are channels. Sizes are halved
until no axis is longer than four, rounded up, so that none is padded to the next power of two.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, silu

from medsynai.codec.framing import AnyFrame
from medsynai.learn.nets.mlp import linear, quiet, vectors
from medsynai.learn.nets.unet import FOLD, Block, Norm, convolution, cut, fold, padded, unfold
from medsynai.learn.precision import brisk

LEAST = 4  # numbers along an axis of the smallest grid at most
WIDEST = 4  # channels at most so many times the width
SLOPE = 0.2  # of the leaky rectifier
PATCHES = 2  # grids that a critic of patches looks at


@dataclass(frozen=True)
class Canvas:
    """What these networks must know of the images, and how wide they are.

    Attributes:
        channels, space: of the images.
        classes: how many there are.
        width: channels at the finest grid; each coarser one has twice as many, up to four times.
    """

    channels: int
    space: tuple[int, ...]
    classes: int
    width: int

    @staticmethod
    def of(frame: AnyFrame, width: int) -> "Canvas":
        """For images of this frame."""
        return Canvas(frame.channels, frame.space, len(frame.classes), width)

    @property
    def grids(self) -> list[tuple[int, ...]]:
        """From the folded image down to at most four an axis.

        >>> Canvas(1, (28, 30), 2, 8).grids
        [(14, 15), (7, 8), (4, 4)]
        """
        grids = [tuple(-(-s // FOLD) for s in self.space)]
        while max(grids[-1]) > LEAST:
            grids.append(tuple(-(-s // 2) for s in grids[-1]))
        return grids

    @property
    def widths(self) -> list[int]:
        """Channels at each grid."""
        return [self.width * min(2**k, WIDEST) for k in range(len(self.grids))]

    @property
    def pixels(self) -> int:
        """Numbers an image."""
        return self.channels * math.prod(self.space)

    @property
    def folded(self) -> int:
        """Channels of an image whose pixels two by two are channels."""
        return self.channels * FOLD ** len(self.space)

    def image(self, rows: Float[Tensor, "b pixels"]) -> Float[Tensor, "b c ..."]:
        """Rows of pixels as folded images, odd sizes padded by nothing but zeros."""
        return fold(padded(rows.reshape(-1, self.channels, *self.space)))

    def rows(self, folded: Float[Tensor, "b f ..."]) -> Float[Tensor, "b pixels"]:
        """The inverse of `image`."""
        return cut(unfold(folded, self.channels), self.space).flatten(1)


class Told(nn.Module):
    """A vector for each class; a blinded class gives NaN."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.vectors = vectors(classes, width)

    def forward(self, asked: Float[Tensor, "b 1"]) -> Float[Tensor, "b width"]:
        """The classes' vectors."""
        found: Tensor = self.vectors(asked[:, 0].nan_to_num().long())
        return found + 0 * asked


class Painter(nn.Module):
    """Numbers and a class to an image: a generator, or a decoder.

    Both are told to every block as scale and shift (Perez et al. 2018, FiLM).

    Args:
        canvas: of the images.
        latent: numbers that an image is made of; further ones are not looked at.
    """

    def __init__(self, canvas: Canvas, latent: int) -> None:
        super().__init__()
        nd, told, widths = len(canvas.space), 4 * canvas.width, canvas.widths
        self.canvas, self.latent = canvas, latent
        self.classes = Told(canvas.classes, told)
        self.first, self.second = linear(latent + told, told), linear(told, told)
        self.ground = linear(told, widths[-1] * math.prod(canvas.grids[-1]))
        ends = [*reversed(widths[:-1]), widths[0]]
        starts = list(reversed(widths))
        self.blocks = nn.ModuleList(
            Block(nd, a, b, told) for a, b in zip(starts, ends, strict=True)
        )
        self.norm = Norm(widths[0])
        self.last = convolution(nd, widths[0], canvas.folded)

    def forward(
        self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b pixels"]:
        """Pixels of these classes, in rows."""
        with brisk():
            z = torch.cat([noise[:, : self.latent], self.classes(asked)], 1)
            told = silu(self.second(silu(self.first(z))))
            sizes = list(reversed(self.canvas.grids))
            h = self.ground(told).reshape(len(z), -1, *sizes[0])
            for block, size in zip(self.blocks, [*sizes[1:], sizes[-1]], strict=True):
                h = block(h, told)
                if h.shape[2:] != size:
                    h = cut(interpolate(h, scale_factor=2.0), size)
            return self.canvas.rows(self.last(silu(self.norm(h)))).float()


class Step(nn.Module):
    """x + conv(f(conv(f(x)))), f the leaky rectifier, the last one starting at 0; no norm.

    So built, a critic's slopes hang on the image alone (Huang et al. 2024, R3GAN, section 4).
    """

    def __init__(self, nd: int, width: int) -> None:
        super().__init__()
        self.into, self.out = convolution(nd, width, width), convolution(nd, width, width)
        quiet(self.out)

    def forward(self, x: Float[Tensor, "b c ..."]) -> Tensor:
        """Same shape out as in."""
        h: Tensor = self.out(leaky_relu(self.into(leaky_relu(x, SLOPE)), SLOPE))
        return x + h


class Trunk(nn.Module):
    """An image to the numbers on its smallest grid; or, of patches, to their mean on its second.

    Attributes:
        size: how many they are.
    """

    def __init__(self, canvas: Canvas, patches: bool = False) -> None:
        super().__init__()
        nd, widths = len(canvas.space), canvas.widths[: PATCHES if patches else None]
        places = 1 if patches else math.prod(canvas.grids[-1])
        self.canvas, self.size, self.patches = canvas, widths[-1] * places, patches
        self.stem = convolution(nd, canvas.folded, widths[0])
        self.steps = nn.ModuleList(Step(nd, w) for w in widths)
        pairs = pairwise(widths)
        self.halve = nn.ModuleList(convolution(nd, a, b, 3, 2) for a, b in pairs)

    def forward(self, pixels: Float[Tensor, "b pixels"]) -> Float[Tensor, "b size"]:
        """(b, size)."""
        with brisk():
            h = self.stem(self.canvas.image(pixels))
            for number, step in enumerate(self.steps):
                h = step(h)
                if number < len(self.halve):
                    h = self.halve[number](h)
            flat = leaky_relu(h, SLOPE).float().flatten(2)
            return flat.mean(2) if self.patches else flat.flatten(1)


class Critic(nn.Module):
    """One score an image, that of its class (projection, Miyato and Koyama 2018, eq. 3).

    Args:
        canvas: of the images.
        guesses: it is not told the class, and guesses it (Odena et al. 2017, two heads).
        patches: its score is the mean of those of patches (Isola et al. 2017, PatchGAN).
    """

    def __init__(self, canvas: Canvas, guesses: bool = False, patches: bool = False) -> None:
        super().__init__()
        self.trunk, self.guesses = Trunk(canvas, patches), guesses
        size = self.trunk.size
        self.real = linear(size, 1)
        self.classes: nn.Module = (
            linear(size, canvas.classes) if guesses else Told(canvas.classes, size)
        )

    def view(self, real: Float[Tensor, "b row"]) -> Float[Tensor, "b pixels"]:
        """The pixels of real rows, which end in the class."""
        return real[:, :-1]

    def forward(
        self, pixels: Float[Tensor, "b pixels"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, " b"]:
        """(b,) scores."""
        found = self.trunk(pixels)
        score: Tensor = self.real(found)[:, 0]
        return score if self.guesses else score + (self.classes(asked) * found).sum(1)

    def both(
        self, pixels: Float[Tensor, "b pixels"]
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, "b classes"]]:
        """Scores, and log-odds of the classes, of a critic that guesses them."""
        found = self.trunk(pixels)
        return self.real(found)[:, 0], self.classes(found)


class Reader(nn.Module):
    """An encoder: mean and log-spread of an image's latent, given its class."""

    def __init__(self, canvas: Canvas, latent: int) -> None:
        super().__init__()
        self.trunk, told = Trunk(canvas), 4 * canvas.width
        self.classes = Told(canvas.classes, told)
        self.ends = linear(self.trunk.size + told, 2 * latent)

    def forward(
        self, real: Float[Tensor, "b row"]
    ) -> tuple[Float[Tensor, "b latent"], Float[Tensor, "b latent"]]:
        """Of rows that end in the class."""
        found = torch.cat([self.trunk(real[:, :-1]), self.classes(real[:, -1:])], 1)
        mean, spread = self.ends(found).chunk(2, 1)
        return mean, spread.clamp(-5.0, 2.0)
