"""Every space gives back the codes it was given, and keeps missing a cell of its own."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import SPACES, Space
from medsynai.codec.table import TableCodec
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import PlanError

NUMBER = Column("x", Kind.CONTINUOUS, missing=True)
LEVEL = Column("g", Kind.ORDINAL, categories=("a", "b", "c", "d"), missing=True)


def table_of(numbers: list[float], levels: list[int]) -> Table:
    rows = len(numbers)
    texts = [None if k == 4 else "abcd"[k] for k in (levels * rows)[:rows]]
    data = {
        "x": pd.Series(numbers, dtype=object).astype(canonical_dtype(NUMBER)),
        "g": pd.Series(texts, dtype=object).astype(canonical_dtype(LEVEL)),
    }
    return Table(pd.DataFrame(data), Schema((NUMBER, LEVEL)))


def spaced(name: str, table: Table) -> tuple[Space, np.ndarray]:
    codec = TableCodec.fit(table, 40)
    codes = codec.encode(table).astype(np.int64)
    return Space.fit(name, codec, codes, 1), codes


VALUES = st.one_of(st.just(float("nan")), st.just(0.0), st.floats(-1e6, 1e6), st.integers(0, 9))


@pytest.mark.parametrize("name", SPACES)
@given(st.lists(VALUES, min_size=1, max_size=80), st.lists(st.integers(0, 4), min_size=1))
@settings(max_examples=25, deadline=None)
def test_codes_come_back(name, numbers, levels):
    space, codes = spaced(name, table_of([float(x) for x in numbers], levels))
    for j, span in enumerate(space.codes):
        place = span.start + codes[:, j]
        assert np.array_equal(space.back(j, space.cell[place], space.at[place]), codes[:, j])
        every = np.arange(span.size)  # codes that do not occur as well, and missing
        assert np.array_equal(
            space.back(j, space.cell[span.places], space.at[span.places]), every
        ) or name in ("quantile", "modes")
        assert (space.cell[span.places][:-1] != space.cell[span.stop - 1]).all()


@pytest.mark.parametrize("name", SPACES)
def test_a_saved_space_is_the_same(name):
    rng = np.random.default_rng(2)
    table = table_of(list(np.r_[rng.normal(0, 1, 300), [np.nan] * 30]), [0, 1, 2, 3, 4])
    space, _ = spaced(name, table)
    again = Space.load(Layout.of(*lines(space)), space.arrays())
    assert again.cells == space.cells and again.placed == space.placed
    assert np.array_equal(again.border, space.border)


def lines(space: Space):
    names = tuple(s.name for s in space.codes)
    return names, space.codes.sizes, tuple(s.ordered for s in space.codes)


def test_quantile_positions_are_normal_scores():
    values = list(np.random.default_rng(3).gamma(1, 5, 2000))
    space, codes = spaced("quantile", table_of(values, [0]))
    at = space.at[codes[:, 0]]
    assert abs(at.mean()) < 0.01 and abs(at.std() - 1) < 0.05
    order = np.argsort(values)
    assert (np.diff(at[order]) >= 0).all()
    assert abs(ndtr(np.median(at)) - 0.5) < 0.03


def test_modes_part_two_humps():
    rng = np.random.default_rng(4)
    values = list(np.r_[rng.normal(0, 1, 500), rng.normal(100, 1, 500)])
    space, codes = spaced("modes", table_of(values, [0]))
    cell = space.cell[codes[:, 0]]
    assert not set(cell[:500]) & set(cell[500:])
    assert np.abs(space.at).max() <= 1


def test_minmax_spans_minus_one_to_one_and_only_ordinal_orders_levels():
    table = table_of(list(np.linspace(5, 50, 200)), [0, 1, 2, 3])
    plain, levels = spaced("minmax", table)[0], spaced("ordinal", table)[0]
    numbers = plain.at[plain.codes["x"].places][:-1]
    assert numbers.min() == -1 and numbers.max() == 1
    assert plain.placed == (0,) and levels.placed == (0, 1)
    assert np.allclose(levels.at[levels.codes["g"].places], [-1, -1 / 3, 1 / 3, 1, 0])


def test_an_unknown_space_is_refused():
    with pytest.raises(PlanError, match="spaces:"):
        spaced("binz", table_of([1.0, 2.0], [0]))
