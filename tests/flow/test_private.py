"""The private path from the command line: what leaves hangs on what was paid for alone."""

import gc
import json
import re
import weakref
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.cli import cli
from medsynai.data.read import apart, read_raw
from medsynai.data.schema import Column, Handling, Kind, Origin, Role, Schema
from medsynai.data.split import split, split_apart
from medsynai.data.table import Table
from medsynai.deidentify import deidentify
from medsynai.errors import PlanError
from medsynai.flow import contracted, private
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.settings import model_of
from medsynai.flow.watch import Watch
from medsynai.learn import mechanism
from medsynai.marginal import select
from medsynai.models.aim import Aim
from medsynai.models.entries import CATALOG
from medsynai.privacy import noise
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.report.guarantee import promised
from medsynai.report.reading import guarantee
from medsynai.seeds import Seeds

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

D = Origin.DECLARED
CONTRACT = Schema(
    (
        Column("patient_id", Kind.IDENTIFIER, Role.SUBJECT, Handling.SURROGATE, origin=D),
        Column("age", Kind.INTEGER, minimum=18, maximum=110, decimals=0, origin=D),
        Column("sex", Kind.BINARY, categories=("f", "m"), origin=D),
        Column("lab", Kind.CONTINUOUS, minimum=0, maximum=50, decimals=1, missing=True, origin=D),
        Column("seen", Kind.DATE, minimum=14600, maximum=18600, date_format="%Y-%m-%d", origin=D),
        Column(
            "left",
            Kind.DATE,
            minimum=14600,
            maximum=19000,
            date_format="%Y-%m-%d",
            missing=True,
            origin=D,
        ),
        Column("died", Kind.BINARY, Role.TARGET, categories=("no", "yes"), origin=D),
    ),
    reference_date="seen",
)
CANARY = {
    "patient_id": "ZZ-777-CANARY",
    "age": 4711474711471,
    "sex": "unheard of",
    "lab": 31415.92653589,
}


