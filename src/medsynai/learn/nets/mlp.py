"""Plain and residual multilayer perceptrons, and the layer that reads codes."""

import math
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places, presence

Layer = TypeVar("Layer", bound=nn.Module)


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer; `initialise` gives it its values.

    Torch's own first values leave the global generator as it was (its `skip_init` would spare
    them, but loads a second and more of other modules first).
    """
    with torch.random.fork_rng(devices=[]):
        return nn.Linear(inputs, outputs)


def vectors(count: int, width: int) -> nn.Embedding:
    """`count` vectors of `width`; see `linear`."""
    with torch.random.fork_rng(devices=[]):
        return nn.Embedding(count, width)


def quiet(layer: Layer, loud: float = 0.0) -> Layer:
    """The same layer, whose first values are to be `loud` times the usual ones."""
    layer.loud = loud  # type: ignore[assignment]
    return layer


def loudness(layer: nn.Module) -> float:
    """How large a layer's first values are: 1 unless it was made `quiet`."""
    return float(getattr(layer, "loud", 1.0))


@torch.no_grad()
def initialise(modules: nn.Module, generator: torch.Generator) -> None:
    """First values of every weight from one generator: nothing is seeded globally.

    Linear layers get U(-1/sqrt(inputs), 1/sqrt(inputs)) (LeCun et al. 1998, Efficient backprop),
    gated recurrent units the same of their states; vectors of codes a normal of spread
    1/sqrt(width). A `quiet` layer begins with less.
    """
    for layer in modules.modules():
        if isinstance(layer, nn.Linear):
            bound = loudness(layer) / math.sqrt(layer.in_features)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
        elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            bound = loudness(layer) / math.sqrt(layer.weight[0].numel())
            layer.weight.uniform_(-bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.GRU):
            bound = 1 / math.sqrt(layer.hidden_size)
            for weight in layer.parameters():
                weight.uniform_(-bound, bound, generator=generator)
        elif isinstance(layer, nn.Embedding | nn.EmbeddingBag):
            spread = loudness(layer) / math.sqrt(layer.embedding_dim)
            layer.weight.normal_(0, spread, generator=generator)


def mlp(inputs: int, width: int, outputs: int, hidden: int = 2) -> nn.Sequential:
    """`hidden` layers of `width` with SiLU between (Elfwing et al. 2018)."""
    layers: list[nn.Module] = []
    for size in (inputs, *[width] * (hidden - 1)):
        layers += [linear(size, width), nn.SiLU()]
    return nn.Sequential(*layers, linear(width, outputs))


class Residual(nn.Module):
    """x + W2 relu(W1 norm(x)): a pre-norm residual block (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width), linear(width, width), nn.ReLU(), linear(width, width)
        )

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        """Same shape out as in."""
        out: Tensor = x + self.body(x)
        return out


def residual_mlp(width: int, blocks: int) -> nn.Sequential:
    """`blocks` residual blocks and a last layer norm."""
    return nn.Sequential(*(Residual(width) for _ in range(blocks)), nn.LayerNorm(width))


class Reader(nn.Module):
    """A linear layer on one-hot rows, computed as a sum of one vector a code."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.layout = layout
        with torch.random.fork_rng(devices=[]):
            self.codes = nn.EmbeddingBag(layout.width, width, mode="sum")

    def forward(
        self, rows: Float[Tensor, "batch columns"], kept: Float[Tensor, "batch columns"]
    ) -> Float[Tensor, "batch width"]:
        """The sum over the columns `kept` (1 or 0); a blinded row gives NaN."""
        summed: Tensor = self.codes(
            places(self.layout, rows), per_sample_weights=kept * presence(rows)
        )
        return summed


def modules_of(**parts: nn.Module) -> nn.ModuleDict:
    """Networks by name."""
    return nn.ModuleDict(parts)
