"""What drawn courses broke is counted before it is mended, and too much of it is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.codec.course import Course, CourseCodec
from medsynai.codec.mends import Mends
from medsynai.data.cohort import Cohort
from medsynai.errors import ModelError

DAY = pd.Timedelta(days=1)


def clinic(n: int = 60, births: int = 6) -> Cohort:
    """Two visits of two days, a lab in each; some women give birth; half die a month later."""
    people, visits, rows = [], [], []
    for i in range(n):
        at, key = pd.Timestamp("2020-01-01") + i * DAY, f"{i:02}"
        dead = at + 40 * DAY if i % 2 else pd.NaT
        people.append((key, "F" if i < n // 2 else "M", at - 30 * 365 * DAY, dead))
        for k in range(2):
            begin = at + 10 * k * DAY
            visits.append((f"{i}-{k}", key, begin, begin + 2 * DAY, "ward"))
            rows.append((key, begin + DAY, "lab", f"{i}-{k}"))
        if i < births:
            rows.append((key, at + DAY, "birth", f"{i}-0"))
    columns = ["visit_id", "subject_id", "start", "end", "kind"]
    codes = pd.DataFrame({"code": ["birth"], "sex": ["F"]})
    return Cohort.of(
        pd.DataFrame(people, columns=["subject_id", "sex", "birth", "death"]),
        pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"]),
        pd.DataFrame(visits, columns=columns),
        codes,
    )


REAL = clinic()
CODEC = CourseCodec.fit(REAL, 3)


def drawn(change: dict[str, np.ndarray]) -> dict[str, int]:
    course = replace(CODEC.encode(REAL), **change)
    return CODEC.decode(course, np.random.default_rng(0)).mended


def places(name: str, visit: bool = False) -> np.ndarray:
    """Tokens of a code, or of a visit."""
    return np.array([t.code == name and t.visit is visit for t in CODEC.tokens])


def test_real_courses_need_no_mending():
    assert drawn({}) == {}


def test_lengths_that_break_a_law_are_counted():
    course = CODEC.encode(REAL)
    visits = places("ward", True)[course.token]
    first = visits & (np.diff(course.patient, prepend=-1) != 0)
    some = first & (course.patient < 7)
    found = drawn({"length": np.where(some, course.length + 24 * 30, course.length)})
    assert found == {"visits that ran into the next: ended before it": 7}
    last = np.flatnonzero(visits & ~first & (course.patient % 2 == 1))[:4]
    longer = course.length.copy()
    longer[last] += 24 * 365
    assert drawn({"length": longer}) == {"ends after death: at it": 4}


def test_events_of_the_other_sex_are_counted_and_left_out():
    course = CODEC.encode(REAL)
    men = np.flatnonzero(places("lab")[course.token] & (course.patient >= 55))[:5]
    token = course.token.copy()
    token[men] = np.flatnonzero(places("birth"))[0]
    made = CODEC.decode(replace(course, token=token), np.random.default_rng(0))
    assert made.mended == {"events of a code that sex or age forbids: left out": 5}
    assert len(made.events) == len(REAL.events) - 5


def test_events_ahead_of_all_visits_and_patients_without_any_are_counted():
    course = CODEC.encode(REAL)
    visit = places("ward", True)[course.token]
    kept = ~(visit & (course.patient < 3))
    parts = (course.patient, course.token, course.gap, course.value, course.length)
    found = CODEC.decode(Course(course.statics, *(x[kept] for x in parts)), np.random.default_rng())
    lost = int((~visit & (course.patient < 3)).sum())
    assert found.mended["events of a visit before any had begun: into the first"] == lost
    assert found.mended["patients without a visit: given one"] == 3


def test_a_draw_most_of_which_would_have_to_go_is_refused():
    course = CODEC.encode(REAL)
    men = course.patient >= 0
    token = np.where(men, np.flatnonzero(places("birth"))[0], course.token)
    turned = replace(CODEC, codes=({**CODEC.codes[0], "sex": "X"},))
    with pytest.raises(ModelError, match="too many to be left out"):
        turned.decode(replace(course, token=token), np.random.default_rng(0))
    Mends(unlawful=50).check(100)