def clinic(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    seen = pd.Timestamp("2012-01-01") + pd.to_timedelta(rng.integers(0, 2000, rows), unit="D")
    left = seen + pd.to_timedelta(rng.integers(0, 60, rows), unit="D")
    return pd.DataFrame(
        {
            "patient_id": [f"P{seed}{i:05d}" for i in range(rows)],
            "age": rng.integers(20, 95, rows),
            "sex": rng.choice(["f", "m"], rows),
            "lab": rng.gamma(2, 3, rows).round(1),
            "seen": seen.strftime("%Y-%m-%d"),
            "left": left.strftime("%Y-%m-%d"),
            "died": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
        }
    )


def strange() -> pd.DataFrame:
    """Other patients, fewer of them, several rows each, and values that nothing allows."""
    frame = clinic(53, 9).astype(object)
    frame.loc[frame.index % 3 == 0, "patient_id"] = "the same"
    frame.loc[7, list(CANARY)] = list(CANARY.values())
    frame.loc[8, ["seen", "died", "patient_id"]] = ["1871-02-30", None, None]
    return frame


def invoke(*arguments: object):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def ordered(folder: Path, data: pd.DataFrame, *more: object):
    """Run the command on these rows, always under the same names."""
    folder.mkdir()
    data.to_csv(folder / "clinic.csv", index=False)
    (folder / "contract.toml").write_text(CONTRACT.to_toml(), encoding="utf-8")
    (folder / "plan.toml").write_text('model = "mst"\nmeasures = ["validity", "membership"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return invoke(
            *("synthesize", "clinic.csv", "--schema", "contract.toml", "--plan", "plan.toml"),
            *("--out", "release", "--epsilon", 1, "--delta", 1e-6, *more),
        )


def outside(folder: Path) -> dict[str, bytes]:
    """Every file of the release that may leave."""
    files = (p for p in (folder / "release").rglob("*") if p.is_file())
    names = {p.relative_to(folder / "release"): p.read_bytes() for p in files}
    return {str(n): b for n, b in names.items() if n.parts[0] != "internal"}


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "run"
    canary = pd.concat([clinic(400), pd.DataFrame([CANARY])], ignore_index=True)
    result = ordered(folder, canary, "--rows", 150)
    assert result.exit_code == 0, result.output
    return folder


def test_a_release_has_two_parts_and_the_outer_one_holds_no_score(release):
    names = set(outside(release))
    assert names == {
        *("card.md", "ledger.json", "plan.toml", "report.html", "schema.toml", "synthetic.csv"),
        *(f"model/{n}" for n in ("model.json", "recipe.toml", "schema.toml", "source.toml")),
        "model/weights.safetensors",
    }
    inner = {p.name for p in (release / "release" / "internal").iterdir()}
    assert {"README.md", "report.html", "scores.json", "card.md", "misfits.csv"} <= inner
    scores = json.loads((release / "release" / "internal" / "scores.json").read_text())
    for name, words in {
        "report.html": "Internal, not for release",
        "card.md": "noise has no seed",
        "README.md": "no budget covers that",
    }.items():
        assert words in (release / "release" / "internal" / name).read_text(), name
    keys = pd.read_csv(release / "release" / "synthetic.csv")["patient_id"]
    assert keys.tolist() == list(range(1, 151))  # whatever the real ones are
    assert scores["data"]["rows"] == 401 and scores["scores"][0]["value"] is not None
    whole = "\n".join(v.decode("utf-8", "replace") for v in outside(release).values())
    for word in [*map(str, CANARY.values()), "P000000"]:
        assert word not in whole, word


def test_the_ledger_lists_what_was_paid_and_its_bound_is_in_the_papers(release):
    ledger = json.loads((release / "release" / "ledger.json").read_text())
    assert ledger["guarantee"] == "(1, 1e-06)-differential privacy"
    assert 0.98 < ledger["spent"]["pld"] <= 1 and ledger["spent"]["renyi"] >= ledger["spent"]["pld"]
    assert all(e["spends"] and e["unit"] == "patient" for e in ledger["entries"])
    one = ledger["best_attack"]["tpr_at_fpr_0.01"]
    assert 0.01 < one < 0.028  # e * .01 + delta
    said = f"at most {np.ceil(one * 1000) / 10:g} of 100"
    for name in ("card.md", "report.html"):
        assert said in (release / "release" / name).read_text(), name


def test_more_rows_are_drawn_from_a_private_release(release, tmp_path):
    out = tmp_path / "more.csv"
    result = invoke("sample", release / "release", "--rows", 60, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(out)) == 60 and list(pd.read_csv(out)) == list(CONTRACT.names)


# What leaves must not hang on the rows: with every bought number held fixed, two tables that have
# nothing in common give the same files, the same words and the same exit code.


def held_fixed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        noise, "_lattice", lambda whole, scale, kind: np.full(len(whole), 100 * noise.GRAIN)
    )
    patch.setattr(select, "choose", lambda scores, epsilon, reach: 0)


def differ(tmp_path: Path, other: pd.DataFrame | None = None, *more: object) -> bool:
    tables = {"a": clinic(), "b": strange() if other is None else other}
    results = [ordered(tmp_path / n, d, *more) for n, d in tables.items()]
    assert [r.exit_code for r in results] == [0, 0], [r.output for r in results]
    said = [r.output.replace(str(tmp_path), "") for r in results]
    files = [outside(tmp_path / n) for n in "ab"]
    return said[0] != said[1] or files[0] != files[1]


def test_what_leaves_is_the_same_for_any_rows_once_what_was_bought_is_the_same(
    tmp_path, monkeypatch
):
    held_fixed(monkeypatch)
    assert not differ(tmp_path)


def test_a_network_tells_of_no_row_at_all_but_by_noised_sums(tmp_path, monkeypatch):
    """None or 120 patients: the same files and words, once every noised sum is the same."""
    held_fixed(monkeypatch)
    monkeypatch.setattr(mechanism, "noisy_sums", lambda sums, spread: np.full(len(sums), 0.1))
    plan = tmp_path / "gan.toml"
    plan.write_text('model = "gan"\nmeasures = ["validity"]\n[settings]\nsteps = 2\nwidth = 16\n')
    (tmp_path / "same").mkdir()
    assert not differ(tmp_path / "same", clinic().iloc[:0], "--plan", plan)
    monkeypatch.setattr(  # the violation: a sum that tells whether anybody took part
        mechanism, "noisy_sums", lambda sums, spread: sums * 0 + 0.1 * float(np.abs(sums).max() > 0)
    )
    (tmp_path / "told").mkdir()
    assert differ(tmp_path / "told", clinic().iloc[:0], "--plan", plan)


def misfits_told(plan: Plan, rows: int) -> tuple[str, ...]:
    return tuple(map(str, contracted.read(plan, Handed(), Watch()).misfits))


