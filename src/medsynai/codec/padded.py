"""Sparse rows as narrow tensors: places of codes, of which only a batch is made dense."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.data.codes import CodeMatrix

Padded = Float[Tensor, "rows most"]
Hot = Float[Tensor, "rows codes"]


def to_padded(matrix: CodeMatrix) -> Padded:
    """Each row's codes as their place plus 1, then zeros up to the widest row; exact in float32."""
    widths = matrix.widths
    padded = np.zeros((len(matrix), max(int(widths.max(initial=0)), 1)), np.float32)
    row = np.repeat(np.arange(len(matrix)), widths)
    rank = np.arange(len(row)) - np.repeat(matrix.counts.indptr[:-1], widths)
    padded[row, rank] = matrix.counts.indices + 1
    return torch.from_numpy(padded)


def to_hot(padded: Padded, codes: int) -> Hot:
    """1 at each code of a row, 0 elsewhere; a blinded row (NaN) stays NaN.

    >>> to_hot(torch.tensor([[2.0, 0.0], [1.0, 3.0]]), 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    hot = torch.zeros(len(padded), codes + 1, device=padded.device)
    hot = hot.scatter(1, torch.nan_to_num(padded).long(), 1.0)[:, 1:]
    return hot + (padded * 0).sum(1, keepdim=True)
