"""A cohort under a budget by the command: what leaves was paid for, byte by byte."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.cohort import Clock
from medsynai.data.cohort_contract import CohortContract, Known
from medsynai.data.cohortfiles.apart import read_apart
from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.errors import BudgetError, PlanError, SchemaError
from medsynai.flow.plan import Plan
from medsynai.flow.run import make, run
from medsynai.learn import mechanism, private_events
from medsynai.marginal import select
from medsynai.privacy import noise
from medsynai.store import to_toml

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

TOLD = {"origin": Origin.DECLARED}
SEX = Column("Sex", Kind.BINARY, categories=("f", "m"), **TOLD)
CONTRACT = CohortContract(
    Clock.HOURS,
    span=48,
    steps=12,
    events=24,
    codes=(
        Known("hr", "vital", minimum=20, maximum=200, decimals=0, often=True, **TOLD),
        Known("rash", "vital", **TOLD),
    ),
    statics=Schema((SEX,)),
)
LAYOUT = """clock = "hours"

[[sheets]]
name = "people"
part = "subjects"
columns = { subject_id = "PatNr" }

[[sheets]]
name = "vitals"
part = "events"
kind = "vital"
columns = { subject_id = "PatNr", time = "hour", code = "sign", value = "reading" }
"""
SMALL = {"width": 8, "memory": 4, "bins": 6, "steps": 2, "paid": {"rounds": 1}}


def tables(folder: Path, n: int, seed: int = 0, worse: str = "") -> Path:
    """A folder of two tables; `worse`: lines that no reader likes, of one more patient."""
    rng, lines = np.random.default_rng(seed), ["PatNr,hour,sign,reading"]
    for i in range(n):
        for hour in np.sort(rng.choice(48, int(rng.integers(2, 9)), replace=False)).tolist():
            lines.append(f"K{i},{hour},hr,{rng.integers(50, 110)}")
            if rng.random() < 0.3:
                lines.append(f"K{i},{hour},rash,")
    folder.mkdir()
    (folder / "cohort.toml").write_text(LAYOUT)
    people = [f"K{i},{rng.choice(['f', 'm'])}" for i in range(n)]
    strange = ["K999,unheard-of", "K999,f", "one,too,many", ",m"] if worse else []
    (folder / "people.csv").write_text("\n".join(["PatNr,Sex", *people, *strange]) + "\n")
    (folder / "vitals.csv").write_text("\n".join([*lines, *worse.split("|")]) + "\n")
    return folder


def plan(folder: Path, contract: Path, **more) -> Plan:
    given = {"epsilon": 20.0, "rows": 30, "settings": SMALL, "measures": ("rules",)}
    return Plan(source=str(folder), **(given | {"schema": str(contract)} | more))


@pytest.fixture
def contract(tmp_path) -> Path:
    path = tmp_path / "contract.toml"
    path.write_text(to_toml(CONTRACT))
    return path


@pytest.fixture
def pinned(monkeypatch):
    """Fixed answers in the place of every noised release, and everybody in every step."""

    class Everybody(mechanism.PoissonSampler):
        def draw(self):
            return np.arange(len(self.patients))

    def sums(given, spread):
        return np.random.default_rng(3).normal(0, spread, len(given))

    monkeypatch.setattr(
        noise,
        "_lattice",
        lambda whole, scale, kind: (60 + np.arange(len(whole)) * 7 % 40) * noise.GRAIN,
    )
    monkeypatch.setattr(select, "choose", lambda scores, *_: 0)
    monkeypatch.setattr(mechanism, "PoissonSampler", Everybody)
    for module in (mechanism, private_events):
        monkeypatch.setattr(module, "noisy_sums", sums)


def outside(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and "internal" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


WORSE = 'K999,9e99,hr,1e9|K999,soon,hr,12|"K999,3,hr|K999,1,own disease,7|,4,hr,80|K999,5,hr,\0'


def released(folder: Path, contract: Path, out: Path, **more) -> tuple[dict[str, bytes], list[str]]:
    said: list[str] = []
    where = folder.rename(folder.parent / "source")  # the plan names it
    run(plan(where, contract, **more), out, tell=said.append)
    where.rename(folder)
    return outside(out), said


def test_what_leaves_is_the_same_whatever_the_patients_are(pinned, contract, tmp_path):
    """With every bought number held fixed: many, few, none, and one unlike anybody."""
    sources = [
        tables(tmp_path / "many", 60),
        tables(tmp_path / "few", 25, seed=7),
        tables(tmp_path / "none", 0),
        tables(tmp_path / "strange", 60, worse=WORSE),
    ]
    found = [released(s, contract, tmp_path / f"out-{s.name}") for s in sources]
    first, words = found[0]
    assert {"synthetic/vitals.csv", "ledger.json", "report.html", "schema.toml"} <= set(first)
    assert any(name.startswith("model/") for name in first)
    for other, said in found[1:]:
        assert set(other) == set(first) and said == words
        assert {n for n in first if other[n] != first[n]} == set()
    made = pd.read_csv(tmp_path / "out-many/synthetic/vitals.csv", dtype=str)
    assert list(made) == ["PatNr", "hour", "sign", "reading"]
    assert set(made["sign"]) <= {"hr", "rash"} and set(made["PatNr"]) <= set(map(str, range(1, 31)))
    misfits = (tmp_path / "out-strange/internal/misfits.csv").read_text()
    assert "events" in misfits and (tmp_path / "out-many/internal/scores.json").is_file()


def test_how_many_patients_there_are_is_bought(pinned, contract, tmp_path):
    sources = [tables(tmp_path / "many", 60), tables(tmp_path / "few", 25, seed=7)]
    one, two = (released(s, contract, tmp_path / f"out-{s.name}", rows=None) for s in sources)
    assert one == two and b"count the patients" in one[0]["ledger.json"]
    made = pd.read_csv(tmp_path / "out-few/synthetic/people.csv")
    assert len(made) == 60  # the pinned answer


def test_a_fact_let_out_is_seen(pinned, contract, tmp_path, monkeypatch):
    """The violation: keys after the pattern of the real ones."""
    from medsynai.deidentify.keys import learn_pattern
    from medsynai.flow.cohorts import private

    true = private.CohortRecipe
    monkeypatch.setattr(
        private,
        "CohortRecipe",
        lambda layout, suffix, *_: true(layout, suffix, learn_pattern(seen[-1]), private.KEYS),
    )
    seen: list[list[str]] = []
    fitted = private.fitted

    def peeking(train, *given):
        seen.append(sorted(train.subjects["subject_id"]))
        return fitted(train, *given)

    monkeypatch.setattr(private, "fitted", peeking)
    sources = [tables(tmp_path / "many", 60), tables(tmp_path / "few", 25, seed=7)]
    one, two = (released(s, contract, tmp_path / f"out-{s.name}")[0] for s in sources)
    assert any(one[n] != two[n] for n in one)


def test_the_command_spends_its_budget_and_says_so(contract, tmp_path):
    folder = tables(tmp_path / "in", 60)
    ledger, out = tmp_path / "study.json", tmp_path / "out"
    words = ["synthesize", str(folder), "--schema", str(contract), "--epsilon", "3", "--delta"]
    words += ["1e-6", "--rows", "40", "--ledger", str(ledger), "--model", "events", "--set"]
    words += ["steps=2", "--out"]
    done = CliRunner().invoke(cli, [*words, str(out)])
    assert done.exit_code == 0, done.output
    assert "(3, 1e-06)-differential privacy" in (out / "ledger.json").read_text()
    told = json.loads((out / "ledger.json").read_text())
    assert 2.9 < told["spent"]["pld"] <= 3
    assert pd.read_csv(out / "synthetic" / "people.csv")["PatNr"].nunique() == 40
    again = CliRunner().invoke(cli, [*words, str(tmp_path / "again")])
    assert again.exit_code == 2 and not (tmp_path / "again").exists()
    asked = ["inspect", str(folder), "--private", "--epsilon", "1", "--ledger", str(ledger)]
    shown = CliRunner().invoke(cli, [*asked, "--out", str(tmp_path / "bought.toml")])
    assert shown.exit_code == 2 and "[[codes]]" in shown.output
    drawn = ["sample", str(out), "--rows", "10", "--out", str(tmp_path / "more")]
    assert CliRunner().invoke(cli, drawn).exit_code == 0


def test_a_long_file_comes_back_in_its_form_and_its_kind_is_said(tmp_path):
    rng, lines = np.random.default_rng(0), ["patient;hour;parameter;value"]
    for i in range(40):
        hours = np.sort(rng.choice(48, 5, replace=False)).tolist()
        lines += [f"K{i};{hour};hr;{rng.integers(50, 110)}" for hour in hours]
    path, less = tmp_path / "events.csv", tmp_path / "less.toml"
    path.write_text("\n".join(lines) + "\n")
    codes = (replace(CONTRACT.codes[0], kind="event"),)
    less.write_text(to_toml(replace(CONTRACT, codes=codes, statics=Schema(()))))
    with pytest.raises(PlanError, match="cohorts:long"):
        make(plan(path, less))
    run(plan(path, less, kind="cohorts:long"), tmp_path / "out")
    made = pd.read_csv(tmp_path / "out" / "synthetic.csv")
    assert list(made) == ["patient", "hour", "parameter", "value"]
    assert made["value"].between(20, 200).all() and made["patient"].max() <= 30


def test_a_long_file_is_read_line_by_line(contract, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(
        'patient,hour,code,value,unit\nA,1,hr,80,\nA,x,hr,81,\n,2,hr,82,\nB,3,hr\n"B,3,hr,1,\nB,4,,1,\n'
        "B,5,hr,85,bpm\n"
    )
    read = read_apart(path, Clock.HOURS)
    assert read.suffix == ".csv" and read.layout.format == "long"
    events = read.cohort.events
    assert events["subject_id"].tolist() == ["A", "A", "B"]
    assert events["value"].tolist() == [81, 80, 85]
    assert events["time"].isna().tolist() == [True, False, False]
    assert events["unit"].tolist() == [None, None, "bpm"]


def test_what_would_not_be_paid_for_is_refused_before_anything_is_read(contract, tmp_path):
    folder = tables(tmp_path / "in", 30)
    (folder / "vitals.csv").unlink()  # whoever reads it would say so
    for change in (
        {"schema": None},
        {"model": "markov"},
        {"kind": "cohorts:omop"},
        {"kind": "cohorts:panel:a,b"},
        {"keep": ("Sex",)},
        {"time_budget": 5.0},
        {"warm_start": "public.csv"},
        {"positive_control": True},
    ):
        with pytest.raises(PlanError):
            make(plan(folder, contract, **change))
    (tmp_path / "less.toml").write_text(to_toml(CONTRACT).replace('origin = "declared"', ""))
    with pytest.raises(SchemaError):
        make(plan(folder, tmp_path / "less.toml"))
    with pytest.raises(BudgetError):
        make(plan(tables(tmp_path / "other", 30), contract, epsilon=1e-4))
