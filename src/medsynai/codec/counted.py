"""Counts of what follows what, each of several patients: the cells that choices are made of."""

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.data.levels import patients_of_levels

FORGET = -1  # among what may be drawn: ask a wider group
Counted = tuple[np.ndarray, np.ndarray, np.ndarray]  # groups, items and weights, a line each


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
