"""The velocity of a latent on its way from noise: a residual perceptron."""

from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.nets.conv import Told
from medsynai.learn.nets.mlp import linear, residual_mlp
from medsynai.learn.nets.unet import WAVES, waves

BLOCKS = 3


class Velocity(nn.Module):
    """A velocity for each number of a noisy latent, told the time and the class."""

    def __init__(self, latent: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.enter, self.time = linear(latent, hidden), linear(2 * WAVES, hidden)
        self.classes = Told(classes, hidden)
        self.body, self.leave = residual_mlp(hidden, BLOCKS), linear(hidden, latent)

    def forward(
        self, x: Float[Tensor, "b latent"], time: Float[Tensor, " b"], label: Float[Tensor, " b"]
    ) -> Float[Tensor, "b latent"]:
        """The velocity; a blinded label gives NaN."""
        told = self.time(waves(time)) + self.classes(label[:, None])
        found: Tensor = self.leave(self.body(self.enter(x) + told))
        return found
