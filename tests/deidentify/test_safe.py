"""What is learnt holds no identifier, text or date; what comes back keeps intervals and order."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai import store
from medsynai.data.read import read
from medsynai.data.schema import Column, Handling, Kind, Role, Schema
from medsynai.data.table import Table
from medsynai.deidentify import Recipe, deidentify, finish, scan
from medsynai.errors import SchemaError
from medsynai.seeds import Seeds

N = 400
RNG = np.random.default_rng(2)
SCHEMA = Schema(
    (
        Column("born", Kind.DATE, handling=Handling.OFFSET, date_format="%d.%m.%Y"),
        Column("mrn", Kind.IDENTIFIER, Role.SUBJECT, Handling.SURROGATE),
        Column("sex", Kind.BINARY, Role.PROTECTED, categories=("f", "m")),
        Column("stay", Kind.IDENTIFIER, Role.KEY, Handling.SURROGATE),
        Column("note", Kind.TEXT, handling=Handling.DROP, identifier="free text"),
        Column("age", Kind.INTEGER, Role.PROTECTED, minimum=20, maximum=97, decimals=0),
        Column("came", Kind.DATE, handling=Handling.OFFSET, date_format="%Y-%m-%d %H:%M"),
        Column(
            "left", Kind.DATE, handling=Handling.OFFSET, date_format="%Y-%m-%d %H:%M", missing=True
        ),
        Column("died", Kind.DATE, handling=Handling.YEAR, date_format="%Y-%m-%d", missing=True),
    ),
    reference_date="came",
)


def clinic():
    """Stays of about 150 patients; sex is the patient's own."""
    who = np.sort(RNG.integers(0, 150, N))
    minute = RNG.integers(0, 60 * 24 * 365 * 4, N)
    came = np.datetime64("2015-01-01T00:00", "us") + minute.astype("timedelta64[m]")
    left = came + RNG.integers(1, 20_000, N).astype("timedelta64[m]")
    left[::7] = np.datetime64("NaT")
    born = came.astype("datetime64[D]").astype("datetime64[us]") - (
        RNG.integers(7300, 33000, N).astype("timedelta64[D]")
    )
    died = (left + np.timedelta64(400, "D")).astype("datetime64[D]").astype("datetime64[us]")
    died[::2] = np.datetime64("NaT")
    frame = pd.DataFrame(
        {
            "born": born,
            "mrn": pd.Series([f"M{7 * w + 1000:06d}" for w in who], dtype=object),
            "sex": pd.Categorical.from_codes(who % 2, ["f", "m"]),
            "stay": pd.Series([f"{i:08x}-aaaa-4bbb-8ccc-{i:012x}" for i in range(N)], dtype=object),
            "note": pd.Series([f"seen by doctor number {i}" for i in range(N)], dtype=object),
            "age": RNG.integers(20, 97, N).astype(float),
            "came": came,
            "left": left,
            "died": died,
        }
    )
    return Table(frame, SCHEMA)


@pytest.fixture(scope="module")
def real():
    return clinic()


@pytest.fixture(scope="module")
def safe(real):
    return deidentify(real)


@pytest.fixture(scope="module")
def finished(safe):
    rows = safe.table.rows(np.random.default_rng(0).integers(0, N, 3 * N))
    return finish(safe.recipe, rows, Seeds(1))


def test_only_numbers_and_levels_are_learnt(safe):
    assert safe.table.schema.names == ("born", "sex", "age", "came", "left", "died")
    assert all(c.kind.is_learnt for c in safe.table.schema.columns)
    assert set(safe.table.frame["came"]) <= {2015.0, 2016.0, 2017.0, 2018.0}
    assert safe.table.schema["died"].kind is Kind.INTEGER
    assert safe.table.schema["died"].minimum >= 2016


def test_no_real_value_is_in_the_recipe_or_the_log(real, safe):
    told = store.to_toml(safe.recipe) + "\n".join(safe.log)
    for name in ("mrn", "stay", "note"):
        assert not [v for v in real.frame[name] if v in told]
    assert store.from_toml(Recipe, store.to_toml(safe.recipe)) == safe.recipe


def test_the_log_says_what_became_of_each_column(safe):
    told = dict(line.split(":", 1) for line in safe.log)
    assert "left out" in told["note (free text)"]
    assert "fresh keys" in told["mrn"]
    assert "year" in told["came"]
    assert "minutes from came" in told["left"]
    assert "over 89" in told["age"]


