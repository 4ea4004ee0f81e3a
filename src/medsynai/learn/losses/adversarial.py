"""Two networks against each other on one-hot rows: relativistic and Wasserstein pairs, penalties.

The modules are `generator` (latent to logits) and `critic` (packs of one-hot rows to a score). The
noise is the latent, then one number a place of the layout for the draw of the codes.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import one_hot
from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise

Hot = Float[Tensor, "batch width"]
Play = Callable[[Modules, Batch], Hot]
WARMTH = 0.7  # temperature of the slope that goes back through a drawn code


def player(latent: int) -> Play:
    """Generated rows, drawn as codes, with the slope of soft ones.

    Source: Jang, Gu and Poole 2017, Categorical reparameterization with Gumbel-softmax, section 2.2
    (straight-through).
    """

    def play(modules: Modules, batch: Batch) -> Hot:
        layout = layout_of(modules)
        z, u = batch.noise[:, :latent], torch.special.ndtr(batch.noise[:, latent:])
        shaken = modules["generator"](z) - torch.log(-torch.log(u.clamp(1e-6, 1 - 1e-6)))
        soft = torch.cat([torch.softmax(shaken[:, s.places] / WARMTH, 1) for s in layout], 1)
        best = torch.stack([soft[:, s.places].argmax(1) for s in layout], 1).float()
        return one_hot(layout, best) + soft - soft.detach()

    return play


def layout_of(modules: Modules) -> Layout:
    """The generator's layout."""
    layout: Layout = modules["generator"].layout  # type: ignore[assignment]
    return layout


def hot_of(modules: Modules, rows: Float[Tensor, "batch columns"]) -> Hot:
    """One-hot rows in the generator's layout."""
    return one_hot(layout_of(modules), rows)


def scores(modules: Modules, rows: Hot, pack: int) -> Float[Tensor, " packs"]:
    """One score for every `pack` rows (Lin et al. 2018, PacGAN)."""
    scored: Tensor = modules["critic"](rows.reshape(len(rows) // pack, -1))[:, 0]
    return scored


def relativistic(play: Play, pack: int, penalty: float) -> tuple[Loss, Loss, Loss]:
    """Critic, critic with penalty, and generator of a relativistic pair.

    Critic: softplus(D(fake) - D(real)); generator: softplus(D(real) - D(fake)); penalty:
    penalty / 2 (|grad D(real)|^2 + |grad D(fake)|^2), R1 and R2.

    Source: Jolicoeur-Martineau 2019, The relativistic discriminator; Huang et al. 2024, The GAN is
    dead; long live the GAN!, eq. 2 and section 2.2; Mescheder et al. 2018 (R1, R2).
    """
    mark = batchwise(f"packs of {pack} rows share one critic score") if pack > 1 else _as_it_is

    def critic(modules: Modules, batch: Batch) -> PerRow:
        real, fake = hot_of(modules, batch.real), play(modules, batch).detach()
        gap = scores(modules, fake, pack) - scores(modules, real, pack)
        return torch.nn.functional.softplus(gap).repeat_interleave(pack)

    def held_back(modules: Modules, batch: Batch) -> PerRow:
        real, fake = hot_of(modules, batch.real), play(modules, batch).detach()
        steep = slope(modules, real, pack) ** 2 + slope(modules, fake, pack) ** 2
        return critic(modules, batch) + penalty / 2 * steep.repeat_interleave(pack)

    def generator(modules: Modules, batch: Batch) -> PerRow:
        real, fake = hot_of(modules, batch.real), play(modules, batch)
        gap = scores(modules, real, pack).detach() - scores(modules, fake, pack)
        return torch.nn.functional.softplus(gap).repeat_interleave(pack)

    return mark(critic), mark(held_back), mark(generator)


def wasserstein(play: Play, penalty: float) -> tuple[Loss, Loss]:
    """Critic and generator of a Wasserstein pair with gradient penalty, each row on its own.

    Critic: D(fake) - D(real) + penalty (|grad D(between)| - 1)^2, between at random on the line
    from a real to a generated row; generator: -D(fake), which reads no real row.

    Source: Gulrajani et al. 2017, Improved training of Wasserstein GANs, eq. 3.
    """

    def critic(modules: Modules, batch: Batch) -> PerRow:
        real, fake = hot_of(modules, batch.real), play(modules, batch).detach()
        share = torch.special.ndtr(batch.noise[:, -1:])
        steep = slope(modules, real + share * (fake - real), 1)
        gap = scores(modules, fake, 1) - scores(modules, real, 1)
        return gap + penalty * (steep - 1) ** 2

    def generator(modules: Modules, batch: Batch) -> PerRow:
        return -scores(modules, play(modules, batch), 1)

    return critic, generator


def slope(modules: Modules, rows: Hot, pack: int) -> Float[Tensor, " packs"]:
    """The norm of the critic's slope at each pack, itself with a slope in the weights."""
    at = rows.detach().requires_grad_()
    (steep,) = torch.autograd.grad(scores(modules, at, pack).sum(), at, create_graph=True)
    return (steep.reshape(len(rows) // pack, -1).square().sum(1) + 1e-12).sqrt()


def pair_distance(latent: int) -> Loss:
    """How far pairs of columns lie from those of the real rows: their mean total variation.

    Generated shares are exact given the latents: sums of products of probabilities, as columns are
    independent given the latent.
    """

    @batchwise("shares of pairs are those of all rows together")
    def distance(modules: Modules, batch: Batch) -> PerRow:
        layout = layout_of(modules)
        logits = modules["generator"](batch.noise[:, :latent])
        soft = torch.cat([torch.softmax(logits[:, s.places], 1) for s in layout], 1)
        hot = hot_of(modules, batch.real)
        gap = (soft.T @ soft / len(soft) - hot.T @ hot / len(hot)).abs()
        owner = torch.repeat_interleave(torch.tensor(layout.sizes))
        folds = torch.zeros(layout.width, len(layout)).scatter(1, owner[:, None], 1.0)
        pairs = folds.T @ gap @ folds / 2  # (columns, columns), the diagonal no distance of shares
        apart = pairs.triu(1).sum() if len(layout) > 1 else _lone(soft, hot)
        count = max(1, len(layout) * (len(layout) - 1) // 2)
        return (apart / count).expand(len(hot))

    return distance


def _lone(soft: Hot, hot: Hot) -> Tensor:
    return (soft.mean(0) - hot.mean(0)).abs().sum() / 2


def _as_it_is(loss: Loss) -> Loss:
    return loss
