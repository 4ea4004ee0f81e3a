"""What a run of images tells of itself at every look: collapse, what is left out, near copies.

Nothing is downloaded: images are seen as whitened components of the train images' pixels, and as
what convolutions with fixed random weights make of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    conv1d,
    conv2d,
    conv3d,
    relu,
)

from medsynai.learn.core import Batch, Modules
from medsynai.learn.monitor import Figures, Monitor
from medsynai.learn.nets.conv import Canvas
from medsynai.learn.state import COPIES

COMPONENTS, NEIGHBOURS = 32, 5
FILTERS = (16, 32)
AT_ONCE = 2**20  # pixels that are worked on at once, so that volumes fit into memory
COARSE = {1: 128, 2: 32, 3: 12}  # numbers along an axis, by how many there are, for components
POOLS = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
CLOSE, COPIED = 0.05, 0.25  # share of held-out images that is called close; share that is copying
ALONE = 0.5  # and no image is called close that is not twice as far from the second nearest
SURE = 2.33  # standard deviations beyond chance: one look in a hundred passes them by chance
FARTHEST = 1.0  # of a kernel distance
ROUNDING = 1e-5  # less than that is no distance
SOME, PARTS = 2_000, 4  # train images that stand for all; parts of them beside the held-out ones
KNOWN = 20_000  # train images that drawn ones are held against at most
Rows = Float[Tensor, "n pixels"]


def look_at_images(canvas: Canvas) -> Monitor:
    """Coverage, variety and near copies of the generator, and its distance to held-out images.

    - `covered`: see `coverage`, on whitened components.
    - `variety`: the Vendi score of synthetic images over that of real ones.
    - `near`: share that is like one train image and no other, as the twentieth of held-out images
      is that is so most; a mean of many images lies near to all of them, and is no copy.
    - `held`: see `kernel_distance`, on random convolutions, and what `covered` lacks of all: a
      generator that leaves images out may yet be near in the mean.
    - `copies`: whether `near` is above .25, or by .2 above what is near by chance.
    """

    def look(modules: Modules, batch: Batch, held: Tensor) -> Figures:
        real, few = batch.real[:, :-1], at_once(canvas)
        parts = zip(*(torch.split(x, few) for x in (batch.noise, batch.condition)), strict=True)
        fake = torch.cat([modules["generator"](z, asked) for z, asked in parts])
        plain = [coarse(canvas, x) for x in (real, fake)]
        see = components(plain[0])
        seen = see(plain[0]), see(plain[1])
        figures = {"covered": coverage(*seen), "variety": vendi(seen[1]) / vendi(seen[0])}
        if len(held):
            fresh = held[:, :-1]
            shares = near_shares(fake, torch.unique(real, dim=0), fresh, ALONE)
            figures["near"] = shares.near
            textures = [
                torch.cat([convolved(canvas, part) for part in torch.split(x, few)])
                for x in (fake, fresh)
            ]
            figures["held"] = kernel_distance(*textures) + 1 - figures["covered"]
            figures[COPIES] = float(shares.near > COPIED - CLOSE + shares.chance)
        return figures

    return look


def look_at_copies(
    canvas: Canvas, rows: Rows, draw: Callable[[Modules], Rows], random: torch.Generator
) -> Monitor:
    """What `near_copies` finds of a few drawn images; nothing where no image is held out.

    Args:
        canvas: the size of the images.
        rows: of the train images, without their classes.
        draw: the networks -> images, from the same noise at every look.
        random: which train images are looked at, if there are more than 20,000.
    """
    some = rows[torch.randperm(len(rows), generator=random)[:KNOWN]]
    known = torch.unique(coarse(canvas, some), dim=0)

    def look(modules: Modules, batch: Batch, held: Tensor) -> Figures:
        if not len(held) or len(known) < 2:
            return {}
        return near_copies(coarse(canvas, draw(modules)), known, coarse(canvas, held[:, :-1]))

    return look


def near_copies(fake: Rows, known: Rows, held: Rows) -> Figures:
    """Are drawn images nearer to train images than held-out ones are, more than chance explains?

    - `near`: share of drawn images that are as much nearer to one train image than to the second
      nearest as the twentieth of held-out images is that is so most: .05 where nothing is copied.
    - `copies`: whether that is above what `near_shares` finds to be chance, by 2.33 standard
      deviations of a binomial share, of which one is of the drawn images, and one of the held-out
      ones that the line was drawn by. Where drawn images lie near to held-out ones as well, they
      must lie nearer to as many train images.

    The distance alone would not do: a mean of many images lies near to all of them, and is no
    copy. Nor would it do to count which is nearer, a train image or a held-out one of as many: a
    copy is mostly of a train image that is not among those, and a few images are the nearest to
    most, so that fresh ones seem to be off.
    """
    found, sizes = near_shares(fake, known, held), (len(fake), len(held))
    copies = found.near > beyond(found.chance, sizes, SURE)
    if found.unseen > max(found.same, beyond(CLOSE, sizes, 1.0)):
        copies = copies and found.few > beyond(found.unseen, sizes, SURE)
    return {"near": found.near, COPIES: float(copies)}


def beyond(chance: float, sizes: tuple[int, int], by: float) -> float:
    """A share that is so many standard deviations of the difference of two shares above chance."""
    spread: float = (chance * (1 - chance) * sum(1 / n for n in sizes)) ** 0.5
    return chance + by * spread


class Shares(NamedTuple):
    """What is near to one image and no other.

    Attributes:
        near: of drawn images, to a train image.
        same: of held-out images, to a train image: more than .05 where few images differ.
        unseen: of drawn images, to a held-out image: more than .05 where they lack the noise of
            real ones, as they are then more alone beside any image.
        few: of drawn images, to one of as many train images as are held out.
    """

    near: float
    same: float
    unseen: float
    few: float

    @property
    def chance(self) -> float:
        """What may be near although nothing is copied."""
        return max(CLOSE, self.same, self.unseen)


def near_shares(fake: Rows, known: Rows, held: Rows, most: float = 1.0) -> Shares:
    """Shares of images that are as alone beside one as the twentieth of fresh real ones.

    Args:
        fake: drawn images.
        known: train images.
        held: held-out ones.
        most: no image is near that is not so much nearer to one than to the second nearest.
    """

    def share(rows: Rows, others: Rows, line: Tensor) -> float:
        return float((alone(rows, others) <= line).float().mean())

    line = torch.quantile(alone(held, known), CLOSE).clamp_max(most)
    near, same = (share(x, known, line) for x in (fake, held))
    if len(held) < 2:
        return Shares(near, same, 0.0, 0.0)
    # train images lie in order, so that every so-manieth is any
    some, step = known[:: -(-len(known) // SOME)], -(-len(known) // len(held))
    line = torch.quantile(alone(some, held), CLOSE).clamp_max(most)
    parts = [known[k::step] for k in range(min(step, PARTS))]
    few = [share(fake, part, line) for part in parts if len(part) > 1]
    return Shares(near, same, share(fake, held, line), sum(few) / max(len(few), 1))


def at_once(canvas: Canvas) -> int:
    """How many images of this size are worked on at once."""
    return max(1, AT_ONCE // canvas.pixels)


def coarse(canvas: Canvas, rows: Rows) -> Rows:
    """Large images made smaller, so that a look at their components stays quick."""
    most = COARSE[len(canvas.space)]
    if max(canvas.space) <= most:
        return rows
    small = [min(s, most) for s in canvas.space]
    pool: Any = POOLS[len(small)]
    whole: Tensor = pool(rows.reshape(-1, canvas.channels, *canvas.space), small)
    return whole.flatten(1)


def components(rows: Rows) -> Callable[[Rows], Tensor]:
    """How rows look as whitened principal components of the pixels of these ones."""
    mean = rows.mean(0)
    values, axes = torch.linalg.svd(rows - mean, full_matrices=False)[1:]
    most = max(1, min(COMPONENTS, len(rows) - 1, rows.shape[1]))
    whitened = axes[:most].T / (values[:most] / len(rows) ** 0.5).clamp_min(1e-6)
    return lambda seen: (seen - mean) @ whitened


def coverage(real: Tensor, fake: Tensor) -> float:
    """Share of real rows with a synthetic one nearer than their 5th real neighbour.

    Source: Naeem et al. 2020, Reliable fidelity and diversity metrics, eq. 5.
    """
    near = min(NEIGHBOURS + 1, len(real))  # the nearest is the row itself
    reach = torch.kthvalue(torch.cdist(real, real), near, dim=1).values
    return float((torch.cdist(real, fake).min(1).values <= reach).float().mean())


def vendi(seen: Tensor) -> float:
    """Exp of the entropy of the cosine kernel's eigenvalues; Friedman and Dieng 2023, eq. 3."""
    unit = seen / seen.norm(dim=1, keepdim=True).clamp_min(1e-9)
    shares = torch.linalg.eigvalsh(unit.T @ unit / len(unit)).clamp_min(1e-12)
    return float((-(shares * shares.log()).sum()).exp())


