"""What tableGAN adds to the two players: features alike in the mean, and outcomes that fit.

Source: Park et al. 2018, Data synthesis based on generative adversarial networks, section 4.2.
"""

from typing import Any, cast

from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise
from medsynai.learn.losses.adversarial import fake_rows, real_rows


def information(slack: float) -> Loss:
    """max(0, |E f(x) - E f(G(z))| - slack) and the same of standard deviations, added.

    f is the critic's last hidden layer, means and deviations are the batch's; eq. 3 to 5.

    Args:
        slack: how far apart they may lie: more keeps further from the real rows.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        critic = cast(Any, modules["critic"])
        real = critic.features(real_rows(modules, batch), batch.labels)
        fake = critic.features(fake_rows(modules, batch), batch.condition)
        mean = (real.mean(0) - fake.mean(0)).norm()
        spread = (real.std(0, correction=0) - fake.std(0, correction=0)).norm()
        gap: PerRow = (mean - slack).clamp_min(0) + (spread - slack).clamp_min(0)
        return gap.expand(len(fake))

    return batchwise("features are compared in the mean of the batch")(loss)


def miss_real(modules: Modules, batch: Batch) -> PerRow:
    """|outcome - what the classifier says| of real rows; eq. 6."""
    missed: PerRow = modules["classifier"](real_rows(modules, batch))
    return missed


def miss_fake(modules: Modules, batch: Batch) -> PerRow:
    """The same of synthetic rows, with the generator's graph; eq. 7."""
    missed: PerRow = modules["classifier"](fake_rows(modules, batch))
    return missed
