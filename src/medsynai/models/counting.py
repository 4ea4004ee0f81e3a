"""From a cohort to the counts of a chain; no count is of fewer patients than the settings say."""

from typing import Any

import numpy as np

from medsynai.codec.course import CourseCodec
from medsynai.codec.marks import Marks
from medsynai.codec.means import Means
from medsynai.codec.moments import means_in, with_counts
from medsynai.codec.turns import Turns
from medsynai.codec.waits import Waits
from medsynai.data.cohort import Cohort
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
        settings: with `least`, `bins` and `lives`, the table model of statics; and with `told`
            unless `alone`.
        cohort: train patients.
        ledger: charged before a row is read.
        seeds: the same seeds give the same chain.
        alone: no token is told what was before it, nor how many of it a patient has.

    Raises:
        ModelError: no patients, or no token of `least` of them.
    """
    note = f"exact counts of what follows what, each of {settings.least} train patients or more"
    ledger.charge(Release("count events", note=note))
    if not len(cohort):
        raise ModelError("a cohort without patients has nothing to learn from")
    codec, least, bins = CourseCodec.fit(cohort, settings.least), settings.least, settings.bins
    if not codec.tokens:
        raise ModelError(f"no code has {settings.least} train patients: there is nothing to learn")
    course = codec.encode(cohort)
    told = 0 if alone else min(settings.told, len(codec.tokens))
    table = course.statics if alone else with_counts(course, told)
    token, whose = course.token, course.patient
    enough = len(cohort) + 1 if alone else least  # alone: no token is told what was before it
    sides = np.array([*(t.inside for t in codec.tokens), False]).astype(np.int64)
    free = np.array([t.visit or not t.inside for t in codec.tokens]).astype(np.int64)
    marks = Marks.fit(token, course.value, whose, bins, least)
    mean = means_in(table, len(codec.tokens))[whose, token]
    happened = (whose, token, course.gap > 0)
    return FittedChain(
        name,
        settings,
        settings.lives.fit(table, ledger, seeds.of("lives")),
        codec,
        Turns.fit(course, sides, told, least, enough),
        Waits.fit(happened, course.gap, free, (least, enough), bins),
        Means.fit(marks, (whose, token), course.value, mean, least),
        Marks.fit(token, course.length, whose, bins, least),
    )
