"""Images under a budget: a contract, two releases, and nothing unpaid outside of `internal/`."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from medsynai.cli import cli
from medsynai.data.images import ImageSet
from medsynai.errors import BudgetError, PlanError, ReadError, SchemaError
from medsynai.flow.images import private
from medsynai.flow.images.contract import read_contract
from medsynai.flow.images.private import divide, make
from medsynai.flow.plan import Plan
from medsynai.flow.run import run
from medsynai.flow.watch import Watch, silent
from medsynai.models.catalog import load_image_model
from medsynai.models.image_moments import ImageMoments
from medsynai.privacy import moments, noise
from medsynai.privacy.ledger import Budget, Ledger

CONTRACT = 'size = [10, 8]\nclasses = ["ill", "well"]\norigin = "declared"\n'


def stored(path, n=160, patients=None, names=("ill", "well", "Mrs Smith"), size=(10, 8)):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    labels[:3] = 2  # of a class that the contract does not name
    pixels = rng.integers(0, 255, (n, *size)).astype(np.uint8)
    own = np.arange(n) // 2 if patients is None else patients
    np.savez(path, images=pixels, labels=labels, class_names=np.array(names), patients=own)
    return str(path)


@pytest.fixture
def told(tmp_path):
    (tmp_path / "contract.toml").write_text(CONTRACT)
    source = stored(tmp_path / "scans.npz")
    return Plan(source, schema=str(tmp_path / "contract.toml"), epsilon=2.0, rows=60)


def test_a_release_is_paid_for_and_says_nothing_unpaid(told, tmp_path):
    release = make(told)
    out = release.save(tmp_path / "out")
    ledger = json.loads((out / "ledger.json").read_text())
    assert [e["mechanism"] for e in ledger["entries"]] == ["gaussian", "gaussian"]
    assert ledger["spent"]["pld"] <= 2.0 and ledger["unit"] == "patient"
    with np.load(out / "synthetic.npz") as file:
        assert file["images"].shape == (60, 10, 8) and file["images"].dtype == np.uint8
        assert list(file["class_names"]) == ["ill", "well"]
    outside = [p for p in out.rglob("*") if p.is_file() and "internal" not in p.parts]
    assert {p.name for p in outside if p.suffix == ".json"} == {"ledger.json", "model.json"}
    for path in outside:  # a name that only a real image has; how many there are, and were lost
        assert b"Smith" not in path.read_bytes()
    assert not release.scores and not release.evidence.exhibits
    page = (out / "report.html").read_text()
    assert "60 synthetic images, 80 pixels of the contract" in page and "ill, well" in page
    assert read_contract(str(out / "schema.toml")) == read_contract(told.schema)
    assert release.evidence.data.rows is None and release.evidence.data.patients is None
    inside = (out / "internal" / "misfits.csv").read_text()
    assert ",3,class not in the contract" in inside
    assert json.loads((out / "internal" / "scores.json").read_text())["scores"]


def test_how_many_images_are_made_is_bought_where_nobody_says(told, tmp_path):
    contract = tmp_path / "contract.toml"
    release = make(Plan(told.source, schema=str(contract), epsilon=4.0, measures=("pictures",)))
    assert len(release.evidence.ledger["entries"]) == 3
    assert 20 <= len(release.made) <= 200  # 79 patients, and noise


def test_runs_of_one_ledger_add_up(told, tmp_path):
    more = {"schema": told.schema, "epsilon": 2.0, "rows": 60, "ledger": str(tmp_path / "l.json")}
    quick = {"measures": ("pictures",)}
    make(Plan(told.source, **more, total_epsilon=2.5, **quick))
    with pytest.raises(BudgetError):
        make(Plan(told.source, **more, **quick))


def test_nobody_changes_sides_when_a_patient_is_added(told, tmp_path):
    contract = read_contract(told.schema)
    few = divide(told, contract, Watch(silent))
    stored(tmp_path / "scans.npz", n=160, patients=np.arange(160) // 2)
    with np.load(told.source) as file:
        arrays = dict(file)
    extra = np.full((1, 10, 8), 7, np.uint8)
    first = {"images": extra, "labels": np.array([1]), "patients": np.array([-1])}
    whole = {k: np.concatenate([first[k], arrays[k]]) for k in first}
    np.savez(told.source, **whole, class_names=arrays["class_names"])
    more = divide(told, contract, Watch(silent))
    for one, two in ((few.train, more.train), (few.holdout, more.holdout)):
        new = [x for x in two.pixels if not (x == 7).all()]
        assert np.array_equal(np.array(new), one.pixels)
    assert len(few.holdout) and not {*few.train.patients} & {*few.holdout.patients} - {*range(80)}


def test_images_of_a_patient_stay_together(told):
    parts = divide(told, read_contract(told.schema), Watch(silent))
    with np.load(told.source) as file:
        whose = {x.tobytes(): p for x, p in zip(file["images"], file["patients"], strict=True)}
    sides = [{whose[x.tobytes()] for x in part.pixels} for part in (parts.train, parts.holdout)]
    assert not sides[0] & sides[1]


def test_nothing_lawful_is_synthesised_as_anything(told, tmp_path):
    source = stored(tmp_path / "none.npz", names=("a", "b", "c"))
    release = make(Plan(source, schema=told.schema, epsilon=1.0, rows=5))
    assert len(release.made) == 5 and release.made.classes == ("ill", "well")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('size = [10, 8]\nclasses = ["a"]\n', "origin is one of"),
        ('size = [10, 8]\nclasses = ["a"]\norigin = "inferred"', "origin is one of"),
        ('size = [10]\nclasses = ["a"]\norigin = "declared"', "2 or 3 sides"),
        ('size = [10, 8]\nclasses = ["a", "a"]\norigin = "declared"', "each class once"),
        ('sise = [10, 8]\nclasses = ["a"]\norigin = "declared"', "sise"),
        ("size = [10", "not valid TOML"),
    ],
)
def test_contracts_that_say_too_little_are_refused(tmp_path, text, said):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SchemaError, match=said):
        read_contract(str(tmp_path / "c.toml"))


@pytest.mark.parametrize("other", [np.zeros((3, 10, 9), np.uint8), np.zeros((3, 10, 8))])
def test_arrays_of_another_form_are_refused(told, tmp_path, other):
    np.save(tmp_path / "other.npy", other)
    with pytest.raises(ReadError, match="10 x 8, 1 channels and 8 bits"):
        make(replace(told, source=str(tmp_path / "other.npy")))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epsilon", "1"], "contract that says what images"),
        (["--epsilon", "1", "--schema", "C", "--model", "dcgan"], "image-moments"),
        (["--epsilon", "1", "--schema", "C", "--condition", "label=odd"], "odd"),
        (["--epsilon", "1", "--schema", "C", "--target", "age"], "tables only"),
    ],
)
def test_what_cannot_be_private_is_refused(told, tmp_path, options, said):
    options = [told.schema if o == "C" else o for o in options]
    order = ["synthesize", told.source, "--out", str(tmp_path / "out"), *options]
    found = CliRunner().invoke(cli, order)
    assert found.exit_code == 2 and said in found.output
    assert not (tmp_path / "out").exists()


def test_looking_for_a_contract_shows_one(told, tmp_path):
    found = CliRunner().invoke(cli, ["inspect", told.source, "--private"])
    assert found.exit_code == 2 and "classes = [" in found.output


def pictures(path, n=60, seed=0, worse=False, labels="labels.csv"):
    """A folder of pictures with a list; `worse`: files of one more patient that nobody likes."""
    rng = np.random.default_rng(seed)
    path.mkdir()
    lines = ["file,label,patient"]
    for k in range(n):
        grey = rng.integers(0, 255, (10, 8)).astype(np.uint8)
        Image.fromarray(grey).save(path / f"{k:03}.png")
        lines.append(f"{k:03}.png,{('ill', 'well')[k % 2]},P{k // 2}")
    if worse:
        for k in range(n + 5):  # more of another size than there are of the contract's
            Image.fromarray(np.full((12, 9), k, np.uint8)).save(path / f"w{k}.png")
            lines.append(f"w{k}.png,ill,W")
        (path / "cut.png").write_bytes((path / "000.png").read_bytes()[:60])
        Image.fromarray(np.full((10, 8), 7, np.uint8)).save(path / "unlisted.png")
        Image.fromarray(np.full((10, 8, 3), 7, np.uint8)).save(path / "colour.png")
        Image.fromarray(np.full((10, 8), 700, np.uint16)).save(path / "deep.png")
        lines += ["cut.png,ill,W", "colour.png,ill,W", "deep.png,ill,W", "one,two", '"open,ill,W']
        lines += ["000.png,well,W", ""]
        for name, said in (("rare", "own disease,W"), ("nobody", "ill,"), ("blank", ",W")):
            Image.fromarray(np.full((10, 8), 9, np.uint8)).save(path / f"{name}.png")
            lines.append(f"{name}.png,{said}")
    if labels:
        (path / labels).write_text("\n".join(lines) + "\n")
    return path


def arrays(path, n=60, seed=0, worse=False):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    if worse:
        labels[-4:] = [7, -1, 2, 2]
    pixels = rng.integers(0, 255, (n, 10, 8)).astype(np.uint8)
    names = np.array(["ill", "well", "own disease"])
    np.savez(path, images=pixels, labels=labels, class_names=names, patients=np.arange(n) // 2)
    return path


@pytest.fixture
def pinned(monkeypatch):
    """Fixed answers in the place of every noised release."""
    fixed, drawn = np.random.default_rng(3), {}

    def sums(given, spread):
        return drawn.setdefault(len(given), fixed.normal(0, spread, len(given)) + 20).copy()

    monkeypatch.setattr(moments, "noisy_sums", sums)
    monkeypatch.setattr(
        noise, "_lattice", lambda whole, scale, kind: np.full(len(whole), 30 * noise.GRAIN)
    )


def released(source, told, out, **more):
    """What leaves, and what is said; the source stands at one place, as the plan names it."""
    words: list[str] = []
    place = source.rename(source.with_name("source" + source.suffix))
    plan = replace(told, source=str(place), measures=("pictures",), rows=None, **more)
    run(plan, out, tell=words.append)
    place.rename(source)
    files = (p for p in out.rglob("*") if p.is_file() and "internal" not in p.parts)
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}, words


EMBEDDED = {
    "model": "image-mean-embedding",
    "settings": {"waves": 16, "features": 100, "parts": 2, "steps": 3},
}


@pytest.mark.parametrize(
    ("kept", "ending", "model"),
    [(pictures, "", {}), (arrays, ".npz", {}), (arrays, ".npz", EMBEDDED)],
)
def test_what_leaves_is_the_same_whatever_the_images_are(
    pinned, told, tmp_path, kept, ending, model, recwarn
):
    """With every bought number held fixed: many, few, none, and files that nobody likes."""
    sources = [
        kept(tmp_path / f"many{ending}"),
        kept(tmp_path / f"few{ending}", 10, seed=7),
        kept(tmp_path / f"none{ending}", 0),
        kept(tmp_path / f"strange{ending}", worse=True),
    ]
    more = {"kind": "images", **model}  # a folder of none does not show what it is for
    found = [released(s, told, tmp_path / f"out-{s.stem}", **more) for s in sources]
    first, words = found[0]
    assert {"ledger.json", "report.html", "card.md", "schema.toml", "plan.toml"} <= set(first)
    assert any(name.startswith("model/") for name in first)
    for other, said in found[1:]:
        assert said == words and set(other) == set(first)
        assert {n for n in first if other[n] != first[n]} == set()
    assert not recwarn.list
    misfits = (tmp_path / "out-strange" / "internal" / "misfits.csv").read_text()
    assert "class not in the contract" in misfits
    if kept is pictures:
        assert ",67,another size or type" in misfits and ",1,nobody is named" in misfits
        assert ",1,not listed" in misfits and ",1,damaged" in misfits


@pytest.mark.parametrize("leak", ["shares", "rows", "facts"])
def test_a_fact_let_out_is_seen(pinned, told, tmp_path, monkeypatch, leak):
    """Violations: the true number of patients, of images, and the true shares of the classes."""
    seen, divided, fit = [], private.divide, ImageMoments.fit

    def peeking(model, images, *more):
        fitted = fit(model, images, *more)
        share = tuple(float(x) for x in images.counts / len(images))
        return replace(fitted, frame=replace(fitted.frame, share=share))

    monkeypatch.setattr(private, "divide", lambda *a: seen.append(divided(*a)) or seen[-1])
    if leak == "rows":
        monkeypatch.setattr(private, "noisy_number", lambda true, *_: true)
    elif leak == "facts":
        monkeypatch.setattr(private, "said", lambda plan, n: (str(len(seen[-1].train)),))
    else:
        monkeypatch.setattr(ImageMoments, "fit", peeking)
    sources = [arrays(tmp_path / "many.npz"), arrays(tmp_path / "few.npz", 11, seed=7)]
    one, two = (released(s, told, tmp_path / f"out-{s.stem}")[0] for s in sources)
    assert any(one[n] != two[n] for n in one)


def test_an_image_that_is_nobodys_is_a_unit_of_its_own(told, tmp_path):
    """Nobody said whose the images are: then the guarantee is for an image, and says so."""
    with np.load(told.source) as file:
        np.save(tmp_path / "bare.npy", file["images"])
        np.savez(tmp_path / "bare.npz", images=file["images"], labels=file["labels"] % 2)
    pictures(tmp_path / "flat", labels="")
    (tmp_path / "all.toml").write_text(CONTRACT.replace('"ill", "well"', '"all", "0", "1"'))
    for source in ("bare.npz", "bare.npy", "flat"):
        plan = replace(told, source=str(tmp_path / source), schema=str(tmp_path / "all.toml"))
        out = make(replace(plan, measures=("pictures",))).save(tmp_path / f"out-{source}")
        ledger = json.loads((out / "ledger.json").read_text())
        assert ledger["unit"] == "image" and ledger["entries"][0]["unit"] == "image"
        for name in ("report.html", "card.md"):
            text = (out / name).read_text()
            assert "for one image: no file or label names the patient" in text
            assert "for one patient, with all" not in text
    order = ["synthesize", told.source, "--schema", told.schema, "--epsilon", "2", "--rows", "5"]
    said = CliRunner().invoke(cli, [*order, "--json", "--out", str(tmp_path / "named")])
    assert json.loads(said.stdout)["unit"] == "patient"


def test_a_picture_beside_the_folders_of_classes_takes_no_label_away(told, tmp_path):
    """One file of one more patient must not make `all` the class of everybody's images."""
    source = tmp_path / "classed"
    source.mkdir()
    for name in ("ill", "well"):
        pictures(source / name, 20, seed=len(name), labels="")
    plan, contract = replace(told, source=str(source)), read_contract(told.schema)
    few = divide(plan, contract, Watch(silent))
    Image.fromarray(np.full((10, 8), 7, np.uint8)).save(source / "stray.png")
    more = divide(plan, contract, Watch(silent))
    assert np.array_equal(few.train.pixels, more.train.pixels) and few.people == 40
    assert np.array_equal(few.train.labels, more.train.labels)
    assert not sum(few.lost.values()) and sum(more.lost.values()) == 1


