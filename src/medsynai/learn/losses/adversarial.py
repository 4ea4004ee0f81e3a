"""Losses of a generator against a critic, one number a row, or one a pack of rows.

The networks keep to these forms:

- `modules["generator"](noise, condition)` gives (B, width) rows as the critic sees them;
- `modules["critic"].view(real)` turns coded real rows into the same (B, width);
- `modules["critic"](x, asked)` gives (B,) scores, or (B / pack,) if packs share one; higher means
  more like a real row. `asked` is the labels beside real rows, the condition beside synthetic ones.

Only critics read real rows: a generator's loss never does, so it is the same for blinded batches.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from medsynai.learn.core import Batch, Loss, Modules, PerRow, Update, batchwise

Rows = Float[Tensor, "batch width"]
PIN = 0.01  # weight of the squared real scores where only their differences matter


class Duel(NamedTuple):
    """What the critic and the generator each step down."""

    critic: Loss
    generator: Loss


def real_rows(modules: Modules, batch: Batch) -> Rows:
    """Real rows as the critic sees them."""
    critic: Any = modules["critic"]
    seen: Tensor = critic.view(batch.real)
    return seen


def fake_rows(modules: Modules, batch: Batch) -> Rows:
    """Synthetic rows, with the generator's graph."""
    made: Tensor = modules["generator"](batch.noise, batch.condition)
    return made


def _still(modules: Modules, batch: Batch) -> Rows:
    """Synthetic rows for an update of the critic: no graph through the generator."""
    with torch.no_grad():
        return fake_rows(modules, batch)


def _score(modules: Modules, rows: Rows, asked: Tensor) -> PerRow:
    score: Tensor = modules["critic"](rows, asked)
    return score


def real_score(modules: Modules, batch: Batch) -> PerRow:
    """D(x)."""
    return _score(modules, real_rows(modules, batch), batch.labels)


def fake_score(modules: Modules, batch: Batch) -> PerRow:
    """D(G(z)), with the generator's graph."""
    return _score(modules, fake_rows(modules, batch), batch.condition)


def still_score(modules: Modules, batch: Batch) -> PerRow:
    """D(G(z)) without the generator's graph."""
    return _score(modules, _still(modules, batch), batch.condition)


def goodfellow() -> Duel:
    """-log s(D(x)) - log(1 - s(D(G(z)))) for the critic, -log s(D(G(z))) for the generator.

    Source: Goodfellow et al. 2014, Generative adversarial nets, eq. 1, with the generator's
    non-saturating loss of section 3; s is the logistic function.
    """

    def critic(modules: Modules, batch: Batch) -> PerRow:
        return softplus(-real_score(modules, batch)) + softplus(still_score(modules, batch))

    def generator(modules: Modules, batch: Batch) -> PerRow:
        return softplus(-fake_score(modules, batch))

    return Duel(critic, generator)


def voted(modules: Modules, batch: Batch) -> PerRow:
    """Cross-entropy of D(G(z)) to the labels that voters gave the same rows: no real row is read.

    Source: Jordon, Yoon and van der Schaar 2019, PATE-GAN, equation 4 (the student's loss).
    """
    score = still_score(modules, batch)
    return softplus(score) - batch.labels[:, 0] * score


def wasserstein() -> Duel:
    """D(G(z)) - D(x) for the critic, -D(G(z)) for the generator; needs a penalty on the critic.

    Source: Arjovsky, Chintala and Bottou 2017, Wasserstein GAN, eq. 2.
    """

    def critic(modules: Modules, batch: Batch) -> PerRow:
        return still_score(modules, batch) - real_score(modules, batch)

    def generator(modules: Modules, batch: Batch) -> PerRow:
        return -fake_score(modules, batch)

    return Duel(critic, generator)


def relativistic(pin: float = PIN) -> Duel:
    """-log s(D(x) - D(G(z))) for the critic, its mirror image for the generator.

    Only differences of scores matter here, so their level is free. The critic pins it: `pin` times
    D(x)^2 keeps real scores about zero. That lets the generator be compared with zero in the real
    row's place, -log s(D(G(z)) - 0): it learns the same without reading a real row.

    Source: Jolicoeur-Martineau 2019, The relativistic discriminator, eq. 6 and 7, paired as in
    Huang et al. 2024, The GAN is dead; long live the GAN (R3GAN), eq. 2; the pin after Karras et
    al. 2018, Progressive growing of GANs, appendix A.1 (drift).
    """

    def critic(modules: Modules, batch: Batch) -> PerRow:
        real = real_score(modules, batch)
        return softplus(still_score(modules, batch) - real) + pin * real**2

    def generator(modules: Modules, batch: Batch) -> PerRow:
        return softplus(-fake_score(modules, batch))

    return Duel(critic, generator)


def squared_slope(score: Callable[[Rows], PerRow], rows: Rows) -> PerRow:
    """|dD/dx|^2 at each row, or at each pack; can be differentiated once more."""
    with torch.enable_grad():
        at = rows.detach().requires_grad_()
        scores = score(at)
        (slope,) = torch.autograd.grad(scores.sum(), at, create_graph=True)
    return slope.reshape(len(scores), -1).square().sum(1)


def gradient_penalty(weight: float = 10.0) -> Loss:
    """The penalty weight (|dD/dx| - 1)^2 at a point between a real and a synthetic row.

    The point's place between the two comes from the last column of the noise.

    Source: Gulrajani et al. 2017, Improved training of Wasserstein GANs, eq. 3.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        real, fake = real_rows(modules, batch), _still(modules, batch)
        share = torch.special.ndtr(batch.noise[:, -1:])
        between = real + share * (fake - real)
        square = squared_slope(lambda x: _score(modules, x, batch.labels), between)
        return weight * ((square + 1e-12).sqrt() - 1) ** 2

    return loss


def zero_centred(weight: float = 1.0) -> Loss:
    """R1 + R2: weight / 2 (|dD/dx|^2 at a real row + the same at a synthetic row).

    Source: Mescheder, Geiger and Nowozin 2018, Which training methods for GANs do actually
    converge?, eq. 9; both together in R3GAN, Huang et al. 2024, eq. 4 and 5.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        real, fake = real_rows(modules, batch), _still(modules, batch)
        first = squared_slope(lambda x: _score(modules, x, batch.labels), real)
        second = squared_slope(lambda x: _score(modules, x, batch.condition), fake)
        return weight / 2 * (first + second)

    return loss


def packed(update: Update, pack: int) -> Update:
    """The update of a critic that scores packs of rows together; differential privacy refuses it.

    Source: Lin et al. 2018, PacGAN: the power of two samples in generative adversarial networks.
    """
    if pack < 2:
        return update
    mark = batchwise(f"packs of {pack} rows share one score")
    penalty = None if update.penalty is None else mark(update.penalty)
    return replace(update, loss=mark(update.loss), penalty=penalty)
