"""Losses of TimeGAN: rebuild, go on one step, and play in the space of embedded steps.

Yoon, Jarrett and van der Schaar 2019, Time-series generative adversarial networks, eq. 5 to 8, with
the weights of the authors' own code; the critic rests where it is ahead, as there.

The networks: `embedder` (series to embedded steps), `recovery` (back), `generator` (noise to
embedded steps), `supervisor` (each step to the next), `critic` (embedded steps to a score each).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise

Steps = Float[Tensor, "batch steps units"]
AHEAD = 0.15  # a critic whose loss is lower takes no step
UNSUPERVISED, SUPERVISED, MOMENTS, REBUILT = 1.0, 100.0, 100.0, 10.0
WHOLE = "the moments of a batch are compared, and a critic that is ahead rests"


def embedded(modules: Modules, batch: Batch) -> Steps:
    """Real series, embedded."""
    found: Tensor = modules["embedder"](batch.real[:, :-1], batch.labels)
    return found


def rebuild(modules: Modules, batch: Batch) -> PerRow:
    """10 |x - r(e(x))|: root mean square over a series."""
    return _rebuilt(modules, batch, embedded(modules, batch))


def supervise(modules: Modules, batch: Batch) -> PerRow:
    """Mean of |h_(t+1) - s(h_t)|^2 over the steps of embedded real series."""
    with torch.no_grad():
        h = embedded(modules, batch)
    return _next(modules, batch, h)


def joint_embedding(modules: Modules, batch: Batch) -> PerRow:
    """The embedding is kept apt for both: rebuilding, and a tenth of going on."""
    h = embedded(modules, batch)
    return _rebuilt(modules, batch, h) + 0.1 * _next(modules, batch, h)


def _rebuilt(modules: Modules, batch: Batch, h: Steps) -> PerRow:
    back: Tensor = modules["recovery"](h, batch.labels)
    return REBUILT * ((back - batch.real[:, :-1]).square().mean(1) + 1e-8).sqrt()


def _next(modules: Modules, batch: Batch, h: Steps) -> PerRow:
    told: Tensor = modules["supervisor"](h, batch.labels)
    return (h[:, 1:] - told[:, :-1]).square().mean((1, 2))


def made(modules: Modules, batch: Batch) -> tuple[Steps, Steps]:
    """Embedded steps from noise, and what the supervisor makes of them."""
    generator: Any = modules["generator"]
    first = generator(batch.noise, batch.condition)
    return first, modules["supervisor"](first, batch.condition)


def fool() -> Loss:
    """-log D of both kinds of made steps, 100 times going on, 100 times the moments' distance."""

    @batchwise(WHOLE)
    def loss(modules: Modules, batch: Batch) -> PerRow:
        first, second = made(modules, batch)
        critic = modules["critic"]
        score = softplus(-critic(second, batch.condition)).mean((1, 2))
        score = score + UNSUPERVISED * softplus(-critic(first, batch.condition)).mean((1, 2))
        on = (supervise(modules, batch).mean() + 1e-8).sqrt()
        drawn = modules["recovery"](second, batch.condition)
        return score + SUPERVISED * on + MOMENTS * _moments(batch.real[:, :-1], drawn)

    return loss


def _moments(real: Tensor, drawn: Tensor) -> Tensor:
    """Mean distance of means, and of spreads, at each step over the batch."""
    means = (real.mean(0) - drawn.mean(0)).abs().mean()
    spreads = (real.var(0) + 1e-6).sqrt() - (drawn.var(0) + 1e-6).sqrt()
    return means + spreads.abs().mean()


def judge() -> Loss:
    """-log D of real steps, -log(1 - D) of both kinds of made ones; nothing where it is ahead."""

    @batchwise(WHOLE)
    def loss(modules: Modules, batch: Batch) -> PerRow:
        with torch.no_grad():
            h, (first, second) = embedded(modules, batch), made(modules, batch)
        critic = modules["critic"]
        found = softplus(-critic(h, batch.labels)).mean((1, 2))
        found = found + softplus(critic(second, batch.condition)).mean((1, 2))
        found = found + UNSUPERVISED * softplus(critic(first, batch.condition)).mean((1, 2))
        behind: PerRow = found * (found.mean().detach() > AHEAD)
        return behind

    return loss