PLANTED = {
    "keys and dates seen": (contracted, "deidentify", lambda t, apart: deidentify(t)),
    "rows counted": (private, "count", lambda divided, ledger: divided.counted),
    "misfits told": (private, "said", misfits_told),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fact_of_the_rows_that_is_let_out_is_seen(fault, tmp_path, monkeypatch):
    held_fixed(monkeypatch)
    monkeypatch.setattr(*PLANTED[fault])
    assert differ(tmp_path)


def test_no_row_at_all_is_no_error(tmp_path):
    result = ordered(tmp_path / "none", clinic().iloc[:0], "--rows", 30)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "none" / "release" / "synthetic.csv")) == 30


def test_where_nobody_says_how_many_rows_their_number_is_bought(tmp_path):
    result = ordered(tmp_path / "run", clinic(400))
    assert result.exit_code == 0, result.output
    ledger = json.loads((tmp_path / "run" / "release" / "ledger.json").read_text())
    assert ledger["entries"][0]["purpose"] == "count the rows"
    assert ledger["spent"]["pld"] <= 1
    assert 1 <= len(pd.read_csv(tmp_path / "run" / "release" / "synthetic.csv")) < 2000
    card = (tmp_path / "run" / "release" / "card.md").read_text()
    assert "bought with noise" in card and "is not told" not in card


class Chosen(Exception):
    """The run has got as far as is looked at."""


def test_what_is_planned_hangs_on_no_bought_number(monkeypatch):
    def train(divided, name, *rest):
        raise Chosen(name)

    def count(divided, spend):
        raise AssertionError("counted before the plan was paid for")

    monkeypatch.setattr(private, "train", train)
    monkeypatch.setattr(private, "count", count)
    with pytest.raises(Chosen, match="aim"):
        private.make(Plan(epsilon=1.0), Handed(clinic(30), CONTRACT))


JUNK = st.one_of(
    st.sampled_from(["", "1e400", "-inf", "nan", "0001-01-01", "9999-12-31", "2012-13-45", "\x00"]),
    st.text(max_size=6),
    st.floats(allow_nan=True).map(str),
)


@settings(max_examples=40, deadline=None)
@given(cells=st.lists(JUNK, min_size=7, max_size=7))
def test_no_value_can_make_a_run_fail(cells):
    frame = pd.concat([clinic(3), pd.DataFrame([cells], columns=CONTRACT.names)])
    opened = contracted.read(Plan(epsilon=1.0), Handed(frame, CONTRACT), Watch())
    divided = contracted.divide(opened, Plan(epsilon=1.0), Watch())
    made = divided.parts.train.frame.select_dtypes("number")
    assert np.isfinite(made.to_numpy()[~made.isna().to_numpy()]).all()


