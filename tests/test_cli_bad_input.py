"""Bad input: one clear line, exit code 2, nothing written, no cell's value, nothing lost."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli

SECRET = "Xavier-Quint"  # stands in cells that no message may repeat


def good(rows: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "patient_id": rng.permutation(rows) + 4000,
            "age": rng.integers(20, 80, rows),
            "sex": rng.choice(["f", "m"], rows),
            "ward": rng.choice(["A", "B", SECRET], rows),
            "died": rng.integers(0, 2, rows),
        }
    )


def text(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False)


def mixed() -> str:
    frame = good().astype(object)
    frame.loc[3, "age"] = SECRET
    return text(frame)


BAD_FILES = {
    "empty file": ("", "empty"),
    "header only": ("age,sex,died\n", "row"),
    "one column": ("age\n" + "\n".join(map(str, range(20, 60))) + "\n", "column"),
    "one row": (text(good(1)), "the table has one row"),
    "duplicate names": ("age,age,sex\n1,2,f\n3,4,m\n", "'age'"),
    "wrong delimiter": (text(good()).replace(",", "^"), "column"),
    "ragged rows": ("age,sex,died\n" + f"50,f,1\n40,m,0,{SECRET}\n" * 20, "row"),
    "binary junk": ("\x00\x01\x02" * 500, ""),
}


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(folder: Path, *arguments: object, hint: str = "") -> str:
    """Run a command that must be refused; what it says."""
    before = listing(folder)
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    said = result.stderr.strip()
    assert result.exit_code == 2, (result.exit_code, result.output, result.exception)
    assert "Traceback" not in said and SECRET not in said
    assert said.count("Error: ") == 1
    assert len(said.splitlines()) == 1 or "Usage:" in said
    assert hint in said, said
    assert listing(folder) == before
    return said


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_are_no_table(name, tmp_path):
    content, hint = BAD_FILES[name]
    path = tmp_path / "data.csv"
    path.write_text(content, newline="")
    refused(tmp_path, "synthesize", path, "--out", tmp_path / "out", hint=hint)


@pytest.fixture
def data(tmp_path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(text(good()))
    return path


WRONG_OPTIONS = [
    (("--target", "dead"), "did you mean 'died'"),
    (("--target", "ZZZ"), "patient_id, age, sex, ward, died"),
    (("--rows", "0"), "at least 1"),
    (("--rows", "-3"), "at least 1"),
    (("--rows", "many"), "not a valid integer"),
    (("--holdout", "1"), "holdout"),
    (("--model", "forset"), "did you mean 'forest'"),
    (("--condition", "sex=x"), "allowed: f, m"),
    (("--condition", "sx=f"), "did you mean 'sex'"),
    (("--condition", "age>=500"), "age"),
    (("--condition", "age"), "column=level"),
    (("--keep", "agee"), "did you mean 'age'"),
    (("--keep", "patient_id"), "never released"),
    (("--target", "patient_id"), "not learnt"),
    (("--keep", "age", "--keep", "sex", "--keep", "ward", "--keep", "died"), "all columns"),
    (("--keep", "age", "--model", "vae"), "models that can: forest"),
    (("--keep", "age", "--model", "tvae", "--refine"), "models that can: forest"),
    (("--model", "vae", "--set", "steps=0"), "steps must be at least 1"),
    (("--model", "medgan"), "not for tables"),
    (("--mix-real", "2"), "real rows"),
    (("--mix-real", "0.5", "--rows", "1000"), "only 64"),
    (("--keep", "age", "--rows", "70"), "only 64"),
    (("--form", "xml"), "csv, parquet"),
    (("--schema", "nowhere.toml"), "nowhere.toml"),
    (("--plan", "nowhere.toml"), "nowhere.toml"),
    (("--policy", "nowhere.toml"), "nowhere.toml"),
    (("--roows", "5"), "--rows"),
    (("--model", "bootstrap"), "--positive-control"),
]


@pytest.mark.parametrize(("options", "hint"), WRONG_OPTIONS, ids=lambda o: "".join(o))
def test_options_that_cannot_be(options, hint, data, tmp_path):
    refused(tmp_path, "synthesize", data, "--out", tmp_path / "out", *options, hint=hint)


def test_a_missing_file_and_a_missing_command(tmp_path):
    refused(tmp_path, "synthesize", tmp_path / "no.csv", "--out", tmp_path / "out", hint="no.csv")
    refused(tmp_path, "synthesize", "--out", tmp_path / "out", hint="no data")
    refused(tmp_path, "sintesize", hint="synthesize")
    refused(tmp_path, "synthesize", tmp_path, "--out", tmp_path / "out")


def test_a_place_without_data_is_named_for_what_it_is(tmp_path):
    """Of a path that was not there and has no ending, the endings of tables were listed."""
    refused(tmp_path, "inspect", tmp_path / "nowhere", hint="no such file or folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path, "inspect", tmp_path / "empty", hint="no cohort, images, signals or codes")


def test_an_existing_folder_is_never_written_over(data, tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("ten years of work")
    refused(tmp_path, "synthesize", data, "--out", out, hint="--overwrite")
    refused(tmp_path, "synthesize", data, "--out", out, "--overwrite", hint="not a release")
    refused(tmp_path, "synthesize", data, "--out", out / "chapter.txt", hint="not a folder")
    refused(tmp_path, "synthesize", data, "--out", out / "chapter.txt" / "deep")


@pytest.fixture
def made(data, tmp_path) -> Path:
    """A release that most measures were left out of."""
    plan = tmp_path / "quick.toml"
    plan.write_text('measures = ["validity"]\nmodel = "copula"\n')
    out = tmp_path / "made"
    arguments = ["synthesize", str(data), "--out", str(out), "--plan", str(plan)]
    assert CliRunner().invoke(cli, arguments).exit_code == 3
    return out


def test_what_is_read_is_never_written_over(data, made, tmp_path):
    refused(tmp_path, "inspect", data, "--out", data, "--overwrite", hint="would replace it")
    table, again = made / "synthetic.csv", ("--out", made, "--overwrite")
    refused(tmp_path, "synthesize", table, *again, hint="would replace it")
    refused(tmp_path, "evaluate", "--real", data, "--synthetic", table, *again, hint="replace")
    drawn = ("--rows", 5, "--out", table, "--overwrite")
    refused(tmp_path, "sample", made, *drawn, hint="part of the release")
    (made / "my notes.txt").write_text("ten years of work")
    refused(tmp_path, "synthesize", data, *again, hint="'my notes.txt'")


def test_a_disk_that_is_full_is_said_and_nothing_is_left(data, tmp_path):
    # files may grow to 8 KiB: the model's weights are what does not fit
    plan = tmp_path / "quick.toml"
    plan.write_text('measures = ["validity"]\nmodel = "forest"\n')
    text = data.read_text().splitlines()
    data.write_text("\n".join([text[0], *text[1:] * 6]))
    run = subprocess.run(
        f"ulimit -f 8; {sys.executable} -m medsynai synthesize {data} --out {tmp_path}/x --rows 20"
        f" --plan {plan}",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stderr
    assert "could not be written" in run.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.csv", "quick.toml"]


def test_a_wrong_plan_is_named_by_its_file(data, tmp_path):
    plan = tmp_path / "mine.toml"
    for words, hint in (("rowz = 3", "'rowz'"), ('rows = "many"', "rows: expected int")):
        plan.write_text(words)
        said = refused(
            tmp_path, "synthesize", data, "--out", tmp_path / "x", "--plan", plan, hint=hint
        )
        assert "mine.toml" in said


@pytest.mark.parametrize(
    "wrong", [("--rows", "many"), ("--rowz", "5"), ("--target", "dead")], ids="".join
)
def test_json_is_one_object_whatever_is_wrong(wrong, data, tmp_path):
    command = [sys.executable, "-m", "medsynai", "synthesize", str(data), "--json", *wrong]
    run = subprocess.run([*command, "--out", tmp_path / "x"], capture_output=True, text=True)
    told = json.loads(run.stdout)
    assert run.returncode == told["exit_code"] == 2
    assert told["error"] in run.stderr


def test_a_reader_that_leaves_early_is_no_fault(tmp_path):
    path = tmp_path / "wide.csv"
    pd.DataFrame(np.eye(30, 3000)).to_csv(path, index=False)
    command = f"{sys.executable} -m medsynai inspect {path} | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "column" in run.stdout and run.stderr == ""


def test_a_schema_that_does_not_match_the_data(data, tmp_path):
    schema = tmp_path / "schema.toml"
    assert CliRunner().invoke(cli, ["inspect", str(data), "--out", str(schema)]).exit_code == 0
    whole = schema.read_text()
    arguments = ("synthesize", data, "--out", tmp_path / "out", "--schema", schema)
    schema.write_text(whole.replace('name = "age"', 'name = "alter"'))
    refused(tmp_path, *arguments, hint="'age'")
    schema.write_text(whole.replace('kind = "integer"', 'kind = "whole"', 1))
    refused(tmp_path, *arguments, hint="kind")
    schema.write_text(whole.replace(f'    "{SECRET}",\n', "").replace(f', "{SECRET}"', ""))
    refused(tmp_path, *arguments, hint="'ward'")
    schema.write_text("")
    assert "schema.toml" in refused(tmp_path, *arguments, hint="lacks 'columns'")


def test_too_few_rows_to_learn_from(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text(text(good(12)))
    refused(tmp_path, "synthesize", path, "--out", tmp_path / "out", hint="too few")


def test_a_folder_that_is_no_release_has_no_model(data, tmp_path):
    out = tmp_path / "more.csv"
    refused(tmp_path, "sample", tmp_path, "--rows", 5, "--out", out, hint="model")
    refused(tmp_path, "sample", tmp_path / "nowhere", "--rows", 5, "--out", out, hint="release")


def test_evaluate_refuses_files_of_other_columns(data, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(text(good().drop(columns="sex")))
    out = tmp_path / "out"
    refused(tmp_path, "evaluate", "--real", data, "--synthetic", other, "--out", out, hint="'sex'")


ODD_BUT_FINE = {
    "all-missing column": lambda f: f.assign(empty=np.nan),
    "mixed types": lambda f: f.assign(age=[SECRET, *f["age"].astype(str)[1:]]),
    "one constant column": lambda f: f.assign(site="only"),
}


@pytest.mark.parametrize("name", ODD_BUT_FINE)
def test_odd_columns_are_carried_through_or_refused_clearly(name, tmp_path):
    path, out = tmp_path / "data.csv", tmp_path / "out"
    ODD_BUT_FINE[name](good(200)).to_csv(path, index=False)
    arguments = ["synthesize", str(path), "--out", str(out), "--model", "copula"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code in (0, 2, 3), result.output
    assert SECRET not in result.stderr
    if result.exit_code == 2:
        assert not out.exists()
    else:
        assert len(pd.read_csv(out / "synthetic.csv")) == 200


def test_latin_1_bytes_are_read_and_said(tmp_path):
    path, out = tmp_path / "data.csv", tmp_path / "out"
    frame = good(200).assign(ward=lambda f: f["ward"].replace({"B": "Größe"}))
    path.write_bytes(text(frame).encode("latin-1"))
    result = CliRunner().invoke(
        cli, ["synthesize", str(path), "--out", str(out), "--model", "copula"]
    )
    assert result.exit_code in (0, 3), result.output
    assert "Größe" in (out / "synthetic.csv").read_bytes().decode("cp1252")


def test_ten_thousand_levels(tmp_path):
    rng = np.random.default_rng(4)
    rows = 30_000
    frame = pd.DataFrame(
        {"code": [f"C{k:05d}" for k in rng.integers(0, 10_000, rows)], "x": rng.normal(size=rows)}
    )
    path, out, plan = tmp_path / "data.csv", tmp_path / "out", tmp_path / "plan.toml"
    frame.to_csv(path, index=False)
    plan.write_text('measures = ["validity"]\nrows = 500\n')
    arguments = ["synthesize", str(path), "--out", str(out), "--plan", str(plan)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 3, result.output
    made = pd.read_csv(out / "synthetic.csv")
    assert set(made["code"]) <= set(frame["code"])
    assert made["code"].nunique() > 300


def test_times_without_histories_are_not_ignored(tmp_path):
    words = ("sample", tmp_path, "--rows", 5, "--times", 3, "--out", tmp_path / "more.csv")
    refused(tmp_path, *words, hint="--continue")
