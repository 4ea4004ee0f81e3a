"""The augmentation study end to end: patients apart, the ratio blind to the holdout, images too."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.images import ImageSet
from medsynai.errors import FolderError, ModelError, PlanError
from medsynai.evaluate.arms import Arm
from medsynai.flow.augment import images, open_lab, tables
from medsynai.flow.augment.lab import duplicates
from medsynai.flow.augment.study import Asked, at_hand, cell, study
from medsynai.flow.plan import Plan
from medsynai.flow.training import ruled
from medsynai.flow.watch import silent
from medsynai.seeds import Seeds


def clinic(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Two stays a patient."""
    rng = np.random.default_rng(seed)
    age, crp = rng.normal(60, 12, n), rng.gamma(2, 20, n)
    died = rng.random(n) < 1 / (1 + np.exp(-(age - 60) / 8 - (crp - 40) / 30))
    return pd.DataFrame(
        {
            "patient_id": np.repeat(np.arange(n // 2), 2),
            "age": age.round(),
            "crp": crp.round(1),
            "ward": rng.choice(["a", "b", "c"], n),
            "died": np.where(died, "yes", "no"),
        }
    )


@pytest.fixture
def lab(tmp_path) -> tables.TableLab:
    clinic().to_csv(tmp_path / "clinic.csv", index=False)
    plan = Plan(source=str(tmp_path / "clinic.csv"), target="died", model="shuffle")
    return open_lab(plan, silent)


def test_patients_are_on_one_side_and_sizes_are_kept(lab):
    assert len(lab.patients) == len(lab.train) and lab.patients.max() < len(lab.train) - 1
    for size in (10, 40, None):
        learn, held = at_hand(lab, size, Seeds(3))
        assert not set(lab.patients[learn]) & set(lab.patients[held])
        if size is not None:
            have = np.bincount(lab.labels[learn]) + np.bincount(lab.labels[held])
            assert have.max() <= size and np.bincount(lab.labels[learn]).min() >= 0.6 * size
    holdout = set(map(tuple, lab.holdout.frame[["age", "crp"]].to_numpy().tolist()))
    assert not holdout & set(map(tuple, lab.train.frame[["age", "crp"]].to_numpy().tolist()))


def test_records_come_from_patients_enough_where_each_has_many():
    """Slides of dozens of cells: a class of one slide's cells would be refused by the generator."""
    rng = np.random.default_rng(0)
    many = SimpleNamespace(
        classes=("a", "b"), labels=rng.integers(0, 2, 3_000), patients=np.repeat(range(60), 50)
    )
    for size in (10, 25, 50):
        learn, held = at_hand(many, size, Seeds(0))
        for label in (0, 1):
            mine = many.patients[learn[many.labels[learn] == label]]
            assert len(mine) == size - round(0.2 * size) and len(set(mine)) >= 8
        assert not set(many.patients[learn]) & set(many.patients[held])
    assert len(at_hand(many, None, Seeds(0))[0]) > 2_000  # of all patients all that they have


def test_the_ratio_is_chosen_without_the_holdout(lab):
    """Trap: the test set chooses. The labels of the holdout are turned round; the choice stays."""
    ratios = (0.5, 2.0)
    found = cell(lab, 30, 0, ratios, Seeds(1))
    frame = lab.holdout.frame.copy()
    levels = list(frame["died"].cat.categories)
    frame["died"] = frame["died"].cat.rename_categories(
        dict(zip(levels, levels[::-1], strict=True))
    )
    frame["died"] = frame["died"].cat.reorder_categories(levels)
    turned = replace(lab, holdout=replace(lab.holdout, frame=frame))
    again = cell(turned, 30, 0, ratios, Seeds(1))
    assert [(o.arm, o.ratio, o.validated) for o in found] == [
        (o.arm, o.ratio, o.validated) for o in again
    ]
    real, other = found[0].figures["auroc"], again[0].figures["auroc"]
    assert real > 0.6 and other == pytest.approx(1 - real)
    assert [o.chosen for o in found if o.arm is Arm.MIXED].count(True) == 1
    by_arm = {o.arm: o for o in found if o.chosen}
    counts = {arm: by_arm[arm].fitted for arm in (Arm.MIXED, Arm.DUPLICATED, Arm.CLASSIC)}
    assert len(set(counts.values())) == 1  # the control has as many records
    assert by_arm[Arm.PRETRAINED].fitted == counts[Arm.MIXED]


def test_shuffled_labels_are_no_gain_and_the_study_goes_on(lab, tmp_path):
    asked, out = Asked((25,), (1.0,), 5), tmp_path / "study"
    outcomes, said = study(lab, lab.plan, asked, out, silent)
    assert "a gain" not in " ".join(said) and len(said) == 2
    done = [p.read_bytes() for p in sorted((out / "cells").iterdir())]
    more, _ = study(lab, lab.plan, Asked((25,), (1.0,), 6), out, silent)
    assert len(more) == len(outcomes) * 6 // 5
    assert done == [p.read_bytes() for p in sorted((out / "cells").iterdir())][:5]
    page = (out / "study.html").read_text()
    assert "no budget" in page and "<svg" in page and "25 rows a class" in page
    with pytest.raises(FolderError, match="another plan"):
        study(lab, lab.plan, Asked((25,), (3.0,), 5), out, silent)


def test_smote_stays_between_rows_of_the_class(lab):
    learn, held = at_hand(lab, 40, Seeds(2))
    bench = lab.bench(learn, held, Seeds(2))
    made = bench.added(Arm.CLASSIC, 200, Seeds(5))
    place = list(bench.task.encoding.names).index("crp")
    for k in (0, 1):
        mine, real = (v[v[:, bench.task.place] == k][:, place] for v in (made, bench.real))
        assert real.min() <= mine.min() and mine.max() <= real.max()
    assert not set(made[:, place]) <= set(bench.real[:, place])
    ward = list(bench.task.encoding.names).index("ward")
    assert set(made[:, ward]) <= set(bench.real[:, ward])


def test_duplicates_are_whole_rounds():
    counts = np.bincount(duplicates(10, 25, Seeds(0)))
    assert counts.sum() == 25 and set(counts) == {2, 3}


def dots(n: int = 120) -> ImageSet:
    """A bright corner says the class."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 90, (n, 1, 12, 12)).astype(np.uint8)
    labels = np.arange(n) % 2
    pixels[labels == 1, :, :5, :5] += 120
    return ImageSet.of(pixels, labels, ("dark", "lit"))


def test_images_with_the_baseline(monkeypatch):
    monkeypatch.setattr(images, "FEWEST", 25)
    lab = images.ImageLab(Plan(model="pca"), dots(), dots(60))
    found = cell(lab, 25, 0, (1.0,), Seeds(0))
    assert {o.arm for o in found} == set(Arm) - {Arm.REPEATED, Arm.EVENED}
    assert found[0].figures["auroc"] > 0.9
    shown = images.moved(dots(4), Seeds(1))
    assert shown.pixels.dtype == np.uint8 and shown.pixels.shape == dots(4).pixels.shape
    assert (shown.labels == dots(4).labels).all() and (shown.pixels != dots(4).pixels).any()


def test_a_size_of_too_few_patients_is_left_out_and_said(monkeypatch, tmp_path):
    """Five of six records a class are learnt from, and a generator asks for eight patients."""
    monkeypatch.setattr(images, "FEWEST", 4)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (240, 1, 8, 8)).astype(np.uint8)
    labels, people = np.arange(240) // 2 % 2, np.arange(240) // 2
    whole = ImageSet.of(pixels, labels, ("well", "ill"), people)
    plan = Plan(source="x", model="pca")
    lab = images.ImageLab(plan, whole.rows(np.arange(160)), whole.rows(np.arange(160, 240)))
    asked = Asked(sizes=(6, 50), ratios=(1.0,), seeds=1)
    outcomes, said = study(lab, plan, asked, tmp_path / "study")
    assert {o.size for o in outcomes} == {50}
    assert said[-1].startswith("6 images a class. Not tried: class well (5)")
    assert "Not tried" in (tmp_path / "study" / "study.html").read_text()
    with pytest.raises(ModelError, match="fewer than 8"):
        study(lab, plan, replace(asked, sizes=(6,)), tmp_path / "other")


def test_the_command(tmp_path):
    clinic(240).to_csv(tmp_path / "clinic.csv", index=False)
    args = ["augment", tmp_path / "clinic.csv", "--target", "died", "--sizes", "20", "--seeds", 1]
    more = ["--ratios", "1", "--model", "shuffle", "--out", tmp_path / "out", "--json"]
    result = CliRunner().invoke(cli, [str(a) for a in (*args, *more)])
    assert result.exit_code == 0, result.output
    assert "fewer than 5" in json.loads(result.stdout)["verdicts"][0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--target", "age"], "classes"),
        ([], "classes"),
        (["--target", "died", "--sizes", "2"], "at least 4"),
        (["--target", "died", "--ratios", "0"], "above 0"),
        (["--target", "died", "--sizes", "ten"], "10,25,all"),
        (["--target", "died", "--holdout", "0"], "holdout"),
    ],
)
def test_bad_input_is_refused(tmp_path, options, says):
    clinic(100).to_csv(tmp_path / "clinic.csv", index=False)
    args = ["augment", str(tmp_path / "clinic.csv"), *options, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 2 and says in result.output
    assert not (tmp_path / "out").exists()


def test_codes_have_no_study(tmp_path):
    (tmp_path / "codes.csv").write_text("patient,code\n1,a\n1,b\n2,a\n")
    plan = Plan(source=str(tmp_path / "codes.csv"), kind="codes:patient,code")
    with pytest.raises(PlanError, match="of tables, of images and of cohorts"):
        open_lab(plan, silent)


def test_the_generator_sees_the_rows_to_learn_from_and_no_others(lab, monkeypatch):
    """Trap: augment before the split. Neither validation nor holdout rows reach the fit."""
    seen = []

    def spied(table, *given):
        seen.append(table)
        return ruled(table, *given)

    monkeypatch.setattr(tables, "ruled", spied)
    learn, held = at_hand(lab, 30, Seeds(4))
    lab.bench(learn, held, Seeds(4))
    mine, others = (lab.train.rows(x).frame["crp"] for x in (learn, held))
    (shown,) = seen
    assert shown.frame["crp"].tolist() == mine.tolist()
    assert not set(shown.whose()) & set(lab.train.rows(held).whose()) and len(others)
