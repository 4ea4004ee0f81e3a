import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import ConditionError
from medsynai.flow.conditions import parse_condition, parse_conditions
from medsynai.generator import Wanted

SCHEMA = Schema(
    (
        Column("sex", Kind.BINARY, categories=("female", "male")),
        Column("stage", Kind.ORDINAL, categories=("I", "II", "III", "IV")),
        Column("age", Kind.INTEGER, minimum=18, maximum=101, decimals=0),
        Column("d.time>=1", Kind.CONTINUOUS, minimum=0.0, maximum=9.5, decimals=1),
        Column("arm", Kind.CATEGORICAL, categories=("A|B", "A", "B")),
        Column("ratio", Kind.CONTINUOUS),
        Column("seen", Kind.DATE),
    )
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sex=female", Wanted("sex", levels=("female",))),
        ("sex = male|female", Wanted("sex", levels=("male", "female"))),
        ("age>=70", Wanted("age", low=70.0)),
        ("age > 70", Wanted("age", low=71.0)),
        ("age<70", Wanted("age", high=69.0)),
        ("age=60..80", Wanted("age", low=60.0, high=80.0)),
        ("age=60..", Wanted("age", low=60.0)),
        ("age=64", Wanted("age", low=64.0, high=64.0)),
        ("d.time>=1<0.3", Wanted("d.time>=1", high=0.2)),
        ("arm=A|B", Wanted("arm", levels=("A|B",))),
        ("arm=B|A", Wanted("arm", levels=("B", "A"))),
        ("stage>=III", Wanted("stage", levels=("III", "IV"))),
        ("stage<II", Wanted("stage", levels=("I",))),
        ("ratio>0.5", Wanted("ratio", low=float(np.nextafter(0.5, 1)))),
    ],
)
def test_what_is_typed_is_what_is_wanted(text, wanted):
    assert parse_condition(text, SCHEMA) == wanted


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sex", "column=level"),
        ("sx=female", "did you mean 'sex'"),
        ("sex=femal", "did you mean 'female'.*allowed: female, male"),
        ("sex=", "allowed: female, male"),
        ("sex>female", "allowed: female, male"),
        ("stage>IV", "no level"),
        ("age>=old", "from 18 to 101"),
        ("age>=500", "from 18 to 101"),
        ("age=80..60", "from 18 to 101"),
        ("age=nan", "from 18 to 101"),
        ("seen=2020", "cannot be conditioned"),
    ],
)
def test_what_cannot_be_is_refused_and_the_allowed_named(text, hint):
    with pytest.raises(ConditionError, match=hint):
        parse_condition(text, SCHEMA)


def test_several_on_one_column_are_all_met():
    both = parse_conditions(["age>=60", "sex=male", "age<=65"], SCHEMA)
    assert both.wanted == (Wanted("age", low=60.0, high=65.0), Wanted("sex", levels=("male",)))
    with pytest.raises(ConditionError, match="exclude each other"):
        parse_conditions(["age>=60", "age<50"], SCHEMA)
    with pytest.raises(ConditionError, match="exclude each other"):
        parse_conditions(["sex=male", "sex=female"], SCHEMA)


def test_a_long_list_of_levels_is_cut_short():
    many = Schema((Column("code", Kind.CATEGORICAL, categories=tuple(map(str, range(5000)))),))
    with pytest.raises(ConditionError, match="5000 in all") as error:
        parse_condition("code=x", many)
    assert len(str(error.value)) < 400


@given(st.integers(18, 101), st.integers(0, 1), st.sampled_from("><"))
def test_strict_bounds_exclude_their_number_and_nothing_else(number, half, sign):
    column = SCHEMA["age"]
    asked = number + half / 2
    if (sign == ">" and asked >= column.maximum) or (sign == "<" and asked <= column.minimum):
        return
    wanted = parse_condition(f"age{sign}{asked}", SCHEMA)
    lattice = np.arange(18, 102)
    low, high = wanted.low or -np.inf, wanted.high or np.inf
    met = (lattice >= low) & (lattice <= high)
    assert np.array_equal(met, lattice > asked if sign == ">" else lattice < asked)
