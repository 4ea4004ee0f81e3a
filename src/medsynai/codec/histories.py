"""Histories that are to be gone on with, and what is told of the rest of each.

How much is still to come of a patient is not known. It is taken from drawn patients who are like
this one until then and go on at least as long: so a long history is gone on with as long ones are.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.codec.course import Course, CourseCodec, kept_of, rows_of
from medsynai.codec.lives import AGE, ENDS, ENTRY, FIRST, origins
from medsynai.codec.moments import AIMS, ROUND, SPAN, STEPS, Moments, told_of
from medsynai.codec.steps import StepCodec
from medsynai.data.canonical import fit_canonical, text_of
from medsynai.data.cohort import Cohort
from medsynai.data.source import Format, Source
from medsynai.data.table import Table
from medsynai.errors import PlanError

ALIKE = 32  # drawn patients of whom one lends what is told of the rest
AT_ONCE = 200  # histories that are held beside all drawn patients at once
STATICS = 4.0  # how much a static weighs, beside how often one thing comes or its mean


@dataclass(frozen=True)
class Histories:
    """What happened so far.

    Attributes:
        course: with what of the statics is known; missing for the rest.
        begin, last: (patients,) ticks at which each one's time begins, and of the last event.
        over: (patients,) who died, or of whom the model knows no event: nothing is drawn.
    """

    course: Course
    begin: np.ndarray
    last: np.ndarray
    over: np.ndarray

    def numbers(self, tokens: int) -> np.ndarray:
        """(patients, tokens) the last number of each; NaN where there is none."""
        course, held = self.course, np.full((len(self.begin), tokens), np.nan)
        held[course.patient, course.token] = course.value  # of several the last: in order
        return held

    @staticmethod
    def of(courses: CourseCodec, cohort: Cohort) -> "Histories":
        """In a model's tokens and statics; what it does not know is left out.

        Raises:
            PlanError: times of another clock.
        """
        times = courses.lives.times
        if cohort.clock is not times.clock:
            raise PlanError(
                f"the histories' times are {cohort.clock.value}, the model's {times.clock.value}"
            )
        rows = kept_of(rows_of(cohort, times), courses.tokens)
        ticks, patient = rows["tick"].to_numpy("float64"), rows["patient"].to_numpy()
        gap = np.diff(ticks, prepend=ticks[:1])
        gap[np.diff(patient, prepend=-1) != 0] = 0
        known = list(courses.lives.statics)
        bare = replace(cohort, subjects=cohort.subjects.drop(columns=known, errors="ignore"))
        lives = replace(courses.lives, schema=courses.lives.schema.only(_own(courses)))
        own = lives.encode(bare, rows).frame
        frame = pd.concat([_statics(courses, cohort), own], axis=1)
        statics = Table(frame[list(courses.lives.schema.names)], courses.lives.schema)
        course = Course(
            statics,
            patient,
            rows["token"].to_numpy(),
            gap,
            rows["value"].to_numpy("float64"),
            rows["length"].to_numpy("float64"),
        )
        begin = origins(cohort, times, rows)
        last = begin.copy()
        np.maximum.at(last, patient, ticks)
        has = np.bincount(patient, minlength=len(cohort)) > 0
        over = ~has | cohort.subjects["death"].notna().to_numpy()
        return Histories(course, begin, last, over)


def _own(courses: CourseCodec) -> tuple[str, ...]:
    known = set(courses.lives.statics)
    return tuple(n for n in courses.lives.schema.names if n not in known)


def _statics(courses: CourseCodec, cohort: Cohort) -> pd.DataFrame:
    """The source's own columns; missing where a history does not say, or says something new."""
    names, people = courses.lives.statics, cohort.subjects
    none = pd.Series(None, index=people.index, dtype=object)
    told = {n: people[n].astype(object) if n in people else none for n in names}
    raw = pd.DataFrame(told, index=people.index)
    raw = raw.map(lambda v: "" if pd.isna(v) else text_of(v)).reset_index(drop=True)
    schema = courses.lives.schema.only(names)
    return fit_canonical(raw, schema, Source(Format.CSV, names))[0]


def rest_of(
    codec: StepCodec, histories: Histories, pool: Table, times: int, rng: np.random.Generator
) -> Table:
    """(patients * times rows) what is told of each patient in all, once for each continuation.

    Args:
        codec: of the model.
        histories: what happened so far.
        pool: drawn rows of what is told of a patient once.
        times: continuations of each; a patient's stand one behind the other.
        rng: picks who lends the rest.
    """
    course, moments = histories.course, Moments.of(histories.course, codec.tokens)
    told = told_of(course, moments, codec.watched[codec.counted], codec.cycle, codec.schema)
    so_far = told.frame.loc[np.repeat(np.arange(len(told)), times)].reset_index(drop=True)
    lent = pool.frame.iloc[_lenders(codec, told.frame, pool.frame, times, rng)]
    lent = lent.reset_index(drop=True)
    frame = pd.DataFrame(index=so_far.index)
    over = np.repeat(histories.over, times)
    for name in codec.schema.names:
        if not name.startswith("."):
            frame[name] = _known(so_far[name], lent[name])
        elif name in (FIRST, AGE, ENTRY):
            frame[name] = so_far[name].where(so_far[name].notna(), lent[name])
        elif name in [f".{end}" for end in ENDS]:
            frame[name] = np.where(over, so_far[name], lent[name])
    whole = pd.concat([frame, _totals(codec, so_far, lent, over, rng)], axis=1)
    return Table(whole[list(codec.schema.names)], codec.schema, "synthetic")


