"""Conditions on patients: their own columns, and what a clinician says beside: an age, a death."""

import re
from dataclasses import replace

import numpy as np

from medsynai.codec.lives import AGE, Lives
from medsynai.data.schema import Column, Kind, Schema
from medsynai.flow.conditions import parse_conditions
from medsynai.generator import Condition, FittedCohort, Wanted
from medsynai.models.chain import FittedChain

YEARS = re.compile(r"\s*age\s*[<>=]")
DIED = re.compile(r"\s*death\s*=\s*yes\s*")
DEATH = ".death"  # of `Lives`, missing for those who live


def asked_of(fitted: FittedCohort, texts: tuple[str, ...]) -> Condition:
    """What `--condition` asks of statics, of `age>=70` and of `death=yes`.

    Ages are in years, when a patient's time begins; the two are known where the source has births
    and deaths, and no columns of these names.

    Raises:
        ConditionError: an unknown column or level, or an empty range.
    """
    schema, lives = fitted.schema, _lives(fitted)
    known = set(schema.names)
    aged = [t for t in texts if YEARS.match(t) and AGE in known and "age" not in known]
    died = [t for t in texts if DIED.fullmatch(t) and DEATH in known and "death" not in known]
    plain = parse_conditions([t for t in texts if t not in (*aged, *died)], schema).wanted
    if lives is None or not (aged or died):
        return parse_conditions(texts, schema)
    wanted = [_ticks(w, lives.times.year) for w in _years(aged, schema[AGE], lives.times.year)]
    if died:
        wanted.append(Wanted(DEATH, low=schema[DEATH].minimum))
    return Condition((*plain, *wanted))


def _years(texts: list[str], ticks: Column, year: float) -> tuple[Wanted, ...]:
    low, high = (None if b is None else b / year for b in (ticks.minimum, ticks.maximum))
    age = Column("age", Kind.CONTINUOUS, minimum=low, maximum=high)
    return parse_conditions(texts, Schema((age,))).wanted if texts else ()


def _ticks(wanted: Wanted, year: float) -> Wanted:
    """Whole ticks inside these years; one whole year is all of it."""
    low, high = wanted.low, wanted.high
    if low is not None and low == high and low.is_integer():
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
