"""An interrupted training is gone on with, to the same bytes; nothing else is left behind."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.errors import FolderError
from medsynai.flow import training
from medsynai.flow.plan import Plan
from medsynai.flow.progress import kept_beside, place_of
from medsynai.flow.run import run
from medsynai.learn import loop
from medsynai.learn.desk import Desk

VAE = ("--model", "vae", "--set", "steps=60", "--set", "width=16", "--set", "latent=4")
ORDER = (*VAE, "--set", "pace.check=10", "--set", "pace.batch=16", "--holdout", "0")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(1)
    age = rng.normal(60, 10, 90).round()
    frame = pd.DataFrame({"age": age, "lab": (age / 9 + rng.normal(0, 1, 90)).round(1)})
    path = tmp_path_factory.mktemp("progress") / "clinic.csv"
    frame.to_csv(path, index=False)
    plan = path.with_name("plan.toml")
    plan.write_text(f"source = '{path}'\nmeasures = ['marginals']\n")
    return path


def synthesize(data, out, *more):
    plan = data.with_name("plan.toml")
    order = ["synthesize", "--plan", str(plan), "--out", str(out), *ORDER, *more]
    return CliRunner().invoke(cli, order)


def interrupt_at(monkeypatch, rounds: int) -> None:
    """Ctrl-C in the middle of a round; progress is saved at every look."""
    step, Run = loop._Run._step, loop._Run

    def stepped(self, *given, **more):
        if self.progress.done == rounds:
            raise KeyboardInterrupt
        return step(self, *given, **more)

    monkeypatch.setattr(Run, "_step", stepped)
    monkeypatch.setattr(training, "desk", partial(Desk, every=0.0))


def contents(folder):
    names = ["synthetic.csv", "model/weights.safetensors", "model/model.json"]
    return [(folder / name).read_bytes() for name in names]


def test_resumed_training_gives_the_same_bytes(data, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert synthesize(data, whole).exit_code in (0, 3)
    assert not place_of(whole).exists()
    with monkeypatch.context() as patch:
        interrupt_at(patch, 37)
        result = synthesize(data, cut)
    assert result.exit_code == 130
    assert "--resume" in result.output and str(place_of(cut)) in result.output
    assert not cut.exists()
    files = [p for p in place_of(cut).rglob("*") if p.is_file()]
    assert {p.name for p in files} == {"progress.json", "progress.30.safetensors"}
    rows = pd.read_csv(data).to_numpy(np.float32)
    assert not any(row.tobytes() in p.read_bytes() for p in files for row in rows)

    refused = synthesize(data, cut)
    assert refused.exit_code == 2 and "--resume" in refused.output
    with monkeypatch.context() as patch:
        rounds = []
        turn = loop._Run.round
        patch.setattr(loop._Run, "round", lambda s: (rounds.append(s.progress.done), turn(s))[1])
        assert synthesize(data, cut, "--resume").exit_code in (0, 3)
    assert rounds[0] == 30  # gone on with, not begun again
    assert contents(cut) == contents(whole)
    assert not place_of(cut).exists()


def test_networks_of_codes_are_gone_on_with_too(tmp_path, monkeypatch):
    rng, path = np.random.default_rng(1), tmp_path / "codes.csv"
    codes = rng.choice(["250.0", "401.9", "428.0", "486", "584.9"], 240)
    frame = pd.DataFrame({"patient_id": np.arange(240) // 3, "icd_code": codes})
    frame.to_csv(path, index=False)
    small = {"steps": 40, "width": 8, "latent": 4, "pace": {"check": 10, "batch": 16}}
    plan = Plan(str(path), "codes", model="emr-wgan", settings=small, measures=("width",))
    whole = run(plan, tmp_path / "whole")
    assert whole.evidence.model.training["losses"][-1]["rounds"] == 40
    assert "critic" in whole.evidence.model.training["losses"][-1]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 27)
        with pytest.raises(KeyboardInterrupt, match="--resume"):
            run(plan, tmp_path / "cut")
    run(plan, tmp_path / "cut", resume=True)
    for name in ("synthetic.csv", "model/weights.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_other_settings_do_not_go_on_from_it(data, tmp_path, monkeypatch):
    cut = tmp_path / "cut"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 37)
        synthesize(data, cut)
    rounds = []
    turn = loop._Run.round
    monkeypatch.setattr(loop._Run, "round", lambda s: (rounds.append(s.progress.done), turn(s))[1])
    assert synthesize(data, cut, "--resume", "--seed", "5").exit_code in (0, 3)
    assert rounds[0] == 0


def test_nothing_to_resume_is_said(data, tmp_path):
    result = synthesize(data, tmp_path / "new", "--resume")
    assert result.exit_code == 2 and "drop --resume" in result.output


def test_a_foreign_folder_is_never_removed(tmp_path):
    place = place_of(tmp_path / "out")
    place.mkdir()
    (place / "thesis.docx").write_text("years of work")
    with (
        pytest.raises(FolderError, match="no progress of ours"),
        kept_beside(tmp_path / "out", overwrite=True),
    ):
        pass
    assert (place / "thesis.docx").exists()


def test_any_other_end_removes_it(tmp_path):
    target = tmp_path / "out"
    for end in (ValueError, None):
        try:
            with kept_beside(target) as place:
                (place / "run").mkdir(parents=True)
                (place / "run" / "progress.json").touch()
                if end:
                    raise end
        except ValueError:
            pass
        assert not place.exists()
