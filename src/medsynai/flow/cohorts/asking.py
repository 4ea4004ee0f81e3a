"""Conditions on patients: their own columns, and what a clinician says beside: an age, a death."""

import re
from dataclasses import replace

import numpy as np

from medsynai.codec.lives import AGE, Lives
from medsynai.data.cohortfiles.layout import Layout, Part
from medsynai.data.outcomes import FATAL, fatal_level
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.settled import Settled
from medsynai.errors import ConditionError
from medsynai.flow.conditions import parse_conditions
from medsynai.generator import Condition, FittedCohort, Wanted
from medsynai.models.chain import FittedChain

DEATH = ".death"  # of `Lives`, missing for those who live
YES, NO = "yes", "no"
ASKED = re.compile(r"\s*([^<>=]*?)\s*(>=|<=|=|>|<)")  # a name, and what is asked of it


def asked_of(
    fitted: FittedCohort,
    texts: tuple[str, ...],
    layout: Layout | None = None,
    settled: tuple[Settled, ...] = (),
) -> Condition:
    """What `--condition` asks of a model; see `understood`.

    Raises:
        ConditionError: an unknown column or level, or an empty range.
    """
    lives = _lives(fitted)
    if lives is None:
        return parse_conditions(texts, fitted.schema)
    return understood(lives, fitted.schema, texts, layout, settled)


def understood(
    lives: Lives,
    learnt: Schema,
    texts: tuple[str, ...],
    layout: Layout | None = None,
    settled: tuple[Settled, ...] = (),
) -> Condition:
    """What is asked of statics, of `age>=70`, and of `death=yes` and `death=no`.

    Ages are in years, when a patient's time begins; the two are known where the source has births
    and deaths, and no columns of these names. Without times of death, a column that says who died
    is asked instead.

    Args:
        lives: how it is told what is told of a patient once.
        learnt: what of it may be asked.
        texts: as a person wrote them.
        layout: whose own names of sex and death are understood too, and used in messages.
        settled: columns that are asked of what settles them.

    Raises:
        ConditionError: an unknown column or level, or an empty range.
    """
    spoken = _spoken(learnt, lives.times.year, settled)
    own = _own_names(spoken, layout) if layout else {}
    words = Schema(tuple(replace(c, name=own.get(c.name, c.name)) for c in spoken.columns))
    said = [_outcome(_renamed(t, own), words) for t in texts]
    back = {mine: name for name, mine in own.items()}
    wanted = parse_conditions(said, words).wanted
    named = [replace(w, column=back.get(w.column, w.column)) for w in wanted]
    named = _by_what_settles(named, settled)
    met = [_learnt(w, learnt, lives.times.year) for w in named]
    return Condition(tuple(w for w in met if w is not None))


def _spoken(learnt: Schema, year: float, settled: tuple[Settled, ...]) -> Schema:
    """What may be asked, by the names that a person uses; `year`: its ticks."""
    columns = [c for c in learnt.columns if not c.name.startswith(".")]
    columns += [Column(s.name, Kind.CATEGORICAL, categories=s.said) for s in settled]
    statics = [c.name for c in columns]
    if AGE in learnt and "age" not in statics:
        low, high = learnt[AGE].minimum, learnt[AGE].maximum
        least = None if low is None else float(np.floor(low / year))
        most = None if high is None else float(np.ceil(high / year))
        columns.append(Column("age", Kind.CONTINUOUS, minimum=least, maximum=most))
    if DEATH in learnt and "death" not in statics:
        ways = (NO, YES) if learnt[DEATH].missing else (YES,)
        columns.append(Column("death", Kind.CATEGORICAL, categories=ways))
    return Schema(tuple(columns))


def _by_what_settles(wanted: list[Wanted], settled: tuple[Settled, ...]) -> list[Wanted]:
    """What is asked, of columns that others settle of these.

    Raises:
        ConditionError: what excludes each other.
    """
    asked = {w.column: w for w in wanted}
    for one in settled:  # what settles a column is itself settled by a later one
        if (mine := asked.pop(one.name, None)) is None:
            continue
        other = asked.get(one.by)
        levels = one.asked(mine.levels or ())
        if other is not None:
            levels = tuple(v for v in levels if v in (other.levels or ()))
        if not levels:
            raise ConditionError(f"the conditions on {one.name!r} and others exclude each other")
        asked[one.by] = Wanted(one.by, levels)
    return list(asked.values())


def _own_names(spoken: Schema, layout: Layout) -> dict[str, str]:
    """A patient's columns -> the source's own names of them."""
    return {
        name: own
        for sheet in layout.of(Part.SUBJECTS)
        for name, own in sheet.columns.items()
        if isinstance(own, str) and own not in spoken and name in spoken
    }


def _renamed(text: str, own: dict[str, str]) -> str:
    """The condition with the source's name of a column for the cohort's."""
    match = ASKED.match(text)
    if match is None or match[1] not in own:
        return text
    return own[match[1]] + text[match.end(1) :]


def _outcome(text: str, words: Schema) -> str:
    """What is asked of a death of which there is no time, of the column that says who died."""
    match = ASKED.match(text)
    if match is None or match[1] != "death" or match[1] in words:
        return text
    for column in words.columns:
        levels = column.categories or ()
        if len(levels) == 2 and FATAL.search(column.name):
            fatal, asked = fatal_level(levels), text[match.end() :].strip()
            other = levels[levels[0] == fatal]
            meant = {YES: fatal, NO: other}.get(asked, asked)
            return f"{column.name}{match[2]}{meant}"
    return text


def _learnt(wanted: Wanted, learnt: Schema, year: float) -> Wanted | None:
    """What is asked in a person's words, in learnt columns and ticks; None for all."""
    if wanted.column in learnt:  # a static, even if it is called age
        return wanted
    if wanted.column == "death":
        if wanted.levels == (NO,):
            return Wanted(DEATH, levels=())
        return Wanted(DEATH, low=learnt[DEATH].minimum) if wanted.levels == (YES,) else None
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
