"""What a run tells of itself at every look: marginals; against a critic collapse and runaway."""

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import seen_in
from medsynai.learn.core import Batch, Modules, Phase
from medsynai.learn.draw import Asked, Drawer, shares_of
from medsynai.learn.nets.player import Board

Figures = dict[str, float]
Begin = Callable[[Modules, Batch], tuple[Drawer, Tensor]]
COMMON = 0.01  # share of the real rows from which a cell is expected among synthetic ones
NEAREST = 3  # neighbours that a row's reach is measured by
LOW, LONG = 0.5, 3  # a coverage below this at so many looks in a row is a collapse
BATCH = 1000  # rows that are made at every look, from the same noise
CRITIC = "critic"
RUNAWAY = 100.0  # a critic's loss so many times what it usually was is taken as divergence


class Monitor(Protocol):
    """Looks at networks with the same rows and the same noise every time."""

    def __call__(self, modules: Modules, batch: Batch, held: Tensor) -> Figures:
        """Figures by name; "held", if there, is what early stopping goes by (low is good)."""
        ...


def look_at_generator(modules: Modules, batch: Batch, held: Tensor) -> Figures:
    """Coverage, marginals, precision and recall of the generator, and its distance to held rows.

    - `coverage`: share of the real rows' common cells that the synthetic rows have.
    - `tvd`: total variation distance of a column, in the mean of the columns.
    - `precision`, `recall`: see `precision_recall`.
    - `held`: squared maximum mean discrepancy to the held-out rows, by how many columns agree.
    """
    generator = cast(Any, modules["generator"])
    board: Board = generator.board
    fake = _cells(board, generator(batch.noise, batch.condition))
    real = _cells(board, board.view(batch.real))
    common = real.mean(0) >= COMMON
    figures = {
        "coverage": float((fake.sum(0) > 0)[common].float().mean()),
        "tvd": float((fake.mean(0) - real.mean(0)).abs().sum() / 2 / len(board.cells)),
    }
    figures["precision"], figures["recall"] = precision_recall(real, fake)
    if len(held):
        figures["held"] = discrepancy(fake, _cells(board, board.view(held)), len(board.cells))
    return figures


def look_at_critic(modules: Modules, batch: Batch, held: Tensor) -> Figures:
    """Nothing but what every run against a critic is asked: its loss; see `critic_loss`."""
    return {}


def critic_loss(phase: Phase, modules: Modules, batch: Batch) -> Figures:
    """The mean loss of the phase's critic, without its penalty; empty where there is none."""
    losses = [u.loss for u in phase.updates if CRITIC in u.trains]
    return {CRITIC: float(losses[0](modules, batch).mean())} if losses else {}


def look_at_marginals(begin: Begin, layout: Layout, rows: Tensor) -> Monitor:
    """`marginals`: total variation distance of a column to the train rows, mean of the columns.

    Args:
        begin: what draws, and rows begun from a batch as by `Drawer.begin`.
        layout: of the codes.
        rows: (n, columns) train rows.
    """
    target, free = shares_of(layout, rows), Asked(seen_in(layout, rows), ())

    def look(modules: Modules, batch: Batch, held: Tensor) -> Figures:
        drawer, state = begin(modules, batch)
        drawer.seen = free.able
        same = torch.Generator().manual_seed(0)  # at every look, as the batch's own noise is
        share = shares_of(layout, drawer.complete(state, free, same))
        return {"marginals": float((share - target).abs().sum() / 2 / len(layout))}

    return look


def _cells(board: Board, seen: Tensor) -> Tensor:
    """(n, cells) one-hot at each column's greatest cell."""
    hot = torch.zeros(len(seen), board.cells.width)
    best = [seen[:, s.places].argmax(1) + s.start for s in board.cells]
    return hot.scatter_(1, torch.stack(best, dim=1), 1.0)


def precision_recall(
    real: Float[Tensor, "n cells"], fake: Float[Tensor, "m cells"]
) -> tuple[float, float]:
    """Share of synthetic rows within reach of a real one, and of real within reach of a synthetic.

    A row reaches as far as the third nearest of its own kind. Distance is how many columns differ.

    Source: Kynkäänniemi et al. 2019, Improved precision and recall metric for assessing generative
    models, eq. 1 and 2.
    """
    across = _differ(real, fake)
    reach_real, reach_fake = _reach(real), _reach(fake)
    precision = (across <= reach_real[:, None]).any(0).float().mean()
    recall = (across <= reach_fake).any(1).float().mean()
    return float(precision), float(recall)


def _differ(one: Tensor, two: Tensor) -> Tensor:
    return one.sum(1, keepdim=True) - one @ two.T


def _reach(rows: Tensor) -> Tensor:
    near = min(NEAREST + 1, len(rows))  # the nearest is the row itself
    return torch.kthvalue(_differ(rows, rows), near, dim=1).values


def discrepancy(fake: Tensor, held: Tensor, columns: int) -> float:
    """Squared maximum mean discrepancy with the kernel (columns that agree / columns)^2.

    Source: Gretton et al. 2012, A kernel two-sample test, eq. 3 (unbiased).
    """

    def kernel(one: Tensor, two: Tensor) -> Tensor:
        return (one @ two.T / columns).square()

    def apart(rows: Tensor) -> Tensor:  # no row with itself
        n = len(rows)
        return (kernel(rows, rows).sum() - n) / max(1, n * (n - 1))

    return float(apart(fake) + apart(held) - 2 * kernel(fake, held).mean())


def alarm(looks: Sequence[Figures]) -> str:
    """Plain words if the looks so far show that training went wrong; else ""."""
    gone = _runaway([look[CRITIC] for look in looks if CRITIC in look])
    return gone or collapsed(looks) or fallen(looks)


def _runaway(losses: Sequence[float]) -> str:
    """Whether the last loss of the critic, on the same batch every time, left all bounds."""
    if not losses:
        return ""
    usual = max([1.0, median(map(abs, losses[:-1]))]) if losses[1:] else math.inf
    if math.isfinite(losses[-1]) and abs(losses[-1]) <= RUNAWAY * usual:
        return ""
    return (
        f"divergence: the critic's loss on the same rows went from about {usual:.3g} to"
        f" {losses[-1]:.3g}; lower the learning rate"
    )


def collapsed(looks: Sequence[Figures]) -> str:
    """Plain words if the last looks all show that the generator lost most of the data; else ""."""
    last = [look.get("coverage", 1.0) for look in looks[-LONG:]]
    if len(last) < LONG or max(last) >= LOW:
        return ""
    return (
        f"mode collapse: the generator made only {max(last):.0%} of the common values at {LONG}"
        " looks in a row; lower the learning rate, or pack more rows"
    )


def fallen(looks: Sequence[Figures]) -> str:
    """Plain words if synthetic images lost half of the real ones that they had reached; else "".

    A network of images begins with none of what is real, so it is what was reached that counts; its
    variety does not, as noise has all of it.
    """
    values = [look["covered"] for look in looks if "covered" in look]
    best, last = max(values[:-LONG], default=0.0), max(values[-LONG:], default=0.0)
    if best < LOW or last >= best / 2:
        return ""
    return (
        f"mode collapse: the share of real images with a synthetic one near went from {best:.0%} to"
        f" {last:.0%} and stayed there for {LONG} looks; lower the learning rate"
    )
