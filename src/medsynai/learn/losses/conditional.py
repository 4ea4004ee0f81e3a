"""CTGAN's losses: packs against a penalised Wasserstein critic, and rows that match what was asked.

Source: Xu et al. 2019, Modeling tabular data using conditional GAN, sections 4.3 and 4.4.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.learn.condition import PICKED
from medsynai.learn.core import Batch, Modules, PerRow, batchwise
from medsynai.learn.losses.adversarial import Duel

TINY = 1e-12


def mismatch(
    chances: Float[Tensor, "batch asked"], condition: Float[Tensor, "batch asked"]
) -> PerRow:
    """-log of the chance that a row gets what it was asked for; 0 where nothing was asked.

    >>> mismatch(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.eye(2)).tolist()
    [0.6931471824645996, -0.0]
    """
    return -(condition * (chances + TINY).log()).sum(1)


def matched(penalty: float, match: float = 1.0) -> Duel:
    """D(G) - D(x) + penalty (|dD/dx| - 1)^2 for the critic; match H - D(G) for the generator.

    H is the cross-entropy of what was asked and what is drawn. The rows that the penalty lies
    between are those of the scores, so the generator is run once a step; a pack has one place
    between them, by the first number of its noise that no layer uses.

    Args:
        penalty: weight of the critic's slope (Gulrajani et al. 2017, eq. 3).
        match: weight of the cross-entropy; 0: a generator that need not listen.
    """
    mark = batchwise(f"packs of rows share one score, layers are normed by batch, {PICKED}")

    @mark
    def critic(modules: Modules, batch: Batch) -> PerRow:
        judge, maker = cast(Any, modules["critic"]), modules["generator"]
        kept = judge.kept(batch.noise)
        with torch.no_grad():
            fake = maker(batch.noise, batch.condition)
        real = judge.view(batch.real)
        packs = len(kept)
        share = torch.special.ndtr(batch.noise[:: judge.pack, -1 - judge.noise])
        between = real + share.repeat_interleave(judge.pack)[:, None] * (fake - real)
        both = judge(
            torch.cat([fake, real]),
            torch.cat([batch.condition, batch.labels]),
            kept.repeat(2, 1, 1),
        )
        square = judge.slope(between, batch.labels, kept).square().sum(1)
        slope = penalty * ((square + TINY).sqrt() - 1) ** 2
        return both[:packs] - both[packs:] + slope

    @mark
    def generator(modules: Modules, batch: Batch) -> PerRow:
        judge, maker = cast(Any, modules["critic"]), cast(Any, modules["generator"])
        logits, positions = maker.outputs(batch.noise[:, : maker.latent], batch.condition)
        fake = maker.drawn(logits, positions, batch.noise)
        score = judge(fake, batch.condition, judge.kept(batch.noise))
        missed = mismatch(maker.board.chances(logits)[:, maker.asked], batch.condition)
        return match * missed.reshape(len(score), -1).mean(1) - score

    return Duel(critic, generator)