def test_what_breaks_the_judging_breaks_no_release(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of a value")

    monkeypatch.setattr(private.stages, "judge", broken)
    result = ordered(tmp_path / "run", clinic(), "--rows", 30)
    assert result.exit_code == 0, result.output
    for name in ("scores.json", "report.html", "card.md"):
        inside = (tmp_path / "run" / "release" / "internal" / name).read_text()
        assert "Judging broke (ZeroDivisionError)" in inside and "of a value" not in inside
        assert "policy has no gates" not in inside and "policy is empty" not in inside


def test_the_screen_tells_nothing_of_how_judging_went(monkeypatch):
    monkeypatch.setattr(private.stages, "judge", lambda *given: given[-1].tell("1 of 2") or 1 / 0)
    told: list[list[str]] = []
    for rows in (5, 90):
        opened = contracted.read(Plan(epsilon=1.0), Handed(clinic(rows), CONTRACT), Watch())
        divided = contracted.divide(opened, Plan(epsilon=1.0), Watch())
        told.append([])
        private.judge(None, None, divided, Plan(epsilon=1.0), Watch(told[-1].append))
    assert told == [["Judging"], ["Judging"]]


def table_of(frame: pd.DataFrame, keyed: bool) -> Table:
    opened = contracted.read(Plan(epsilon=1.0), Handed(frame, CONTRACT), Watch())
    names = tuple(n for n in CONTRACT.names if keyed or n != "patient_id")
    return opened.table.only(names)


def sides(table: Table, way) -> dict:
    parts = way(table)
    seen = {}
    for name, part in (("train", parts.train), ("holdout", parts.holdout)):
        for row in part.frame.astype(str).agg("|".join, axis=1):
            seen[row] = name
    return seen


@pytest.mark.parametrize("keyed", [True, False])
def test_a_patient_more_or_less_moves_nobody_else(keyed):
    frame = clinic(60)
    both = [table_of(f, keyed) for f in (frame, frame.drop(index=7))]
    more, less = (sides(t, lambda t: split_apart(t, 0.3, 5)) for t in both)
    assert {k: v for k, v in more.items() if k in less} == less and len(more) == len(less) + 1
    assert 5 < list(more.values()).count("holdout") < 35
    more, less = (sides(t, lambda t: split(t, 0.3, Seeds(5))) for t in both)  # the violation
    assert {k: v for k, v in more.items() if k in less} != less


def test_equal_rows_are_told_apart_and_a_patients_rows_are_not():
    same = pd.concat([clinic(1)] * 200, ignore_index=True)
    parts = split_apart(table_of(same, keyed=False), 0.5, 1)
    assert 50 < len(parts.train) < 150
    parts = split_apart(table_of(same, keyed=True), 0.5, 1)
    assert len(parts.train) in (0, 200)


def test_of_each_patient_no_more_rows_are_seen_than_the_contract_says(monkeypatch):
    frame = pd.concat([clinic(20), *[clinic(20).iloc[3:4]] * 50], ignore_index=True)
    frame.loc[5:9, "patient_id"] = None

    def seen() -> int:
        opened = contracted.read(Plan(epsilon=1.0), Handed(frame, CONTRACT), Watch())
        divided = contracted.divide(opened, Plan(epsilon=1.0, holdout=0.0), Watch())
        assert len(divided.parts.train) == divided.counted
        return divided.counted

    assert seen() == 15  # nobody knows whose the rows without a key are
    monkeypatch.setattr(contracted, "capped", lambda who, most: np.arange(len(who)))
    assert seen() == 65  # the violation


def test_one_broken_line_changes_no_other(tmp_path):
    path = tmp_path / "x.csv"
    lines = ["a;age;lab", *(f"{i};{i};{i}.5" for i in range(30))]
    path.write_text("\n".join(lines))
    whole = apart.read(path).frame
    for bad in ('1;"never closed;2', "1;2", "1;2;3;4", "1;2,5;1.000.000", "\xff;\x00;é"):
        path.write_bytes("\n".join([*lines[:9], bad, *lines[9:]]).encode("latin-1"))
        frame = apart.read(path).frame
        kept = frame[frame.index != 8] if len(frame) == 31 else frame
        assert kept.to_numpy().tolist() == whole.to_numpy().tolist(), bad
    with pytest.raises(Exception, match="fields"):  # the usual reader tells of it
        path.write_text("\n".join([*lines, "1;2"]))
        read_raw(path)


REFUSED = [
    ("no delta at all", {"delta": 0.0}, CONTRACT, "delta must lie above 0"),
    ("inferred schema", {}, None, "needs a contract"),
    ("keep", {"keep": ("age",)}, CONTRACT, "keep does not go with epsilon"),
    ("impute", {"impute": "mean"}, CONTRACT, "impute"),
    ("time", {"time_budget": 5.0}, CONTRACT, "clock"),
    ("device", {"device": "cuda"}, CONTRACT, "clipping and noise"),
    ("thorough", {"attacks": "thorough"}, CONTRACT, "unpaid"),
    ("tuned", {"tuned": "40 trials"}, CONTRACT, "real rows"),
    ("warm aim", {"model": "aim", "warm_start": __file__}, CONTRACT, "nothing to warm up"),
    ("no warm", {"model": "vae", "warm_start": "no.csv"}, CONTRACT, "no file"),
    ("forest", {"model": "forest"}, CONTRACT, "no differentially private form"),
    ("delta", {"delta": 0.5}, CONTRACT, "delta must lie"),
    ("measure", {"measures": ("validty",)}, CONTRACT, "no measure"),
    ("condition", {"conditions": ("sex=x",)}, CONTRACT, "sex"),
    (
        "bought without a ledger",
        {},
        CONTRACT.replacing(replace(CONTRACT["age"], origin=Origin.BOUGHT)),
        "carry on the ledger",
    ),
    (
        "origin",
        {},
        CONTRACT.replacing(replace(CONTRACT["seen"], origin=Origin.INFERRED)),
        "inferred from the rows",
    ),
]


@pytest.mark.parametrize(("what", "options", "schema", "words"), REFUSED, ids=lambda v: str(v)[:20])
def test_what_would_read_unpaid_is_refused(what, options, schema, words):
    plan = Plan(**({"epsilon": 1.0, "rows": 50} | options))
    with pytest.raises(Exception, match=words):
        private.make(plan, Handed(clinic(), schema))


def test_a_contract_that_names_no_patient_promises_nothing_to_one(release):
    evidence = private.make(
        Plan(epsilon=1.0, rows=30, model="mst", measures=("validity",)),
        Handed(clinic(60).drop(columns="patient_id"), CONTRACT.only(CONTRACT.names[1:])),
    ).evidence
    assert "for one row: no column of the contract names the patient" in promised(evidence)[0]
    assert evidence.ledger["unit"] == "row" == evidence.ledger["entries"][0].unit
    assert "for one row" in guarantee(evidence)
    assert "hardly" not in promised(evidence)[0]  # of a factor that may be 22,100
    said = (release / "release" / "card.md").read_text()
    assert "for one patient, with all rows" in said and "for one row" not in said


@pytest.mark.parametrize("entry", [e for e in CATALOG if "table" in e.data], ids=lambda e: e.name)
def test_a_model_is_private_or_refused_with_its_reason_and_the_page_says_which(entry):
    page = Path(__file__).parents[2].joinpath("docs", "privacy.md").read_text(encoding="utf-8")
    able, unable = page.split("## Models that are refused")
    plan = Plan(epsilon=1.0, model=entry.name, positive_control=entry.copies)
    divided = contracted.Divided(None, 0)
    if entry.private:
        assert private.choose(plan, divided).name == entry.name
        assert f"[`{entry.name}`]" in able
    else:
        reason = private.why_not(entry.name)
        with pytest.raises(PlanError, match=f"{entry.name} has no .* form: {reason}; those with"):
            private.choose(plan, divided)
        assert re.search(rf"^\| .*`{entry.name}`.*\| .*{reason}", unable, re.MULTILINE)


def test_every_option_of_a_plan_was_thought_of():
    """A new option must be judged: does it read real rows beside the ledger?"""
    harmless = {
        *("source", "kind", "schema", "model", "preset", "settings", "rows", "target", "leaks"),
        *("conditions", "holdout", "seed", "draw", "measures", "policy", "form", "epsilon"),
        *("delta", "ledger", "total_epsilon", "credit", "licence", "contact", "skip_bad"),
        "warm_start",  # rows of nobody in the ledger
        "device",  # a budget's networks are on the processor, whatever it says
    }
    assert {f.name for f in fields(Plan)} == harmless | set(private.UNPAID)


def test_the_rounds_of_aim_come_from_the_plan_and_no_clock_ends_them():
    assert {f.name for f in fields(Aim)} == {"shape", "rounds", "target"}


def test_a_warm_start_is_free_recorded_and_never_the_real_rows(tmp_path):
    public, model = tmp_path / "survey.csv", ("--model", "vae", "--rows", 40)
    clinic(300, 5).to_csv(public, index=False)
    plan = tmp_path / "few.toml"
    plan.write_text('measures = ["validity"]\n[settings]\nsteps = 3\nwidth = 16\n')
    warm = (*model, "--plan", plan, "--warm-start")
    done = ordered(tmp_path / "warm", clinic(), *warm, public)
    assert done.exit_code == 0, done.output
    ledger = json.loads((tmp_path / "warm" / "release" / "ledger.json").read_text())
    first = next(e for e in ledger["entries"] if e["mechanism"] == "public")
    assert "300 rows of survey.csv (SHA-256 " in first["note"] and not first["spends"]
    assert 0.98 < ledger["spent"]["pld"] <= 1
    assert "survey.csv" in (tmp_path / "warm" / "release" / "report.html").read_text()
    itself = ordered(tmp_path / "itself", clinic(), *warm, "clinic.csv")  # the violation
    assert itself.exit_code == 2 and "names the real rows" in itself.output
    assert (
        invoke("synthesize", public, "--warm-start", public, "--out", tmp_path / "x").exit_code == 2
    )


def test_runs_on_the_same_data_share_one_ledger(tmp_path):
    ledger = tmp_path / "study.json"
    carried = ("--rows", 40, "--ledger", ledger)
    first = ordered(tmp_path / "one", clinic(), *carried, "--total-epsilon", 1.3)
    assert first.exit_code == 0, first.output
    before = ledger.read_text()
    for rows in (carried, carried[2:]):  # their number would be bought as well
        folder = tmp_path / f"two-{len(rows)}"
        second = ordered(folder, clinic(), *rows)
        assert second.exit_code == 2 and "epsilon would come to" in second.output
        assert not (folder / "release").exists()
        assert ledger.read_text() == before  # a refused run has spent nothing, not a part of it
    entries = json.loads(before)["entries"]
    assert sum(len(e["spends"]) for e in entries) > 1
    raised = ordered(tmp_path / "three", clinic(), *carried, "--total-epsilon", 9)
    assert raised.exit_code == 2 and "cannot be raised" in raised.output
    small = ordered(tmp_path / "four", clinic(), *carried, "--epsilon", 0.3)
    assert small.exit_code == 0, small.output
    told = json.loads((tmp_path / "four" / "release" / "ledger.json").read_text())
    assert 1 < told["all_runs"]["spent"] <= 1.3 and told["all_runs"]["earlier"] == len(entries)
    assert told["all_runs"]["spent"] < told["all_runs"]["renyi"] < 2  # holds for runs chosen late
    assert told["best_attack"]["tpr_at_fpr_0.1"] > 0.14  # of all runs together
    (tmp_path / ".study.json.lock").touch()
    locked = ordered(tmp_path / "five", clinic(), *carried, "--epsilon", 0.01)
    assert locked.exit_code == 2 and "another run" in locked.output


def test_an_interrupted_run_says_that_what_it_charged_stays_spent(tmp_path, monkeypatch):
    """Once "nothing was left behind", beside a ledger that all of epsilon was gone from."""

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    carried = ("--rows", 40, "--ledger", tmp_path / "study.json", "--total-epsilon", 3)
    monkeypatch.setattr(select.Rows, "measure", stopped)
    cut = ordered(tmp_path / "cut", clinic(), *carried)
    assert cut.exit_code == 130 and "study.json stays spent" in cut.output
    assert json.loads((tmp_path / "study.json").read_text())["spent"] > 0.9
    monkeypatch.setattr(private, "train", stopped)  # before anything is charged
    early = ordered(tmp_path / "early", clinic(), *carried)
    assert early.exit_code == 130 and "nothing was left behind" in early.output


def proposed(folder: Path, data: pd.DataFrame, epsilon: float = 8) -> tuple[Schema, str]:
    data.to_csv(folder / "clinic.csv", index=False)
    out, ledger = folder / "contract.toml", folder / "study.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = invoke(
            *("inspect", "clinic.csv", "--private", "--epsilon", epsilon, "--overwrite"),
            *("--ledger", ledger.name, "--total-epsilon", 10, "--out", out.name),
        )
    assert result.exit_code == 0, result.output
    return Schema.from_toml(out.read_text()), result.output


