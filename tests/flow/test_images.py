"""Images end to end: the same layout back, conditions met, and a model that draws more."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError, FolderError
from medsynai.evaluate.images.baseline import NAME, WORDS
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.evaluate.panel import Scorecard
from medsynai.evaluate.score import Family, Score, blank
from medsynai.flow.images.baseline import said
from medsynai.flow.images.pictures import small
from medsynai.flow.kinds import kind_of
from medsynai.flow.labelled import as_asked
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.sampling import Order, Target, sample
from medsynai.seeds import Seeds

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def scans(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "scans"
    folder.mkdir()
    lines = ["file,label,patient"]
    for k in range(160):
        pixels = rng.normal(90, 9, (10, 10)) + (60 if k % 2 else 0) * np.eye(10)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"i{k:03}.png")
        lines.append(f"i{k:03}.png,{'ill' if k % 2 else 'well'},p{k // 4 * 2 + k % 2}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_folder_of_pictures_comes_back_as_one(scans, tmp_path):
    plan = Plan(str(scans), model="pca", measures=("memory", "pictures"), conditions=("label=ill",))
    release = make(plan)
    release.save(tmp_path / "out")
    back = read_images(tmp_path / "out" / "synthetic")
    assert len(back.images) == 160 and back.images.classes == ("ill",)
    assert (tmp_path / "out" / "synthetic" / "labels.csv").read_text().startswith("file,label,pat")
    told = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert "pictures" not in json.dumps(told.get("internal", {}))
    assert (tmp_path / "out" / "internal" / "pictures.html").is_file()
    report = (tmp_path / "out" / "report.html").read_text()
    assert "data:image/png" in report and "img-src data:" in report


def test_a_network_shows_its_film_and_the_ways_between_two_draws(scans, tmp_path):
    settings = {"steps": 20, "width": 2, "pace": {"check": 5}}
    release = make(Plan(str(scans), model="image-vae", settings=settings, measures=("pictures",)))
    release.save(tmp_path / "out")
    exhibits = json.loads((tmp_path / "out" / "scores.json").read_text())["exhibits"]
    assert [row["label"] for row in exhibits["between"]["rows"]] == ["ill", "well"]
    assert [row["label"] for row in exhibits["film"]["rows"]][-1] == "Round 20"
    report = (tmp_path / "out" / "report.html").read_text()
    assert "What it painted meanwhile" in report and "From one draw to another" in report
    assert report.index("Some of each class") < report.index("From one draw to another")
    assert "Further tables" not in report  # the pictures are no tables at the end of the page
    assert "what was learnt of the real images" in report
    assert "film" not in (tmp_path / "out" / "model" / "model.json").read_text()


def test_large_images_are_shown_small():
    images = ImageSet.of(np.zeros((2, 3, 200, 90), np.uint8))
    assert small(images).space == (50, 23)


def test_a_saved_model_draws_more_and_writes_over_nothing(scans, tmp_path):
    make(Plan(str(scans), model="pca", measures=("pictures",))).save(tmp_path / "out")
    order = Order(30, ("label=well",), seed=4)
    sample(tmp_path / "out", order, Target(tmp_path / "more"))
    more = read_images(tmp_path / "more")
    assert len(more.images) == 30 and more.images.classes == ("well",)
    with pytest.raises(FolderError):
        sample(tmp_path / "out", order, Target(tmp_path / "more"))
    assert kind_of(tmp_path / "more") is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--keep", "age"], "tables only"),
        (["--condition", "label=none"], "none"),
        (["--model", "forest"], "not for images"),
        (["--epsilon", "1", "--delta", "1e-6"], ""),
    ],
)
def test_what_images_cannot_do_is_refused(scans, tmp_path, options, said, capsys):
    from click.testing import CliRunner

    ran = CliRunner().invoke(
        cli, ["synthesize", str(scans), "--out", str(tmp_path / "o"), *options]
    )
    assert ran.exit_code == 2 and said in ran.output
    assert not (tmp_path / "o").exists()


def test_broken_files_are_counted_only_if_asked(scans, tmp_path):
    (scans / "i000.png").write_bytes(b"\x89PNG broken")
    ran = CliRunner().invoke(cli, ["synthesize", str(scans), "--out", str(tmp_path / "o")])
    assert ran.exit_code == 2 and "i000.png is damaged" in ran.output
    release = make(Plan(str(scans), model="pca", measures=("pictures",), skip_bad=True))
    assert any("were left out: 1" in n for n in release.evidence.notes)
    release.save(tmp_path / "o")
    words = (tmp_path / "o" / "internal" / "README.md").read_text()
    assert "pictures.html" in words and "left_out.csv" in words and "{" not in words
    assert "No record was asked" not in words and "min_leaf" not in words  # those are of tables
    told = (tmp_path / "o" / "internal" / "left_out.csv").read_text()
    assert "i000.png,is damaged" in told  # for the owner alone: a name may be a patient's
    public = [p for p in (tmp_path / "o").glob("*") if p.is_file()]
    assert public and not any(b"i000.png" in p.read_bytes() for p in public)


def test_inspect_names_what_cannot_be_used(scans):
    """It counted them, and whoever had to mend them did not know which."""
    (scans / "i000.png").write_bytes(b"\x89PNG broken")
    ran = CliRunner().invoke(cli, ["inspect", str(scans), "--json"])
    assert ran.exit_code == 0
    told = json.loads(ran.output)["unusable"]
    assert told == [{"file": "i000.png", "reason": "is damaged or cut short"}]
    shown = CliRunner().invoke(cli, ["inspect", str(scans)]).output
    assert "1:" in shown and "i000.png is damaged or cut short" in shown


def test_an_alpha_channel_that_is_dropped_is_told(scans):
    """It went without a word: what could be seen through came back whole."""
    from PIL import Image

    for name in ("i000.png", "i001.png"):
        Image.open(scans / name).convert("L").convert("LA").save(scans / name)
    ran = CliRunner().invoke(cli, ["inspect", str(scans), "--json"])
    assert "dropped, of 2 images" in json.loads(ran.output)["notes"]
    release = make(Plan(str(scans), model="pca", measures=("pictures",)))
    assert any("alpha channels" in n and "of 2 images" in n for n in release.evidence.notes)


def test_images_of_one_class_are_judged_beside_their_like():
    """Before, classes that were not asked for had no counterpart, and nothing could be assessed."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (480, 1, 8, 8)).astype(np.uint8)
    real = ImageSet.of(pixels, np.arange(480) % 2, ("ill", "well"))
    shown = as_asked(real, ("label=ill",))
    assert len(shown) == 240 and not shown.labels.any() and shown.classes == real.classes
    assert len(as_asked(real, ())) == 480
    made = real.rows(np.flatnonzero(real.labels == 0))
    whole = ImageTrial(real.rows(np.arange(320)), real.rows(np.arange(320, 480)), made, Seeds(0))
    with pytest.raises(AssessmentError):
        _ = whole.sides
    parts = [as_asked(x, ("label=ill",)) for x in (whole.train, whole.holdout)]
    assert len(ImageTrial(parts[0], parts[1], made, Seeds(0)).sides.reference) >= 40


