"""Numbers of a patient lie about the patient's mean, which is told beforehand."""

from dataclasses import dataclass

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.codec.counted import FORGET, choices_of
from medsynai.codec.marks import Marks
from medsynai.codec.numbers import NumberCodec
from medsynai.store import Arrays

RANGES = 8  # of the patients' means of a token


@dataclass(frozen=True)
class Means:
    """How often each bin of a token's numbers comes, by the range that the patient's mean lies in.

    Attributes:
        marks: the bins.
        starts: (codecs of `marks`, RANGES) where ranges begin, infinite behind the last.
        shares: of bins, by token and range, or `FORGET`: ask `marks`. A mean that nobody told is
            in no range.
    """

    marks: Marks
    starts: np.ndarray
    shares: Choices

    @staticmethod
    def fit(
        marks: Marks,
        events: tuple[np.ndarray, np.ndarray],
        value: np.ndarray,
        mean: np.ndarray,
        least: int,
    ) -> "Means":
        """Count bins.

        Args:
            marks: of these events.
            events: patients by number, and tokens.
            value: (events,) NaN for none.
            mean: (events,) of the patient's numbers of that token; NaN where it is not told.
            least: patients behind a range, and behind a bin of it.
        """
        whose, token = events
        starts = np.full((len(marks.tokens), RANGES), np.inf)
        parts = [np.zeros((3, 0), np.int64)]
        for place, (which, codec) in enumerate(zip(marks.tokens, marks.codecs, strict=True)):
            rows = np.flatnonzero(token == which)
            _, firsts = np.unique(whose[rows], return_index=True)
            known = mean[rows[firsts]]
            low = NumberCodec.fit(known[~np.isnan(known)], RANGES, 2 * least, least).low
            starts[place, : len(low)] = low[:RANGES]
            narrow = _range_of(starts, np.full(len(rows), place), mean[rows])
            parts.append(np.stack([narrow, codec.encode(value[rows]), whose[rows]]))
        group, item, mine = np.concatenate(parts, axis=1)
        return Means(
            marks, starts, choices_of(group, item, mine, least, len(starts) * (RANGES + 1))
        )

    def draw(self, token: np.ndarray, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(events,) a number for each, NaN where its token has none; `mean`: as in `fit`."""
        drawn = np.full(len(token), np.nan)
        for place, (which, codec) in enumerate(
            zip(self.marks.tokens, self.marks.codecs, strict=True)
        ):
            rows = np.flatnonzero(token == which)
            if not len(rows):
                continue
            own = np.full(len(rows), place)
            codes = self.shares.draw(_range_of(self.starts, own, mean[rows]), rng.random(len(rows)))
            lost = np.flatnonzero(codes == FORGET)
            codes[lost] = self.marks.shares.draw(own[lost], rng.random(len(lost)))
            drawn[rows] = codec.decode(codes, rng)
        return drawn

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        own: Arrays = {f"{prefix}.starts": self.starts}
        return own | self.marks.arrays(f"{prefix}.marks") | self.shares.arrays(f"{prefix}.shares")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Means":
        """The inverse of `arrays`."""
        marks, starts = Marks.load(arrays, f"{prefix}.marks"), arrays[f"{prefix}.starts"]
        return Means(marks, starts, Choices.load(arrays, f"{prefix}.shares"))


def _range_of(starts: np.ndarray, place: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(rows,) which range of which token; the first of each is for what nobody told."""
    above = (mean[:, None] >= starts[place]).sum(axis=1)  # a NaN is above nothing
    return place * (RANGES + 1) + np.where(np.isnan(mean), 0, np.maximum(above, 1))
