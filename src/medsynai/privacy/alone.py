"""The clipped gradient of one patient, by itself: for losses that work on no rows of a batch.

Where a network reads a patient step by step, what goes into its layers are steps, of which one
patient has many; ghost norms (`privacy.gradients`) are of rows. So one backward pass a patient.
"""

from collections.abc import Callable, Sequence

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
