"""Losses that shape a latent by a critic: the adversarial autoencoder's.

Source: Makhzani et al. 2016, Adversarial autoencoders, section 2; the prior is N(0, I), drawn from
the first columns of the noise.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from medsynai.learn.core import Batch, Loss, Modules, PerRow

Latent = Float[Tensor, "batch latent"]
Encode = Callable[[Modules, Batch], Latent]


def latent_critic(encode: Encode) -> Loss:
    """-log s(D(z)) for z from the prior, -log(1 - s(D(q(x)))) for encoded rows."""

    def loss(modules: Modules, batch: Batch) -> PerRow:
        encoded = encode(modules, batch).detach()
        prior = batch.noise[:, : encoded.shape[1]]
        return softplus(-_score(modules, prior)) + softplus(_score(modules, encoded))

    return loss


def latent_fool(encode: Encode) -> Loss:
    """-log s(D(q(x))): the encoder's latents come to look like the prior's."""

    def loss(modules: Modules, batch: Batch) -> PerRow:
        return softplus(-_score(modules, encode(modules, batch)))

    return loss


def _score(modules: Modules, z: Latent) -> PerRow:
    score: Tensor = modules["critic"](z).squeeze(1)
    return score
