"""Numbers that hang on a token: values and lengths, each token's in bins of its own."""

from dataclasses import dataclass

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.codec.numbers import NumberCodec
from medsynai.store import Arrays


@dataclass(frozen=True)
class Marks:
    """For each token that has numbers: their bins, and how often each bin or none comes.

    Attributes:
        tokens: (codecs,) which tokens have numbers.
        codecs: the bins of each; a bin is several train patients' (see `NumberCodec`).
        shares: a group a codec; items are its codes.
    """

    tokens: np.ndarray
    codecs: tuple[NumberCodec, ...]
    shares: Choices

    @staticmethod
    def fit(
        token: np.ndarray, numbers: np.ndarray, whose: np.ndarray, bins: int, least: int
    ) -> "Marks":
        """Learn from events.

        Args:
            token: (events,) what each is.
            numbers: (events,) NaN for none.
            whose: (events,) patients by number.
            bins: about how many bins a token has at most.
            least: patients behind a value that is drawn as it is.
        """
        kept: list[int] = []
        codecs: list[NumberCodec] = []
        groups, items = [], []
        order = np.argsort(token, kind="stable")
        cuts = np.flatnonzero(np.diff(token[order])) + 1
        for rows in np.split(order, cuts):
            if not len(rows) or np.isnan(numbers[rows]).all():
                continue
            codec = NumberCodec.fit(numbers[rows], bins, 2 * least, least, whose[rows])
            groups.append(np.full(len(rows), len(codecs)))
            items.append(codec.encode(numbers[rows]))
            kept.append(int(token[rows[0]]))
            codecs.append(codec)
        none = np.zeros(0, np.int64)
        pairs = np.stack([np.concatenate([none, *parts]) for parts in (groups, items)])
        pairs, counts = np.unique(pairs, axis=1, return_counts=True)
        shares = Choices.of(pairs[0], pairs[1], counts.astype(float), len(codecs))
        return Marks(np.array(kept, np.int64), tuple(codecs), shares)

    def draw(self, token: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(events,) a number for each, NaN where its token has none."""
        drawn = np.full(len(token), np.nan)
        for place, (which, codec) in enumerate(zip(self.tokens, self.codecs, strict=True)):
            rows = np.flatnonzero(token == which)
            group = np.full(len(rows), place)
            codes = self.shares.draw(group, rng.random(len(rows))) if len(rows) else rows
            drawn[rows] = codec.decode(codes, rng)
        return drawn

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        own: Arrays = {f"{prefix}.tokens": self.tokens} | self.shares.arrays(f"{prefix}.shares")
        for place, codec in enumerate(self.codecs):
            own |= codec.arrays(f"{prefix}.{place}")
        return own

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Marks":
        """The inverse of `arrays`."""
        tokens = arrays[f"{prefix}.tokens"]
        codecs = tuple(NumberCodec.load(arrays, f"{prefix}.{i}") for i in range(len(tokens)))
        return Marks(tokens, codecs, Choices.load(arrays, f"{prefix}.shares"))
