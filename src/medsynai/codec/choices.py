"""Weighted choice within groups, for many rows at once: the shared core of bins and lattices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from medsynai.store import Arrays


@dataclass(frozen=True)
class Choices:
    """Items with weights, in consecutive groups; a group may be empty.

    Attributes:
        items: (m,) what can be chosen, group after group.
        ends: (m,) running sum of the weights over all groups.
        starts: (groups + 1,) running sum of the weights at each group's first item.
    """

    items: np.ndarray
    ends: np.ndarray
    starts: np.ndarray

    @staticmethod
    def of(
        group: Integer[np.ndarray, " items"],
        items: np.ndarray,
        weights: np.ndarray,
        groups: int,
    ) -> "Choices":
        """From one line an item; lines may come in any order."""
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(weights[order])
        totals = np.bincount(group, weights=weights, minlength=groups)
        return Choices(items[order], ends, np.concatenate(([0.0], np.cumsum(totals))))

    def total(self, group: Integer[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The weight of each of these groups."""
        weight: np.ndarray = self.starts[group + 1] - self.starts[group]
        return weight

    def draw(self, group: Integer[np.ndarray, " n"], u: Float[np.ndarray, " n"]) -> np.ndarray:
        """One item for each group named, at the quantile `u` in [0, 1) of its weights.

        A group without items gives whatever item lies next to it; ask `total` first.
        """
        at = self.starts[group] + u * self.total(group)
        place = np.searchsorted(self.ends, at, side="right")
        return self.items[np.minimum(place, len(self.items) - 1)]

    def groups(self) -> Integer[np.ndarray, " items"]:
        """The group of each item; every item weighs something."""
        return np.searchsorted(self.starts, self.ends, side="left") - 1

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        return {
            f"{prefix}.items": self.items,
            f"{prefix}.ends": self.ends,
            f"{prefix}.starts": self.starts,
        }

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Choices":
        """The inverse of `arrays`."""
        return Choices(*(arrays[f"{prefix}.{part}"] for part in ("items", "ends", "starts")))