def test_a_contract_is_bought_and_the_ledger_that_paid_is_carried_on(tmp_path):
    data = pd.concat([clinic(3000), pd.DataFrame([CANARY])], ignore_index=True)
    schema, said = proposed(tmp_path, data)
    assert (
        schema["patient_id"].role is Role.SUBJECT and schema["patient_id"].kind is Kind.IDENTIFIER
    )
    assert schema["sex"].categories in (("f", "m"), ("f", "m", "OTHER"))
    assert schema["lab"].kind is Kind.CONTINUOUS and schema["lab"].decimals == 1
    assert 16 <= (schema["lab"].maximum or 0) <= 64 and schema["age"].kind is Kind.INTEGER
    assert schema["seen"].date_format == "%Y-%m-%d"
    bought = [c for c in schema.columns if c.name != "patient_id"]
    assert all(c.origin is Origin.BOUGHT for c in bought)
    ledger = json.loads((tmp_path / "study.json").read_text())
    assert 7.9 < ledger["spent"] <= 8 and not any(str(v) in said for v in CANARY.values())
    common = ("synthesize", tmp_path / "clinic.csv", "--schema", tmp_path / "contract.toml")
    run = (*common, "--rows", 50, "--model", "mst", "--out", tmp_path / "release")
    assert "carry on the ledger" in invoke(*run, "--epsilon", 1).output
    plan = tmp_path / "plan.toml"
    plan.write_text('measures = ["validity"]\n')
    carried = ("--ledger", tmp_path / "study.json", "--plan", plan)
    result = invoke(*run, *carried, "--epsilon", 1)
    assert result.exit_code == 0, result.output
    ledger = json.loads((tmp_path / "release" / "ledger.json").read_text())
    told = ledger["all_runs"]
    assert told["earlier"] == 1 and 8 < told["spent"] <= 9
    assert ledger["promised"]["epsilon"] >= told["renyi"]  # the bought contract is in the release
    for name in ("card.md", "report.html"):
        text = (tmp_path / "release" / name).read_text()
        assert f"({ledger['promised']['epsilon']:g}, 1e-06)-differential privacy of this" in text
        assert "(1, 1e-06)-differential privacy for" not in text


