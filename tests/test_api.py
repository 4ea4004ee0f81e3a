"""The Python door: pandas in, pandas out, dtypes kept."""

from dataclasses import replace
from datetime import date, time, timedelta

import numpy as np
import pandas as pd
import pytest

import medsynai
from medsynai.errors import FolderError, InputError, PlanError, ReadError
from medsynai.flow.plan import Plan

FEW = ("validity",)


def clinic(rows: int = 240) -> pd.DataFrame:
    """A frame with one column of nearly every dtype that users have."""
    rng = np.random.default_rng(8)
    age = rng.integers(20, 80, rows)
    return pd.DataFrame(
        {
            "patient_id": [f"P{i:05d}" for i in range(rows)],
            "age": age,
            "visits": pd.array(np.where(rng.random(rows) < 0.2, None, age % 7), dtype="Int64"),
            "crp": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 3, rows).round(2)),
            "sex": pd.Categorical(rng.choice(["f", "m"], rows), categories=["m", "f"]),
            "smoker": rng.random(rows) < 0.3,
            "site": rng.choice(["north", "south", "west"], rows),
            "admitted": pd.Timestamp("2021-03-01")
            + pd.to_timedelta(rng.integers(0, 600, rows), "D"),
            "discharged": pd.NaT,
        }
    ).assign(discharged=lambda f: f["admitted"] + pd.to_timedelta(1 + f["age"] % 9, "D"))


@pytest.fixture(scope="module")
def release():
    return medsynai.synthesize(clinic(), target="smoker", seed=2, measures=FEW)


def test_the_frame_has_the_users_dtypes_and_no_patient(release):
    real, made = clinic(), release.frame
    assert dict(made.dtypes) == dict(real.dtypes)
    assert list(made.columns) == list(real.columns)
    assert len(made) == len(real)
    assert list(made["sex"].cat.categories) == ["m", "f"]
    assert not set(made["patient_id"]) & set(real["patient_id"])
    stay = (made["discharged"] - made["admitted"]).dt.days
    assert stay.between(1, 9).all()


def test_columns_of_python_objects_and_intervals_come_back_as_they_were():
    age = clinic()["age"]
    real = pd.DataFrame(
        {
            "group": pd.cut(age, 4),
            "at": [time(a % 24, a * 7 % 60) for a in age],
            "shift": [time(8 * (a % 3)) for a in age],
            "day": [date(2020, 1, 1) + timedelta(int(a)) for a in age],
            "ill": pd.Series([bool(a % 2) for a in age], dtype=object),
            "key": age.rank(method="first").astype(int) + 2**60,
            "whole": (age % 9).astype(float),
        }
    )
    release = medsynai.synthesize(real, model="copula", measures=FEW)
    made = release.frame
    assert made.dtypes.equals(real.dtypes)
    assert made["group"].cat.categories.equals(real["group"].cat.categories)
    for name in ("at", "shift", "day", "ill"):
        assert set(map(type, made[name])) == set(map(type, real[name])), name
    assert not set(made["key"]) & set(real["key"])


def test_types_that_rows_cannot_be_given_back_in_are_refused_before_the_work(monkeypatch):
    def never(*_, **__):
        raise AssertionError("work was done")

    monkeypatch.setattr("medsynai.flow.training.train", never)
    months = clinic().assign(month=lambda f: f["admitted"].dt.to_period("M"))
    with pytest.raises(InputError, match="turn it into dates"):
        medsynai.synthesize(months)
    schema = medsynai.read(clinic()).schema
    wrong = schema.replacing(replace(schema["site"], storage="int64"))
    with pytest.raises(InputError, match="'site' cannot be given back"):
        medsynai.synthesize(clinic(), schema=wrong)


def test_a_frames_decimals_stay_decimals_in_the_file(tmp_path):
    real = clinic()[["age", "sex"]].assign(whole=lambda f: (f["age"] % 9).astype(float))
    folder = medsynai.synthesize(real, model="copula", measures=FEW).save(tmp_path / "r")
    assert pd.read_csv(folder / "synthetic.csv").dtypes["whole"] == "float64"


def test_the_callers_frame_is_left_alone(release):
    frame = clinic()
    before = frame.copy(deep=True)
    medsynai.synthesize(frame, model="copula", rows=30, measures=FEW)
    pd.testing.assert_frame_equal(frame, before)


def test_a_release_saves_itself_once(release, tmp_path):
    folder = release.save(tmp_path / "release")
    assert (folder / "synthetic.csv").is_file() and (folder / "report.html").is_file()
    with pytest.raises(FolderError):
        release.save(folder)
    release.save(folder, overwrite=True)
    assert not release.verdict.passed  # gates that were not assessed are no pass
    assert release.scores == release.evidence.scores


def test_the_same_seed_gives_the_same_frame_and_another_draw_others(release):
    again = medsynai.synthesize(clinic(), target="smoker", seed=2, measures=FEW)
    pd.testing.assert_frame_equal(release.frame, again.frame)
    other = medsynai.synthesize(clinic(), target="smoker", seed=2, draw=1, measures=FEW)
    assert not other.frame.equals(release.frame)


