"""Codecs: decode(encode(x)) stays in the bin and on the lattice; nothing single-patient is kept."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.codec.choices import Choices
from medsynai.codec.numbers import NumberCodec, decimal_places
from medsynai.codec.table import TableCodec
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError
from medsynai.generator import Wanted


def columns_of(numbers: list[float | None]) -> np.ndarray:
    return np.array([np.nan if x is None else x for x in numbers], dtype=float)


numbers = st.lists(
    st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-5, 5).map(float)),
    min_size=1,
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(numbers, st.integers(0, 2**31))
def test_a_number_returns_to_its_bin_or_a_neighbour_and_missing_stays_missing(values, seed):
    column = columns_of(values)
    codec = NumberCodec.fit(column, max_bins=20, min_bin=5, min_shared=3)
    codes = codec.encode(column)
    back = codec.decode(codes, np.random.default_rng(seed))
    present = ~np.isnan(column)
    if present.sum() < 3 and not present.all():
        assert np.isnan(back).all()  # too few to be smoothed: learnt as missing
        return
    assert np.array_equal(np.isnan(back), ~present)
    if present.any():
        assert back[present].min() >= column[present].min()
        assert back[present].max() <= column[present].max()


def test_a_bin_stands_for_several_rows_and_heavy_values_stand_alone():
    rng = np.random.default_rng(0)
    column = np.concatenate([rng.normal(size=2000), np.full(500, 99.0), np.zeros(300)])
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    rows = np.bincount(codec.encode(column), minlength=codec.bins)
    assert rows[:-1].min() >= 5
    heavy = codec.encode(np.array([99.0, 0.0]))
    assert rows[heavy].tolist() == [500, 300]
    drawn = codec.decode(np.repeat(heavy, 50), rng)
    assert set(drawn) == {99.0, 0.0}


def test_decimals_come_back_as_they_were_written():
    rng = np.random.default_rng(1)
    column = np.where(
        rng.random(3000) < 0.5, rng.normal(50, 9, 3000).round(0), rng.normal(50, 9, 3000).round(2)
    )
    codec = NumberCodec.fit(column, max_bins=100, min_bin=5, min_shared=3)
    back = codec.decode(codec.encode(column), rng)
    assert decimal_places(back).max() <= 2
    share = [(decimal_places(x) == 0).mean() for x in (column, back)]
    assert share[0] == pytest.approx(share[1], abs=0.03)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(6, 400), st.integers(0, 40))
def test_a_codec_keeps_no_value_of_one_patient(seed, rows, heaped):
    rng = np.random.default_rng(seed)
    own = rng.normal(50, 20, rows)
    column = np.concatenate([own, np.full(heaped, 50.0), np.full(heaped, 60.0)])
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    for part in (codec.low[1:], codec.knots, codec.centre, codec.heavy.items):
        between = part[(part > codec.low[0]) & (part < codec.top)]
        assert not np.isin(between, own).any()
        assert (
            part is codec.centre
            or len(part) == len(between) + np.isin(part, (codec.low[0], codec.top)).sum()
        )
    rows_of = np.bincount(codec.encode(column), minlength=codec.bins)
    assert rows_of.min() >= 3


@pytest.mark.parametrize("extreme", [1e6, -1e6])
def test_nothing_beyond_the_third_extreme_can_be_drawn(extreme):
    column = np.concatenate([np.random.default_rng(2).normal(size=998), [extreme, extreme * 2]])
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    ranked = np.sort(column)
    drawn = codec.decode(np.arange(5000) % codec.bins, np.random.default_rng(3))
    assert ranked[2] <= drawn.min() and drawn.max() <= ranked[-3]
    assert (codec.low[0], codec.top) == (ranked[2], ranked[-3])


def test_shared_extremes_and_lattices_stay_exact():
    rng = np.random.default_rng(8)
    column = np.concatenate([np.zeros(40), rng.gamma(2, 5, 500).round(1), np.full(3, 99.9)])
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    assert (codec.low[0], codec.top) == (0.0, 99.9)
    drawn = codec.decode(codec.encode(np.tile(column, 20)), rng)
    assert decimal_places(drawn).max() <= 1
    assert (drawn == 0).mean() == pytest.approx((column == 0).mean(), abs=0.005)
    assert np.quantile(drawn, [0.2, 0.5, 0.8]) == pytest.approx(
        np.quantile(column, [0.2, 0.5, 0.8]), abs=0.3
    )


def test_two_values_of_their_own_among_shared_ones_are_drawn_as_their_neighbour():
    column = np.array([*[0.0] * 50, *[4.0] * 30, 9.0, 11.0])
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    back = codec.decode(codec.encode(column), np.random.default_rng(0))
    assert back.tolist() == [*[0.0] * 50, *[4.0] * 32]


def test_choices_follow_their_weights_within_groups():
    choices = Choices.of(np.array([2, 0, 2]), np.array([7, 5, 9]), np.array([1.0, 4.0, 3.0]), 3)
    assert choices.total(np.array([0, 1, 2])).tolist() == [4.0, 0.0, 4.0]
    u = (np.arange(1000) + 0.5) / 1000
    drawn = choices.draw(np.full(1000, 2), u)
    assert (drawn == 7).mean() == 0.25
    assert (drawn == 9).mean() == 0.75


def small_table() -> Table:
    sex = Column("sex", Kind.BINARY, categories=("f", "m"))
    age = Column("age", Kind.INTEGER, minimum=18, maximum=90)
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "sex": pd.Series(["f", "m", None] * 100, dtype=canonical_dtype(sex)),
            "age": rng.integers(18, 90, 300).astype(float),
        }
    )
    return Table(frame, Schema((sex, age)))


def test_a_table_codec_survives_its_file_form():
    table = small_table()
    codec = TableCodec.fit(table)
    again = TableCodec.load(table.schema, codec.arrays())
    assert np.array_equal(codec.encode(table), again.encode(table))
    codes = np.arange(codec["age"].size)
    one, two = (c["age"].decode(codes, np.random.default_rng(5)) for c in (codec, again))
    pd.testing.assert_series_equal(one, two)


def test_an_impossible_wish_is_refused_with_what_is_possible():
    codec = TableCodec.fit(small_table())
    with pytest.raises(ConditionError, match="one of f, m"):
        codec["sex"].allowed(Wanted("sex", levels=("x",)))
    with pytest.raises(ConditionError, match="18 to 90"):
        codec["age"].allowed(Wanted("age", low=200.0))
    able = codec["age"].allowed(Wanted("age", low=40.0, high=41.0))
    assert 1 <= able.sum() <= 3
    assert not able[-1]  # missing never meets a range


def test_a_heap_beside_a_range_does_not_count_as_able_to_meet_it():
    rng = np.random.default_rng(6)
    column = np.where(rng.random(600) < 0.5, 0.0, rng.gamma(2, 1, 600).round(2) + 0.1)
    codec = NumberCodec.fit(column, max_bins=50, min_bin=5, min_shared=3)
    able = codec.allowed(0.1, None)
    assert not able[codec.encode(np.array([0.0]))].any()
    assert able[codec.encode(np.array([2.0]))].all()


@pytest.mark.parametrize("seed", range(5))
def test_bins_and_knots_are_of_several_patients_however_many_rows_one_has(seed):
    """One patient's sixty values fill bins of five rows and three neighbours by themselves."""
    rng = np.random.default_rng(seed)
    others, mine = rng.uniform(0, 100, 200), np.sort(rng.uniform(40, 41, 60))
    column, owner = np.append(others, mine), np.append(np.arange(200), np.full(60, 200))
    # at the end of a bin the outermost value counts twice
    alone = np.concatenate([np.convolve(mine, w, "valid") / 3 for w in ([1, 2], [2, 1], [1] * 3)])

    def found(whose: np.ndarray | None) -> tuple[int, int]:
        codec = NumberCodec.fit(column, 200, 5, 3, whose)
        pairs = {(b, p) for b, p in zip(codec.encode(column), owner, strict=True)}
        people = np.bincount([b for b, _ in pairs], minlength=codec.bins)
        knots = np.isclose(codec.knots[:, None], alone, rtol=0, atol=1e-9).any(axis=1)
        return int(people[:-1].min()), int(knots.sum())

    assert found(owner)[0] >= 3 and found(owner)[1] == 0
    assert found(None)[0] < 3 and found(None)[1] > 5