def test_a_column_of_which_one_value_stands_out_says_so(tmp_path):
    data = clinic(3000).assign(mgus=["1", *["0"] * 2999])
    column = proposed(tmp_path, data)[0]["mgus"]
    assert column.categories == ("0", "OTHER") and "only '0' is shared" in column.warnings[0]


def test_a_few_patients_of_rare_values_are_not_counted_among_the_others(tmp_path):
    """The violation: where named values cover nearly all, the rest became the first of them."""
    rare = [f"rare {i}" for i in range(30) for _ in range(3)]
    data = clinic(3000).assign(race=[*rare, *["black"] * 1000, *["white"] * 1910])
    schema, said = proposed(tmp_path, data)
    assert schema["race"].categories == ("black", "white", "OTHER") and "rare" not in said
    assert "too few patients" in schema["race"].warnings[0]
    opened = contracted.read(Plan(epsilon=1.0, ledger="study.json"), Handed(data, schema), Watch())
    assert (opened.table.frame["race"] == "OTHER").sum() == len(rare)


def test_a_proposal_hangs_on_what_was_bought_alone(tmp_path, monkeypatch):
    held_fixed(monkeypatch)
    found = []
    for name, data in (("a", clinic()), ("b", strange())):
        (tmp_path / name).mkdir()
        found.append(proposed(tmp_path / name, data)[0])
    alike = [replace(s, columns=tuple(_without_names(c) for c in s.columns)) for s in found]
    assert alike[0] == alike[1]


