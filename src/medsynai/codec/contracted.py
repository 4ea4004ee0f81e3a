"""Courses, steps and their codes by a contract alone: nothing here looks at another patient.

The lattice of times, tokens, bins, what is told of a patient once: all of it is public. A patient's
own events are made lawful one patient at a time: what the contract does not name, or puts out of
time, is left out, numbers go to the bound, and of too many the first count.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.codec.bought import public_codec
from medsynai.codec.choices import Choices
from medsynai.codec.course import Course, CourseCodec, Token
from medsynai.codec.lives import FIRST, Lives, Times
from medsynai.codec.marks import Marks
from medsynai.codec.moments import ROUND, SPAN, STEPS, plain_of
from medsynai.codec.stays import Rooms
from medsynai.codec.steps import COUNTED, KNOTS, WATCHED, StepCodec, cycle_of
from medsynai.codec.table import ColumnCodec, LevelCodec, TableCodec
from medsynai.data.canonical import fit_canonical, text_of
from medsynai.data.cohort import Cohort
from medsynai.data.cohort_contract import CohortContract, Known
from medsynai.data.contract import conformed_frame
from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.data.source import Format, Source
from medsynai.data.table import Table
from medsynai.errors import SchemaError
from medsynai.privacy.sampling import capped

SHORT, LAPS, LONG = 120, 24, 48  # gaps that are bins of their own: ticks, cycles; and ranges beyond
TOLD = 20  # bins of what is told once


def courses_under(contract: CohortContract) -> CourseCodec:
    """Tokens and what is told of a patient once."""
    times = Times(contract.clock, contract.decimals)
    tokens = (Token(*c.said, None, visit=False, timed=True) for c in contract.codes)
    own = whole(FIRST, 0, contract.ticks, missing=True)
    lives = Lives(times, Schema((*contract.statics.columns, own)), {}, ())
    return CourseCodec(tuple(tokens), lives, (), False)


def steps_under(contract: CohortContract, bins: int) -> StepCodec:
    """Steps with public bins; `bins`: of a code's numbers, about, at most."""
    courses, codes = courses_under(contract), contract.codes
    cycle, many = cycle_of(courses.lives.times), len(codes)
    watched = np.arange(min(many, WATCHED))
    counted = np.array([i for i in watched.tolist() if codes[i].often][:COUNTED], np.int64)
    numbers = [whole(STEPS, 0, contract.steps), whole(SPAN, 0, contract.ticks)]
    numbers += [whole(ROUND, 0, contract.steps)]
    numbers += [whole(f".n{i}", 0, contract.steps) for i in range(len(counted))]
    schema = Schema((*courses.lives.schema.columns, *numbers))
    told = TableCodec(tuple(map(_told, schema.only(plain_of(schema)).columns)))
    since = np.unique(np.rint(np.geomspace(1, contract.ticks, KNOTS)))
    ones = Choices.of(np.arange(many), np.ones(many, np.int64), np.ones(many), many)
    nothing = Marks(np.zeros(0, np.int64), (), _alike([]))
    valued = [(i, public_codec(c.column, bins)) for i, c in enumerate(codes) if c.valued]
    codecs = tuple(codec for _, codec in valued)
    values = Marks(np.array([i for i, _ in valued], np.int64), codecs, _alike(codecs))
    gaps = public_codec(_gaps(contract.ticks, cycle))
    rooms = Rooms(np.zeros(many, np.int64))  # a contract names no visits
    return StepCodec(
        many, watched, counted, cycle, schema, told, gaps, since, values, nothing, ones, rooms
    )


def course_under(cohort: Cohort, contract: CohortContract) -> Course:
    """What of each patient the contract lets count, whatever the others have.

    Raises:
        SchemaError: another clock, or a static that the subjects have no column of.
    """
    if cohort.clock is not contract.clock:
        raise SchemaError("the cohort's times are of another clock than the contract's")
    rows = _lawful(cohort, contract)
    ticks, patient = rows["tick"].to_numpy(), rows["patient"].to_numpy()
    new = np.diff(patient, prepend=-1) != 0
    gap = np.where(new, 0, np.diff(ticks, prepend=0))
    statics = _statics(cohort, contract)
    first = np.full(len(cohort), np.nan)
    first[patient[new]] = ticks[new]
    schema = courses_under(contract).lives.schema
    frame = statics.assign(**{FIRST: first})
    none = np.full(len(rows), np.nan)
    table = Table(frame, schema, cohort.origin)
    token, value = rows["token"].to_numpy(), rows["value"].to_numpy()
    return Course(table, patient, token, gap, value, none)


