"""The clipped gradient of one patient, by itself: for networks whose layers have no ghost norm.

Where a network reads a patient step by step, what goes into its layers are steps, of which one
patient has many; ghost norms (`privacy.gradients`) are of rows. So one backward pass a patient, or,
where a loss takes its rows as a stack, the passes of many rows in one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ROUNDED = 1e-6


def add_clipped(
    losses: Callable[[], Tensor], weights: Sequence[Tensor], clip: float, into: Sequence[Tensor]
) -> None:
    """Add one patient's gradient, scaled down to a norm of at most `clip`, to the sums.

    **Guarantee:** the sums move by at most `clip` in L2, over all weights together; a gradient that
    is no number, anywhere, counts for nothing.

    Args:
        losses: works out one number a row, of this patient's rows alone.
        weights: that are trained.
        clip: the most that a patient counts for.
        into: sums of the weights' shapes.
    """
    total = losses().sum()
    found = torch.autograd.grad(total, weights, materialize_grads=True)
    square = sum(float(g.double().square().sum()) for g in found)
    if not square < float("inf"):  # nor is it where the sum is no number
        return
    # a little below the clip: sums of 32-bit floats are rounded
    share = min(1.0, (1 - ROUNDED) * clip / square**0.5) if square else 0.0
    for mine, gradient in zip(into, found, strict=True):
        mine.add_(gradient, alpha=share)


@dataclass(frozen=True)
class Stack:
    """Rows whose passes are worked out together.

    Attributes:
        rows: tensors with a first axis of rows.
        patients: (rows,) whose each is, from 0, every number in use.
        size: rows of one pass; the last one is filled up with rows of nobody, so that how a row is
            rounded does not hang on how many others there are.
    """

    rows: Sequence[Tensor]
    patients: Tensor
    size: int

    @property
    def people(self) -> int:
        """How many patients there are."""
        return int(self.patients.max()) + 1 if len(self.patients) else 0

    def passes(self) -> Iterator[tuple[list[Tensor], Tensor]]:
        """Rows of one size, and whose they are: nobody is the number behind the last patient."""
        for start in range(0, len(self.patients), self.size):
            whose = self.patients[start : start + self.size]
            lacking = self.size - len(whose)
            part = [x[start : start + self.size] for x in self.rows]
            full = [torch.cat([x, x.new_zeros(lacking, *x.shape[1:])]) for x in part]
            yield full, torch.cat([whose, whose.new_full((lacking,), self.people)])


def add_each_clipped(
    losses: Callable[[dict[str, Tensor], Sequence[Tensor]], Tensor],
    weights: dict[str, Tensor],
    stack: Stack,
    clip: float,
    into: Sequence[Tensor],
) -> None:
    """Add each patient's gradient to the sums, as `add_clipped` does, many rows worked out at once.

    **Guarantee:** as `add_clipped`, for each patient. A row's gradient is worked out without the
    other rows (torch.func.vmap), and a patient's are added up before they are clipped.

    Args:
        losses: weights and one row of each tensor, with a first axis of 1 -> its loss.
        weights: that are trained, by name, in the order of `into`.
        stack: the rows.
        clip: the most that a patient counts for.
        into: sums of the weights' shapes.
    """

    def of_row(given: dict[str, Tensor], *row: Tensor) -> Tensor:
        return losses(given, [part[None] for part in row]).sum()

    alone = torch.func.vmap(torch.func.grad(of_row), in_dims=(None, *(0 for _ in stack.rows)))
    given, people = {k: w.detach() for k, w in weights.items()}, stack.people
    summed = [w.new_zeros(people + 1, w.numel()) for w in given.values()]
    for rows, whose in stack.passes():
        found = alone(given, *rows)
        for mine, name in zip(summed, given, strict=True):
            mine.index_add_(0, whose, found[name].reshape(len(whose), -1))
    mine_alone = [part[:people] for part in summed]
    square = torch.stack([g.double().square().sum(1) for g in mine_alone]).sum(0)
    sound = torch.isfinite(square)
    share = ((1 - ROUNDED) * clip / square.clamp_min(1e-300).sqrt()).clamp_max(1.0)
    share = torch.where(sound, share, 0.0).float()
    for total, gradient in zip(into, mine_alone, strict=True):
        kept = torch.where(sound[:, None], gradient, 0.0)
        total.add_((share @ kept).view_as(total))