def test_a_class_that_noise_takes_away_can_be_asked_for(told, monkeypatch):
    """The run is paid for by then, and must not end in words about a class that there is."""
    monkeypatch.setattr(moments, "noisy_sums", lambda given, spread: -np.abs(given) - 1)
    release = make(replace(told, rows=5, conditions=("label=well",), measures=("pictures",)))
    assert (release.made.labels == 1).all()


def test_what_says_more_than_pixels_is_refused_before_it_is_read(told, tmp_path):
    source = pictures(tmp_path / "flat", 4)
    volumes = tmp_path / "volumes.toml"
    volumes.write_text('size = [4, 10, 8]\nclasses = ["ill"]\norigin = "declared"\n')
    with pytest.raises(PlanError, match="these files are pictures"):
        make(replace(told, source=str(source), schema=str(volumes)))
    for p in source.iterdir():
        p.unlink()
    (source / "x.dcm").write_bytes(b"never read")
    with pytest.raises(PlanError, match="dicom say more of a patient"):
        make(replace(told, source=str(source)))


def test_waves_of_a_volume_fit_in_memory():
    """The whole basis of these volumes would take 200 gigabytes."""
    images = ImageSet.of(np.zeros((3, 1, 40, 64, 64), np.uint8))
    fitted = load_image_model("image-moments").fit(images, Ledger(Budget(1.0, 1e-6)))
    assert fitted.sample(2).space == (40, 64, 64)
