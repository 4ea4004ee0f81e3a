"""Every model of codes is asked the same questions."""

import json

import numpy as np
import pytest

from medsynai.data.codes import CodeMatrix
from medsynai.errors import InputError, ModelError
from medsynai.models.catalog import load_code_model, load_model, open_model
from medsynai.models.entries import CATALOG
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

ENTRIES = [entry for entry in CATALOG if "codes" in entry.data]
NAMES = [entry.name for entry in ENTRIES]
SAVED = [entry.name for entry in ENTRIES if entry.loader]
LEARNT = [name for name in SAVED if name != "shuffle"]
# Settings small enough that all questions together take seconds.
QUICK = {
    "code-mixture": {"per_component": 50},
    "aae": {"latent": 4, "width": 32, "steps": 300, "lr": 0.003},
    "medgan": {"latent": 8, "width": 32, "warm": 150, "steps": 250, "lr": 0.002},
    "emr-wgan": {"latent": 8, "width": 32, "steps": 300, "lr": 0.002},
}


def quick(name: str):
    return load_code_model(name, QUICK.get(name))


def ward(rows: int = 600, counts: bool = False) -> CodeMatrix:
    """Two kinds of patients with codes of their own, one code of nearly all, one of none."""
    rng = np.random.default_rng(2)
    kind = rng.random(rows) < 0.4
    own = np.where(kind[:, None], [0.6] * 4 + [0.02] * 4, [0.02] * 4 + [0.5] * 4)
    chance = np.hstack([own, np.full((rows, 1), 0.97), np.zeros((rows, 1))])
    found = (rng.random(chance.shape) < chance).astype(int)
    if counts:
        found[:, 0] *= rng.integers(1, 6, rows)
    return CodeMatrix.of(found, tuple(f"c{i}" for i in range(10)))


@pytest.fixture(scope="module")
def matrix() -> CodeMatrix:
    return ward()


@pytest.fixture(scope="module")
def fitted(matrix):
    class Models(dict):
        def __missing__(self, name):
            self[name] = quick(name).fit(matrix, Ledger(), Seeds(3))
            return self[name]

    return Models()


def equal(one: CodeMatrix, two: CodeMatrix) -> bool:
    return one.codes == two.codes and not (one.counts != two.counts).nnz


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_rows_and_another_seed_others(name, matrix, fitted):
    again = quick(name).fit(matrix, Ledger(), Seeds(3))
    one = fitted[name].sample(150, Seeds(4))
    assert equal(one, again.sample(150, Seeds(4)))
    assert not equal(one, fitted[name].sample(150, Seeds(5)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 2, 700])
def test_exactly_n_rows_of_known_codes(name, rows, matrix, fitted):
    drawn = fitted[name].sample(rows, Seeds(1))
    assert len(drawn) == rows and drawn.origin == "synthetic"
    assert drawn.codes == matrix.codes == fitted[name].codes
    assert len(np.unique(drawn.patients)) == rows
    assert drawn.binary


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_is_refused(name, fitted):
    with pytest.raises(InputError):
        fitted[name].sample(0, Seeds(1))


@pytest.mark.parametrize("name", NAMES)
def test_codes_keep_their_shares_and_none_is_invented(name, matrix, fitted):
    drawn = fitted[name].sample(4000, Seeds(8))
    real, made = (np.asarray(m.present.mean(axis=0)).ravel() for m in (matrix, drawn))
    assert np.abs(real - made).max() < 0.06
    assert made[9] == 0


@pytest.mark.parametrize("name", [n for n in NAMES if n != "shuffle"])
def test_what_goes_together_stays_together(name, matrix, fitted):
    """c0 and c1 are of one kind of patients, c4 of the other."""
    drawn = fitted[name].sample(4000, Seeds(8)).present.toarray()
    real = matrix.present.toarray()
    pairs = np.triu_indices(8, 1)
    truth, made = (np.corrcoef(m[:, :8], rowvar=False)[pairs] for m in (real, drawn))
    assert np.abs(truth).mean() > 0.2
    assert np.corrcoef(truth, made)[0, 1] > 0.8
    assert np.abs(made).mean() > np.abs(truth).mean() / 4