def test_conditions_are_met(release):
    made = medsynai.synthesize(
        clinic(), condition=["sex=f", "age>=60"], rows=150, measures=FEW
    ).frame
    assert len(made) == 150
    assert (made["sex"] == "f").all() and (made["age"] >= 60).all()


def test_a_schema_may_be_handed_over():
    schema = medsynai.read(clinic()).schema
    kept = schema.replacing(*(c for c in schema.columns))
    made = medsynai.synthesize(clinic(), schema=kept, model="copula", measures=FEW)
    assert made.evidence.ledger["entries"][0].purpose != "infer the schema"


def test_options_that_do_not_exist_are_named():
    with pytest.raises(PlanError, match="did you mean 'target'"):
        medsynai.synthesize(clinic(), taget="smoker")
    with pytest.raises(PlanError, match="no data"):
        medsynai.synthesize()
    with pytest.raises(InputError):
        medsynai.synthesize(clinic().head(1))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"conditions": "sex=f"}, "did you mean 'condition'"),
        ({"rows": "many"}, "rows: expected int"),
        ({"rows": 10.5}, "rows: expected int"),
        ({"holdout": "some"}, "holdout: expected float"),
        ({"target": 3}, "target: expected str"),
    ],
    ids=str,
)
def test_options_of_a_wrong_type_are_refused(wrong, hint):
    with pytest.raises(PlanError, match=hint):
        medsynai.synthesize(clinic(), **wrong)


@pytest.mark.parametrize("thing", [5, [1, 2], {"a": [1]}, np.zeros((5, 5)), pd.Series([1, 2])])
def test_what_is_no_table_is_named(thing):
    for door in (medsynai.read, medsynai.synthesize):
        with pytest.raises(ReadError, match=f"{type(thing).__name__} is no table"):
            door(thing)


def test_numpy_numbers_and_single_names_are_understood():
    made = medsynai.synthesize(
        clinic(), rows=np.int64(60), keep="age", leaks="patient_id", seed=np.int32(4), measures=FEW
    )
    assert len(made.frame) == 60
    assert made.plan == Plan(rows=60, keep=("age",), leaks=("patient_id",), seed=4, measures=FEW)


def test_what_read_returns_is_what_a_forest_learns():
    drawn = medsynai.Forest(trees=3).fit(medsynai.read(clinic())).sample(40)
    assert len(drawn) == 40
    assert "patient_id" not in drawn.frame and "admitted" not in drawn.frame


def test_evaluate_judges_frames():
    rng = np.random.default_rng(3)
    rows = clinic(360).drop(columns=["patient_id", "admitted", "discharged"])
    real, held = rows.iloc[:180], rows.iloc[180:]
    shuffled = real.apply(lambda c: c.sample(frac=1, random_state=rng.integers(99)).to_numpy())
    shuffled = shuffled.astype(real.dtypes)
    found = medsynai.evaluate(real=real, synthetic=shuffled, holdout=held, target="smoker")
    names = {s.name for s in found.scores}
    assert {"validity", "tvd_pairs", "c2st", "membership_auc"} <= names
    assert found.verdict.sentence


def forest_bytes(table, folder):
    folder.mkdir()
    plan = Plan(measures=FEW, seed=5, holdout=0.3)
    from medsynai.data.read import Loaded
    from medsynai.flow import stages, training
    from medsynai.flow.watch import Watch
    from medsynai.privacy.ledger import Ledger

    loaded = Loaded(table, medsynai.data.read.read(clinic()).source)
    parts = stages.divide(loaded, plan, Watch())
    trained = training.train(parts, loaded.source, plan, Ledger(), Watch())
    trained.maker.save(folder / "model")
    return {p.name: p.read_bytes() for p in (folder / "model").iterdir()}


def test_the_generator_never_sees_the_holdout(tmp_path):
    """Poison: whatever stands in the holdout rows, the model's bytes stay the same."""
    from medsynai.data.split import split
    from medsynai.seeds import Seeds

    table = medsynai.read(clinic())
    held = split(table, 0.3, Seeds(5).of("split")).holdout
    poisoned = table.frame.copy()
    mine = poisoned["patient_id"].isin(held.frame["patient_id"])
    assert 0 < mine.sum() < len(poisoned)
    poisoned.loc[mine, ["age", "crp"]] = 20.0, 0.01
    poisoned.loc[mine, "site"] = "west"
    poisoned.loc[mine, "smoker"] = "True"
    clean = forest_bytes(table, tmp_path / "clean")
    assert clean == forest_bytes(medsynai.Table(poisoned, table.schema), tmp_path / "poisoned")
    planted = table.frame.copy()
    planted.loc[~mine, "age"] = 20.0
    assert clean != forest_bytes(medsynai.Table(planted, table.schema), tmp_path / "planted")
