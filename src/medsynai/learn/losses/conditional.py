"""CTGAN's losses: packs against a penalised Wasserstein critic, and rows that match what was asked.

Source: Xu et al. 2019, Modeling tabular data using conditional GAN, sections 4.3 and 4.4.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.learn.condition import PICKED
from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise

TINY = 1e-12


def mismatch(
    chances: Float[Tensor, "batch asked"], condition: Float[Tensor, "batch asked"]
) -> PerRow:
    """-log of the chance that a row gets what it was asked for; 0 where nothing was asked.

    >>> mismatch(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.eye(2)).tolist()
    [0.6931471824645996, -0.0]
    """
    return -(condition * (chances + TINY).log()).sum(1)


def matched(penalty: float, match: float = 1.0) -> Loss:
    """D(G) - D(x) + penalty (|dD/dx| - 1)^2 + match H, for critic and generator in one step.

    H is the cross-entropy of what was asked and what is drawn; a critic has no part in it. Where
    the critic steps down D(G), the generator steps up: its rows reach the critic with their
    gradient turned round, 2 stop(G) - G (Ganin et al. 2016, Domain-adversarial training of neural
    networks, eq. 13), so both learn from the same rows and scores, made once. The penalty lies
    between these rows too; a pack has one place there, by the first number of its noise that no
    layer uses.

    Args:
        penalty: weight of the critic's slope (Gulrajani et al. 2017, eq. 3).
        match: weight of the cross-entropy; 0: a generator that need not listen.
    """

    @batchwise(f"packs of rows share one score, layers are normed by batch, {PICKED}")
    def loss(modules: Modules, batch: Batch) -> PerRow:
        judge, maker = cast(Any, modules["critic"]), cast(Any, modules["generator"])
        logits, positions = maker.outputs(batch.noise[:, : maker.latent], batch.condition)
        fake, real = maker.drawn(logits, positions, batch.noise), judge.view(batch.real)
        still, kept = fake.detach(), judge.kept(batch.noise)
        packs = len(kept)
        both = judge(
            torch.cat([2 * still - fake, real]),
            torch.cat([batch.condition, batch.labels]),
            kept.repeat(2, 1, 1),
        )
        share = torch.special.ndtr(batch.noise[:: judge.pack, -1 - judge.noise])
        between = real + share.repeat_interleave(judge.pack)[:, None] * (still - real)
        square = judge.slope(between, batch.labels, kept).square().sum(1)
        slope = penalty * ((square + TINY).sqrt() - 1) ** 2
        missed = mismatch(maker.board.chances(logits)[:, maker.asked], batch.condition)
        listen = match * missed.reshape(packs, -1).mean(1)
        return both[:packs] - both[packs:] + slope + listen

    return loss
