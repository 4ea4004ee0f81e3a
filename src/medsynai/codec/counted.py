"""Counts of what follows what, each of several patients: the cells that choices are made of."""

from dataclasses import dataclass

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.data.levels import patients_of_levels
from medsynai.store import Arrays

FORGET = -1  # among what may be drawn: ask a wider group
Counted = tuple[np.ndarray, np.ndarray, np.ndarray]  # groups, items and weights, a line each
Groups = tuple[np.ndarray, int]  # the group of each row, and how many there are


def counted(
    group: np.ndarray, item: np.ndarray, whose: np.ndarray, least: int, groups: int
) -> Counted:
    """How often each item comes in each group; those of too few patients make way to `FORGET`."""
    width = int(item.max(initial=0)) + 1
    pairs, place = np.unique(group * width + item, return_inverse=True)
    few = patients_of_levels(place, whose, len(pairs)) < least
    empty = np.setdiff1d(np.arange(groups), group)  # what nothing ever followed
    return (
        np.concatenate([pairs // width, empty]),
        np.concatenate([np.where(few, FORGET, pairs % width), np.full(len(empty), FORGET)]),
        np.concatenate([np.bincount(place, minlength=len(pairs)), np.ones(len(empty))]),
    )


def choices_of(
    group: np.ndarray, item: np.ndarray, whose: np.ndarray, least: int, groups: int
) -> Choices:
    """The same as choices."""
    return Choices.of(*counted(group, item, whose, least, groups), groups)


@dataclass(frozen=True)
class Ladder:
    """Choices by narrow groups, then by wider ones where those forgot, at last by one for all.

    The groups before the last forget only where they know nothing: what few ever did in such a
    group is not done in it.
    """

    rungs: tuple[Choices, ...]

    @staticmethod
    def of(groups: tuple[Groups, ...], item: np.ndarray, whose: np.ndarray, least: int) -> "Ladder":
        """Count.

        Args:
            groups: of each row, the narrowest first.
            item: (rows,) what was done; over all groups every one is drawn as it is.
            whose: (rows,) patients by number.
            least: patients behind an item of a group.
        """
        rungs = []
        for place, (group, size) in enumerate(groups):
            lines = counted(group, item, whose, least, size)
            if place == len(groups) - 1:
                lines = _known(lines, size)
            rungs.append(Choices.of(*lines, size))
        values, counts = np.unique(item, return_counts=True)
        none = np.zeros(len(values), np.int64)
        return Ladder((*rungs, Choices.of(none, values, counts.astype(float), 1)))

    def draw(self, groups: tuple[np.ndarray, ...], rng: np.random.Generator) -> np.ndarray:
        """(rows,) an item for each; `groups`: of each row, the narrowest first."""
        found = np.full(len(groups[0]), FORGET)
        for rung, group in zip(self.rungs, (*groups, np.zeros_like(found) * 0), strict=True):
            lost = np.flatnonzero(found == FORGET)
            if len(lost):
                found[lost] = rung.draw(group[lost], rng.random(len(lost)))
        return found

    def shares(self, groups: tuple[np.ndarray, ...], width: int) -> np.ndarray:
        """(rows, width) how likely each item is to be drawn for each row."""
        total, left = np.zeros((len(groups[0]), width)), np.ones((len(groups[0]), 1))
        for rung, group in zip(self.rungs, (*groups, np.zeros_like(groups[0])), strict=True):
            table = np.zeros((len(rung.starts) - 1, width + 1))  # the last is for `FORGET`
            np.add.at(table, (rung.groups(), rung.items), np.diff(rung.ends, prepend=0.0))
            mine = (table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300))[group]
            total, left = total + left * mine[:, :-1], left * mine[:, -1:]
        return total

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        found: Arrays = {}
        for place, rung in enumerate(self.rungs):
            found |= rung.arrays(f"{prefix}.{place}")
        return found

    @staticmethod
    def load(arrays: Arrays, prefix: str, rungs: int) -> "Ladder":
        """The inverse of `arrays`."""
        return Ladder(tuple(Choices.load(arrays, f"{prefix}.{i}") for i in range(rungs)))


def _known(lines: Counted, groups: int) -> Counted:
    """Without `FORGET` in groups that know anything else."""
    group, item, weight = lines
    knows = np.bincount(group[item != FORGET], minlength=groups) > 0
    kept = (item != FORGET) | ~knows[group]
    return group[kept], item[kept], weight[kept]
