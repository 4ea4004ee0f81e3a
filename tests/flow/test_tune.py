"""Tuning: on the train rows alone, ended by time or a person, into a plan that can be run."""

import builtins
import itertools
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.cli import cli
from medsynai.copula.copula import Copula
from medsynai.errors import MissingExtra, PlanError
from medsynai.flow import opening
from medsynai.flow.arena import Arena
from medsynai.flow.plan import Plan, read_plan
from medsynai.flow.run import make
from medsynai.flow.tune import Search, tune
from medsynai.models.code_mixture import CodeMixture

SEARCH = Search(600.0, trials=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(3)
    age = rng.normal(60, 10, 240).round()
    frame = pd.DataFrame({"age": age, "lab": (age / 9 + rng.normal(0, 1, 240)).round(2)})
    frame["died"] = (age + rng.normal(0, 5, 240) > 62).astype(int)
    path = tmp_path_factory.mktemp("tune") / "clinic.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def plan(data) -> Plan:
    return Plan(source=str(data), model="copula", target="died", seed=4)


@pytest.fixture(scope="module")
def tuned(plan):
    return tune(plan, SEARCH)


def test_the_best_settings_are_a_plan_that_runs_and_says_so_in_its_ledger(tuned, tmp_path):
    assert len(tuned.attempts) == 3
    assert tuned.best.loss == min(a.loss for a in tuned.attempts)
    path = tmp_path / "tuned.toml"
    path.write_text(tuned.to_toml())
    plan = read_plan(path)
    assert plan == tuned.plan
    release = make(replace(plan, measures=("marginals",)))
    told = [e.note for e in release.evidence.ledger["entries"]]
    assert any("3 trials of copula on 3 inner splits" in note for note in told)


def test_the_same_seed_proposes_the_same(plan, tuned):
    again = tune(plan, SEARCH)
    assert [a.settings for a in again.attempts] == [a.settings for a in tuned.attempts]
    assert again.attempts[0].settings == {}
    assert len({str(a.settings) for a in again.attempts}) == 3


def watched_rows(monkeypatch, plan, leak: bool) -> bool:
    """Whether any trial saw a holdout row, which a mark in a column tells apart."""
    seen = []
    divide = opening.divide

    def marked(table, plan, seeds, least):
        parts = divide(table, plan, seeds, least)
        held = parts.holdout.frame.assign(lab=-7.0)
        holdout = replace(parts.holdout, frame=held)
        train = parts.train
        if leak:  # the violation, planted: a holdout row among the train rows
            rows = pd.concat([train.frame, held.head(30)], ignore_index=True)
            train = replace(train, frame=rows, patients=np.arange(len(rows)))
        return replace(parts, train=train, holdout=holdout)

    monkeypatch.setattr(opening, "divide", marked)
    fit, judge = Copula.fit, Arena.judge

    def look(self, table, *rest):
        seen.append((table.frame["lab"] == -7.0).any())
        return fit(self, table, *rest)

    def look_twice(self, fitted, halves, *rest):
        seen.extend((half.frame["lab"] == -7.0).any() for half in halves)
        return judge(self, fitted, halves, *rest)

    monkeypatch.setattr(Copula, "fit", look)
    monkeypatch.setattr(Arena, "judge", look_twice)
    tune(plan, Search(60.0, trials=1))
    assert seen
    return any(seen)


def test_no_trial_sees_a_row_of_the_holdout(monkeypatch, plan):
    assert not watched_rows(monkeypatch, plan, leak=False)


def test_the_watcher_sees_a_planted_row(monkeypatch, plan):
    assert watched_rows(monkeypatch, plan, leak=True)


def interrupted_after(fits: int, monkeypatch) -> None:
    judge, count = Arena.judge, []

    def judged(self, *given):
        count.append(1)
        if len(count) > fits:
            raise KeyboardInterrupt
        return judge(self, *given)

    monkeypatch.setattr(Arena, "judge", judged)


def test_an_interruption_keeps_the_best_so_far(monkeypatch, plan):
    interrupted_after(7, monkeypatch)  # three splits a trial
    tuned = tune(plan, SEARCH)
    assert tuned.interrupted and len(tuned.attempts) == 2


def test_an_interruption_before_anything_is_one(monkeypatch, plan):
    interrupted_after(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        tune(plan, SEARCH)


def test_what_cannot_be_tuned_is_refused(plan):
    with pytest.raises(PlanError, match="nothing is tuned of 'auto'"):
        tune(replace(plan, model="auto"), SEARCH)
    with pytest.raises(PlanError, match="used up"):
        tune(replace(plan, model="forest"), Search(1e-6))
    for wrong in ({"seconds": 0.0}, {"seconds": 9.0, "trials": 0}):
        with pytest.raises(PlanError):
            Search(**wrong)


def test_a_search_of_one_trial_is_no_search(monkeypatch, plan):
    clock = itertools.count(step=100)  # so slow a machine that one trial takes half of the time
    monkeypatch.setattr("medsynai.flow.tune.perf_counter", lambda: next(clock))
    with pytest.raises(PlanError, match="only the settings to begin from"):
        tune(plan, Search(1000.0))


def test_a_missing_extra_prints_its_install_line(monkeypatch, plan):
    load = builtins.__import__

    def without(name, *rest, **more):
        if name == "optuna":
            raise ImportError
        return load(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"pip install 'medsynai\[tune\]'"):
        tune(plan, SEARCH)


def test_the_command_writes_a_plan(data, tmp_path):
    from click.testing import CliRunner

    out = tmp_path / "tuned.toml"
    order = ["tune", str(data), "--model", "copula", "--time-budget", "1m", "--trials", "2"]
    result = CliRunner().invoke(cli, [*order, "--target", "died", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 trials of copula" in result.output
    assert tomllib.loads(out.read_text())["tuned"].startswith("2 trials")
    again = CliRunner().invoke(cli, [*order, "--out", str(out)])
    assert again.exit_code == 2 and "--overwrite" in again.output


def test_models_of_codes_are_tuned_on_the_train_rows_alone(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    pairs = [(p, f"C{c}") for p in range(240) for c in set(rng.zipf(1.6, 5).clip(1, 12))]
    path = tmp_path / "codes.csv"
    pd.DataFrame(pairs, columns=["subject_id", "drug"]).to_csv(path, index=False)
    plan = Plan(str(path), kind="codes:subject_id,drug", model="code-mixture", seed=4)
    met: set[int] = set()
    fit = CodeMixture.fit

    def watched(self, matrix, *rest):
        met.update(matrix.patients)
        return fit(self, matrix, *rest)

    monkeypatch.setattr(CodeMixture, "fit", watched)
    tuned = tune(plan, Search(600.0, trials=2))
    assert len(tuned.attempts) + tuned.pruned == 2
    assert all(a.loss < 5 and a.seen.c2st is not None for a in tuned.attempts)
    met, trials = set(), met
    notes = [e.note for e in make(tuned.plan).evidence.ledger["entries"]]
    assert trials == met  # the split is the run's own, so no trial saw its holdout
    assert any("2 trials of code-mixture on 3 inner splits" in note for note in notes)


def test_models_of_other_kinds_are_not_tuned(tmp_path):
    with pytest.raises(PlanError, match="those of images are not"):
        tune(Plan(str(tmp_path), kind="images", model="vae"), SEARCH)
