"""Conditions on patients: their own columns, and what a clinician says beside: an age, a death."""

import re
from dataclasses import replace

import numpy as np

from medsynai.codec.lives import AGE, Lives
from medsynai.data.cohortfiles.layout import Layout, Part
from medsynai.data.schema import Column, Kind, Schema
from medsynai.flow.conditions import parse_conditions
from medsynai.generator import Condition, FittedCohort, Wanted
from medsynai.models.chain import FittedChain

DEATH = ".death"  # of `Lives`, missing for those who live


def asked_of(
    fitted: FittedCohort, texts: tuple[str, ...], layout: Layout | None = None
) -> Condition:
    """What `--condition` asks of statics, of `age>=70` and of `death=yes`.

    Ages are in years, when a patient's time begins; the two are known where the source has births
    and deaths, and no columns of these names.

    Args:
        fitted: the model.
        texts: as a person wrote them.
        layout: whose own names of sex and death are understood too.

    Raises:
        ConditionError: an unknown column or level, or an empty range.
    """
    lives = _lives(fitted)
    if lives is None:
        return parse_conditions(texts, fitted.schema)
    spoken = _spoken(fitted.schema, lives.times.year)
    said = _renamed(texts, spoken, layout) if layout else texts
    wanted = parse_conditions(said, spoken).wanted
    return Condition(tuple(_learnt(w, fitted.schema, lives.times.year) for w in wanted))


def _spoken(learnt: Schema, year: float) -> Schema:
    """What may be asked, by the names that a person uses; `year`: its ticks."""
    columns = [c for c in learnt.columns if not c.name.startswith(".")]
    statics = [c.name for c in columns]
    if AGE in learnt and "age" not in statics:
        low, high = learnt[AGE].minimum, learnt[AGE].maximum
        least = None if low is None else float(np.floor(low / year))
        most = None if high is None else float(np.ceil(high / year))
        columns.append(Column("age", Kind.CONTINUOUS, minimum=least, maximum=most))
    if DEATH in learnt and "death" not in statics:
        columns.append(Column("death", Kind.CATEGORICAL, categories=("yes",)))
    return Schema(tuple(columns))


def _renamed(texts: tuple[str, ...], spoken: Schema, layout: Layout) -> list[str]:
    """The conditions, with the source's own names of a patient's columns for the cohort's."""
    names = {
        own: name
        for sheet in layout.of(Part.SUBJECTS)
        for name, own in sheet.columns.items()
        if isinstance(own, str) and own not in spoken and name in spoken
    }
    if not names:
        return list(texts)
    longest_first = sorted(names, key=len, reverse=True)
    own = re.compile(rf"({'|'.join(map(re.escape, longest_first))})(?=\s*[<>=])")
    return [own.sub(lambda m: names[m[1]], t, count=1) if own.match(t) else t for t in texts]


def _learnt(wanted: Wanted, learnt: Schema, year: float) -> Wanted:
    """What is asked in a person's words, in the columns and ticks that were learnt."""
    if wanted.column in learnt:  # a static, even if it is called age
        return wanted
    if wanted.column == "death":
        return Wanted(DEATH, low=learnt[DEATH].minimum)
    low, high = wanted.low, wanted.high
    if low is not None and low == high and low.is_integer():  # one whole year is all of it
        high = float(np.nextafter(low + 1, low))
    return replace(
        wanted,
        column=AGE,
        low=None if low is None else float(np.ceil(low * year)),
        high=None if high is None else float(np.floor(high * year)),
    )


def _lives(fitted: FittedCohort) -> Lives | None:
    if isinstance(fitted, FittedChain):
        return fitted.codec.lives
    from medsynai.learn.events import FittedEvents  # a network's, which takes a second to import

    return fitted.courses.lives if isinstance(fitted, FittedEvents) else None
