"""What a bought contract could tell beside what was paid for: order, failures, absent keys."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.canonical import fit_canonical
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.source import Format, Source
from medsynai.flow import proposing
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.privacy.histograms import stable_histogram
from medsynai.privacy.ledger import Budget, Ledger

pytest.importorskip("opendp")


def proposed(frame: pd.DataFrame) -> Schema:
    plan, ledger = Plan(epsilon=8.0), Ledger(Budget(8.0, 1e-6))
    return proposing.propose(plan, ledger, Handed(frame.astype(object)))


@pytest.mark.parametrize("first", [0, 1])
def test_the_order_of_levels_tells_nothing_of_who_stands_first(first):
    words = ["male", "female"]
    frame = pd.DataFrame({"gender": [words[first], *words * 800], "size": ["1", "x"] * 800 + ["x"]})
    found = proposed(frame)["gender"].categories or ()
    assert found[:2] == ("female", "male")
    paid = proposing.Purse.of(Budget(8.0, 1e-6), 1).named
    assert list(stable_histogram(dict.fromkeys(words, 900), paid))[:2] == ["female", "male"]
    assert list(stable_histogram(dict.fromkeys(words[::-1], 900), paid))[:2] == ["female", "male"]


@pytest.mark.parametrize("odd", ["0001-01-01", "9999-12-31", "1677-01-01", "2012-02-30"])
def test_no_date_makes_a_proposal_fail_or_moves_the_others(odd):
    frame = pd.DataFrame({"seen": ["2012-05-01"] * 999 + [odd]})
    column = proposed(frame)["seen"]
    assert column.kind is Kind.DATE and (column.minimum, column.maximum) == (8192.0, 16384.0)


def test_a_date_with_many_decimals_is_no_reason_to_lose_anothers():
    schema = Schema((Column("at", Kind.DATE, date_format="%Y-%m-%d %H:%M:%S.%f"),))
    texts = ["2500-01-01 00:00:00.0", "2020-01-01 00:00:00.123456789"]
    frame = pd.DataFrame({"at": texts}, dtype=object)
    read = fit_canonical(frame, schema, Source(Format.CSV, ("at",)))[0]["at"]
    assert read.dt.year.tolist() == [2500, 2020] and read[1].microsecond == 123456


def test_patients_without_a_key_are_not_taken_for_one(monkeypatch):
    """Were they one, each would decide whether the next is looked at: two rows for one patient."""
    seen: list[int] = []
    monkeypatch.setattr(
        proposing, "noisy_counts", lambda counts, spend: seen.append(int(counts.sum())) or counts
    )
    keys = ["NA", " ", "", "?", None, np.nan, "P1", "P1", "P2"]
    schema = proposed(pd.DataFrame({"patient_id": keys, "size": list("abcdefghi")}))
    assert seen[0] == 2
    assert {"NA", "?"} <= set(schema["patient_id"].missing_tokens)
