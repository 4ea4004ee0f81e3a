"""Canonical columns and the way back: dtypes are kept, misfits are counted and never shown."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.data.canonical import fit_canonical, from_canonical, to_canonical
from medsynai.data.numerals import write_numbers
from medsynai.data.read import judge_by, read, read_raw
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.source import Form, Format, Source
from medsynai.data.table import canonical_dtype
from medsynai.errors import ReadError, SchemaError

TEXT = Source(Format.CSV)
DAY = pd.Timestamp("2020-02-29")


def one(column: Column, values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({column.name: np.array(values, dtype=object)})


def all_dtypes(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    hole = rng.random(n) < 0.2
    days = pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    return pd.DataFrame(
        {
            "int64": rng.integers(0, 100, n),
            "int8": rng.integers(0, 100, n).astype("int8"),
            "uint16": rng.integers(0, 500, n).astype("uint16"),
            "float64": rng.normal(size=n).round(3),
            "float32": rng.normal(size=n).astype("float32"),
            "float with holes": np.where(hole, np.nan, rng.normal(size=n)),
            "Int64": pd.array([None if h else i for i, h in enumerate(hole)], dtype="Int64"),
            "bool": rng.random(n) < 0.5,
            "boolean": pd.array(
                [None if h else bool(i % 2) for i, h in enumerate(hole)], "boolean"
            ),
            "binary int": rng.integers(0, 2, n),
            "binary float": np.where(hole, np.nan, rng.integers(0, 2, n)),
            "str": rng.choice(["a", "b", "c"], n),
            "string": pd.array(rng.choice(["p", "q"], n), dtype="string"),
            "ordered": pd.Categorical(
                rng.choice(["lo", "hi"], n), categories=["lo", "mid", "hi"], ordered=True
            ),
            "category of int": pd.Categorical(rng.choice([3, 1, 2], n)),
            "category of bool": pd.Categorical(rng.choice([True, False], n)),
            "datetime us": (DAY + days).astype("datetime64[us]"),
            "datetime ns": (DAY + days).astype("datetime64[ns]"),
            "datetime zone": (DAY + days).tz_localize("Europe/Berlin"),
            "date": [d.date() for d in DAY + days],
            "decimal": [Decimal(int(i)).scaleb(-2) for i in rng.integers(0, 9000, n)],
            "object bool": pd.Series([True, False, None] * (n // 3), dtype=object),
            "constant": ["k"] * n,
            "nothing": [np.nan] * n,
            7: rng.normal(size=n),
        }
    )


def test_a_frame_of_every_dtype_comes_back_as_it_was() -> None:
    frame = all_dtypes()
    loaded = read(frame)
    for column in loaded.table.schema.columns:
        assert loaded.table.frame[column.name].dtype == canonical_dtype(column), column.name
    pd.testing.assert_frame_equal(from_canonical(loaded.table, loaded.source), frame)


def test_levels_are_strings_and_numbers_float64() -> None:
    table = read(all_dtypes()).table
    assert table.schema["binary int"].categories == ("0", "1")
    assert table.schema["binary float"].categories == ("0", "1")
    assert table.schema["bool"].categories == ("False", "True")
    assert table.schema["ordered"].categories == ("lo", "mid", "hi")
    assert table.frame["Int64"].dtype == "float64"


def test_a_source_round_trips_through_toml() -> None:
    source = read(all_dtypes()).source
    assert Source.from_toml(source.to_toml()) == source


@pytest.mark.parametrize("name", ["ward", None])
def test_an_index_of_names_comes_back_as_index(name: str | None) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3]}, index=pd.Index(["x", "y", "z"], name=name))
    loaded = read(frame)
    assert len(loaded.table.schema.columns) == 2
    pd.testing.assert_frame_equal(from_canonical(loaded.table, loaded.source), frame)


def test_row_numbers_left_by_a_filter_are_no_column() -> None:
    frame = pd.DataFrame({"n": [1, 2, 3, 4], "m": list("abab")}).iloc[[0, 1, 3]]
    raw = read_raw(frame)
    assert list(raw.frame) == ["n", "m"] and any("row numbers" in n for n in raw.notes)


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**40), 2**40),
    "float64": st.floats(-1e9, 1e9).map(lambda x: round(x, 4) + 0.0),
    "bool": st.booleans(),
    "object": st.one_of(st.none(), st.text(st.sampled_from("ab é,"), min_size=1).filter(str.strip)),
    "Int64": st.one_of(st.none(), st.integers(-99, 99)),
    "datetime64[us]": st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_frame_comes_back_equal(data: st.DataObject) -> None:
    dtypes = data.draw(st.lists(st.sampled_from(list(SCALARS)), min_size=1, max_size=4))
    rows = data.draw(st.integers(1, 30))
    frame = pd.DataFrame(
        {
            f"c{i}": pd.Series(
                data.draw(st.lists(SCALARS[d], min_size=rows, max_size=rows)), dtype=d
            )
            for i, d in enumerate(dtypes)
        }
    )
    loaded = read(frame)
    back = from_canonical(loaded.table, loaded.source)
    pd.testing.assert_frame_equal(back, frame, check_exact=False, rtol=1e-12)


def test_whole_numbers_with_holes_come_back_nullable_and_without_decimals() -> None:
    column = Column("n", Kind.INTEGER, storage="int64", missing=True)
    loaded = read(one(column, ["1", "", "3"]), Schema((column,)))
    back = from_canonical(loaded.table, loaded.source)
    assert str(back["n"].dtype) == "Int64"
    assert write_numbers([1.0, 3.0], column, Form()) == ["1", "3"]


@pytest.mark.parametrize(
    ("value", "decimals", "places", "text"),
    [
        (0.1 + 0.2, 2, 0, "0.3"),
        (0.1 + 0.2, 2, 2, "0.30"),
        (11.0, 1, 1, "11.0"),
        (11.0, 1, 0, "11"),
        (1e-7, 8, 0, "0.0000001"),
        (-0.0, 2, 0, "0"),
        (7901.1936239999995, 13, 0, "7901.1936239999995"),
        (1234567.125, None, 0, "1234567.125"),
    ],
)
def test_numbers_are_written_as_short_as_their_column_allows(
    value: float, decimals: int | None, places: int, text: str
) -> None:
    column = Column("x", Kind.CONTINUOUS, decimals=decimals)
    assert write_numbers([value], column, Form(places=places)) == [text]


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        (Column("n", Kind.INTEGER), ["1", "SECRET"], "1 row is not a number"),
        (Column("n", Kind.INTEGER), ["1", "nan"], "1 row is not a number"),
        (Column("n", Kind.INTEGER), ["1", "2.5"], "1 row is not a whole number"),
        (Column("n", Kind.INTEGER), ["1", "9007199254740993"], "beyond 2^53"),
        (Column("n", Kind.INTEGER), ["1", ""], "1 row is missing"),
        (Column("n", Kind.CONTINUOUS, minimum=0, maximum=9), ["-1", "10"], "2 rows are outside"),
        (Column("n", Kind.CONTINUOUS), ["1", "1e999"], "infinite"),
        (Column("n", Kind.BINARY, categories=("f", "m")), ["f", "SECRET"], "outside the categor"),
        (Column("n", Kind.CATEGORICAL, categories=("007", "8")), ["7", "8"], "outside the categor"),
        (Column("n", Kind.DATE, date_format="%Y-%m-%d"), ["2020-01-01", "SECRET"], "not a date"),
        (Column("n", Kind.DATE, minimum=0), ["1969-12-31", "1970-01-01"], "outside the range"),
        (Column("n", Kind.BINARY), ["f", "m"], "lists no categories"),
    ],
)
def test_what_does_not_fit_is_named_and_counted_never_shown(
    column: Column, values: list[str], says: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        to_canonical(one(column, values), Schema((column,)), TEXT)
    assert says in str(caught.value) and "'n'" in str(caught.value)
    assert "SECRET" not in str(caught.value) and "9007" not in str(caught.value)


def test_tokens_are_missing_only_where_the_schema_says_so() -> None:
    said = Column("n", Kind.INTEGER, missing=True, missing_tokens=("NA", "-9"))
    frame = to_canonical(one(said, ["1", "NA", "-9", ""]), Schema((said,)), TEXT)
    assert frame["n"].isna().tolist() == [False, True, True, True]
    typed = pd.DataFrame({"n": [1, -9]})
    assert to_canonical(typed, Schema((said,)), TEXT)["n"].isna().tolist() == [False, True]
    level = Column("n", Kind.BINARY, categories=("NA", "x"))
    assert to_canonical(one(level, ["NA", "x"]), Schema((level,)), TEXT)["n"].tolist() == [
        "NA",
        "x",
    ]


def test_blanks_are_missing_unless_they_are_a_level() -> None:
    text = Column("n", Kind.TEXT, missing=True)
    assert to_canonical(one(text, ["  ", "x"]), Schema((text,)), TEXT)["n"].tolist() == [None, "x"]
    assert to_canonical(one(text, ["a", "x"]), Schema((text,)), TEXT)["n"].dtype == object
    level = Column("n", Kind.BINARY, categories=(" ", "x"))
    assert to_canonical(one(level, [" ", "x"]), Schema((level,)), TEXT)["n"].tolist() == [" ", "x"]


def test_numbers_written_otherwise_are_the_same_level() -> None:
    column = Column("n", Kind.BINARY, categories=("0", "1"))
    frame = to_canonical(one(column, ["1.0", "0"]), Schema((column,)), TEXT)
    assert frame["n"].tolist() == ["1", "0"]


def test_columns_come_in_the_schemas_order_and_absent_or_extra_ones_are_named() -> None:
    schema = Schema((Column("a", Kind.TEXT), Column("b", Kind.TEXT)))
    raw = pd.DataFrame({"b": ["1"], "a": ["2"]})
    assert list(to_canonical(raw, schema, TEXT)) == ["a", "b"]
    with pytest.raises(SchemaError, match="lack column 'b'"):
        to_canonical(raw[["a"]], schema, TEXT)
    with pytest.raises(SchemaError, match="does not list column 'c'"):
        to_canonical(raw.assign(c="3"), schema, TEXT)


def test_anybodys_synthetic_rows_are_held_as_far_as_they_fit() -> None:
    schema = Schema(
        (
            Column("n", Kind.INTEGER, minimum=0, maximum=9),
            Column("s", Kind.BINARY, categories=("f", "m")),
        )
    )
    loaded = judge_by(
        pd.DataFrame({"s": ["f", "x", "m"], "n": [5, 50, 2], "more": [1, 2, 3]}), schema
    )
    assert loaded.table.frame["n"].tolist() == [5, 50, 2]
    assert loaded.table.frame["s"].isna().tolist() == [False, True, False]
    assert {(m.column, m.rows) for m in loaded.misfits} == {("n", 1), ("s", 1)}
    assert loaded.table.origin == "synthetic" and any("more" in n for n in loaded.notes)


def test_nothing_fitting_leaves_no_misfit() -> None:
    loaded = read(all_dtypes())
    frame, misfits = fit_canonical(read_raw(all_dtypes()).frame, loaded.table.schema, loaded.source)
    assert misfits == () and frame.equals(loaded.table.frame)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame(index=range(3)), "no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "duplicate column names: 'a'"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "duplicate column names: '1'"),
        (pd.DataFrame({"a;b": ["1;2", "3;4"]}), "wrong delimiter"),
        (pd.DataFrame({"a": [[1], [2]]}), "values of type list"),
        (pd.DataFrame({"a": pd.to_timedelta([1, 2])}), "number of days"),
        (pd.DataFrame({"a": [1j, 2j]}), "type complex"),
        (pd.DataFrame({3.5: [1, 2]}), "named by a float"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], ["b", "c"]])), "levels"),
    ],
)
def test_frames_that_are_no_tables_say_why(frame: pd.DataFrame, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        read(frame)


def test_a_storage_that_does_not_fit_names_the_column() -> None:
    column = Column("s", Kind.BINARY, storage="int64", categories=("f", "SECRET"))
    loaded = read(one(column, ["f", "SECRET"]), Schema((column,)))
    with pytest.raises(SchemaError, match="column 's' cannot be given back as 'int64'") as caught:
        from_canonical(loaded.table, loaded.source)
    assert "SECRET" not in str(caught.value)
