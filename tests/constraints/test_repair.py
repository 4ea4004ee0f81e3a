"""Repair: lawful rows stay, unlawful ones become lawful, a second repair changes nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medsynai.constraints import check, discover, parse, repair
from medsynai.data.read import read
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table

LEVELS = ("heart", "lung", "other")
SCHEMA = Schema(
    (
        Column("death", Kind.BINARY, categories=("0", "1")),
        Column("cause", Kind.CATEGORICAL, categories=LEVELS, missing=True),
        Column("stay", Kind.INTEGER, minimum=0, maximum=40, decimals=0, missing=True),
        Column("time", Kind.CONTINUOUS, minimum=1, maximum=60, decimals=1, missing=True),
        Column("total", Kind.CONTINUOUS, minimum=0, maximum=80, decimals=1, missing=True),
    )
)
RULES = (
    "cause is missing when death = 0",
    "cause is present when death = 1",
    "cause = 'other' when stay >= 30",
    "stay <= time",
    "stay < time",
    "total = stay + time",
    "total = time when death = 0",
    "stay = 0 when death = 0",
    "time >= 20 when cause in ('heart', 'lung')",
    "stay is missing when time is missing",
    "cause != 'lung' when time < 10",
    "stay is missing when death = 0",
    "death = 1 when cause is present",
)


def number(low, high, decimals):
    scale = 10**decimals
    some = st.integers(low * scale, high * scale).map(lambda v: v / scale)
    return st.none() | some


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("0", "1")),
        st.sampled_from((*LEVELS, None)),
        number(-10, 60, 0),
        number(-10, 90, 1),
        number(-10, 120, 1),
    ),
    min_size=1,
    max_size=25,
)


def table(rows):
    death, cause, *numbers = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            "death": pd.Categorical(death, categories=["0", "1"]),
            "cause": pd.Categorical(cause, categories=list(LEVELS)),
        }
    )
    for name, values in zip(("stay", "time", "total"), numbers, strict=True):
        frame[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
    return Table(frame, SCHEMA, "synthetic")


def within(frame):
    good = np.ones(len(frame), dtype=bool)
    for name in ("stay", "time", "total"):
        values = frame[name]
        good &= (values.isna() | values.between(SCHEMA[name].minimum, SCHEMA[name].maximum)).values
    return good


@given(ROWS, st.lists(st.sampled_from(RULES), max_size=5, unique=True))
@settings(max_examples=150, deadline=None)
@example(
    [("0", "heart", None, None, None), ("0", "heart", None, 0.0, None)],
    [RULES[0], "time is missing when death = 0", "time is present when stay is missing"],
)
def test_repair_is_lawful_idempotent_and_leaves_lawful_rows_alone(rows, texts):
    real, rules = table(rows), tuple(parse(t, SCHEMA) for t in texts)
    broken = [r.broken(real.frame, SCHEMA) for r in rules] or [np.zeros(len(real), dtype=bool)]
    lawful = ~np.any(broken, axis=0) & within(real.frame)

    done = repair(real, rules, SCHEMA)

    assert len(done.table) == len(real)
    assert (done.table.frame.dtypes == real.frame.dtypes).all()
    assert done.table.frame[lawful].equals(real.frame[lawful])
    assert within(done.table.frame).all()
    left = np.any([r.broken(done.table.frame, SCHEMA) for r in rules] or broken, axis=0)
    assert int(left.sum()) == done.left
    assert done.left == 0 or not lawful.any()
    again = repair(done.table, rules, SCHEMA)
    assert again.table.frame.equals(done.table.frame)
    for name, decimals in (("stay", 0), ("time", 1), ("total", 1)):
        values = done.table.frame[name].to_numpy()
        assert np.array_equal(values, np.round(values, decimals), equal_nan=True)


def one(*row, rule):
    done = repair(table([row]), (parse(rule, SCHEMA),), SCHEMA)
    assert done.left == 0
    return done.table.frame.astype(object).where(done.table.frame.notna(), None).iloc[0].tolist()


@pytest.mark.parametrize(
    ("row", "rule", "lawful"),
    [
        (("0", "heart", 3, 5, 8), RULES[0], ["0", None, 3, 5, 8]),
        (("1", None, 3, 5, 8), RULES[1], ["1", "lung", 3, 5, 8]),
        (("1", None, 9, 5.5, 8), "stay <= time", ["1", None, 5, 5.5, 8]),
        (("1", None, 9, 5, 8), "stay < time", ["1", None, 4, 5, 8]),
        (("1", None, 0, 5, 8), "time <= stay", ["1", None, 5, 5, 8]),
        (("1", None, 9, 5, None), "time <= stay", ["1", None, 9, 5, None]),
        (("1", None, 3, 2.5, 50), "total = stay + time", ["1", None, 3, 2.5, 5.5]),
        (("1", None, 40, 60, 50), "total = stay + time", ["1", None, 40, 40, 80]),
        (("0", None, 3, 2.5, 50), "total = time when death = 0", ["0", None, 3, 2.5, 2.5]),
        (("0", None, 3, 2.5, 50), "time > 4 when death = 0", ["0", None, 3, 4.1, 50]),
        (("0", None, 3, None, 50), "time > 4 when death = 0", ["0", None, 3, None, 50]),
        (("0", None, 3, 5, 50), "cause != 'lung' when stay = 3", ["0", None, 3, 5, 50]),
        (("0", "lung", 3, 5, 50), "cause != 'lung' when stay = 3", ["0", "other", 3, 5, 50]),
        (("0", None, 50, None, 50), "time > 4 when death = 0", ["0", None, 40, None, 50]),
    ],
)
def test_the_nearest_lawful_row(row, rule, lawful):
    assert one(*row, rule=rule) == lawful


def test_counts_say_what_was_mended():
    rows = [("0", "heart", 3, 5, 8), ("0", None, 3, 5, 8), ("1", "lung", 55, 5, 8)]
    rules = tuple(parse(t, SCHEMA) for t in (RULES[0], "stay <= time"))
    assert check(table(rows), rules) == {str(rules[0]): 1, str(rules[1]): 1}
    done = repair(table(rows), rules, SCHEMA)
    assert done.counts == {"range: stay": 1, str(rules[0]): 1, str(rules[1]): 1}
    assert check(done.table, rules) == {str(rules[0]): 0, str(rules[1]): 0}


def test_what_is_filled_in_is_as_in_the_other_rows():
    rows = [("1", "heart", 1, 5, 8)] * 30 + [("1", "lung", 1, 5, 8)] * 10
    rows += [("1", None, 1, 5, 8)] * 100
    done = repair(table(rows), (parse(RULES[1], SCHEMA),), SCHEMA)
    share = (done.table.frame["cause"][40:] == "heart").mean()
    assert share == pytest.approx(0.75, abs=0.02)


def test_dates_are_put_in_order():
    schema = Schema(
        (
            Column("came", Kind.DATE, date_format="%Y-%m-%d"),
            Column("left", Kind.DATE, date_format="%Y-%m-%d", missing=True),
        )
    )
    days = ["2020-01-05", "2020-01-05", "2020-01-05"], ["2020-01-07", "2020-01-02", None]
    frame = pd.DataFrame(dict(zip(("came", "left"), map(pd.to_datetime, days), strict=True)))
    rules = (parse("came < left", schema),)
    done = repair(Table(frame.astype("datetime64[us]"), schema), rules, schema)
    assert done.counts == {"came < left": 1}
    assert done.table.frame["came"].dt.day.tolist() == [5, 1, 5]


def test_contradicting_rules_are_said_to_be_left():
    rules = tuple(parse(t, SCHEMA) for t in (RULES[0], "cause is present when death = 0"))
    done = repair(table([("0", None, 1, 2, 3)] * 3), rules, SCHEMA)
    assert done.left == 3
    done = repair(table([("0", None, 1, 2, 3), ("1", None, 4, 5, 6)]), rules, SCHEMA)
    assert repair(done.table, rules, SCHEMA).counts == {}
    assert (done.left, done.copied) == (0, 1)
    assert done.table.frame["stay"].tolist() == [4, 4]


def test_flchain_has_no_breach_left(shared):
    real = read(shared / "data/tabular/flchain.csv.gz").table
    rules = tuple(parse(t, real.schema) for t in discover(real))
    rng = np.random.default_rng(0)
    mixed = {n: real.frame[n].array.take(rng.permutation(len(real))) for n in real.frame}
    shuffled = Table(pd.DataFrame(mixed), real.schema, "synthetic")
    assert min(check(shuffled, rules).values()) > 1000
    done = repair(shuffled, rules, real.schema)
    assert set(check(done.table, rules).values()) == {0}
    frame = done.table.frame
    assert (frame["chapter"].isna() == (frame["death"] == "0")).all()
    assert (done.copied, done.left) == (0, 0)