def test_columns_come_back_in_order_without_the_dropped(finished):
    names = ("born", "mrn", "sex", "stay", "age", "came", "left", "died")
    assert finished.schema.names == names
    assert tuple(finished.frame.columns) == names
    assert finished.schema["came"].kind is Kind.DATE
    assert finished.schema["came"].date_format == "%Y-%m-%d %H:%M"
    assert finished.schema["died"].kind is Kind.INTEGER


def test_intervals_are_kept_to_the_minute(real, safe):
    out = finish(safe.recipe, safe.table, Seeds(9)).frame
    frame = real.frame
    assert (out["left"] - out["came"]).equals(frame["left"] - frame["came"])
    days = frame["came"].dt.normalize() - frame["born"]
    assert (out["came"].dt.normalize() - out["born"]).equals(days)
    assert (out["born"] == out["born"].dt.normalize()).all()
    assert (out["came"].dt.year == frame["came"].dt.year).all()
    same_day = (out["came"].dt.day_of_year == frame["came"].dt.day_of_year).mean()
    assert same_day < 0.02


def test_fresh_days_fill_the_year(finished):
    months = finished.frame["came"].dt.month.value_counts(normalize=True)
    assert months.min() > 0.04
    assert set(months.index) == set(range(1, 13))


def test_keys_are_fresh_in_the_same_pattern(real, finished):
    frame = finished.frame
    assert frame["mrn"].str.fullmatch(r"M\d{6}").all()
    assert frame["stay"].str.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").all()
    assert frame["stay"].is_unique
    assert not set(frame["mrn"]) & set(real.frame["mrn"])
    assert scan(finished, real) == ()


def test_rows_per_patient_and_a_steady_sex(real, finished):
    counts = finished.frame["mrn"].value_counts()
    assert abs(counts.mean() - real.frame["mrn"].value_counts().mean()) < 0.5
    assert (finished.frame.groupby("mrn")["sex"].nunique() == 1).all()


def test_seeds_repeat_and_differ(safe):
    first = finish(safe.recipe, safe.table, Seeds(1)).frame
    assert first.equals(finish(safe.recipe, safe.table, Seeds(1)).frame)
    other = finish(safe.recipe, safe.table, Seeds(2)).frame
    assert not first["mrn"].equals(other["mrn"])
    assert not first["came"].equals(other["came"])


def test_train_and_holdout_come_out_alike(real):
    halves = [deidentify(real.rows(np.arange(i, N, 2))).table.schema for i in (0, 1)]
    a, b = ([replace(c, minimum=None, maximum=None) for c in h.columns] for h in halves)
    assert a == b


def test_a_planted_identifier_is_found_by_the_scan(real, finished):
    frame = finished.frame.copy()
    frame.loc[5, "mrn"] = real.frame.loc[17, "mrn"]
    leaks = scan(Table(frame, finished.schema, "synthetic"), real)
    assert [(leak.column, leak.values) for leak in leaks] == [("mrn", 1)]
    levels = ("f", "m", "jo@example.org")
    column = replace(finished.schema["sex"], categories=levels)
    frame = finished.frame.assign(sex=pd.Categorical(["jo@example.org"] * len(finished)))
    leaks = scan(Table(frame, finished.schema.replacing(column), "synthetic"))
    assert [(leak.column, leak.what) for leak in leaks] == [("sex", "e-mail")]


@pytest.mark.parametrize(
    ("name", "handling"), [("age", Handling.OFFSET), ("note", Handling.YEAR), ("came", "surrogate")]
)
def test_a_handling_that_does_not_fit_is_refused(real, name, handling):
    wrong = replace(SCHEMA[name], handling=Handling(handling))
    with pytest.raises(SchemaError, match=name):
        deidentify(Table(real.frame, SCHEMA.replacing(wrong)))


def test_kinds_that_may_not_pass_are_kept_out_whatever_the_schema_says(real):
    careless = SCHEMA.replacing(
        *(replace(SCHEMA[n], handling=Handling.LEARN) for n in ("mrn", "stay", "note", "born"))
    )
    done = deidentify(Table(real.frame, careless))
    assert not {"mrn", "stay", "note"} & set(done.table.schema.names)
    assert done.table.schema["born"].kind is Kind.INTEGER


