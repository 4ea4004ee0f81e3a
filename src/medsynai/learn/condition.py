"""What a generator is asked for at each step, and which real rows stand beside it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class Pick(NamedTuple):
    """The rows of a batch: where they stand, what they are, what the generator is asked for."""

    rows: Int64[Tensor, " n"]
    labels: Float[Tensor, "n condition"]
    condition: Float[Tensor, "n condition"]


class Asking(Protocol):
    """A source of conditions; made from train rows, whose shares it holds."""

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """`n` of the rows, with their labels and as many conditions."""
        ...


def _any(rows: Tensor, n: int, generator: torch.Generator) -> Int64[Tensor, " n"]:
    return torch.randint(len(rows), (n,), generator=generator)


@dataclass(frozen=True)
class Nothing:
    """No condition: rows at random."""

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """See `Asking`."""
        none = torch.zeros(n, 0)
        return Pick(_any(rows, n, generator), none, none)
