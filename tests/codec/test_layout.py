"""Layouts tile exactly, and rows of codes come back from tensors as they went in."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.codec.layout import Layout, Span
from medsynai.codec.tokens import from_one_hot, one_hot, places, seen_in, to_codes, to_rows
from medsynai.errors import SchemaError


@st.composite
def coded(draw) -> tuple[Layout, np.ndarray]:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    names = tuple(f"c{i}" for i in range(len(sizes)))
    layout = Layout.of(names, tuple(sizes), tuple(draw(st.booleans()) for _ in sizes))
    rows = draw(st.integers(1, 12))
    codes = [[draw(st.integers(0, s - 1)) for s in sizes] for _ in range(rows)]
    return layout, np.array(codes)


@given(coded())
@settings(max_examples=60, deadline=None)
def test_spans_tile_exactly(case):
    layout, _ = case
    owners = np.zeros(layout.width, int)
    for span in layout:
        owners[span.places] += 1
    assert (owners == 1).all()


@pytest.mark.parametrize("second", [Span("b", 2, 2), Span("b", 4, 2), Span("b", 3, 0)])
def test_gaps_overlaps_and_empty_spans_are_refused(second):
    with pytest.raises(SchemaError):
        Layout((Span("a", 0, 3), second))


@given(coded())
@settings(max_examples=60, deadline=None)
def test_codes_come_back_from_rows_and_from_one_hot(case):
    layout, codes = case
    rows = to_rows(codes)
    assert np.array_equal(to_codes(rows), codes)
    hot = one_hot(layout, rows)
    assert hot.shape == (len(codes), layout.width)
    assert torch.equal(hot.sum(1), torch.full((len(codes),), float(len(layout))))
    assert np.array_equal(to_codes(from_one_hot(layout, hot)), codes)
    seen = seen_in(layout, rows)
    assert torch.equal(seen, hot.sum(0) > 0)


@given(coded())
@settings(max_examples=60, deadline=None)
def test_neighbours_stay_in_their_column_and_apart_from_missing(case):
    layout, _ = case
    below, above = layout.neighbours()
    for span in layout:
        for place in range(span.start, span.stop):
            near = {int(below[place]), int(above[place])} - {place}
            assert near <= {place - 1, place + 1}
            if not span.ordered or place == span.stop - 1:
                assert not near
            else:
                assert all(span.start <= p < span.stop - 1 for p in near)


def test_a_blinded_row_stays_unknown():
    layout = Layout.of(("a", "b"), (3, 2), (True, False))
    blind = torch.tensor([[1.0, 0.0]]) * torch.nan
    assert one_hot(layout, blind).isnan().any()
    assert places(layout, blind).tolist() == [[0, 3]]


def test_ordered_columns_too_small_for_neighbours_have_none():
    layout = Layout.of(("a", "b"), (1, 2), (True, True))
    for near in layout.neighbours():
        assert near.tolist() == [0, 1, 2]
