"""From a cohort to the counts of a chain; no count is of fewer patients than the settings say."""

from typing import Any

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.codec.counted import choices_of, counted
from medsynai.codec.course import CourseCodec
from medsynai.codec.marks import Marks
from medsynai.codec.numbers import NumberCodec
from medsynai.data.cohort import Cohort
from medsynai.data.levels import patients_of_levels
from medsynai.errors import ModelError
from medsynai.models.chain import FittedChain
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds


def count_chain(
    name: str, settings: Any, cohort: Cohort, ledger: Ledger, seeds: Seeds, alone: bool = False
) -> FittedChain:
    """Fit a chain: counts of what follows what, each of `settings.least` patients or more.

    Args:
        name: of the model.
        settings: with `least`, `bins` and `lives`, the table model of statics.
        cohort: train patients.
        ledger: charged before a row is read.
        seeds: the same seeds give the same chain.
        alone: no token is told what was before it.

    Raises:
        ModelError: no patients, or no token of `least` of them.
    """
    note = f"exact counts of what follows what, each of {settings.least} train patients or more"
    ledger.charge(Release("count events", note=note))
    if not len(cohort):
        raise ModelError("a cohort without patients has nothing to learn from")
    codec = CourseCodec.fit(cohort, settings.least)
    if not codec.tokens:
        raise ModelError(f"no code has {settings.least} train patients: there is nothing to learn")
    course = codec.encode(cohort)
    lives = settings.lives.fit(course.statics, ledger, seeds.of("lives"))
    token, whose, bins, least = course.token, course.patient, settings.bins, settings.least
    size = len(codec.tokens)
    enough = len(cohort) + 1 if alone else least  # alone: no token is told what was before it
    new = np.diff(whose, prepend=-1) != 0
    last = np.where(new, size, np.roll(token, 1))
    move = 2 * token + (new | (course.gap > 0))
    passed = course.gap > 0
    gaps = NumberCodec.fit(course.gap[passed], bins, 2 * least, least, whose[passed])
    wait = gaps.encode(course.gap[passed])
    return FittedChain(
        name,
        settings,
        lives,
        codec,
        choices_of(last, move, whose, enough, size + 1),
        _common(move, whose, least),
        _waits(last[passed], wait, whose[passed], enough, size),
        gaps,
        Marks.fit(token, course.value, whose, bins, least),
        Marks.fit(token, course.length, whose, bins, least),
    )


def _common(move: np.ndarray, whose: np.ndarray, least: int) -> Choices:
    """Moves over all tokens; a token that few have at the same time as another comes later."""
    _, place = np.unique(move, return_inverse=True)
    few = patients_of_levels(place, whose, int(place.max()) + 1)[place] < least
    items, counts = np.unique(np.where(few, move | 1, move), return_counts=True)
    return Choices.of(np.zeros(len(items), np.int64), items, counts.astype(float), 1)


def _waits(
    last: np.ndarray, wait: np.ndarray, whose: np.ndarray, least: int, tokens: int
) -> Choices:
    """Bins of gaps behind each token, and over all of them in the group behind the last."""
    own = counted(last, wait, whose, least, tokens)
    bins, counts = np.unique(wait, return_counts=True)
    group = np.concatenate([own[0], np.full(len(bins), tokens)])
    item, weight = np.concatenate([own[1], bins]), np.concatenate([own[2], counts])
    return Choices.of(group, item, weight, tokens + 1)
