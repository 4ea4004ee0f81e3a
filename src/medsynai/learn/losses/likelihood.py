"""Likelihoods of codes: the ELBO of a variational autoencoder, and any-order autoregression."""

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places, presence
from medsynai.learn.core import Batch, Loss, Modules, PerRow

Rows = Float[Tensor, "batch columns"]
Logits = Float[Tensor, "batch width"]


def log_probabilities(layout: Layout, logits: Logits) -> Logits:
    """Log-probabilities of every place, summing to one within each column."""
    spans = torch.split(logits, list(layout.sizes), dim=1)
    return torch.cat([torch.log_softmax(s, dim=1) for s in spans], dim=1)


def surprise(layout: Layout, logits: Logits, rows: Rows, smooth: float = 0.0) -> Rows:
    """-log p of each column's code, (batch, columns); NaN for blinded rows.

    With `smooth`, the target is a code at 1 - smooth and its two neighbours at smooth / 2 each
    where they have an order: neighbouring bins of a number are nearly the same value.
    """
    scores, here = log_probabilities(layout, logits), places(layout, rows)
    exact = scores.gather(1, here)
    if smooth:
        below, above = (torch.from_numpy(x)[here] for x in layout.neighbours())
        beside = scores.gather(1, below) + scores.gather(1, above)
        exact = (1 - smooth) * exact + smooth / 2 * beside
    return -exact * presence(rows)


def elbo(beta: float, drop: float, latent: int) -> Loss:
    """-E_q[log p(x|z)] + beta KL(q(z|x) || N(0, I)), one number a row.

    Source: Kingma and Welling 2014, Auto-encoding variational Bayes, eq. 10; beta: Higgins et al.
    2017, beta-VAE, eq. 4. `drop` hides that share of the columns from the encoder.

    Args:
        beta: weight of the divergence; below 1 the latent keeps more of the row.
        drop: share of columns hidden.
        latent: width of z. The noise is z's, then one number a column for hiding.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        noise, hide = batch.noise[:, :latent], batch.noise[:, latent:]
        kept = (torch.special.ndtr(hide) >= drop).float()
        mean, spread = modules["encoder"](batch.real, kept)
        logits = modules["decoder"](mean + spread.exp() * noise)
        miss = surprise(modules["encoder"].layout, logits, batch.real).sum(1)
        return miss + beta * divergence(mean, spread)

    return loss


def divergence(
    mean: Float[Tensor, "batch latent"], spread: Float[Tensor, "batch latent"]
) -> PerRow:
    """KL(N(mean, exp(spread)^2) || N(0, I)) of each row; Kingma and Welling 2014, appendix B."""
    return 0.5 * (mean**2 + torch.exp(2 * spread) - 2 * spread - 1).sum(1)


def any_order(smooth: float, natural: float) -> Loss:
    """-log p(x) of each row, its columns in an order of the row's own.

    A share `natural` of the rows takes the columns' own order; the others begin with some columns
    picked at random, as a condition would, and go on in the columns' own order.

    Source: Uria, Murray and Larochelle 2014, A deep and tractable density estimator, eq. 6.

    Args:
        smooth: see `surprise`.
        natural: share of the rows in the columns' own order. The noise is one number a column,
            then one for whether and one for how many columns come first.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        net = modules["net"]
        logits = net(batch.real, known_before(batch.noise, natural))
        return surprise(net.layout, logits, batch.real, smooth).sum(1)

    return loss


def known_before(
    noise: Float[Tensor, "batch draws"], natural: float
) -> Float[Tensor, "batch columns columns"]:
    """Which columns (last axis) come before which (middle axis), from the noise of `any_order`."""
    columns = noise.shape[1] - 2
    share = torch.special.ndtr(noise)
    u, which, count = share[:, :columns], share[:, columns], share[:, columns + 1]
    begin = torch.where(which < natural, torch.zeros_like(count), count)  # share that comes first
    order = torch.arange(columns) + columns * (u >= begin[:, None])
    first = u < begin[:, None]
    rank = torch.where(first, u, order.float())  # picked columns in random order, before all others
    return (rank[:, None, :] < rank[:, :, None]).float()
