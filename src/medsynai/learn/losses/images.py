"""Losses of image networks: what a decoder misses, classes guessed, and critics shown changes."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from medsynai.learn.core import Batch, Loss, Modules, PerRow
from medsynai.learn.losses.adversarial import Duel, fake_rows
from medsynai.learn.losses.likelihood import divergence
from medsynai.learn.nets.augment import Shown, numbers
from medsynai.learn.nets.conv import Canvas, Critic
from medsynai.learn.nets.mlp import modules_of

FINEST = 1e-4  # squared error of a pixel below which nothing is gained


def encoded_image(modules: Modules, batch: Batch) -> Float[Tensor, "batch latent"]:
    """A draw of q(z | image, class); its noise is the first columns, as in `painted_elbo`."""
    mean, spread = modules["encoder"](batch.real)
    z: Tensor = mean + spread.exp() * batch.noise[:, : mean.shape[1]]
    return z


def painted_elbo(beta: float) -> Loss:
    """Pixels / 2 log(squared error of a pixel) + beta KL(q(z | image, class) || N(0, I)).

    The first part is -log N(image | painting, s^2) with the s that fits the image best, so that no
    s has to be set, nor learnt.

    Source: Kingma and Welling 2014, Auto-encoding variational Bayes, eq. 10; the best s: Rybkin,
    Daniilidis and Levine 2021, Simple and effective VAE training with calibrated decoders, eq. 8,
    for each image; beta: Higgins et al. 2017, beta-VAE, eq. 4.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        mean, spread = modules["encoder"](batch.real)
        z = mean + spread.exp() * batch.noise[:, : mean.shape[1]]
        painted = modules["decoder"](z, batch.real[:, -1:])
        error = (painted - batch.real[:, :-1]).square().mean(1)
        fit = painted.shape[1] / 2 * (error + FINEST).log()
        return (fit + beta * divergence(mean, spread)) / painted.shape[1]

    return loss


def repainted(modules: Modules, batch: Batch) -> PerRow:
    """Mean over pixels of the absolute difference of an image and its painting."""
    z = encoded_image(modules, batch)
    painted: Tensor = modules["decoder"](z, batch.real[:, -1:])
    return (painted - batch.real[:, :-1]).abs().mean(1)


def auxiliary(weight: float = 1.0) -> Duel:
    """Goodfellow's pair, and both players gain `weight` where the critic guesses the class.

    Source: Odena, Olah and Shlens 2017, Conditional image synthesis with auxiliary classifier GANs,
    eq. 2 and 3.
    """

    def critic(modules: Modules, batch: Batch) -> PerRow:
        judge: Critic = modules["critic"]  # type: ignore[assignment]
        fake = fake_rows(modules, batch).detach()
        score, guess = judge.both(judge.view(batch.real))
        against, other = judge.both(fake)
        told = _missed(guess, batch.labels) + _missed(other, batch.condition)
        return softplus(-score) + softplus(against) + weight * told

    def generator(modules: Modules, batch: Batch) -> PerRow:
        judge: Critic = modules["critic"]  # type: ignore[assignment]
        score, guess = judge.both(fake_rows(modules, batch))
        return softplus(-score) + weight * _missed(guess, batch.condition)

    return Duel(critic, generator)


def _missed(guess: Tensor, asked: Tensor) -> PerRow:
    return cross_entropy(guess, asked[:, 0].nan_to_num().long(), reduction="none") + 0 * asked[:, 0]


def shown_changed(canvas: Canvas, at: int) -> Callable[[Loss], Loss]:
    """The loss where the critic sees changed images; the noise from column `at` on changes them."""
    stop = at + numbers(canvas)

    def wrapped(loss: Loss) -> Loss:
        def seen(modules: Modules, batch: Batch) -> PerRow:
            shown = Shown(modules["critic"], canvas, batch.noise[:, at:stop])
            return loss(modules_of(**{**dict(modules.items()), "critic": shown}), batch)

        return seen

    return wrapped