def test_a_surrogate_need_be_no_key(real):
    device = replace(SCHEMA["stay"], role=Role.FEATURE)
    done = deidentify(Table(real.frame, SCHEMA.replacing(device)))
    assert [rule.name for rule in done.recipe.keys] == ["mrn", "stay"]
    plain = replace(device, handling=Handling.LEARN)
    done = deidentify(Table(real.frame, SCHEMA.replacing(plain)))
    assert "stay" in done.recipe.dropped


def test_a_reference_that_is_no_date_is_refused(real):
    with pytest.raises(SchemaError, match="reference_date"):
        deidentify(Table(real.frame, replace(SCHEMA, reference_date="age")))


def test_clip_groups_the_oldest(real):
    clip = replace(SCHEMA["age"], handling=Handling.CLIP, maximum=90)
    done = deidentify(Table(real.frame, SCHEMA.replacing(clip)))
    assert done.table.frame["age"].max() == 90
    assert (done.table.frame["age"] == 90).sum() == (real.frame["age"] >= 90).sum()
    assert done.table.schema["age"].handling is Handling.LEARN


def test_rules_that_name_an_unlearnt_column_are_said_to_go(real):
    rules = ("age is missing when sex = 'f'", "mrn is present when sex = 'm'")
    done = deidentify(Table(real.frame, replace(SCHEMA, rules=rules)))
    assert done.table.schema.rules == rules[:1]
    assert any("rule not kept" in line for line in done.log)


def test_extra_columns_stay_and_lost_ones_are_named(safe):
    extra = Table(
        safe.table.frame.assign(provenance=pd.Categorical(["synthetic"] * N)),
        replace(
            safe.table.schema,
            columns=(
                *safe.table.schema.columns,
                Column("provenance", Kind.CONSTANT, categories=("synthetic",)),
            ),
        ),
    )
    assert finish(safe.recipe, extra, Seeds(0)).schema.names[-1] == "provenance"
    with pytest.raises(SchemaError, match="'age'"):
        finish(safe.recipe, safe.table.only(("sex", "born", "came", "left", "died")), Seeds(0))


@pytest.mark.parametrize(
    "name",
    ["synthea_csv/patients", "codes/mimic3demo_admissions", "synthea_csv/conditions",
     "omop/visit_occurrence", "longitudinal/pbcseq"],
)  # fmt: skip
def test_no_real_identifier_comes_out(shared, name):
    real = read(shared / "data" / f"{name}.csv.gz").table
    done = deidentify(real)
    out = finish(done.recipe, done.table, Seeds(3))
    assert scan(out, real) == ()
    kept = {c.name for c in real.schema.columns if c.handling is not Handling.DROP}
    assert set(out.schema.names) == kept
    for rule in done.recipe.keys:
        counts = real.frame[rule.name].nunique(), out.frame[rule.name].nunique()
        assert 0.7 < counts[1] / counts[0] < 1.4


def test_times_of_day_come_back_as_themselves_with_or_without_dates():
    minute = RNG.integers(0, 24 * 60, 90)
    times = pd.Series([f"{m // 60:02d}:{m % 60:02d}" for m in minute])
    times[5] = None
    rows = pd.DataFrame({"at": times, "sex": ["f", "m", "m"] * 30})
    for extra in ({}, {"on": pd.Timestamp("2020-05-01") + pd.to_timedelta(minute, "D")}):
        table = read(rows.assign(**extra)).table
        safe = deidentify(table)
        learnt = safe.table.frame["at"]
        assert np.isnan(learnt[5]) and (learnt.drop(5) == minute[np.arange(90) != 5]).all()
        back = finish(safe.recipe, safe.table, Seeds(1)).frame["at"]
        assert back.dt.strftime("%H:%M").where(back.notna(), None).tolist() == times.tolist()


def test_a_time_of_day_has_no_year():
    column = Column("at", Kind.DATE, handling=Handling.YEAR, date_format="%H:%M")
    when = pd.Series(pd.to_datetime(["1900-01-01 08:00"] * 3)).astype("datetime64[us]")
    with pytest.raises(SchemaError, match="'year' does not fit"):
        deidentify(Table(pd.DataFrame({"at": when}), Schema((column,))))