def _known(mine: pd.Series, other: pd.Series) -> pd.Series:
    """What is known of a patient, else what is lent."""
    if not isinstance(mine.dtype, pd.CategoricalDtype):
        return mine.where(mine.notna(), other)
    codes = np.where(mine.notna(), mine.cat.codes, other.cat.codes)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=mine.dtype))


def _totals(
    codec: StepCodec,
    so_far: pd.DataFrame,
    lent: pd.DataFrame,
    over: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Steps, span, counts and ranges in all: what was, and the lender's share of what is left."""

    def whole(x: np.ndarray) -> np.ndarray:
        return np.floor(x + rng.random(len(x)))

    done, passed = so_far[STEPS].to_numpy(), so_far[SPAN].to_numpy()
    span = lent[SPAN].to_numpy()
    left = np.where(span > passed, (span - passed) / np.maximum(span, 1), 0.0)
    left[over] = 0
    steps = np.where(left > 0, np.maximum(whole(lent[STEPS].to_numpy() * left), 1), 0)
    found = {
        STEPS: done + steps,
        SPAN: np.where(left > 0, np.maximum(span, passed + steps), passed),
    }
    found[ROUND] = so_far[ROUND] + np.minimum(whole(lent[ROUND].to_numpy() * left), steps)
    for place in range(len(codec.counted)):
        more = np.minimum(whole(lent[f".n{place}"].to_numpy() * left), steps)
        found[f".n{place}"] = so_far[f".n{place}"] + more
        if f".m{place}" in codec.schema.names:
            found |= _aims(place, so_far, lent, more)
    return pd.DataFrame(found)


def _aims(
    place: int, so_far: pd.DataFrame, lent: pd.DataFrame, more: np.ndarray
) -> dict[str, np.ndarray]:
    """The mean, least and greatest of a token's numbers in all."""
    mine, theirs = (
        {a: f[f".{a}{place}"].to_numpy("float64") for a in AIMS} for f in (so_far, lent)
    )
    coming = more > 0
    low = np.where(coming, np.fmin(mine["l"], theirs["l"]), mine["l"])
    high = np.where(coming, np.fmax(mine["h"], theirs["h"]), mine["h"])
    many = so_far[f".n{place}"].to_numpy() * ~np.isnan(mine["m"])
    total = np.nan_to_num(mine["m"]) * many + np.nan_to_num(theirs["m"]) * more
    said = many + more * ~np.isnan(theirs["m"])
    mean = np.where(said > 0, total / np.maximum(said, 1), np.nan)
    return {f".m{place}": np.clip(mean, low, high), f".l{place}": low, f".h{place}": high}


def _lenders(
    codec: StepCodec,
    so_far: pd.DataFrame,
    pool: pd.DataFrame,
    times: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(patients * times,) rows of the pool: of those who go on as long, one of the most alike."""
    mine, theirs = _features(codec, so_far), _features(codec, pool)
    theirs[:, np.isnan(theirs).all(axis=0)] = 0.0
    scale = np.nanstd(theirs, axis=0)
    scale[~(scale > 0)] = 1.0
    mine, theirs = mine / scale, theirs / scale
    weight = np.ones(mine.shape[1])
    weight[: mine.shape[1] - 2 * len(codec.counted)] = STATICS
    span, steps = pool[SPAN].to_numpy(), pool[STEPS].to_numpy()
    found = np.zeros((len(mine), times), np.int64)
    for start in range(0, len(mine), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        far = _distances(mine[part], theirs, weight)
        short = span < so_far[SPAN].to_numpy()[part, None]
        short |= steps < so_far[STEPS].to_numpy()[part, None]
        far += np.where(short, 1e6, 0.0)  # where nobody goes on as long, the most alike do
        size = min(ALIKE, far.shape[1])
        near = np.argpartition(far, size - 1, axis=1)[:, :size]
        found[part] = np.take_along_axis(near, rng.integers(0, size, (len(far), times)), axis=1)
    return found.ravel()


def _distances(mine: np.ndarray, theirs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(patients, pool) mean squared distances over what both have."""
    there, here = ~np.isnan(theirs) * weight, ~np.isnan(mine) * 1.0
    one, two = np.nan_to_num(mine), np.nan_to_num(theirs)
    squares = (one**2) @ there.T + here @ (two**2 * weight).T - 2 * one @ (two * weight).T
    far: np.ndarray = squares / np.maximum(here @ there.T, 1e-9)
    return far


def _features(codec: StepCodec, frame: pd.DataFrame) -> np.ndarray:
    """(rows, features) statics, level by level; how often each token comes in a step, its mean."""
    found: list[np.ndarray] = []
    for column in codec.schema.columns:
        values = frame[column.name]
        if column.name.startswith("."):
            continue
        if column.kind.is_number:
            found.append(values.to_numpy("float64"))
            continue
        codes = values.cat.codes.to_numpy()
        levels = codes[:, None] == np.arange(len(column.categories or ()))
        found += list(np.where(codes[:, None] < 0, np.nan, levels).T)
    steps = np.maximum(frame[STEPS].to_numpy("float64"), 1)
    counted = range(len(codec.counted))
    found += [np.sqrt(frame[f".n{i}"].to_numpy("float64") / steps) for i in counted]
    none = np.full(len(frame), np.nan)
    found += [frame[f".m{i}"].to_numpy("float64") if f".m{i}" in frame else none for i in counted]
    return np.column_stack(found) if found else np.zeros((len(frame), 1))
