"""The loss of an autoencoder of codes."""

from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from medsynai.learn.core import Batch, Modules, PerRow


def encoded(modules: Modules, batch: Batch) -> Float[Tensor, "batch latent"]:
    """Real rows of codes as latents."""
    z: Tensor = modules["encoder"](batch.real)
    return z


def reconstruct(modules: Modules, batch: Batch) -> PerRow:
    """Cross-entropy of a row's codes through encoder and decoder, summed over codes.

    Source: Choi et al. 2017, medGAN, eq. 2.
    """
    encoder: Any = modules["encoder"]
    logits, truth = modules["decoder"](encoded(modules, batch)), encoder.view(batch.real)
    return binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1)
