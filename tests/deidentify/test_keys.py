"""Fresh keys: in the pattern, unique, never a real number, grouped as the real ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.deidentify.keys import ENDS, FEW, fresh_keys, group_rows, learn_pattern, learn_sizes
from medsynai.deidentify.recipe import Bucket


def rng():
    return np.random.default_rng(4)


@given(
    st.lists(st.integers(0, 10**9), min_size=12, max_size=60, unique=True),
    st.sampled_from(["", "P-", "MRN "]),
    st.sampled_from([0, 6, 12]),
    st.sampled_from(["", ".0"]),
)
@settings(max_examples=200, deadline=None)
def test_fresh_numbers_are_unique_and_never_real(numbers, prefix, width, suffix):
    real = {f"{prefix}{n:0{width}d}{suffix}" for n in numbers}
    pattern = learn_pattern(sorted(real))
    made = fresh_keys(pattern, 500, rng())
    assert len(set(made)) == 500
    assert not real & set(made)
    assert all(m.startswith(prefix) and m.endswith(suffix) for m in made)
    core = [m[len(prefix) : len(m) - len(suffix)] for m in made]
    assert all(c.isdigit() and len(c) >= width for c in core)


@given(st.lists(st.from_regex(r"[A-Z]{2}\d{4}[a-z]", fullmatch=True), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_mixed_keys_are_unique_and_keep_their_places(values):
    values = sorted(set(values))
    made = fresh_keys(learn_pattern(values), 300, rng())
    assert len(set(made)) == 300
    assert all(m.isalnum() for m in made)


def test_a_full_pattern_is_widened():
    made = fresh_keys(learn_pattern([f"{i:03d}" for i in range(999)]), 5000, rng())
    assert len(set(made)) == 5000
    assert min(map(int, made)) >= 1000


def test_few_keys_show_no_common_beginning():
    pattern = learn_pattern(["SMITH1", "SMITH2"])
    assert pattern.prefix == ""
    assert "S" not in learn_pattern(["SMITHA", "SMITHB"]).alphabets


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300))
@settings(max_examples=150, deadline=None)
def test_sizes_are_shares_of_eleven_keys_or_more(counts):
    counts = np.array(counts)
    buckets = learn_sizes(counts)
    if counts.max() == 1:
        assert buckets == ()
        return
    assert sum(b.share for b in buckets) == pytest.approx(1, abs=1e-3)
    assert all(b.high in ENDS for b in buckets)
    for bucket in buckets[1:]:
        assert round(bucket.share * len(counts)) >= FEW


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=200),
    st.sampled_from([(Bucket(1, 1, 1.0),), (Bucket(1, 3, 0.5), Bucket(4, 9, 0.5)), ()]),
)
@settings(max_examples=100, deadline=None)
def test_groups_stay_inside_their_block(blocks, sizes):
    blocks = np.array(blocks)
    groups, count = group_rows(blocks, sizes, rng())
    assert set(groups) == set(range(count))
    for group in range(count):
        inside = blocks[groups == group]
        assert len(set(inside)) == 1
        assert len(inside) <= max((b.high for b in sizes), default=1)


def test_rows_per_key_follow_the_real_ones():
    real = rng().choice([1, 1, 1, 2, 3, 6], 5000)
    groups, count = group_rows(np.zeros(20_000, dtype=int), learn_sizes(real), rng())
    made = np.bincount(groups)
    assert made.mean() == pytest.approx(real.mean(), rel=0.1)
    assert (made == 1).mean() == pytest.approx((real == 1).mean(), abs=0.03)
    assert count == len(made)


@pytest.mark.parametrize("first", [2**60, 10**15, 9 * 10**17])
def test_fresh_long_numbers_fit_an_int64_even_where_real_ones_lie_side_by_side(first):
    made = fresh_keys(learn_pattern([str(first + i) for i in range(200)]), 5000, rng())
    assert len(set(made)) == 5000
    assert max(map(int, made)) < 2**63
    assert {len(m) for m in made} == {len(str(first))}
