"""Ages, areas and dates as Safe Harbor allows them, each held against the text of the rule."""

from dataclasses import replace

import pandas as pd
import pytest

from medsynai.api import read
from medsynai.data.schema import Column, Handling, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.deidentify import deidentify
from medsynai.deidentify.harbor import shelter, small_areas
from medsynai.errors import SchemaError
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.run import make

ASKED = Handling.SAFE_HARBOR
LAST = 17896.0  # 2018-12-31
SMALL = {  # HHS guidance, Census 2000
    *("036", "059", "063", "102", "203", "556", "692", "790", "821"),
    *("823", "830", "831", "878", "879", "884", "890", "893"),
}


def level(name: str, *levels: str, kind: Kind = Kind.CATEGORICAL) -> Column:
    return Column(name, kind, handling=ASKED, categories=levels)


def sheltered(column: Column, values: list, *others: Column) -> Table:
    whole = pd.Series(values, dtype=object).astype(canonical_dtype(column))
    frame = pd.DataFrame({column.name: whole})
    for other in others:
        frame[other.name] = pd.Series([None] * len(values), dtype=canonical_dtype(other))
    return shelter(Table(frame, Schema((column, *others)))).table


@pytest.mark.parametrize("name", ["age", "AGE_AT_ADMISSION", "mother_age", "paternalAge"])
def test_ages_over_89_are_one_group(name):
    column = Column(name, Kind.CONTINUOUS, handling=ASKED, minimum=18, maximum=120, decimals=1)
    table = sheltered(column, [18.0, 89.0, 89.9, 90.0, 90.1, 93.0, 120.0, float("nan")])
    assert table.frame[name].tolist()[:7] == [18.0, 89.0, 89.9, 90.0, 90.0, 90.0, 90.0]
    assert table.frame[name].isna().sum() == 1
    assert (table.schema[name].minimum, table.schema[name].maximum) == (18, 90)


@pytest.mark.parametrize(
    ("levels", "after"),
    [
        (("[70-80)", "[80-90)", "[90-100)"), ("[70-80)", "[80-90)", "90+")),
        (("70-79", "80-89", "90-94", "95+"), ("70-79", "80-89", "90+", "90+")),
        (("75-84", "85-94", "95-104"), ("75-84", "85+", "85+")),
        (("80-90", "91-100"), ("80+", "80+")),  # both ends count: 90 is among them
        (("88", "89", "90", "91", "unknown"), ("88", "89", "90+", "90+", "unknown")),
    ],
)
def test_groups_of_ages_become_one_from_the_first_that_holds_90(levels, after):
    table = sheltered(level("age_group", *levels, kind=Kind.ORDINAL), list(levels))
    assert tuple(table.frame["age_group"]) == after
    assert set(table.schema["age_group"].categories) == set(after)


def test_postcodes_keep_three_digits_and_none_where_few_live():
    assert small_areas() == SMALL and len(SMALL) == 17
    codes = [f"{p}42" for p in sorted(SMALL)]
    held = ["02138", "2138", "02139-4307", "60614", "606", "SW1A 1AA", *codes, None]
    table = sheltered(level("employer_zip", *filter(None, held)), held)
    made = table.frame["employer_zip"].tolist()
    assert made[:6] == ["021", "021", "021", "606", "606", "000"]
    assert set(made[6:-1]) == {"000"} and pd.isna(made[-1])
    assert table.schema["employer_zip"].categories == ("000", "021", "606")
    assert table.schema["employer_zip"].storage == "str"


@pytest.mark.parametrize("name", ["city", "COUNTY", "father_birthplace"])
def test_other_areas_smaller_than_a_state_are_left_out(name):
    levels = ["Springfield", "Salem"]
    columns = (level(name, *levels), Column("sex", Kind.BINARY, categories=("f", "m")))
    frame = pd.DataFrame({name: pd.Categorical(levels), "sex": pd.Categorical(["f", "m"])})
    done = deidentify(Table(frame, Schema(columns)))
    assert done.table.schema.names == ("sex",) and done.recipe.dropped == (name,)


SEEN = Column("seen", Kind.DATE, handling=ASKED, date_format="%Y-%m-%d", minimum=0, maximum=LAST)


def test_of_a_date_the_year_alone_is_left_and_no_birth_year_tells_of_an_age_over_89():
    days = ["1899-05-05", "1928-12-31", "1929-01-01", "1932-02-29", "2016-02-29", "2018-12-31"]
    when = pd.Series(pd.to_datetime(days)).astype("datetime64[us]")
    born = replace(SEEN, name="mother_dob", minimum=-30000)
    frame = pd.DataFrame({"seen": when, "mother_dob": when})
    done = deidentify(Table(frame, Schema((SEEN, born), reference_date="seen")))
    assert done.table.frame["seen"].tolist() == [1899, 1928, 1929, 1932, 2016, 2018]
    # aged 90 in 2018 or more: one group
    assert done.table.frame["mother_dob"].tolist() == [1928, 1928, 1929, 1932, 2016, 2018]
    assert all(c.kind is Kind.INTEGER for c in done.recipe.schema.columns)
    year = Column("yob", Kind.INTEGER, handling=ASKED, minimum=1890, maximum=2018, decimals=0)
    assert sheltered(year, [1890.0, 1930.0], SEEN).frame["yob"].tolist() == [1928, 1930]
    with pytest.raises(SchemaError, match="in which year"):
        sheltered(year, [1890.0])


@pytest.mark.parametrize("name", ["creatinine", "dosage", "age_months", "state"])
def test_what_the_rule_says_nothing_of_is_refused(name):
    column = Column(name, Kind.INTEGER, handling=ASKED, minimum=0, maximum=200, decimals=0)
    with pytest.raises(SchemaError, match="safe-harbor"):
        sheltered(column, [95.0])


def test_a_release_holds_no_such_age_area_or_date_in_any_file(tmp_path):
    """And the same run without the handling does: the violation."""
    n = 600
    frame = pd.DataFrame(
        {
            "age": [97 + i % 3 if i % 10 == 0 else 40 + i % 45 for i in range(n)],
            "zip": [("03677", "60614", "60615")[i % 3] for i in range(n)],
            "sex": ["f" if i % 7 < 4 else "m" for i in range(n)],
        }
    )
    plain = read(frame).schema
    ruled = plain.replacing(*(replace(plain[c], handling=ASKED) for c in ("age", "zip")))
    found = {}
    for name, schema in (("kept", plain), ("ruled", ruled)):
        release = make(Plan(model="forest", measures=("validity",)), Handed(frame, schema))
        folder = release.save(tmp_path / name)
        made = pd.read_csv(folder / "synthetic.csv", dtype={"zip": str})
        texts = [p.read_bytes() for p in folder.rglob("*") if p.is_file()]
        found[name] = made["age"].max(), set(made["zip"]), any(b"60614" in t for t in texts)
        notes = " ".join(release.evidence.notes)
    assert found["kept"] == (99, {"03677", "60614", "60615"}, True)
    assert found["ruled"] == (90, {"000", "606"}, False)
    assert "one group, written 90" in notes and "three digits" in notes
