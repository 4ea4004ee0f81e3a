"""What comes after what, so that of the commonest tokens a patient has about as many as is told."""

from dataclasses import dataclass

import numpy as np

from medsynai.codec.counted import Ladder
from medsynai.codec.course import Course
from medsynai.data.levels import patients_of_levels
from medsynai.store import Arrays

ENOUGH = 0.01  # of its usual rate: how a token comes on of which a patient has had all that is told


@dataclass(frozen=True)
class Turns:
    """Moves are 2 * token + 1 for a token at a later time and 2 * token for one at the same.

    Attributes:
        sides: (tokens + 1,) 1 for what lies in a visit; the last is the beginning, which does not.
        kinds: (tokens + 1, 2 * told + 1) after each token, how likely each move is to the first
            `told` tokens; at last, to any other.
        usual: (told + 1,) of all events the share that each of these is.
        others: moves to any other: after this token, then in or out of a visit.
    """

    sides: np.ndarray
    kinds: np.ndarray
    usual: np.ndarray
    others: Ladder

    @staticmethod
    def fit(course: Course, sides: np.ndarray, told: int, least: int, enough: int) -> "Turns":
        """Count moves.

        Args:
            course: of train patients.
            sides: (tokens + 1,) as above.
            told: of how many tokens each patient's number is told.
            least: patients behind a move.
            enough: patients behind a move after another.
        """
        token, whose, size = course.token, course.patient, len(sides)
        new = np.diff(whose, prepend=-1) != 0
        last = np.where(new, size - 1, np.roll(token, 1))
        move = _by_several(2 * token + (new | (course.gap > 0)), whose, least)
        usual = np.bincount(np.minimum(token, told), minlength=told + 1) / max(len(token), 1)

        def after(item: np.ndarray, rows: np.ndarray) -> Ladder:
            groups = (last[rows], size), (sides[last[rows]], 2)
            return Ladder.of(groups, item[rows], whose[rows], enough)

        kinds = after(np.minimum(move, 2 * told), np.arange(len(token)))
        shares = kinds.shares((np.arange(size), sides), 2 * told + 1)
        return Turns(sides, shares, usual, after(move, np.flatnonzero(token >= told)))

    def walk(self, left: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(events,) tokens, and whether each comes at a later time than the one before.

        Args:
            left: (patients, told + 1) how many of each are to come; all come, of these or others.
            rng: draws them.
        """
        total = left.sum(axis=1)
        token, later = np.zeros(total.sum(), np.int64), np.zeros(total.sum(), bool)
        busy = np.argsort(-total, kind="stable")  # those who have most to come stand first
        start, most = (np.cumsum(total) - total)[busy], total[busy]
        left, state = left[busy].astype("float64"), np.full(len(left), len(self.sides) - 1)
        for step in range(int(most.max(initial=0))):
            alive = int(np.searchsorted(-most, -step))
            move = self._next(state[:alive], left[:alive], rng)
            state[:alive] = move >> 1
            token[start[:alive] + step], later[start[:alive] + step] = move >> 1, move & 1
            left[np.arange(alive), np.minimum(state[:alive], left.shape[1] - 1)] -= 1
        return token, later

    def _next(self, state: np.ndarray, left: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) moves: as often as after the last token, by how much of what is told is to come."""
        rate = np.maximum(left, 0)
        rate = rate / np.maximum(rate.sum(axis=1, keepdims=True), 1)
        rate = np.maximum(rate / np.maximum(self.usual, 1e-9), ENOUGH)
        ends = np.cumsum(self.kinds[state] * np.repeat(rate, 2, axis=1)[:, :-1], axis=1)
        move = (ends <= rng.random((len(ends), 1)) * ends[:, -1:]).sum(axis=1)
        rows = np.flatnonzero(move == ends.shape[1] - 1)
        if len(rows):
            move[rows] = self.others.draw((state[rows], self.sides[state[rows]]), rng)
        return move

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        own: Arrays = {f"{prefix}.{n}": getattr(self, n) for n in ("sides", "kinds", "usual")}
        return own | self.others.arrays(f"{prefix}.others")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Turns":
        """The inverse of `arrays`."""
        sides, kinds, usual = (arrays[f"{prefix}.{n}"] for n in ("sides", "kinds", "usual"))
        return Turns(sides, kinds, usual, Ladder.load(arrays, f"{prefix}.others", 3))


def _by_several(move: np.ndarray, whose: np.ndarray, least: int) -> np.ndarray:
    """Moves; a token that few have at the same time as another comes later."""
    moves, place = np.unique(move, return_inverse=True)
    few = patients_of_levels(place, whose, len(moves))[place] < least
    return np.where(few, move | 1, move)
