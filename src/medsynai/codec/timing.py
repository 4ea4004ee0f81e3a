"""Gaps that leave room for the steps to come, on the lattice that gaps lie on."""

from dataclasses import dataclass

import numpy as np

from medsynai.codec.numbers import NumberCodec


@dataclass(frozen=True)
class Timing:
    """What each bin of gaps can give.

    Attributes:
        least: (bins,) ticks.
        loose: (bins,) whether ticks that no values share can be drawn.
        shared: ticks that can be drawn as they are.
    """

    gaps: NumberCodec
    least: np.ndarray
    loose: np.ndarray
    shared: np.ndarray

    @staticmethod
    def of(gaps: NumberCodec) -> "Timing":
        """Of the codec of gaps."""
        least = np.maximum(np.rint(gaps.edge(np.minimum, np.inf)), 1)
        return Timing(gaps, least, np.less(gaps.heavy_share, 1), np.unique(gaps.heavy.items))

    def able(self, room: np.ndarray, final: np.ndarray) -> np.ndarray:
        """(n, bins) which bins fit in the room; for a last step the one that can fill it.

        Where none does, all may be drawn: the lattice is kept rather than the span.
        """
        fits = self.least <= room[:, None]
        filled = final & self.drawable(room)
        fills = np.arange(len(self.least)) == self.gaps.encode(room)[:, None]
        fits = np.where(filled[:, None], fills, fits)
        able: np.ndarray = fits | ~np.any(fits, axis=1, keepdims=True)
        return able

    def drawable(self, room: np.ndarray) -> np.ndarray:
        """(n,) whether a gap of just so many ticks can be drawn."""
        inside = (room >= self.gaps.low[:1]) & (room <= self.gaps.top)
        loose = np.take(self.loose, self.gaps.encode(room))
        drawable: np.ndarray = inside & (loose | np.isin(room, self.shared))
        return drawable

    def ticks(
        self, code: np.ndarray, room: np.ndarray, final: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """(n,) ticks inside these bins, 1 or more; a last step's fill the room where they can."""
        drawn = np.maximum(np.rint(self.gaps.decode(code, rng)), 1)
        can = self.drawable(room) & (self.gaps.encode(room) == code)
        least = np.take(self.least, code)
        held = np.where((drawn > room) & (room >= least), np.where(can, room, least), drawn)
        return np.where(final & can, room, held)
