"""The command, end to end on small tables: what it writes, prints, and refuses."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli

FILES = [
    "card.md",
    "internal/README.md",
    "internal/records.csv",
    "ledger.json",
    "model/model.json",
    "model/recipe.toml",
    "model/schema.toml",
    "model/source.toml",
    "model/weights.safetensors",
    "plan.toml",
    "report.html",
    "schema.toml",
    "scores.json",
    "synthetic.csv",
]


def clinic(rows: int = 300, seed: int = 1) -> pd.DataFrame:
    """A small clinic with a patient key, a rare level, gaps and an outcome."""
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 12, rows).round().clip(20, 88)
    died = rng.random(rows) < 1 / (1 + np.exp(-(age - 65) / 8))
    return pd.DataFrame(
        {
            "patient_id": [f"MRN{100000 + 7 * i}" for i in rng.permutation(rows)],
            "age": age.astype(int),
            "sex": rng.choice(["female", "male"], rows),
            "stage": rng.choice(["I", "II", "III"], rows, p=[0.5, 0.3, 0.2]),
            "crp": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 10, rows).round(1)),
            "died": died.astype(int),
        }
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "clinic.csv"
    clinic().to_csv(path, index=False)
    return path


def invoke(*arguments: object):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def listing(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def release(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "release"
    common = ("--target", "died", "--model", "forest", "--seed", 3)
    result = invoke("synthesize", data, "--out", out, *common)
    assert result.exit_code in (0, 3), result.output
    return out


def test_a_release_has_every_file_and_the_form_of_its_source(release, data):
    assert listing(release) == FILES
    assert len({(release / name).stat().st_mode for name in FILES}) == 1
    made, real = pd.read_csv(release / "synthetic.csv"), pd.read_csv(data)
    assert list(made.columns) == list(real.columns)
    assert dict(made.dtypes) == dict(real.dtypes)
    assert len(made) == len(real)
    assert not set(made["patient_id"]) & set(real["patient_id"])
    assert made["patient_id"].is_unique


def test_the_ledger_says_unprotected_and_what_left_the_rows(release):
    ledger = json.loads((release / "ledger.json").read_text())
    assert ledger["guarantee"] == "unprotected"
    purposes = [entry["purpose"] for entry in ledger["entries"]]
    assert purposes[0] == "infer the schema"
    assert any("forest" in p for p in purposes)


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[str, Path]:
    """Options that leave out most measures, for what has nothing to do with judging."""
    path = tmp_path_factory.mktemp("plan") / "quick.toml"
    path.write_text('measures = ["validity"]\nmodel = "forest"\n')
    return "--plan", path


def test_the_plan_repeats_the_run(data, quick, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first = invoke("synthesize", data, *quick, "--out", one, "--seed", 7, "--target", "died")
    assert first.exit_code == 3, first.output  # gates that were not assessed are no pass
    again = invoke("synthesize", "--plan", one / "plan.toml", "--out", two)
    assert again.exit_code == 3, again.output
    for name in ("synthetic.csv", "plan.toml", "schema.toml", "model/weights.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_json_is_one_object_and_nothing_else(data, quick, tmp_path):
    out = tmp_path / "release"
    common = ("synthesize", data, "--out", out, *quick, "--model", "copula")
    result = invoke(*common, "--rows", 120, "--json")
    told = json.loads(result.stdout)
    assert told["exit_code"] == result.exit_code
    assert told["passed"] is (result.exit_code == 0)
    assert len(pd.read_csv(out / "synthetic.csv")) == 120


def test_a_control_that_copies_patients_fails_the_gates(data, tmp_path):
    out = tmp_path / "copy"
    common = ("synthesize", data, "--out", out, "--model", "bootstrap")
    assert invoke(*common).exit_code == 2
    result = invoke(*common, "--positive-control")
    assert result.exit_code == 3, result.output
    assert "Never release" in result.output
    assert "Never release" in (out / "card.md").read_text()
    assert not (out / "model").exists()
    again = invoke("sample", out, "--rows", 5, "--out", tmp_path / "more.csv")
    assert again.exit_code == 2
    assert "not given away" in again.output


def test_conditions_hold_on_every_row_of_the_file(data, quick, tmp_path):
    out = tmp_path / "women"
    result = invoke(
        *("synthesize", data, "--out", out, "--rows", 200, *quick),
        *("--condition", "sex=female", "--condition", "age>=65", "--condition", "age<80"),
    )
    assert result.exit_code in (0, 3), result.output
    made = pd.read_csv(out / "synthetic.csv")
    assert len(made) == 200
    assert set(made["sex"]) == {"female"}
    assert made["age"].between(65, 79).all()


def test_kept_columns_come_from_train_rows_and_the_risk_is_said(data, quick, tmp_path):
    out = tmp_path / "kept"
    result = invoke("synthesize", data, "--out", out, *quick, "--keep", "age", "--keep", "sex")
    assert result.exit_code in (0, 3), result.output
    made, real = pd.read_csv(out / "synthetic.csv"), pd.read_csv(data)
    assert len(made) == 240
    kept = made.groupby(["age", "sex"]).size()
    had = real.groupby(["age", "sex"]).size()
    assert (kept <= had.reindex(kept.index).fillna(0)).all()
    assert "Raised risk" in result.output
    for name in ("card.md", "report.html"):
        assert "hold real patients" in (out / name).read_text()


def test_a_hybrid_names_each_rows_provenance_and_never_passes_for_synthetic(data, tmp_path):
    out = tmp_path / "hybrid"
    common = ("--mix-real", 0.25, "--model", "forest")
    result = invoke("synthesize", data, "--out", out, *common)
    assert result.exit_code == 3, result.output
    made = pd.read_csv(out / "synthetic.csv")
    assert (made["provenance"] == "real").sum() == 75
    assert len(made) == 300
    assert not set(made["patient_id"]) & set(pd.read_csv(data)["patient_id"])
    assert "Raised risk" in result.output and "hybrid" in result.output
    assert "patient_id (patient key): kept out of training" in result.output
    assert (out / "card.md").read_text().startswith("# Hybrid clinic.csv\n")


def test_sample_draws_more_in_the_form_that_is_asked_for(release, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.parquet"
    assert invoke("sample", release, "--rows", 250, "--out", one).exit_code == 0
    assert invoke("sample", release, "--rows", 250, "--out", two).exit_code == 0
    first = pd.read_csv(one)
    assert len(first) == 250
    pd.testing.assert_frame_equal(first, pd.read_parquet(two), check_dtype=False)
    again = invoke("sample", release, "--rows", 250, "--out", one)
    assert again.exit_code == 2 and "--overwrite" in again.output
    done = invoke("sample", release, "--rows", 30, "--out", one, "--overwrite")
    assert done.exit_code == 0 and len(pd.read_csv(one)) == 30


def test_sample_meets_conditions_or_names_the_allowed(release, tmp_path):
    out = tmp_path / "x.csv"
    arguments = ("sample", release, "--rows", 50, "--out", out, "--condition")
    assert invoke(*arguments, "stage=III").exit_code == 0
    assert set(pd.read_csv(out)["stage"]) == {"III"}
    out.unlink()
    refused = invoke(*arguments, "stage=IV")
    assert refused.exit_code == 2
    assert "I, II, III" in refused.output
    assert listing(tmp_path) == []


def test_evaluate_judges_a_file_of_anybody(data, tmp_path):
    real, rest = clinic(240, 5), clinic(240, 6)
    copy = real.sample(240, random_state=1)
    for name, frame in (("real", real), ("holdout", rest), ("synthetic", copy)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    out = tmp_path / "verdict"
    result = invoke(
        *("evaluate", "--real", tmp_path / "real.csv", "--holdout", tmp_path / "holdout.csv"),
        *("--synthetic", tmp_path / "synthetic.csv", "--out", out, "--target", "died"),
    )
    assert result.exit_code == 3, result.output  # a copy of the real rows must not pass
    internal = ["internal/README.md", "internal/groups.csv", "internal/records.csv"]
    documents = ["report.html", "schema.toml", "scores.json"]
    assert [n for n in listing(out) if n not in internal] == ["card.md", *documents]
    assert set(internal) - set(listing(out)) <= {"internal/groups.csv"}


def test_evaluate_takes_releases_that_lack_identifiers_and_texts(release, data, tmp_path):
    real, rows = pd.read_csv(data), pd.read_csv(release / "synthetic.csv")
    real["note"] = [f"seen {i} times, and told to come back soon" for i in range(len(real))]
    real.to_csv(tmp_path / "real.csv", index=False)
    rows.drop(columns="patient_id").to_csv(tmp_path / "rows.csv", index=False)
    common = ("evaluate", "--real", tmp_path / "real.csv", "--synthetic", tmp_path / "rows.csv")
    out = tmp_path / "verdict"
    result = invoke(*common, "--out", out)
    assert result.exit_code == 3, result.output
    notes = json.loads((out / "scores.json").read_text())["notes"]
    assert "not in the synthetic rows, and not judged: patient_id, note" in notes
    rows.drop(columns="age").to_csv(tmp_path / "rows.csv", index=False)
    refused = invoke(*common, "--out", tmp_path / "again")
    assert refused.exit_code == 2 and "lack the column(s) 'age'" in refused.stderr


def test_inspect_shows_the_columns_and_writes_a_schema(data, tmp_path):
    out = tmp_path / "schema.toml"
    result = invoke("inspect", data, "--out", out)
    assert result.exit_code == 0, result.output
    assert "patient_id" in result.output and "300 rows" in result.output
    columns = tomllib.loads(out.read_text())["columns"]
    assert [c["name"] for c in columns] == list(clinic(1).columns)
    assert invoke("inspect", data, "--out", out).exit_code == 2
    assert json.loads(invoke("inspect", data, "--json").stdout)["rows"] == 300


def test_models_lists_the_catalogue():
    told = json.loads(invoke("models", "--json").stdout)["models"]
    assert {"forest", "copula", "shuffle", "bootstrap"} <= {m["name"] for m in told}
    assert all(m["fails"] and m["use"] and m["paper"] for m in told)
    assert "Sequential forest" in invoke("models").output


def test_help_is_quick_because_nothing_heavy_is_loaded():
    code = (
        "import sys; from medsynai.cli import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'pyarrow', 'rich'}\n"
        "heavy |= {'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path, kind):
    clinic(20_000).to_csv(tmp_path / "big.csv", index=False)
    out = tmp_path / "release"
    run = subprocess.Popen(
        [sys.executable, "-m", "medsynai", "synthesize", str(tmp_path / "big.csv"), "--out", out],
        stderr=subprocess.PIPE,
        text=True,
        # a background job's children are born deaf to SIGINT; a person's are not
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(2.5)
    os.kill(run.pid, kind)
    _, told = run.communicate(timeout=240)
    # Python itself dies of the signal where it struck inside an `exec`; a shell shows 130 for both
    assert run.returncode in (130, -signal.SIGINT), told
    assert "interrupted" in told
    assert listing(tmp_path) == ["big.csv"]


def test_an_unforeseen_fault_never_prints_a_value(data, tmp_path, monkeypatch):
    def burst(*_, **__):
        raise ValueError("could not convert 'MRN100007' to float")

    monkeypatch.setattr("medsynai.flow.opening.split", burst)
    result = invoke("synthesize", data, "--out", tmp_path / "release")
    assert result.exit_code == 1
    assert "MRN" not in result.output
    assert "--debug" in result.output
    assert listing(tmp_path) == []


def test_inspect_says_of_a_file_of_codes_that_it_is_one(tmp_path):
    lines = [f"{p},{c}" for p in range(30) for c in ("I10", f"Z{p // 2}")]
    (tmp_path / "codes.csv").write_text("\n".join(["patient_id,icd10_code", *lines]) + "\n")
    told = invoke("inspect", tmp_path / "codes.csv", "--json")
    found = json.loads(told.stdout)
    assert (found["kind"], found["patients"], found["codes"]) == ("codes", 30, 16)
    assert found["codes of fewer than 3 patients"] == 15
    refused = invoke("inspect", tmp_path / "codes.csv", "--out", tmp_path / "schema.toml")
    assert refused.exit_code == 2 and "codes have no schema file" in refused.stderr
    assert "kind" in invoke("inspect", tmp_path / "codes.csv", "--kind", "table").output
