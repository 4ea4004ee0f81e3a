"""Likelihoods of codes: the ELBO of a variational autoencoder, and any-order autoregression."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places, presence
from medsynai.learn.core import Batch, Loss, Modules, PerRow

Rows = Float[Tensor, "batch columns"]
Logits = Float[Tensor, "batch width"]
Lean = Float[Tensor, "2 width"]


def log_probabilities(layout: Layout, logits: Logits) -> Logits:
    """Log-probabilities of every place, summing to one within each column."""
    spans = torch.split(logits, list(layout.sizes), dim=1)
    return torch.cat([torch.log_softmax(s, dim=1) for s in spans], dim=1)


def surprise(layout: Layout, logits: Logits, rows: Rows, lean: Lean | None = None) -> Rows:
    """-log p of each column's code, (batch, columns); NaN for blinded rows.

    With `lean` (see `leaning`), part of a code's target goes to its neighbours.
    """
    scores, here = log_probabilities(layout, logits), places(layout, rows)
    exact = scores.gather(1, here)
    if lean is not None:
        near = (torch.from_numpy(x).to(rows.device) for x in layout.neighbours())
        below, above = (x[here] for x in near)
        down, up = lean[:, here]
        exact = (1 - down - up) * exact
        exact = exact + down * scores.gather(1, below) + up * scores.gather(1, above)
    return -exact * presence(rows)


def leaning(layout: Layout, rows: Rows, smooth: float) -> Lean:
    """How much of each code's target goes to the code below and above it, (2, width).

    Neighbouring bins of a number are nearly the same value, so a target spread over them says the
    same with less of the row in it. Each step is taken with chance smooth / 2 times the ratio of
    the neighbour's rows to the code's own, at most 1 (Metropolis et al. 1953): such a walk leaves
    every column's distribution as it is, spikes included.
    """
    rows_of = torch.bincount(places(layout, rows).flatten(), minlength=layout.width).float()
    here = torch.arange(layout.width)
    lean = [
        smooth / 2 * (rows_of[near] / rows_of.clamp_min(1)).clamp_max(1) * (near != here)
        for near in map(torch.from_numpy, layout.neighbours())
    ]
    return torch.stack(lean)


def usual(layout: Layout, rows: Rows) -> Float[Tensor, " width"]:
    """The log of each code's share of the rows, a tenth of a row at least."""
    counts = torch.bincount(places(layout, rows).flatten(), minlength=layout.width).float()
    return (counts.clamp_min(0.1) / max(len(rows), 1)).log()


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
        decoder: Any = modules["decoder"]
        miss = decoder.surprise(mean + spread.exp() * noise, batch.real).sum(1)
        return miss + beta * divergence(mean, spread)

    return loss


def encoded(modules: Modules, batch: Batch) -> Float[Tensor, "batch latent"]:
    """A draw of q(z|x) for each row; its noise is the first columns, as in `elbo`."""
    mean, spread = modules["encoder"](batch.real, torch.ones_like(batch.real))
    z: Tensor = mean + spread.exp() * batch.noise[:, : mean.shape[1]]
    return z


def divergence(
    mean: Float[Tensor, "batch latent"], spread: Float[Tensor, "batch latent"]
) -> PerRow:
    """KL(N(mean, exp(spread)^2) || N(0, I)) of each row; Kingma and Welling 2014, appendix B."""
    return 0.5 * (mean**2 + torch.exp(2 * spread) - 2 * spread - 1).sum(1)


def any_order(natural: float, lean: bool = True) -> Loss:
    """-log p(x) of each row, its columns in an order of the row's own.

    A share `natural` of the rows takes the columns' own order; the others begin with some columns
    picked at random, as a condition would, and go on in the columns' own order.

    Source: Uria, Murray and Larochelle 2014, A deep and tractable density estimator, eq. 6.

    Args:
        natural: share of the rows in the columns' own order. The noise is one number a column,
            then one for whether and one for how many columns come first.
        lean: targets lean to their neighbours as the network's `lean` says.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        net: Any = modules["net"]
        logits = net(batch.real, known_before(batch.noise, natural))
        return surprise(net.layout, logits, batch.real, net.lean if lean else None).sum(1)

    return loss


def known_before(
    noise: Float[Tensor, "batch draws"], natural: float
) -> Float[Tensor, "batch columns columns"]:
    """Which columns (last axis) come before which (middle axis), from the noise of `any_order`."""
    columns = noise.shape[1] - 2
    share = torch.special.ndtr(noise)
    u, which, count = share[:, :columns], share[:, columns], share[:, columns + 1]
    begin = torch.where(which < natural, torch.zeros_like(count), count)  # share that comes first
    order = torch.arange(columns, device=u.device) + columns * (u >= begin[:, None])
    first = u < begin[:, None]
    rank = torch.where(first, u, order.float())  # picked columns in random order, before all others
    return (rank[:, None, :] < rank[:, :, None]).float()