def _lawful(cohort: Cohort, contract: CohortContract) -> pd.DataFrame:
    """(patient, token, tick, value) in order, at most so many steps and events of each."""
    place = {c.said: i for i, c in enumerate(contract.codes)}
    events = cohort.events
    said = zip(events["kind"], events["code"], events["unit"], strict=True)
    token = np.array([place.get(s, -1) for s in said], np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        tick = np.rint(events["time"].to_numpy("float64") * 10**contract.decimals)
    value = events["value"].to_numpy("float64", copy=True)
    patient = cohort.places(events["subject_id"])
    kept = (token >= 0) & (patient >= 0) & (tick >= 0) & (tick <= contract.ticks)
    for i, code in enumerate(contract.codes):
        mine = token == i
        value[mine] = _within(value[mine], code)
        if code.valued and not code.missing:
            kept &= ~(mine & np.isnan(value))
    rows = pd.DataFrame({"patient": patient, "token": token, "tick": tick, "value": value})[kept]
    rows = rows.sort_values(["patient", "tick", "token"], kind="stable", ignore_index=True)
    rows = rows.drop_duplicates(["patient", "tick", "token"], ignore_index=True)
    steps = rows.drop_duplicates(["patient", "tick"])
    early = steps.iloc[capped(steps["patient"].to_numpy(), contract.steps)]
    rows = rows.merge(early[["patient", "tick"]], on=["patient", "tick"])  # keeps the order
    return rows.iloc[capped(rows["patient"].to_numpy(), contract.events)].reset_index(drop=True)


def _within(values: np.ndarray, code: Known) -> np.ndarray:
    """Numbers inside the code's range, with its decimals."""
    if code.minimum is None or code.maximum is None:
        return np.full(len(values), np.nan)
    return np.round(np.clip(values, code.minimum, code.maximum), code.decimals or 0)


def _statics(cohort: Cohort, contract: CohortContract) -> pd.DataFrame:
    """The declared columns of the subjects, each value made lawful by itself."""
    names = contract.statics.names
    if lacking := [n for n in names if n not in cohort.subjects]:
        raise SchemaError(f"the subjects have no column {lacking[0]!r}, which the contract names")
    raw = cohort.subjects[list(names)].astype(object)
    raw = raw.map(lambda v: "" if pd.isna(v) else text_of(v)).reset_index(drop=True)
    frame, _ = fit_canonical(raw, contract.statics, Source(Format.CSV, names))
    return conformed_frame(frame, contract.statics)


def whole(name: str, low: int, high: int, missing: bool = False) -> Column:
    """A whole number that is declared."""
    column = Column(name, Kind.INTEGER, storage="float64", missing=missing, decimals=0)
    return replace(column, minimum=float(low), maximum=float(high), origin=Origin.DECLARED)


def _told(column: Column) -> ColumnCodec:
    if column.kind.is_number:
        return ColumnCodec(column, public_codec(column, TOLD))
    return ColumnCodec(column, LevelCodec(len(column.categories or ())))


def _gaps(ticks: int, cycle: int) -> Column:
    """Short gaps and whole cycles by themselves, longer ones in ranges that widen."""
    laps = cycle * np.arange(1, LAPS + 1)
    begins = (np.arange(2, SHORT + 1), laps, laps + 1, np.rint(np.geomspace(SHORT, ticks, LONG)))
    edges = np.unique(np.concatenate(begins))
    inside = edges[(edges > 1) & (edges < ticks)]
    return replace(whole("gap", 1, ticks), edges=tuple(inside.tolist()))


def _alike(codecs: tuple[object, ...] | list[object]) -> Choices:
    """Each code's bins alike: asked only where a token comes twice at a time, which none does."""
    sizes = np.array([getattr(c, "bins", 0) for c in codecs], np.int64)
    group = np.repeat(np.arange(len(sizes)), sizes)
    item = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Choices.of(group, item, np.ones(len(group)), len(sizes))
