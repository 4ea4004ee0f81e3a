"""Images under a budget: a contract, two releases, and nothing unpaid outside of `internal/`."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.images import ImageSet
from medsynai.errors import BudgetError, ReadError, SchemaError
from medsynai.flow.images.contract import ImageContract, read_contract
from medsynai.flow.images.private import divide, make
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch, silent

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
    inside = (out / "internal" / "report.html").read_text()
    assert "3 real images are of classes that the contract does not name" in inside
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


@pytest.mark.parametrize("other", [np.zeros((3, 1, 10, 9), np.uint8), np.zeros((3, 1, 10, 8))])
def test_images_of_another_form_are_refused(other):
    with pytest.raises(ReadError, match="10 x 8, 1 channels and 8 bits"):
        ImageContract((10, 8), ("all",), origin="declared").lawful(ImageSet.of(other))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epsilon", "1"], "contract that says what images"),
        (["--epsilon", "1", "--schema", "C", "--model", "image-flow"], "image-moments"),
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
