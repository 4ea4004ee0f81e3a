"""Networks that work on principal components of rows: what they see, and how they draw."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.core import Batch, Modules
from medsynai.learn.nets.components import Components
from medsynai.learn.paths import Path


def scores(modules: Modules, batch: Batch) -> Tensor:
    """(batch, components) of real rows, which end in the class."""
    basis: Any = modules["basis"]
    found: Tensor = basis.see(batch.real[:, :-1])
    return found


class ComponentPath(nn.Module):
    """From noise to scores of principal components, and back to rows."""

    def __init__(self, net: nn.Module, basis: Components, hops: int) -> None:
        super().__init__()
        self.basis, self.path = basis, Path(net, basis.count, hops)

    def draw(
        self, labels: Float[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n width"]:
        """(n, width) rows of these classes."""
        return self.basis.back(self.path.draw(labels, generator), generator)

    def settle(self, modules: Modules) -> None:
        """Take trained weights and fitted components over."""
        self.path.net.load_state_dict(modules["net"].state_dict())
        self.basis.load_state_dict(modules["basis"].state_dict())
