"""How long until the next: by what was last, what follows, and how much of the time is left.

Time until an event of a visit is the visit's, and all other time the patient's: there the span that
is told is kept to. It is kept to by the events of visits where nothing else comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from medsynai.codec.counted import Ladder
from medsynai.codec.numbers import NumberCodec
from medsynai.codec.timing import Timing
from medsynai.store import Arrays

PACES = 12  # ranges of ticks that are left for each later time

Happened = tuple[np.ndarray, np.ndarray, np.ndarray]  # of events: patient, token, whether later


@dataclass(frozen=True)
class Waits:
    """Bins of ticks above 0, counted behind each token.

    Attributes:
        free: (tokens,) 1 for what lies in no visit begun before: visits, and what is in none.
        paces: where ranges of ticks left for each later time begin.
        bins: of `gaps`, by last token, `free` and pace; then by the last two.
    """

    free: np.ndarray
    gaps: NumberCodec
    paces: np.ndarray
    bins: Ladder

    @staticmethod
    def fit(
        events: Happened, gap: np.ndarray, free: np.ndarray, least: tuple[int, int], bins: int
    ) -> "Waits":
        """Count gaps.

        Args:
            events: of train patients, a patient's first not said to be later.
            gap: (events,) ticks since the one before.
            free: (tokens,) as above.
            least: patients behind what is drawn as it is; and behind a bin of a group.
            bins: about how many bins gaps have at most.
        """
        whose, token, later = events
        rows = np.flatnonzero(later)
        mine, last, following, passed = whose[rows], token[rows - 1], token[rows], gap[rows]
        gaps = NumberCodec.fit(passed, bins, 2 * least[0], least[0], mine)
        kept, pace = _paced(mine, free[following]), np.full(len(rows), -1.0)
        left = _to_come(mine[kept], np.ones(kept.sum()))
        pace[kept] = _to_come(mine[kept], passed[kept]) / left
        paces = NumberCodec.fit(pace[kept], PACES, 2 * least[0], least[0], mine[kept]).low
        bare = Waits(free, gaps, paces, Ladder(()))
        narrow, wide = bare._groups(last, following, pace)
        sizes = 2 * (len(paces) + 1) * len(free), 2 * (len(paces) + 1)
        groups = (narrow, sizes[0]), (wide, sizes[1])
        return Waits(free, gaps, paces, Ladder.of(groups, gaps.encode(passed), mine, least[1]))

    def _groups(
        self, last: np.ndarray, following: np.ndarray, pace: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of each gap, the narrow group and the wide one; a pace below 0 is none."""
        ranges = len(self.paces) + 1
        wide = self.free[following] * ranges + np.searchsorted(self.paces, pace, side="right")
        return last * 2 * ranges + wide, wide

    def draw(self, events: Happened, span: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(events,) ticks since the one before.

        Args:
            events: as they were drawn.
            span: (patients,) ticks from the first event to the last; infinite where nobody said.
            rng: draws them.
        """
        whose, token, later = events
        gap, rows = np.zeros(len(token)), np.flatnonzero(later)
        if not len(rows) or not self.gaps.bins:
            return gap
        kept, timing = _paced(whose[rows], self.free[token[rows]]), Timing.of(self.gaps)
        loose, rows = rows[~kept], rows[kept]
        groups = self._groups(token[loose - 1], token[loose], np.full(len(loose), -1.0))
        endless = np.full(len(loose), np.inf)
        gap[loose] = timing.ticks(self.bins.draw(groups, rng), endless, endless < 0, rng)
        room = np.maximum(span - np.bincount(whose, gap, len(span)), 0)
        for at, left in _in_turn(whose, rows):
            mine = whose[at]
            free = np.maximum(room[mine] - (left - 1), 1)
            groups = self._groups(token[at - 1], token[at], room[mine] / left)
            code, final = self.bins.draw(groups, rng), left <= 1
            held = (timing.least[code] > free) | (final & timing.drawable(free))
            code = np.where(held, self.gaps.encode(free), code)
            gap[at] = timing.ticks(code, free, final, rng)
            room[mine] = np.maximum(room[mine] - gap[at], 0)
        return gap

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        own: Arrays = {f"{prefix}.free": self.free, f"{prefix}.paces": self.paces}
        return own | self.gaps.arrays(f"{prefix}.gaps") | self.bins.arrays(f"{prefix}.bins")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Waits":
        """The inverse of `arrays`."""
        free, paces = arrays[f"{prefix}.free"], arrays[f"{prefix}.paces"]
        gaps = NumberCodec.load(arrays, f"{prefix}.gaps")
        return Waits(free, gaps, paces, Ladder.load(arrays, f"{prefix}.bins", 3))


def _paced(whose: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(rows,) which gaps keep to the patient's span: free ones, or all of who has none."""
    has = np.isin(whose, whose[free > 0])
    paced: np.ndarray = (free > 0) | ~has
    return paced


def _in_turn(whose: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of all patients, the first of each, then the second, ...; and how many come from it."""
    mine, ones = whose[rows], np.ones(len(rows))
    left, turn = _to_come(mine, ones), _to_come(mine[::-1], ones)[::-1]
    order = np.argsort(turn, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(turn[order])) + 1):
        yield rows[part], left[part]


def _to_come(whose: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """(rows,) the sum of a patient's amounts from each row on; a patient's rows lie together."""
    back = np.cumsum(amount[::-1])[::-1]
    ends = np.flatnonzero(np.diff(whose, append=-1) != 0)
    after = np.append(back, 0.0)[ends + 1]
    sizes = np.diff(ends, prepend=-1)
    found: np.ndarray = back - np.repeat(after, sizes)
    return found