def test_a_release_says_whether_its_model_beats_the_baseline(scans, tmp_path, monkeypatch):
    """A network of a few rounds does not; before, nothing was fitted beside it, nor said."""
    monkeypatch.setattr("medsynai.evaluate.images.trial.LEAST", 20)
    monkeypatch.setattr("medsynai.evaluate.images.lenses.STEPS", 60)
    monkeypatch.setattr("medsynai.evaluate.images.utility.STEPS", 60)
    settings = {"steps": 20, "width": 2, "pace": {"check": 5}}
    plan = Plan(str(scans), model="image-vae", settings=settings, measures=("baseline",))
    release = make(plan)
    told = [n for n in release.evidence.notes if "the baseline pca" in n]
    assert told[0].startswith("image-vae does not beat the baseline pca")
    assert "features (0.000 against" in told[0]
    assert "fit the principal components" in str(release.evidence.ledger["entries"])
    release.save(tmp_path / "out")
    report = (tmp_path / "out" / "report.html").read_text()
    assert "image-vae does not beat the baseline pca" in report
    assert "Beside the baseline, principal components" in report
    itself = make(replace(plan, model="pca", settings={}))
    assert not [n for n in itself.evidence.notes if "baseline" in n]


def test_being_ahead_by_chance_is_not_called_beating():
    def scored(name: str, value: float, low: float) -> Score:
        blanked = blank(f"beyond_pca_{name}", "t", Family.FIDELITY, "high", "a paper")
        return replace(blanked, value=value, low=low, n=100)

    scores = scored("features", 0.02, -0.02), scored("pixels", 0.7, 0.6), scored("tstr", -0.1, -0.2)
    rows = [{"figure": w, "synthetic": 0.9, "pca": 0.8} for w in WORDS.values()]
    lost, even, won = said("image-gan", Scorecard(scores, {NAME: rows}))
    assert "does not beat" in lost and WORDS["tstr"] in lost
    assert "no more than chance" in even and WORDS["features"] in even
    assert "image-gan beats" in won and WORDS["pixels"] in won and WORDS["features"] not in won


def test_a_release_without_a_holdout_says_that_it_was_not_compared(scans):
    settings = {"steps": 6, "width": 2, "pace": {"check": 3}}
    plan = Plan(str(scans), model="image-vae", settings=settings, measures=("baseline",), holdout=0)
    told = [n for n in make(plan).evidence.notes if "baseline" in n]
    assert told == [
        "image-vae was not compared with the baseline pca: needs a holdout: real images that the "
        "generator never saw."
    ]