def _without_names(column: Column) -> Column:
    """Which values have a noisy count at all is what the threshold pays for."""
    return replace(column, categories=None, kind=Kind.TEXT, handling=Handling.DROP, warnings=())


def test_values_beyond_a_list_become_other_where_the_contract_has_it():
    other = replace(CONTRACT["sex"], kind=Kind.CATEGORICAL, categories=("f", "OTHER"))
    handed = Handed(clinic(50), CONTRACT.replacing(other))
    opened = contracted.read(Plan(epsilon=1.0), handed, Watch())
    assert set(opened.table.frame["sex"]) == {"f", "OTHER"}
    assert not [m for m in opened.misfits if m.column == "sex"]


def kept_after(model: str, spoil: bool) -> bool:
    """Whether anything still holds the train rows once a private model is fitted."""
    opened = contracted.read(Plan(epsilon=1.0), Handed(clinic(60), CONTRACT), Watch())
    table = contracted.divide(opened, Plan(epsilon=1.0), Watch()).parts.train
    few = {} if model == "mst" else {"steps": 2}
    fitted = model_of(model, "private", few).fit(table, Ledger(Budget(1.0, 1e-6)), Seeds(0))
    if spoil:
        object.__setattr__(fitted, "sampler", [table])
    held = weakref.ref(table)
    del table, opened
    gc.collect()
    assert len(fitted.sample(20, Seeds(1))) == 20
    return held() is not None


@pytest.mark.parametrize("model", ["mst", "autoregressive"])
def test_a_fitted_model_has_no_handle_on_the_rows(model):
    assert not kept_after(model, spoil=False)
    assert kept_after(model, spoil=True)  # the violation: a sampler of real rows


def test_under_a_budget_no_cell_is_opened_as_rows_decide_what_form_a_column_has(tmp_path):
    cells = pd.DataFrame(
        {"RR": [f"{95 + i}/{50 + i % 40}" for i in range(60)], "x": ["a", "b"] * 30}
    )
    cells.to_csv(tmp_path / "cells.csv", index=False)
    assert read_raw(cells).source.cells
    for plan, handed in ((Plan(), Handed(cells)), (Plan(str(tmp_path / "cells.csv")), Handed())):
        raw = contracted.raw_rows(plan, handed)
        assert not raw.source.cells and list(raw.frame) == ["RR", "x"]
