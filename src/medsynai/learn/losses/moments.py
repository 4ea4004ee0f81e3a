"""Shares of cells and pairs of cells, of synthetic rows and of real ones, brought together."""

from typing import Any, cast

from torch import Tensor, nn
from torch.nn.functional import softplus

from medsynai.codec.spaces import Space
from medsynai.codec.tokens import presence
from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise
from medsynai.learn.nets.player import Board

RARE = 0.005  # added to shares: rarer cells weigh no more
MEANS = "shares of cells are means over the batch"


class Moments(nn.Module):
    """How often two cells of the train rows go together, weighed by `heavy` for each of them.

    Attributes:
        heavy: (cells,) one over the root of a cell's share: the distance is a chi-squared one.
        share: (cells,) of the rows.
        pairs: (cells, cells) of the rows, a cell of an earlier column by one of a later column.
        before: (cells, cells) where that is so.
    """

    heavy: Tensor
    share: Tensor
    pairs: Tensor
    before: Tensor

    def __init__(self, space: Space, rows: Tensor) -> None:
        super().__init__()
        board = Board(space)
        hot = board.view(rows)[:, : board.cells.width]
        column = board.within.argmax(1)
        before, share = (column[:, None] < column).float(), hot.mean(0)
        heavy = (share + RARE).rsqrt()
        hot = hot * heavy
        self.register_buffer("heavy", heavy)
        self.register_buffer("share", share * heavy)
        self.register_buffer("pairs", hot.T @ hot / len(hot) * before)
        self.register_buffer("before", before)

    def gaps(self, chances: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """How far one- and two-way shares of some synthetic rows lie from the train rows'.

        The later cell's chance stands for whether it is drawn, which spares noise.
        """
        chances, drawn = chances * self.heavy, drawn * self.heavy
        pairs = drawn.T @ chances / len(chances) * self.before
        return chances.mean(0) - self.share, pairs - self.pairs


def match_pairs(weight: float) -> Loss:
    """Squared gaps of shares, where a generator's columns are independent given the noise.

    Source: feature matching, Salimans et al. 2016, Improved techniques for training GANs, eq. 1, in
    the mean; Li, Swersky and Zemel 2015, Generative moment matching networks.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        generator, real = cast(Any, modules["generator"]), cast(Any, modules["moments"])
        logits, _ = generator.outputs(batch.noise[:, : generator.latent], batch.condition)
        chances = generator.board.chances(logits)
        one, two = real.gaps(chances, chances)
        pairs = two.square().sum() / max(1, batch.real.shape[1] - 1)
        # shares of the real rows are a look at them, so a blinded batch gives no number
        return weight * (one.square().sum() + pairs) * presence(batch.real)[:, 0]

    return batchwise(MEANS)(loss)


def fool_and_match(weight: float) -> Loss:
    """-log s(D(G(z))) of each pack, and `weight` times the squared gaps of shares.

    The batch's two halves have gaps of their own, and these are multiplied: the mean of the product
    is the squared gap. One gap's own square would add its variance, which a generator makes small
    by tying its columns less (an unbiased estimate, as Gretton et al. 2012, A kernel two-sample
    test, lemma 6).
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        generator, real = cast(Any, modules["generator"]), cast(Any, modules["moments"])
        chances, drawn = generator.walk(batch.noise)
        score: Tensor = modules["critic"](drawn, batch.condition)
        half = (len(drawn) + 1) // 2
        one, other = (real.gaps(chances[s], drawn[s]) for s in (slice(half), slice(-half, None)))
        pairs = (one[1] * other[1]).sum() / max(1, batch.real.shape[1] - 1)
        seen = presence(batch.real)[: len(score), 0]  # NaN, as above, for a blinded batch
        return softplus(-score) + weight * ((one[0] * other[0]).sum() + pairs) * seen

    return batchwise(MEANS)(loss)
