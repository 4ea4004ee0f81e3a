"""What numbers that come together say of each other: a mean pressure lies between its two others.

A network that reads numbers as places among others', and adds up what they say, is told such a sum
only roughly. So each token has a linear law of its own: of a few tokens that come before it in the
step, in the numbers' own units.
"""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.marks import Marks
from medsynai.learn.nets.gaps import FAST
from medsynai.learn.nets.mlp import quiet, vectors

MOST = 3  # tokens that a number hangs on
FAR = 1e9  # in place of what the law gives, where not all of them are there
SHARE, GAIN = (
    0.5,
    0.15,
)  # of a token's numbers beside which another stands, and what it must explain
ENOUGH = 300  # numbers that a law is learnt from
ODD = 0.01  # share of numbers, at least, of which the law says nothing
WIDE, ROUNDS = 4.0, 12  # spreads beyond which a number is odd; rounds of least squares


class Kin(nn.Module):
    """For each token with numbers its law, and how far it is followed.

    Attributes:
        of: (channels, MOST) places of the tokens it hangs on, among those watched; -1 for none.
        slope: (channels, MOST + 1) of the law; the last is added.
        spread, odd: (channels,) around the law, and share of numbers it says nothing of.
        level: (channels, bins) the mean number of each bin.
        ends: (channels, bins + 1) where bins begin; beyond the last the next would.
        share: (channels, bins) of the bins.
    """

    of: Tensor
    slope: Tensor
    spread: Tensor
    odd: Tensor
    level: Tensor
    ends: Tensor
    share: Tensor

    def __init__(self, marks: Marks, bins: int) -> None:
        super().__init__()
        channels, bins = (
            max(1, len(marks.codecs)),
            max(1, bins),
        )  # indexed even where there are none
        level, ends = np.zeros((channels, bins)), np.full((channels, bins + 1), np.inf)
        for row, codec in enumerate(marks.codecs):
            level[row, : codec.bins], ends[row, : codec.bins] = codec.centre, codec.low
            ends[row, :1] = -np.inf
        self.register_buffer("of", torch.full((channels, MOST), -1))
        self.register_buffer("slope", torch.zeros(channels, MOST + 1))
        self.register_buffer("spread", torch.ones(channels))
        self.register_buffer("odd", torch.ones(channels))
        self.register_buffer("level", torch.from_numpy(level.astype(np.float32)))
        self.register_buffer("ends", torch.from_numpy(ends.astype(np.float32)))
        self.register_buffer("share", torch.zeros(channels, bins))
        self.followed = quiet(vectors(channels, 1))

    def has(self, channel: int) -> bool:
        """Whether the numbers of a channel hang on others."""
        return bool(self.of[channel, 0] >= 0)

    def given(
        self, channel: Int64[Tensor, " n"], level: Float[Tensor, "n watched"], there: Tensor
    ) -> Float[Tensor, " n"]:
        """What the law of each number gives; `FAR` where a token it hangs on has no number.

        Args:
            channel: of each number.
            level: the numbers of the step.
            there: (n, watched) which tokens have one before it.
        """
        of, slope = self.of[channel], self.slope[channel]
        none, place = of < 0, of.clamp_min(0)
        whole = (there.gather(1, place) > 0) | none
        given = (level.gather(1, place) * slope[:, :-1]).sum(1) + slope[:, -1]
        return torch.where(whole.all(1) & ~none[:, 0], given, FAR)

    def forward(self, channel: int, given: Float[Tensor, " n"], bins: int) -> Tensor:
        """(n, bins) how much likelier each bin is by the law than without; 0 where it has none."""
        near = torch.special.ndtr(
            (self.ends[channel, : bins + 1] - given[:, None]) / self.spread[channel]
        )
        odd, share = self.odd[channel], self.share[channel, :bins].clamp_min(1e-9)
        lean = torch.log((1 - odd) * near.diff(dim=1) / share + odd)
        return FAST * self.followed.weight[channel] * lean * (given < FAR)[:, None]

    @torch.no_grad()
    def learn(self, channel: int, token: int, level: np.ndarray, there: np.ndarray) -> None:
        """The law of the numbers of a token from those that stand before it in steps.

        Args:
            channel: of the token.
            token: its place among the watched ones.
            level: (steps, watched) numbers.
            there: (steps, watched) where one is.
        """
        mine = there[:, token]
        before = np.flatnonzero(there[mine][:, :token].mean(axis=0) > SHARE)
        kin = _chosen(level[mine], there[mine], token, before) if mine.any() else []
        if not kin:
            return
        rows = mine & there[:, kin].all(axis=1)
        slope, spread, odd = _law(level[rows][:, kin], level[rows, token])
        self.of[channel, : len(kin)] = torch.tensor(kin)
        self.slope[channel, : len(kin)] = torch.from_numpy(slope[:-1]).float()
        self.slope[channel, -1] = float(slope[-1])
        self.spread[channel], self.odd[channel] = spread, odd


def _chosen(level: np.ndarray, there: np.ndarray, token: int, before: np.ndarray) -> list[int]:
    """The tokens that explain most, one after another, while each explains enough of the rest."""
    kin: list[int] = []
    while len(kin) < MOST:
        best, best_one = 1 - GAIN, -1
        for one in (b for b in before.tolist() if b not in kin):
            rows: np.ndarray = np.all(there[:, [*kin, one]], axis=1)
            target = level[rows, token].astype(float)
            if len(target) < max(ENOUGH, SHARE * len(rows)) or np.ptp(target) == 0:
                continue
            far = [np.abs(_off(level[rows][:, k], target)[1]).mean() for k in ([*kin, one], kin)]
            if far[0] < best * far[1]:
                best, best_one = far[0] / far[1], one
        if best_one < 0:
            break
        kin.append(best_one)
    return kin


def _off(x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slopes that leave the least sum of distances, with what is added; and what they leave.

    By least squares in rounds, each number weighed by how far off it was (Schlossmacher 1973): a
    law that most keep to the letter is not bent by those who do not.
    """
    whole, weight = np.column_stack([x, np.ones(len(x))]).astype(float), np.ones(len(x))
    tiny = 1e-3 * float(np.std(target))
    for _ in range(ROUNDS):
        slope = np.linalg.lstsq(whole * weight[:, None], target * weight, rcond=None)[0]
        off = target - whole @ slope
        weight = 1 / np.sqrt(np.maximum(np.abs(off), tiny))
    return slope, off


def _law(x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Slopes, and what is added; the spread around them, as of a normal whose middle half is as
    wide; and the share that lies far off.
    """
    slope, off = _off(x, target)
    spread = max(1.4826 * float(np.median(np.abs(off))), 1e-3 * float(np.std(target)))
    return slope, spread, max(ODD, float((np.abs(off) > WIDE * spread).mean()))
