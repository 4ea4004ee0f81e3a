"""Gradients of single patients, kept as their factors: norms and sums without forming them.

Where uses of a weight cancel each other, what is left of them is lost in the rounding of 32-bit
floats: long gradients would pass for short ones. So squared norms of several uses come with
`ROUNDING` of what they would be if nothing cancelled: never too small by rounding, and hardly
larger where little cancels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from medsynai.errors import PlanError

ROUNDING = 2.0**-18  # 64 units in the last place of a 32-bit float


@dataclass(frozen=True)
class Factors:
    """Row i's gradient of a matrix is the sum over t of left[i, t] x right[i, t].

    Attributes:
        left: (groups, uses, outputs).
        right: (groups, uses, inputs).
    """

    left: Tensor
    right: Tensor

    def squares(self) -> Float[Tensor, " groups"]:
        """Squared norms, no less; by inner products or by the matrices, whichever is less work."""
        uses, sides = self.left.shape[1], self.left.shape[2] + self.right.shape[2]
        if uses == 1:
            return _square(self.left) * _square(self.right)
        if uses * sides <= self.left.shape[2] * self.right.shape[2]:
            left, right = self.left @ self.left.mT, self.right @ self.right.mT
            found = (left * right).sum((1, 2)).clamp_min(0)
        else:
            found = _square(self.left.mT @ self.right)
        return found + _lost(self.left.norm(dim=2) * self.right.norm(dim=2))

    def add_to(self, total: Tensor, share: Float[Tensor, " groups"]) -> None:
        """Add every group's gradient, times its share."""
        scaled = self.left * share[:, None, None]
        total.addmm_(scaled.flatten(0, 1).T, self.right.flatten(0, 1))


@dataclass(frozen=True)
class Lines:
    """Row i's gradient has slope[i, t] in line place[i, t] of a matrix; lines may repeat.

    Attributes:
        place: (groups, uses).
        slope: (groups, uses, width).
    """

    place: Int64[Tensor, "groups uses"]
    slope: Tensor

    def squares(self) -> Float[Tensor, " groups"]:
        """Squared norms, no less."""
        same = self.place[:, :, None] == self.place[:, None, :]
        found = ((self.slope @ self.slope.mT) * same).sum((1, 2)).clamp_min(0)
        return found + _lost(self.slope.norm(dim=2))

    def add_to(self, total: Tensor, share: Float[Tensor, " groups"]) -> None:
        """Add every group's gradient, times its share."""
        scaled = self.slope * share[:, None, None]
        total.index_add_(0, self.place.flatten(), scaled.flatten(0, 1))


@dataclass(frozen=True)
class Whole:
    """Row i's gradient as it is; only for weights no longer than a layer is wide.

    Attributes:
        slope: (groups, *shape of the weight).
    """

    slope: Tensor

    def squares(self) -> Float[Tensor, " groups"]:
        """Squared norms."""
        return _square(self.slope)

    def add_to(self, total: Tensor, share: Float[Tensor, " groups"]) -> None:
        """Add every group's gradient, times its share."""
        total += (share @ self.slope.flatten(1)).view_as(total)


Slopes = Factors | Lines | Whole


def _square(x: Tensor) -> Float[Tensor, " groups"]:
    flat = x.flatten(1)
    return torch.linalg.vecdot(flat, flat)


def _lost(lengths: Float[Tensor, "groups uses"]) -> Float[Tensor, " groups"]:
    """What rounding may have taken from the squared norm of uses of these lengths."""
    return ROUNDING * lengths.sum(1).square()


def together(slopes: list[Slopes]) -> Slopes:
    """All uses of one part as one."""
    if len(slopes) == 1:
        return slopes[0]
    kinds = {type(s) for s in slopes}
    if len(kinds) > 1:
        raise PlanError("differential privacy: a weight is used in different ways at once")
    if kinds == {Whole}:
        return Whole(torch.stack([s.slope for s in slopes]).sum(0))  # type: ignore[union-attr]
    return _mapped(slopes, lambda parts: torch.cat(parts, dim=1))


def joined(slopes: Slopes, groups: Int64[Tensor, " rows"]) -> Slopes:
    """Rows of one patient side by side, as uses of one group."""
    count = int(groups.max()) + 1
    if isinstance(slopes, Whole):
        total = torch.zeros(count, *slopes.slope.shape[1:])
        return Whole(total.index_add(0, groups, slopes.slope))
    order = torch.argsort(groups, stable=True)
    starts = torch.searchsorted(groups[order], torch.arange(count))
    place = torch.empty_like(groups)
    place[order] = torch.arange(len(groups)) - starts[groups[order]]
    most = int(place.max()) + 1

    def padded(parts: list[Tensor]) -> Tensor:
        whole = torch.zeros(count, most, *parts[0].shape[1:], dtype=parts[0].dtype)
        whole[groups, place] = parts[0]
        return whole.flatten(1, 2)

    return _mapped([slopes], padded)


def numbers(slopes: Slopes) -> Slopes:
    """Zero where there is no number: it would spoil the sum even with no share in it."""
    return _mapped([slopes], lambda parts: torch.nan_to_num(parts[0], 0.0, 0.0, 0.0))


def _mapped(slopes: Sequence[Slopes], change: Callable[[list[Tensor]], Tensor]) -> Slopes:
    fields = [list(vars(s).values()) for s in slopes]
    return type(slopes[0])(*(change(list(parts)) for parts in zip(*fields, strict=True)))
