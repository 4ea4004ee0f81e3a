"""Shares of cells and pairs of cells, of synthetic rows and of real ones, brought together."""

from typing import Any, cast

from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.codec.tokens import presence
from medsynai.learn.core import Batch, Loss, Modules, PerRow, batchwise
from medsynai.learn.nets.player import Board

RARE = 0.005  # added to shares: rarer cells weigh no more


class Moments(nn.Module):
    """How often two cells of the train rows go together: what `match_pairs` compares with.

    Attributes:
        share: (cells,) of the rows.
        pairs: (cells, cells) of the rows, cells of one column among themselves left out.
    """

    share: Tensor
    pairs: Tensor
    apart: Tensor

    def __init__(self, space: Space, rows: Tensor) -> None:
        super().__init__()
        board = Board(space)
        hot = board.view(rows)[:, : board.cells.width]
        apart = 1 - board.within @ board.within.T
        self.register_buffer("share", hot.mean(0))
        self.register_buffer("apart", apart)
        self.register_buffer("pairs", hot.T @ hot / len(hot) * apart)


def match_pairs(weight: float) -> Loss:
    """Squared distance of one- and two-way shares, of rows about to be drawn and of the train rows.

    Cells are weighed by one over the root of their share (a chi-squared distance). The chances that
    the generator draws from stand for its rows, which spares the noise of the draw.

    Source: feature matching, Salimans et al. 2016, Improved techniques for training GANs, eq. 1, in
    the mean; Li, Swersky and Zemel 2015, Generative moment matching networks.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        generator, real = cast(Any, modules["generator"]), cast(Any, modules["moments"])
        logits, _ = generator.outputs(batch.noise[:, : generator.latent], batch.condition)
        heavy = (real.share + RARE).rsqrt()
        hot = generator.board.chances(logits) * heavy
        one = (hot.mean(0) - real.share * heavy).square().sum()
        two = (hot.T @ hot / len(hot) - real.pairs * heavy * heavy[:, None]) * real.apart
        columns = max(1, batch.real.shape[1] - 1)
        # shares of the real rows are a look at them, so a blinded batch gives no number
        return weight * (one + two.square().sum() / 2 / columns) * presence(batch.real)[:, 0]

    return batchwise("shares of cells are means over the batch")(loss)
