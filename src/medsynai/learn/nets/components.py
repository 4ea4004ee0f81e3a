"""Principal components of rows, as a lens that networks look through, and a net of their flow."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from medsynai.learn.nets.mlp import linear, vectors
from medsynai.learn.nets.unet import WAVES, waves

FAINT = (
    3e-4  # a component's spread, as a share of the first one's, below which no network works on it
)
WIDEST = 512  # axes that are kept at most, where a network works on fewer


class Components(nn.Module):
    """Whitened principal components of rows, fitted before training.

    Flat directions of smooth series are as large here as the others, so that nothing that is small
    is lost in training, and a curve that is drawn is as smooth as the real ones. Directions that
    are left to no network are drawn from a normal of their own spread, each by itself.

    Args:
        width: numbers a row.
        most: components that a network works on.
    """

    middle: Tensor
    axes: Tensor
    spreads: Tensor
    tail: Tensor
    rest: Tensor

    def __init__(self, width: int, most: int) -> None:
        super().__init__()
        self.count, axes = min(most, width), min(width, max(most, WIDEST))
        self.register_buffer("middle", torch.zeros(width))
        self.register_buffer("axes", torch.zeros(axes, width))
        self.register_buffer("spreads", torch.zeros(self.count))
        self.register_buffer("tail", torch.zeros(axes))
        self.register_buffer("rest", torch.zeros(width))

    @torch.no_grad()
    def learn(self, rows: Float[Tensor, "n width"], per: int) -> "Components":
        """Fit to train rows, at least `per` of them behind each component of the network.

        Two rows stand behind each of the other axes; what lies beyond these is white noise. Turk
        and Pentland 1991, Eigenfaces for recognition.
        """
        wide = rows.double()
        middle = wide.mean(0)
        values, found = torch.linalg.eigh(torch.cov(wide.T).reshape(rows.shape[1], -1))
        spreads, axes = values.flip(0).clamp_min(0).sqrt(), found.flip(1).T
        axes = axes * torch.where(axes.sum(1, keepdim=True) < 0, -1.0, 1.0)  # one of two signs
        bold = int((spreads > FAINT * spreads[0]).sum())
        kept = max(1, min(self.count, bold, len(rows) // per))
        all_of = max(kept, min(len(self.axes), len(rows) // 2))
        self.middle.copy_(middle)
        self.axes[:all_of] = axes[:all_of].float()
        self.spreads[:kept] = spreads[:kept].float()
        self.tail[kept:all_of] = spreads[kept:all_of].float()
        left = (wide - middle) - (wide - middle) @ axes[:all_of].T @ axes[:all_of]
        self.rest.copy_(left.std(0) if all_of < rows.shape[1] else torch.zeros_like(middle))
        return self

    def see(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n count"]:
        """The whitened scores; 0 on empty axes."""
        scale = torch.where(self.spreads > 0, 1 / self.spreads.clamp_min(1e-12), 0)
        return ((rows - self.middle) @ self.axes[: self.count].T) * scale

    def back(
        self, scores: Float[Tensor, "n count"], generator: torch.Generator
    ) -> Float[Tensor, "n width"]:
        """Rows of these scores, with what the other directions add."""
        drawn = torch.randn(len(scores), len(self.axes), generator=generator) * self.tail
        drawn[:, : self.count] += scores * self.spreads
        noise = torch.randn(len(scores), len(self.middle), generator=generator)
        return self.middle + drawn @ self.axes + noise * self.rest


class Velocity(nn.Module):
    """A velocity of scores: residual layers whose inputs are scaled by the time and the class.

    Perez et al. 2018, FiLM: visual reasoning with a general conditioning layer.
    """

    def __init__(self, count: int, classes: int, width: int, layers: int) -> None:
        super().__init__()
        self.enter, self.time = linear(count, width), linear(2 * WAVES, width)
        self.classes, self.mix = vectors(classes, width), linear(width, width)
        self.tell = nn.ModuleList(linear(width, 2 * width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.into = nn.ModuleList(linear(width, width) for _ in range(layers))
        self.out = nn.ModuleList(linear(width, width) for _ in range(layers))
        self.last, self.ends = nn.LayerNorm(width), linear(width, count)

    def forward(
        self, x: Float[Tensor, "b count"], time: Float[Tensor, " b"], label: Float[Tensor, " b"]
    ) -> Float[Tensor, "b count"]:
        """The velocity of each score; a blinded label gives NaN."""
        known = self.classes(label.nan_to_num().long()) + 0 * label[:, None]
        told = silu(self.mix(silu(self.time(waves(time)) + known)))
        h = self.enter(x)
        for tell, norm, into, out in zip(self.tell, self.norms, self.into, self.out, strict=True):
            scale, shift = tell(told).chunk(2, 1)
            h = h + out(silu(into(norm(h) * (1 + scale) + shift)))
        found: Tensor = self.ends(self.last(h))
        return found
