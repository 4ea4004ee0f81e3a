"""The schema that is proposed: kinds, missing tokens, sentinels, roles, dates, pairs."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.data.canonical import to_canonical
from medsynai.data.infer import infer
from medsynai.data.read import read
from medsynai.data.schema import Handling, Kind, Role, Survival
from medsynai.data.source import Format, Source
from medsynai.errors import SchemaError

ROWS = 120
RNG = np.random.default_rng(5)


def column(values, name="x", text=True):
    """The inferred column of these values, repeated to ROWS rows."""
    filled = [values[i % len(values)] for i in range(ROWS)]
    return infer(pd.DataFrame({name: pd.Series(filled, dtype=object)}), text).columns[0]


@pytest.mark.parametrize(
    ("values", "name", "kind", "storage"),
    [
        (["1.5", "2.25", "3"], "x", Kind.CONTINUOUS, "float64"),
        (["1", "2", "3"], "x", Kind.INTEGER, "int64"),
        (["1", "2", ""], "n", Kind.BINARY, "Int64"),
        (["1", "2", "3", ""], "x", Kind.INTEGER, "Int64"),
        (["1.0", "2.0", "3.0"], "x", Kind.INTEGER, "float64"),
        (["0", "1"], "x", Kind.BINARY, "int64"),
        (["yes", "no"], "x", Kind.BINARY, "str"),
        (["a", "b", "c"], "x", Kind.CATEGORICAL, "str"),
        (["1", "2", "3"], "admission_type_id", Kind.CATEGORICAL, "int64"),
        (["1", "2", "3"], "race", Kind.CATEGORICAL, "int64"),
        (["007", "012", "113"], "x", Kind.CATEGORICAL, "str"),
        (["[0-10)", "[10-20)", "[20-30)"], "x", Kind.ORDINAL, "str"),
        (["low", "high", "medium"], "x", Kind.ORDINAL, "str"),
        (["NO", ">30", "<30"], "x", Kind.CATEGORICAL, "str"),
        (["same"], "x", Kind.CONSTANT, "str"),
        ([""], "x", Kind.CONSTANT, "str"),
        (["250.83", "V57", "E909", "401"], "diag_1", Kind.CATEGORICAL, "str"),
        (["2020-01-02", "2021-11-30"], "x", Kind.DATE, "str"),
        (["+", "-"], "x", Kind.BINARY, "str"),
        (["1.5", "2.5", "3.5"], "time_in_hospital", Kind.CONTINUOUS, "float64"),
        (["1", "2", "3"], "time_in_hospital", Kind.INTEGER, "int64"),
    ],
)
def test_kind_and_storage(values, name, kind, storage):
    found = column(values, name)
    assert (found.kind, found.storage) == (kind, storage)


def test_levels_stand_in_their_natural_order():
    assert column(["10", "9", "2"], "ward_code").categories == ("2", "9", "10")
    ages = column([">=90", "[80-90)", "[70-80)"], "x")
    assert ages.categories == ("[70-80)", "[80-90)", ">=90")


def test_only_unambiguous_tokens_are_missing():
    numbers = column(["1.5", "NA", "2", "?", "7", "", "-", " "])
    assert numbers.kind is Kind.CONTINUOUS
    assert numbers.missing
    assert set(numbers.missing_tokens) == {"NA", "?", "-"}
    tested = column(["None", ">200", "Norm", "Unknown"])
    assert not tested.missing
    assert not tested.missing_tokens
    assert set(tested.sentinels) == {"None", "Unknown"}
    assert any("kept as a level" in w for w in tested.warnings)


def test_a_word_among_numbers_is_reported_and_read_as_missing():
    values = [str(v) for v in range(3, 43)] + ["Unknown"]
    found = column(values, "potassium")
    assert found.kind is Kind.INTEGER
    assert found.missing
    assert found.missing_tokens == found.sentinels == ("Unknown",)
    mixed = column([str(v) for v in range(9)] + ["high", "low"], "result")
    assert mixed.kind is Kind.CATEGORICAL
    assert any("numbers and words" in w for w in mixed.warnings)


@pytest.mark.parametrize(
    ("odd", "rest", "name"),
    [
        ("-1", range(5, 60), "sofa"),
        ("99", range(1, 12), "days"),
        ("999", range(30, 90), "weight_lb"),
        ("65526", range(1, 300), "time"),
        ("7777", range(1, 300), "count"),
        ("0", range(60, 190), "glucose"),
    ],
)
def test_codes_for_unknown_are_reported_and_kept(odd, rest, name):
    values = [str(v) for v in rest] + [odd] * 11
    raw = pd.DataFrame({name: pd.Series(values, dtype=object)})
    found = infer(raw, text=True).columns[0]
    assert found.sentinels == (odd,)
    assert float(odd) in (found.minimum, found.maximum)


def test_no_extreme_of_a_patient_is_in_the_schema():
    rng = np.random.default_rng(3)
    raw = pd.DataFrame(
        {
            "age": [*rng.integers(20, 88, 300).astype(str), "13", "88"],
            "crea": [*(f"{v:.2f}" for v in rng.gamma(2, 1, 290) + 0.1), *["0"] * 11, "37.43"],
            "seen": [*(f"2019-{m:02d}-11" for m in rng.integers(2, 12, 300)), *["2001-07-03"] * 2],
        }
    )
    schema = infer(raw, text=True)
    assert (schema["age"].minimum, schema["age"].maximum) == (10, 90)
    assert not any("over 89" in w for w in schema["age"].warnings)  # 90 is the range's, not his
    assert (schema["crea"].minimum, schema["crea"].maximum) == (0, 38)
    days = (pd.Timestamp("2001-07-03") - pd.Timestamp(0)).days
    assert schema["seen"].minimum is not None and schema["seen"].minimum < days
    text = schema.to_toml()
    assert "37.43" not in text and "13" not in text and str(days) not in text


@pytest.mark.parametrize("values", [range(0, 18), range(-40, 40), [0, *range(1, 200)]])
def test_plain_counts_have_no_sentinels(values):
    repeated = [str(v) for v in values for _ in range(5)]
    raw = pd.DataFrame({"pregnancies": pd.Series(repeated, dtype=object)})
    assert infer(raw, text=True).columns[0].sentinels == ()


@pytest.mark.parametrize(
    ("values", "pattern", "ambiguous"),
    [
        (["2020-01-31", "2019-12-01"], "%Y-%m-%d", False),
        (["31.01.2020", "01.12.2019"], "%d.%m.%Y", False),
        (["01/31/2020", "12/01/2019"], "%m/%d/%Y", False),
        (["31/01/2020", "01/12/2019"], "%d/%m/%Y", False),
        (["01/02/2020", "03/04/2019"], "%m/%d/%Y", True),
        (["10/23/64 21:09", "8/14/26 22:32"], "%m/%d/%y %H:%M", False),
        (["2017-09-10T10:02:18Z", "2014-02-12T21:52:49Z"], "%Y-%m-%dT%H:%M:%SZ", False),
        (["2146-07-21 00:00:00", "2146-08-01 12:30:00"], "%Y-%m-%d %H:%M:00", False),
        (["03JAN2020", "28FEB2021"], "%d%b%Y", False),
    ],
)
def test_date_formats(values, pattern, ambiguous):
    found = column(values, "seen")
    assert (found.kind, found.date_format) == (Kind.DATE, pattern)
    assert found.handling is Handling.OFFSET
    assert any("swapped" in w for w in found.warnings) is ambiguous


def test_another_column_settles_day_and_month():
    raw = pd.DataFrame({"a": ["01/02/2020", "03/04/2019"] * 9, "b": ["31/01/2020"] * 18})
    schema = infer(raw.astype(object), text=True)
    assert schema["a"].date_format == "%d/%m/%Y"
    assert schema.reference_date == "a"


def test_eight_digits_are_a_date_only_by_name():
    values = ["20200131", "20191201"]
    assert column(values, "birth_date").kind is Kind.DATE
    assert column(values, "platelets").kind is Kind.BINARY


def test_dates_in_two_forms_do_not_pass_as_levels():
    found = column([f"{d}/3/94 0:00" for d in range(1, 12)] + ["1885-03-24 00:00:00"], "dob")
    assert found.handling is Handling.DROP


def test_typed_columns_keep_their_dtypes():
    n = 60
    frame = pd.DataFrame(
        {
            "flag": np.arange(n) % 2 == 0,
            "count": pd.array([None, *range(n - 1)], dtype="Int64") % 5,
            "grade": pd.Categorical(
                ["lo", "hi"] * (n // 2), categories=["lo", "mid", "hi"], ordered=True
            ),
            "seen": pd.date_range("2020-01-01", periods=n, freq="7h"),
            "day": [date(2020, 1, 1 + i % 28) for i in range(n)],
            "value": np.linspace(0, 1, n).round(2),
        }
    )
    schema = infer(frame, text=False)
    kinds = {c.name: c.kind for c in schema.columns}
    assert kinds == {
        "flag": Kind.BINARY,
        "count": Kind.INTEGER,
        "grade": Kind.ORDINAL,
        "seen": Kind.DATE,
        "day": Kind.DATE,
        "value": Kind.CONTINUOUS,
    }
    assert schema["grade"].categories == ("lo", "mid", "hi")
    assert schema["seen"].date_format == "%Y-%m-%d %H:%M"
    assert [schema[n].storage for n in ("flag", "count", "grade")] == ["bool", "Int64", "category"]


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, b"raw"])
def test_nested_cells_are_refused_by_column(cell):
    frame = pd.DataFrame({"odd": pd.Series([cell, cell], dtype=object)})
    with pytest.raises(SchemaError, match="'odd'"):
        infer(frame, text=False)


TEXTS = st.sampled_from(
    ["", " ", "NA", "?", "-", "None", "Unknown", "1", "1.0", "-7", "007", "1e3", "3.25", "nan"]
) | st.text("0123456789.-/: aB", max_size=8)


@given(st.lists(TEXTS, min_size=1, max_size=40), st.sampled_from(["x", "age", "id", "dob", "note"]))
@settings(max_examples=300, deadline=None)
def test_data_always_fit_the_schema_inferred_from_them(values, name):
    raw = pd.DataFrame({name: pd.Series(values, dtype=object)})
    schema = infer(raw, text=True)
    frame = to_canonical(raw, schema, Source(Format.CSV, header=(name,)))
    assert len(frame) == len(values)
    assert schema[name].missing == bool(frame[name].isna().any())


def test_a_warning_shows_no_value_of_an_identifier():
    names = [f"Quentin{i} Zebedee{i}" for i in range(ROWS)]
    raw = pd.DataFrame({"who": names, "mail": [n.split()[0] + "@x.org" for n in names]})
    told = infer(raw.astype(object), text=True).to_toml()
    assert "Quentin" not in told
    assert "Zebedee" not in told


def load(shared, name):
    return read(shared / "data" / f"{name}.csv.gz").table.schema


def test_diabetes_130(shared):
    schema = load(shared, "tabular/diabetes130_us_hospitals")
    assert schema.subject == "patient_nbr"
    assert schema.having(Role.KEY) == ("encounter_id",)
    assert set(schema.having(Role.PROTECTED)) == {"race", "gender", "age"}
    assert schema["max_glu_serum"].categories == (">200", ">300", "None", "Norm")
    assert schema["age"].kind is schema["weight"].kind is Kind.ORDINAL
    assert schema["age"].categories[0] == "[0-10)"
    for name in ("admission_type_id", "discharge_disposition_id", "diag_1", "medical_specialty"):
        assert schema[name].kind is Kind.CATEGORICAL
    assert schema["time_in_hospital"].kind is Kind.INTEGER
    assert schema["examide"].kind is Kind.CONSTANT
    assert [c.name for c in schema.columns if c.handling is not Handling.LEARN] == [
        "encounter_id",
        "patient_nbr",
    ]


def test_flchain_and_support2(shared):
    schema = load(shared, "tabular/flchain")
    assert schema.survival == (Survival("futime", "death", "1"),)
    assert any("over 89" in w for w in schema["age"].warnings)
    assert all(c.handling is Handling.LEARN for c in schema.columns)
    schema = load(shared, "tabular/support2")
    assert schema.survival == (Survival("d.time", "death", "1"),)
    assert [c.name for c in schema.columns if c.handling is not Handling.LEARN] == ["sno"]
    assert schema["sno"].role is Role.KEY
    assert schema["charges"].kind is Kind.CONTINUOUS
    assert schema["scoma"].kind is Kind.INTEGER
    assert schema["income"].categories == ("under $11k", "$11-$25k", "$25-$50k", ">$50k")
    assert set(schema.having(Role.PROTECTED)) == {"age", "sex", "race"}


def test_pima_zeros_are_reported(shared):
    schema = load(shared, "tabular/pima_diabetes")
    odd = {c.name for c in schema.columns if "0" in c.sentinels}
    assert odd == {"glucose", "blood_pressure", "skin_thickness", "insulin", "bmi"}


def test_nhanes(shared):
    schema = load(shared, "tabular/nhanes_2009_2012")
    assert [c.name for c in schema.columns if c.handling is not Handling.LEARN] == ["ID"]
    assert set(schema.having(Role.WEIGHT)) == {"WTINT2YR", "WTMEC2YR"}
    assert {"SexOrientation", "HardDrugs"} <= set(schema.having(Role.SENSITIVE))
    assert "SexAge" not in schema.having(Role.PROTECTED)


def test_a_key_that_comes_back_is_the_patient(shared):
    schema = load(shared, "longitudinal/pbcseq")
    assert schema.subject == "id"
    assert any("please check" in w for w in schema["id"].warnings)
    assert schema["status"].kind is Kind.CATEGORICAL


def test_times_of_day_and_days_of_eight_digits_are_dates_but_a_few_times_are_levels():
    times = [f"{i % 24:02d}:{i * 7 % 60:02d}" for i in range(ROWS)]
    assert (column(times).kind, column(times).date_format) == (Kind.DATE, "%H:%M")
    assert column(["08:00", "12:00", "18:00"]).kind is Kind.CATEGORICAL
    days = [f"2020{1 + i % 12:02d}{1 + i % 28:02d}" for i in range(ROWS)]
    assert column(days).date_format == "%Y%m%d"
    assert column(["20200101", "20200228", "20210101"]).kind is Kind.INTEGER
    assert column([*days[:-1], "20201345"]).kind is not Kind.DATE


def test_a_time_of_day_is_no_date_that_others_are_counted_from():
    times = [f"{i % 24:02d}:{i * 7 % 60:02d}" for i in range(ROWS)]
    days = [f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(ROWS)]
    raw = pd.DataFrame({"at": times, "on": days})
    assert infer(raw, text=True).reference_date == "on"
    assert infer(raw[["at"]], text=True).reference_date is None


@pytest.mark.parametrize("form", ["{0}/{1}", "<{0}.{1}", "{0}.{1}%", "{0}.{1} mg"])
def test_measurements_with_signs_are_nobodys_key(form):
    values = [form.format(90 + i, 50 + i % 37) for i in range(ROWS)]
    values[1] = values[0]  # a key with a repeat would be taken for the patient's
    found = column(values)
    assert found.handling is Handling.DROP
    assert found.role is Role.FEATURE
    assert "plain numbers" in found.warnings[0]


@pytest.mark.parametrize(
    ("tail", "format"),
    [(" 00:00:00", " 00:00:00"), ("T00:00:00Z", "T00:00:00Z"), (" 0:00", " 0:00")],
)
def test_a_time_that_never_changes_stays_as_it_stands(tail, format):
    days = [f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}{tail}" for i in range(ROWS)]
    assert column(days).date_format == "%Y-%m-%d" + format
    raw = pd.DataFrame({"on": days, "sex": ["f", "m"] * (ROWS // 2)})
    loaded = infer(raw, text=True)
    held = to_canonical(raw, loaded, Source(Format.CSV, ("on", "sex")))
    assert held["on"].notna().all() and (held["on"].dt.hour == 0).all()
    seconds = [f"08:{i % 60:02d}:00" for i in range(ROWS)]
    assert column(seconds).date_format == "%H:%M:00"


def test_numbers_with_odd_words_among_them_say_how_to_have_them_learnt() -> None:
    rng = np.random.default_rng(0)
    lab = [f"{v:.3f}" for v in rng.normal(5, 1, 400)]
    lab[::9] = ["haemolysed"] * len(lab[::9])
    column = infer(pd.DataFrame({"lab": lab, "sex": ["f", "m"] * 200}), text=True)["lab"]
    assert column.identifier == "numbers with words among them"
    assert "missing_tokens" in column.warnings[0] and "haemolysed" not in column.warnings[0]


def test_days_are_counted_from_a_stay_and_not_from_birth() -> None:
    days = pd.date_range("2021-01-01", periods=60).strftime("%d.%m.%Y")
    born = pd.date_range("1950-01-01", periods=60).strftime("%d.%m.%Y")
    frame = pd.DataFrame({"Geburtsdatum": born, "Aufnahme": days, "Entlassung": days})
    assert infer(frame, text=True).reference_date == "Aufnahme"
    assert infer(frame[["Geburtsdatum"]], text=True).reference_date == "Geburtsdatum"


def test_few_dates_beside_words_for_absent_are_no_levels() -> None:
    days = [f"{d:02d}/01/2020" for d in range(1, 32)] + ["unknown", "0000-00-00"]
    column = infer(pd.DataFrame({"seen": days * 9, "x": [*"ab", "a"] * 99}), text=True)["seen"]
    assert column.kind is Kind.DATE and column.missing_tokens == ("0000-00-00", "unknown")
    odd = infer(pd.DataFrame({"seen": ["2020-01-03", "04/01/2020"] * 99}), text=True)["seen"]
    assert odd.handling is Handling.DROP


def test_levels_that_differ_in_spelling_alone_are_counted_and_not_shown() -> None:
    raw = pd.DataFrame({"sex": ["F", " f", "f", "m"] * 9, "ward": ["Ost", "West", "Nord"] * 12})
    sex, ward = infer(raw, text=True).columns
    assert any(w.startswith("3 levels are spelt like another") for w in sex.warnings)
    assert "' f'" not in " ".join(sex.warnings) and not ward.warnings