def apart(one: Rows, two: Rows) -> Float[Tensor, "n m"]:
    """One less the correlation of pixels."""
    a, b = (x - x.mean(1, keepdim=True) for x in (one, two))
    far = (
        1
        - (a / a.norm(dim=1, keepdim=True).clamp_min(1e-9))
        @ (b / b.norm(dim=1, keepdim=True).clamp_min(1e-9)).T
    )
    return far.where(far > ROUNDING, 0.0)


def alone(rows: Rows, known: Rows) -> Float[Tensor, " n"]:
    """How far each row is from the nearest known one, over how far from the second."""
    first, second = apart(rows, known).topk(2, dim=1, largest=False).values.unbind(1)
    return first / second.clamp_min(1e-9)


def convolved(canvas: Canvas, rows: Rows) -> Float[Tensor, "n features"]:
    """Mean and spread over each image of what two layers of random filters make of it."""
    fixed = torch.Generator().manual_seed(0)
    x = rows.reshape(-1, canvas.channels, *canvas.space)
    nd = len(canvas.space)
    found: list[Tensor] = []
    convolve = (conv1d, conv2d, conv3d)[nd - 1]
    for filters in FILTERS:
        size = (filters, x.shape[1], *(3,) * nd)
        weight = torch.randn(size, generator=fixed) / (x.shape[1] * 3**nd) ** 0.5
        x = relu(convolve(x, weight, stride=1 if found else 2, padding=1))
        flat = x.flatten(2)
        found += [flat.mean(2), flat.std(2)]
    return torch.cat(found, 1)


def kernel_distance(fake: Tensor, held: Tensor) -> float:
    """Squared maximum mean discrepancy, kernel (x y / features + 1)^3, standardised by `held`.

    Source: Binkowski et al. 2018, Demystifying MMD GANs (KID), section 4, unbiased.
    """
    mean, spread = held.mean(0), held.std(0).clamp_min(1e-6)
    x, y = (((a - mean) / spread).clamp(-10, 10) for a in (fake, held))

    def kernel(one: Tensor, two: Tensor) -> Tensor:
        return (one @ two.T / one.shape[1] + 1) ** 3

    def within(rows: Tensor) -> Tensor:  # no row with itself
        k = kernel(rows, rows)
        return (k.sum() - k.diagonal().sum()) / max(1, len(rows) * (len(rows) - 1))

    return float((within(x) + within(y) - 2 * kernel(x, y).mean()).clamp(-FARTHEST, FARTHEST))
