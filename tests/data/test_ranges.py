"""Ranges: they hold every value, tell no extreme of few rows, and are round."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.data.ranges import SHARED, public_range, range_of


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30, unique=True),
    st.sampled_from([1.0, 0.1, 0.001, 1e-7]),
)
def test_every_value_lies_inside_and_no_range_crosses_zero(values: list[float], unit: float):
    found = np.array(values)
    low, high = public_range(found, np.ones(len(found), int), unit)
    assert low <= found.min() and high >= found.max()
    ulp = float(np.spacing(np.abs(found).max()))
    span = max(float(np.ptp(found)), 24 * unit, 96 * ulp)  # a step is 2.5 of its least at most
    assert found.min() - low <= span / 4 and high - found.max() <= span / 4
    assert (found.min() < 0) or low >= 0
    assert (found.max() > 0) or high <= 0


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(2, 400))
def test_whole_numbers_stay_whole(low: int, span: int, rows: int):
    values = np.unique(np.linspace(low, low + span, rows).round())
    ends = public_range(values, np.ones(len(values), int))
    assert all(end == int(end) for end in ends)


def test_an_extreme_of_few_rows_is_not_told_and_one_of_many_is():
    values = np.array([0.0, *np.linspace(1, 90, 200), 97.31])
    counts = np.array([SHARED, *np.ones(200, int), SHARED - 1])
    assert public_range(values, counts, 0.01) == (0.0, 100.0)
    counts[-1] = SHARED
    assert public_range(values, counts, 0.01) == (0.0, 97.31)


def test_the_ends_do_not_tell_which_value_of_their_step_was_there():
    """Whoever knows the rule and the answer still has several values to choose from."""
    middle = np.arange(20.0, 90.0)
    tops = [range_of(np.append(middle, top))[1] for top in range(96, 101)]
    assert set(tops) == {100.0}
