"""Runs on codes from the file to the release: layouts, refusals, more rows, somebody's file."""

import json

import numpy as np
import pandas as pd
import pytest

from medsynai.data.codefiles import read_codes
from medsynai.errors import ConditionError, InputError, PlanError
from medsynai.flow.judging import Files, Panel, assess
from medsynai.flow.kinds import kind_of
from medsynai.flow.plan import Plan
from medsynai.flow.run import make, run
from medsynai.flow.sampling import Order, Target, sample

FEW = ("prevalence", "copies")


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    rng = np.random.default_rng(4)
    rows = []
    for patient in range(300):
        known = [250, 401, 428] if patient % 3 else [486, 518, 584]
        codes = {f"{c}.0" for c in known if rng.random() < 0.7} | {f"{rng.integers(700, 760)}.1"}
        rows += [(f"P{patient:05d}", f"{9000 + patient}", c) for c in sorted(codes)]
    rows.append(("P00000", "9000", "E8499"))  # a code of one patient
    path = tmp_path_factory.mktemp("codes") / "diagnoses.csv.gz"
    pd.DataFrame(rows, columns=["patient_id", "visit_id", "icd_code"]).to_csv(path, index=False)
    return path


def test_a_long_file_goes_through_and_comes_back(long_file, tmp_path):
    release = run(Plan(source=str(long_file), measures=FEW), tmp_path / "out")
    made = pd.read_csv(tmp_path / "out" / "synthetic.csv.gz", dtype=str)
    real = pd.read_csv(long_file, dtype=str)
    assert list(made) == list(real)
    assert made["patient_id"].nunique() == 300
    assert made["patient_id"].str.fullmatch(r"P\d{5}").all()
    assert not set(made["patient_id"]) & set(real["patient_id"])
    assert not set(made["visit_id"]) & set(real["visit_id"])
    assert "E8499" not in set(made["icd_code"])
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"E8499" not in path.read_bytes()
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert record["data"]["across"] == "codes" and record["data"]["patients"] == 300
    assert record["ledger"]["guarantee"] == "unprotected"
    assert any("withheld" in note for note in record["notes"])
    assert {"code_r2", "copies_exact"} <= {s.name for s in release.scores}


def test_the_same_plan_gives_the_same_rows_and_another_seed_others(long_file):
    plan = Plan(source=str(long_file), measures=FEW)
    one, two = make(plan).frame, make(plan).frame
    pd.testing.assert_frame_equal(one, two)
    other = make(Plan(source=str(long_file), measures=FEW, seed=1)).frame
    assert not one.equals(other)


def test_more_rows_from_the_model(long_file, tmp_path):
    run(Plan(source=str(long_file), measures=FEW), tmp_path / "out")
    for name in ("a.csv.gz", "b.csv.gz"):
        sample(tmp_path / "out", Order(500, shard=200), Target(tmp_path / name))
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert len(read_codes(tmp_path / "a.csv.gz").matrix) == 500
    with pytest.raises(ConditionError, match="conditions"):
        sample(tmp_path / "out", Order(5, ("a=1",)), Target(tmp_path / "c.csv.gz"))
    with pytest.raises(InputError, match=r"\.csv\.gz"):
        sample(tmp_path / "out", Order(5), Target(tmp_path / "c.parquet"))


def test_a_dense_file_is_declared(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 2, (120, 6)), columns=[f"c{i}" for i in range(6)])
    path = tmp_path / "dense.csv"
    frame.to_csv(path, index=False)
    assert kind_of(path) is None
    run(Plan(source=str(path), kind="codes", measures=FEW, rows=50), tmp_path / "out")
    made = pd.read_csv(tmp_path / "out" / "synthetic.csv")
    assert made.shape == (50, 6) and made.isin([0, 1]).all(axis=None)


REFUSED = {
    "a target": {"target": "icd_code"},
    "a condition": {"conditions": ("sex=f",)},
    "kept columns": {"keep": ("visit_id",)},
    "real rows": {"mix_real": 0.5},
    "another form": {"form": "parquet"},
    "a table's model": {"model": "forest"},
    "an unknown kind": {"kind": "genes"},
    "half a declaration": {"kind": "codes:patient_id"},
    "a table's measure": {"measures": ("survival",)},
    "unknown settings": {"model": "code-mixture", "settings": {"kinds": 3}},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_codes_do_not_have_is_refused(what, long_file):
    with pytest.raises(InputError):
        make(Plan(source=str(long_file), **REFUSED[what]))


def test_few_patients_are_refused(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("patient_id,code\n" + "".join(f"{i},250\n" for i in range(8)))
    with pytest.raises(PlanError, match="8 patients are too few"):
        make(Plan(source=str(path)))


def test_a_copy_is_told_and_gives_no_model_away(long_file, tmp_path):
    plan = Plan(source=str(long_file), model="bootstrap", positive_control=True, measures=FEW)
    release = run(plan, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()
    assert not release.verdict.passed
    assert any("EVERY row" in note for note in release.evidence.notes)


def test_somebodys_codes_are_judged(long_file, tmp_path):
    text = pd.read_csv(long_file, dtype=str)
    theirs = text.assign(icd_code=text["icd_code"].where(text.index % 50 > 0, "999.9"))
    theirs.to_csv(tmp_path / "theirs.csv", index=False)
    found = assess(Files(long_file, tmp_path / "theirs.csv"), None, Panel())
    invented = next(s for s in found.scores if s.name == "code_invented")
    assert 0 < invented.value < 0.1
    assert found.verdict.status == "fail"
    found.save(tmp_path / "judged")
    assert "999.9" not in (tmp_path / "judged" / "scores.json").read_text()


def test_mimics_diagnoses_are_recognised(shared, tmp_path):
    path = shared / "data" / "codes" / "mimic3demo_diagnoses.csv.gz"
    run(Plan(source=str(path), measures=FEW), tmp_path / "out")
    made = pd.read_csv(tmp_path / "out" / "synthetic.csv.gz", dtype=str)
    assert list(made) == ["subject_id", "hadm_id", "seq_num", "icd9_code"]
    assert made.groupby("subject_id")["hadm_id"].nunique().eq(1).all()
    first = made.groupby("subject_id")["seq_num"].first()
    assert (first == "1").all()
