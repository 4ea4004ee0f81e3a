"""Counts that ask wider groups, moves by what is told, and gaps that keep to a span."""

import numpy as np
import pandas as pd

from medsynai.codec.counted import Ladder
from medsynai.codec.course import Course
from medsynai.codec.marks import Marks
from medsynai.codec.means import Means
from medsynai.codec.turns import Turns
from medsynai.codec.waits import Waits
from medsynai.data.schema import Schema
from medsynai.data.table import Table


def test_a_ladder_draws_as_often_as_it_says_and_never_what_a_group_never_did():
    """Group 0 knows item 0; group 1 only what one patient did: it asks the wider group."""
    group = np.array([0] * 30 + [1] * 3 + [2] * 20)
    item = np.array([0] * 20 + [1] * 10 + [2] * 3 + [1] * 20)
    whose = np.array([*range(30), 99, 99, 99, *range(20)])
    side = (group == 2).astype(int)
    ladder = Ladder.of(((group, 3), (side, 2)), item, whose, 2)
    asked = np.repeat([0, 1, 2], 4000), np.repeat([0, 0, 1], 4000)
    drawn = ladder.draw(asked, np.random.default_rng(0)).reshape(3, 4000)
    found = np.array([np.bincount(d, minlength=3) / 4000 for d in drawn])
    shares = ladder.shares((np.arange(3), np.array([0, 0, 1])), 3)
    assert np.abs(found - shares).max() < 0.03
    assert np.allclose(shares, [[2 / 3, 1 / 3, 0], [2 / 3, 1 / 3, 0], [0, 1, 0]])


def course_of(lines: list[list[tuple[int, float]]]) -> Course:
    rows = [(i, t, g) for i, line in enumerate(lines) for t, g in line]
    patient, token, gap = (np.array(c) for c in zip(*rows, strict=True))
    none = np.full(len(rows), np.nan)
    return Course(
        Table(pd.DataFrame(index=range(len(lines))), Schema(())),
        patient,
        token,
        gap.astype(float),
        none,
        none,
    )


def test_a_patient_has_what_is_told_and_what_always_follows_follows():
    """0 or 1 in any order; 2 always stands at the time of 1."""
    rng, lines = np.random.default_rng(1), []
    for _ in range(200):
        line: list[tuple[int, float]] = []
        for _ in range(12):
            line += [(0, 1.0)] if rng.random() < 0.5 else [(1, 1.0), (2, 0.0)]
        lines.append(line)
    turns = Turns.fit(course_of(lines), np.zeros(4, np.int64), 2, 3, 3)
    left = np.array([[10, 0, 0], [5, 5, 5], [1, 9, 9]] * 100)
    token, later = turns.walk(left, rng)
    whose = np.repeat(np.arange(300), left.sum(axis=1))
    counts = np.array([np.bincount(token[whose == i], minlength=3) for i in range(300)])
    assert np.abs(counts.reshape(100, 3, 3).mean(axis=0) - left[:3]).max() < 0.7
    after = np.flatnonzero((token[:-1] == 1) & (np.diff(whose) == 0)) + 1
    assert (token[after] == 2).all() and not later[after].any()


def test_gaps_keep_to_the_span_that_is_told():
    """Without it they run past: twice as many steps take twice as long."""
    rng = np.random.default_rng(2)
    many = rng.integers(5, 40, 300)
    whose = np.repeat(np.arange(300), many + 1)
    later = np.diff(whose, prepend=-1) == 0
    gap = np.where(later, rng.integers(1, 200 // many[whose] + 2), 0).astype(float)
    events = (whose, np.zeros(len(whose), np.int64), later)
    waits = Waits.fit(events, gap, np.ones(1, np.int64), (3, 3), 30)
    real = np.bincount(whose, gap)
    made = np.bincount(whose, waits.draw(events, real, rng))
    assert (made <= real).mean() > 0.99 and np.abs(made - real).mean() < 0.05 * real.mean()
    free = np.bincount(whose, waits.draw(events, np.full(300, np.inf), rng))
    assert np.abs(free - real).mean() > 0.2 * real.mean()


def test_time_between_visits_is_not_spent_in_one():
    """Token 0 begins a visit every 1,000 ticks, 1 is in it after one tick each."""
    line = [e for k in range(4) for e in ((0, 1000.0 * (k > 0)), (1, 1.0), (1, 1.0))]
    course = course_of([line] * 50)
    later = course.gap > 0
    events = (course.patient, course.token, later)
    waits = Waits.fit(events, course.gap, np.array([1, 0]), (3, 3), 30)
    gap = waits.draw(events, np.full(50, 3008.0), np.random.default_rng(0))
    assert (gap[later & (course.token == 1)] == 1).all()
    assert (gap[later & (course.token == 0)] > 900).all()


def test_numbers_lie_about_the_mean_that_is_told():
    """Patients of 0 to 100, each with numbers within 5 of it; of whom nobody told it, any."""
    rng = np.random.default_rng(3)
    whose, level = np.repeat(np.arange(300), 10), np.repeat(rng.uniform(0, 100, 300), 10)
    value = np.round(level + rng.uniform(-5, 5, 3000), 1)
    token = np.zeros(3000, np.int64)
    marks = Marks.fit(token, value, whose, 40, 3)
    means = Means.fit(marks, (whose, token), value, level, 3)
    assert np.abs(means.draw(token, level, rng) - level).mean() < 9
    unsaid = means.draw(token, np.full(3000, np.nan), rng)
    assert np.abs(unsaid - level).mean() > 20 and abs(unsaid.mean() - value.mean()) < 3
    assert np.isnan(means.draw(token + 1, level, rng)).all()


def test_numbers_of_few_patients_are_never_another_tokens():
    """Token 1 is three patients', each with a number of its own: no range of it is known."""
    whose, token = np.r_[np.arange(90), 0, 1, 2], np.r_[np.zeros(90, np.int64), 1, 1, 1]
    value = np.r_[np.arange(90.0), 1000.0, 2000.0, 3000.0]
    marks = Marks.fit(token, value, whose, 40, 3)
    means = Means.fit(marks, (whose, token), value, value, 3)
    rng = np.random.default_rng(0)
    for mean in (np.full(500, 2000.0), np.full(500, np.nan)):
        assert (means.draw(np.ones(500, np.int64), mean, rng) > 500).all()
