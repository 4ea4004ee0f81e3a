"""Series end to end: the same layout back, conditions met, and a model that draws more."""

import numpy as np
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.seriesfiles import read_series
from medsynai.errors import FolderError, PlanError
from medsynai.evaluate.panel import SERIES_PANEL
from medsynai.flow.judging import Files, Panel
from medsynai.flow.kind_stages import Run
from medsynai.flow.kinds import kind_of
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.sampling import Order, Target, sample
from medsynai.flow.series import stages
from medsynai.flow.watch import Watch
from medsynai.privacy.ledger import Ledger


@pytest.fixture
def beats(tmp_path):
    rng, n = np.random.default_rng(0), 480
    y = np.where(np.arange(n) < 4, "V", np.where(np.arange(n) % 2, "N", "A"))
    turn = np.where(y == "N", 0.3, 0.8)[:, None] * np.arange(20) + rng.uniform(0, 1, (n, 1))
    values = np.round(np.sin(turn) + rng.normal(0, 0.05, (n, 20)), 3).astype(np.float32)
    np.savez(tmp_path / "beats.npz", X=values, y=y, patients=np.arange(n) // 2, fs=250)
    return tmp_path / "beats.npz"


def test_an_npz_comes_back_as_one_and_rare_classes_are_not_learnt(beats, tmp_path):
    release = make(Plan(str(beats), model="pca", measures=("marginals", "memory")))
    release.save(tmp_path / "out")
    with np.load(beats) as old, np.load(tmp_path / "out" / "synthetic.npz") as new:
        assert set(old.files) == set(new.files)
        assert new["X"].dtype == np.float32 and new["X"].shape == old["X"].shape
        assert set(new["y"]) == {"A", "N"} and len(np.unique(new["patients"])) == 480
    assert any("1 class of fewer than 8" in n for n in release.evidence.notes)
    named = {s.name: s.value for s in release.scores}
    assert named["series_tvd"] < 0.2 and named["copies_exact"] == 0


def test_train_and_holdout_share_no_patient(beats):
    run = Run(Plan(str(beats)), Ledger(), Watch(print))
    parts = stages.divide(stages.read(run), run)
    assert not {*parts.train.patients} & {*parts.holdout.patients}
    assert len(parts.holdout) == 96


def test_a_condition_is_met_and_judged_beside_its_like(beats):
    plan = Plan(str(beats), model="pca", measures=("marginals",), conditions=("label=A",), rows=90)
    release = make(plan)
    assert len(release.made) == 90 and set(release.frame["label"]) == {"A"}
    assert {s.name: s.value for s in release.scores}["series_tvd"] < 0.3


def test_a_saved_model_draws_more_and_writes_over_nothing(beats, tmp_path):
    make(Plan(str(beats), model="pca", measures=("marginals",))).save(tmp_path / "out")
    order = Order(30, ("label=N",), seed=4)
    sample(tmp_path / "out", order, Target(tmp_path / "more.npz"))
    more = read_series(tmp_path / "more.npz").series
    assert len(more) == 30 and more.classes == ("N",)
    with pytest.raises(FolderError):
        sample(tmp_path / "out", order, Target(tmp_path / "more.npz"))
    with pytest.raises(FolderError, match="npz"):
        sample(tmp_path / "out", order, Target(tmp_path / "more.csv"))
    kind = kind_of(tmp_path / "more.npz")
    assert kind is not None and kind.name == "series"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--keep", "age"], "tables only"),
        (["--condition", "label=none"], "none"),
        (["--condition", "label=V"], "label"),  # there, but of too few patients
        (["--model", "forest"], "not for series"),
        (["--target", "age"], "age"),
        (["--epsilon", "1", "--delta", "1e-6"], ""),
    ],
)
def test_what_series_cannot_do_is_refused(beats, tmp_path, options, said):
    ran = CliRunner().invoke(
        cli, ["synthesize", str(beats), "--out", str(tmp_path / "o"), *options]
    )
    assert ran.exit_code == 2 and said in ran.output
    assert not (tmp_path / "o").exists()


def test_somebodys_series_are_judged_or_refused(beats, tmp_path):
    told = kind_of(beats).assess(
        Files(beats, beats), Panel(("memory",), known=SERIES_PANEL), 0, print
    )
    assert told.evidence.scores[0].value is None  # no holdout, no claim
    np.savez(tmp_path / "short.npz", X=np.zeros((50, 9)))
    with pytest.raises(PlanError, match="steps"):
        kind_of(beats).assess(
            Files(beats, tmp_path / "short.npz"), Panel(("memory",), known=SERIES_PANEL), 0, print
        )
