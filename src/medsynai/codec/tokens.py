"""Codes as tensors: what every network of tables reads and writes.

Rows travel as float codes, one a column, so that a blinded row (all NaN) stays NaN in whatever is
made of it.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Integer
from torch import Tensor

from medsynai.codec.layout import Layout

Rows = Float[Tensor, "rows columns"]
Hot = Float[Tensor, "rows width"]


def to_rows(codes: Integer[np.ndarray, "rows columns"]) -> Rows:
    """A table's codes as a tensor; exact, as a column has fewer than 2**24 codes."""
    return torch.from_numpy(codes.astype(np.float32))


def to_codes(rows: Rows) -> Integer[np.ndarray, "rows columns"]:
    """The inverse of `to_rows`."""
    return rows.numpy().astype(np.int64)


def places(layout: Layout, rows: Rows) -> Int64[Tensor, "rows columns"]:
    """Each code's place in the layout; a NaN gives the column's first, so weigh it by `presence`.

    >>> places(Layout.of(("a", "b"), (3, 2), (False, False)), torch.tensor([[2.0, 1.0]])).tolist()
    [[2, 4]]
    """
    return torch.nan_to_num(rows).long() + torch.tensor(layout.starts, device=rows.device)


def presence(rows: Rows) -> Rows:
    """1 for every code, NaN for a blinded one."""
    return rows * 0 + 1


def one_hot(layout: Layout, rows: Rows) -> Hot:
    """1 at each column's code, 0 elsewhere; NaN at a blinded one."""
    hot = torch.zeros(len(rows), layout.width, device=rows.device)
    return hot.scatter(1, places(layout, rows), presence(rows))


def from_one_hot(layout: Layout, hot: Hot) -> Rows:
    """The code of the greatest entry of each column's span."""
    chosen = [hot[:, span.places].argmax(1) for span in layout]
    return torch.stack(chosen, dim=1).float()


def seen_in(layout: Layout, rows: Rows) -> Bool[Tensor, " width"]:
    """Which places occur among these rows: others are never drawn."""
    seen = torch.zeros(layout.width, dtype=torch.bool)
    seen[places(layout, rows).flatten()] = True
    return seen
