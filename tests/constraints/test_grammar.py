"""Rules as text: read, written, refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.constraints import Implies, Op, Order, Sum, Test, parse
from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import SchemaError

LEVELS = ("0", "1", "it's", 'say "no"', "when")
SCHEMA = Schema(
    (
        Column("a", Kind.INTEGER),
        Column("b b", Kind.CONTINUOUS, decimals=2),
        Column("d.time", Kind.INTEGER),
        Column("glyburide-metformin", Kind.CATEGORICAL, categories=LEVELS),
        Column("when", Kind.BINARY, categories=("no", "yes")),
        Column("in", Kind.DATE),
        Column("out", Kind.DATE),
        Column("note", Kind.TEXT),
    )
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a <= d.time", Order("a", "d.time")),
        ("d.time>a", Order("a", "d.time", strict=True)),
        ('"in" <= out', Order("in", "out")),
        ('a + "b b" = d.time', Sum("d.time", (("a", 1), ("b b", 1)))),
        ("sum: d.time = a - `b b`", Sum("d.time", (("a", 1), ("b b", -1)))),
        ("a = d.time", Sum("a", (("d.time", 1),))),
        (
            "a = d.time when 'when' = yes",
            Sum("a", (("d.time", 1),), Test("when", Op.IS, ("yes",))),
        ),
        (
            "a is missing when 'when' = 'no'",
            Implies(Test("a", Op.MISSING), Test("when", Op.IS, ("no",))),
        ),
        (
            "glyburide-metformin in (0, 'when') when a is present",
            Implies(
                Test("glyburide-metformin", Op.IS, ("0", "when")), Test("a", Op.PRESENT)
            ),
        ),
        (
            "a = -3 when 'b b' >= 2.5",
            Implies(Test("a", Op.IS, ("-3",)), Test("b b", Op.AT_LEAST, ("2.5",))),
        ),
        (
            "`when` != 'no' when a = 0",
            Implies(Test("when", Op.IS_NOT, ("no",)), Test("a", Op.IS, ("0",))),
        ),
    ],
)  # fmt: skip
def test_known_answers(text, rule):
    assert parse(text, SCHEMA) == rule
    assert parse(str(rule), SCHEMA) == rule


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("a", "cannot be read"),
        ("a <= ", "cannot be read"),
        ("a <= nothing", "no column 'nothing'"),
        ("a <= d.tim", "did you mean 'd.time'"),
        ("a <= when", "cannot be read"),
        ("a <= 'when'", "two numbers or two dates"),
        ("a <= out", "two numbers or two dates"),
        ("a is missing when 'when' = 'maybe'", "allowed: 'no', 'yes'"),
        ("a is missing when 'when' <= 'no'", "cannot be asked"),
        ("a = high when 'when' = 'no'", "compare it with a number"),
        ("note = 'x' when a = 1", "cannot be asked"),
        ("a + a = a", "both sides"),
        ("a + 'when' = d.time", "needs numbers"),
        ("a is missing when a = 1 when a = 2", "more than once"),
        ("a in (1 2) when d.time = 1", "cannot be read"),
        ("a in () when d.time = 1", "cannot be read"),
        ("a = 'open when d.time = 1", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(text, told):
    with pytest.raises(SchemaError, match="rule") as error:
        parse(text, SCHEMA)
    assert told in str(error.value)


NUMBERS = st.sampled_from(["a", "b b", "d.time"])
VALUES = st.one_of(
    st.tuples(NUMBERS, st.sampled_from(["0", "-1", "2.5"])),
    st.tuples(st.just("glyburide-metformin"), st.sampled_from(LEVELS)),
    st.tuples(st.just("when"), st.sampled_from(["no", "yes"])),
)
TESTS = st.one_of(
    VALUES.map(lambda v: Test(v[0], Op.IS, (v[1],))),
    VALUES.map(lambda v: Test(v[0], Op.IS_NOT, (v[1],))),
    st.just(Test("glyburide-metformin", Op.IS, LEVELS[:4])),
    st.sampled_from(SCHEMA.names).map(lambda n: Test(n, Op.MISSING)),
    st.sampled_from(SCHEMA.names).map(lambda n: Test(n, Op.PRESENT)),
    NUMBERS.map(lambda n: Test(n, Op.BELOW, ("7",))),
)
PARTS = st.lists(st.tuples(NUMBERS, st.sampled_from([1, -1])), min_size=2, max_size=3).filter(
    lambda parts: "d.time" not in [name for name, _ in parts]
)
RULES = st.one_of(
    st.builds(Implies, TESTS, TESTS),
    st.builds(Order, NUMBERS, NUMBERS, st.booleans()),
    st.builds(Sum, st.just("d.time"), PARTS.map(tuple), st.none() | TESTS),
)


@given(RULES)
@settings(max_examples=300, deadline=None)
def test_a_rule_is_read_as_it_was_written(rule):
    assert parse(str(rule), SCHEMA) == rule
