"""What a critic is shown in place of an image: brighter, moved, with a hole; real ones as well.

Zhao et al. 2020, Differentiable augmentation for data-efficient GAN training (DiffAugment). As the
generator's images are changed in the same ways, it has nothing to gain from painting the changes;
each change spares half of the images, or moved and unmoved ones would look the same to the critic,
and the generator paint edges that are drawn out (Karras et al. 2020, Training generative
adversarial networks with limited data, section 3.1).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.nets.conv import Canvas

BRIGHTER, CONTRAST = 0.5, 0.5  # of a pixel's spread, and of its distance from the image's mean
MOVED, HOLE = 8, 4  # an eighth of an axis at most; a hole reaches a quarter to either side


def numbers(canvas: Canvas) -> int:
    """Numbers of noise that `changed` takes an image."""
    return 2 + 2 * len(canvas.space)


def changed(
    canvas: Canvas, pixels: Float[Tensor, "b pixels"], noise: Float[Tensor, "b n"]
) -> Float[Tensor, "b pixels"]:
    """Rows of pixels of images that were changed, each by its own noise; edges are drawn out."""
    u = torch.special.ndtr(noise)
    image = pixels.reshape(-1, canvas.channels, *canvas.space)
    shape = (-1, *(1,) * (image.dim() - 1))
    mean = image.mean(tuple(range(1, image.dim())), keepdim=True)
    image = mean + (image - mean) * (1 + CONTRAST * sparing(u[:, 0])).reshape(shape)
    image = image + (BRIGHTER * sparing(u[:, 1])).reshape(shape)
    hole = torch.ones_like(image[:, :1])
    for axis, size in enumerate(canvas.space):
        along, middle = sparing(u[:, 2 + 2 * axis]), 2 * u[:, 3 + 2 * axis] - 0.5
        here = [1] * image.dim()
        here[0], here[2 + axis] = -1, size
        places = torch.arange(size, device=u.device)
        by = torch.round(along * (size // MOVED)).long()
        source = (places - by[:, None]).clamp(0, size - 1).reshape(here)
        image = torch.take_along_dim(image, source, 2 + axis)
        inside = (places - (middle * size)[:, None]).abs() < size / HOLE
        hole = hole * inside.reshape(here)
    return (image * (1 - hole)).flatten(1)


def sparing(u: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Uniform numbers in [0, 1] to amounts in [-1, 1], of which half are 0.

    >>> sparing(torch.tensor([0.0, 0.125, 0.6, 1.0])).tolist()
    [-1.0, -0.5, 0.0, 1.0]
    """
    way = 2 * u - 1
    return way.sign() * (2 * way.abs() - 1).clamp_min(0.0)


class Shown(nn.Module):
    """A critic that is shown changed images; the same noise changes a real row and its rival."""

    def __init__(self, critic: nn.Module, canvas: Canvas, noise: Float[Tensor, "b n"]) -> None:
        super().__init__()
        whole: Any = critic
        self.critic, self.canvas, self.noise = whole, canvas, noise

    def view(self, real: Tensor) -> Tensor:
        """See `Critic.view`."""
        seen: Tensor = self.critic.view(real)
        return seen

    def forward(self, pixels: Tensor, asked: Tensor) -> Tensor:
        """Scores of the changed images."""
        found: Tensor = self.critic(changed(self.canvas, pixels, self.noise), asked)
        return found