@pytest.mark.parametrize("name", LEARNT)
def test_numbers_of_codes_are_those_of_real_rows(name, matrix, fitted):
    drawn = fitted[name].sample(4000, Seeds(9))
    assert abs(drawn.widths.mean() - matrix.widths.mean()) < 0.15
    assert abs(drawn.widths.std() - matrix.widths.std()) < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_drawn_where_there_are_any(name):
    matrix = ward(counts=True)
    drawn = quick(name).fit(matrix, Ledger(), Seeds(1)).sample(3000, Seeds(2))
    real, made = (m.counts[:, [0]].toarray().ravel() for m in (matrix, drawn))
    assert made.max() <= real.max()
    assert abs(made[made > 0].mean() - real[real > 0].mean()) < 0.3


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model_draws_the_same_and_holds_no_row(name, matrix, fitted, tmp_path):
    fitted[name].save(tmp_path)
    opened = open_model(tmp_path)
    assert equal(fitted[name].sample(60, Seeds(1)), opened.sample(60, Seeds(1)))
    assert {p.suffix for p in tmp_path.iterdir()} <= {".json", ".toml", ".safetensors"}
    assert json.loads((tmp_path / "model.json").read_text())["model"] == name
    from medsynai import store

    arrays = store.load_arrays(tmp_path / "weights.safetensors")
    assert not any(len(matrix) in a.shape for a in arrays.values())


def test_a_model_that_holds_rows_is_never_saved(fitted, tmp_path):
    with pytest.raises(ModelError, match="never saved"):
        fitted["bootstrap"].save(tmp_path)


@pytest.mark.parametrize("name", SAVED)
def test_a_model_without_some_weights_is_refused(name, fitted, tmp_path):
    from medsynai import store

    fitted[name].save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    arrays = store.load_arrays(weights)
    arrays.pop(sorted(arrays)[0])
    store.save_arrays(weights, arrays)
    with pytest.raises(ModelError):
        open_model(tmp_path)


ODD = {
    "one code": np.array([[1], [0], [1]] * 20),
    "one code that all have": np.ones((60, 1), int),
    "rows without codes": np.vstack([np.zeros((30, 4), int), np.ones((30, 4), int)]),
    "no code in any row": np.zeros((60, 4), int),
    "one code a row": np.eye(4, dtype=int)[np.arange(60) % 4],
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", ODD)
def test_odd_matrices(name, odd):
    matrix = CodeMatrix.of(ODD[odd], tuple(f"c{i}" for i in range(ODD[odd].shape[1])))
    drawn = quick(name).fit(matrix, Ledger(), Seeds(1)).sample(33, Seeds(2))
    assert len(drawn) == 33
    real = np.asarray(matrix.counts.sum(axis=0)).ravel()
    made = np.asarray(drawn.counts.sum(axis=0)).ravel()
    assert not (made[real == 0] > 0).any()
    if name in LEARNT and len(np.unique(matrix.widths)) == 1:
        assert (drawn.widths == matrix.widths[0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_row_is_learnt_or_refused(name):
    matrix = CodeMatrix.of(np.array([[1, 0, 1]]), ("a", "b", "c"))
    try:
        drawn = quick(name).fit(matrix, Ledger(), Seeds(1)).sample(3, Seeds(2))
    except InputError:
        return
    assert len(drawn) == 3


class Watched(CodeMatrix):
    """A matrix that remembers whether the ledger was charged when its rows were first read."""

    def watch(self, ledger):
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "ledger", ledger)
        return self

    def __getattribute__(self, name):
        inside = object.__getattribute__(self, "__dict__")
        if name in ("counts", "patients") and "ledger" in inside:
            inside["seen"].append(len(inside["ledger"].entries) > 0)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_is_charged_before_a_row_is_read(name, matrix):
    ledger = Ledger()
    watched = Watched(matrix.counts, matrix.codes, matrix.patients).watch(ledger)
    quick(name).fit(watched, ledger, Seeds(1))
    assert watched.seen and all(watched.seen)
    assert ledger.guarantee == "unprotected"


def test_a_model_of_other_data_is_refused():
    with pytest.raises(ModelError, match="not for codes"):
        load_code_model("forest")
    with pytest.raises(ModelError, match="not for tables"):
        load_model("code-mixture")


NETWORKS = [n for n in NAMES if "pace" in vars(quick(n))]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_loss_is_worked_out_where_its_networks_are(name, learns_elsewhere):
    assert learns_elsewhere(lambda: quick(name).fit(ward(), Ledger(), Seeds(3))) == {"meta"}
