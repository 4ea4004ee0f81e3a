"""The split: by patient, disjoint, whole, shuffled, repeatable."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.split import split
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.seeds import Seeds

KEYED = Schema(
    (Column("who", Kind.IDENTIFIER, Role.SUBJECT, missing=True), Column("row", Kind.INTEGER))
)
PLAIN = KEYED.only(("row",))


def keyed(subjects):
    frame = pd.DataFrame({"who": pd.Series(subjects, dtype=object)})
    return Table(frame.assign(row=np.arange(len(frame), dtype="float64")), KEYED)


def plain(n):
    return Table(pd.DataFrame({"row": np.arange(n, dtype="float64")}), PLAIN)


SUBJECTS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), min_size=2, max_size=60)


@given(SUBJECTS, st.floats(0, 0.99), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_no_patient_is_in_both_and_no_row_is_lost(subjects, share, seed):
    table = keyed(subjects)
    patients = len({s for s in subjects if s}) + subjects.count(None)
    if patients < 2:
        with pytest.raises(PlanError, match="at least two patients"):
            split(table, share, Seeds(seed))
        return
    parts = split(table, share, Seeds(seed))
    rows = parts.train.frame["row"].tolist()
    if share == 0:
        assert parts.holdout is None
    else:
        held = parts.holdout.frame
        assert len(held) > 0
        assert len(rows) > 0
        assert not set(held["who"].dropna()) & set(parts.train.frame["who"].dropna())
        rows += held["row"].tolist()
    assert sorted(rows) == list(range(len(subjects)))


def test_the_share_is_of_patients():
    parts = split(keyed([f"p{i // 3}" for i in range(300)]), 0.2, Seeds(1))
    assert parts.holdout.frame["who"].nunique() == 20
    assert len(parts.holdout) == 60


def test_rows_are_shuffled_and_seeds_repeat():
    first, again = split(plain(500), 0.2, Seeds(3)), split(plain(500), 0.2, Seeds(3))
    order = first.train.frame["row"]
    assert not order.is_monotonic_increasing
    assert order.equals(again.train.frame["row"])
    assert not order.equals(split(plain(500), 0.2, Seeds(4)).train.frame["row"])


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(PlanError, match="share"):
        split(plain(10), share, Seeds(0))


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_are_refused(n):
    with pytest.raises(PlanError, match="at least two"):
        split(plain(n), 0.5, Seeds(0))
