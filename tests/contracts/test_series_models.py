"""Every model of series is asked the same questions."""

import numpy as np
import pytest

from medsynai.data.series import SeriesSet
from medsynai.errors import ConditionError, InputError, ModelError
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import load_model, load_series_model, open_model
from medsynai.models.entries import CATALOG
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

NAMES = [entry.name for entry in CATALOG if "series" in entry.data]
# Settings small enough that all questions together take seconds.
QUICK = {
    "series-diffusion": {
        "width": 48,
        "layers": 2,
        "hops": 12,
        "steps": 300,
        "lr": 0.004,
        "pace": {"batch": 64, "check": 50, "average": 0.98},
    },
    "timevae": {
        "latent": 4,
        "width": 8,
        "components": 3,
        "steps": 150,
        "lr": 0.01,
        "pace": {"batch": 64, "check": 50, "average": 0.9},
    },
    "timegan": {
        "units": 12,
        "layers": 1,
        "steps": 45,
        "lr": 0.02,
        "pace": {"batch": 32, "check": 45, "average": 0.9},
    },
    "doppelganger": {
        "width": 48,
        "batch": 4,
        "critics": 2,
        "steps": 200,
        "lr": 0.005,
        "pace": {"batch": 32, "check": 200, "average": 0.95},
    },
}


def quick(name: str, settings: dict | None = None):
    return load_series_model(name, {**QUICK.get(name, {}), **(settings or {})})


def waves(n: int = 300, steps: int = 12, channels: int = 2) -> SeriesSet:
    """A wave, slow in class "slow" and quick in "quick"; the channels a quarter turn apart."""
    rng = np.random.default_rng(1)
    slow = rng.random(n) < 0.3
    turn = np.where(slow, 0.25, 0.9)[:, None, None] * np.arange(steps)[:, None]
    phase = rng.uniform(-0.5, 0.5, (n, 1, 1)) + np.arange(channels) * np.pi / 2
    values = np.sin(turn + phase) + rng.normal(0, 0.05, (n, steps, channels))
    return SeriesSet.of(np.round(values, 2), np.where(slow, 1, 0), ("quick", "slow"))


@pytest.fixture(scope="module")
def fitted():
    class Models(dict):
        def __missing__(self, name):
            self[name] = quick(name).fit(waves(), Ledger(), Seeds(3))
            return self[name]

    return Models()


def equal(one: SeriesSet, two: SeriesSet) -> bool:
    return np.array_equal(one.values, two.values) and np.array_equal(one.labels, two.labels)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_series_and_another_seed_others(name, fitted):
    small = {"steps": 20} if name in QUICK else {}
    one, two = (quick(name, small).fit(waves(60), Ledger(), Seeds(3)) for _ in range(2))
    assert equal(one.sample(20, Seeds(4)), two.sample(20, Seeds(4)))
    assert not equal(fitted[name].sample(20, Seeds(4)), fitted[name].sample(20, Seeds(5)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 333])
def test_exactly_n_series_of_the_real_ones_form(name, n, fitted):
    drawn = fitted[name].sample(n, Seeds(1))
    assert drawn.values.shape == (n, 12, 2) and np.isfinite(drawn.values).all()
    assert np.array_equal(drawn.values, drawn.values.round(2))  # on the lattice
    assert drawn.origin == "synthetic" and len(np.unique(drawn.patients)) == n
    assert drawn.classes == fitted[name].classes == ("quick", "slow")
    share = waves().counts[0] / 300
    assert abs(drawn.counts[0] - n * share) <= 1  # classes in their shares, not by chance


@pytest.mark.parametrize("name", NAMES)
def test_a_class_runs_as_the_class_does(name, fitted):
    drawn, real = fitted[name].sample(400, Seeds(1)), waves()

    def swing(series: SeriesSet) -> np.ndarray:
        return np.abs(np.diff(series.values, axis=1)).mean((1, 2))

    told = swing(drawn) > 0.38
    assert (told == (drawn.labels == 0)).mean() > 0.9
    assert ((swing(real) > 0.38) == (real.labels == 0)).mean() > 0.95
    assert abs(real.values.std() - drawn.values.std()) < 0.15
    lag = [
        np.corrcoef(x.values[:, 1:].ravel(), x.values[:, :-1].ravel())[0, 1] for x in (real, drawn)
    ]
    assert abs(lag[0] - lag[1]) < 0.12


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_is_met_or_refused(name, fitted):
    drawn = fitted[name].sample(30, Seeds(1), Condition((Wanted("label", ("slow",)),)))
    assert len(drawn) == 30 and (drawn.labels == 1).all()
    for wrong in (Wanted("label", ("none",)), Wanted("age", low=3.0)):
        with pytest.raises(ConditionError):
            fitted[name].sample(5, Seeds(1), Condition((wrong,)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("steps", "channels"), [(7, 1), (30, 4)])
def test_other_lengths_and_channels_take_the_same_way(name, steps, channels):
    settings = {"steps": 3} if name in QUICK else {}
    drawn = quick(name, settings).fit(waves(60, steps, channels), Ledger(), Seeds(1))
    assert drawn.sample(3, Seeds(1)).values.shape == (3, steps, channels)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_opened_it_draws_the_same_and_holds_no_series(name, fitted, tmp_path):
    fitted[name].save(tmp_path)
    assert equal(open_model(tmp_path).sample(9, Seeds(2)), fitted[name].sample(9, Seeds(2)))
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"model.json", "weights.safetensors", "schema.toml"}
    whole = (tmp_path / "weights.safetensors").read_bytes()
    assert b"critic" not in whole and b"embedder" not in whole
    rows = [x.T.astype(k) for x in waves().values for k in (np.float32, np.float64)]
    assert not [r for r in rows if np.ascontiguousarray(r).tobytes() in whole]
    (tmp_path / "weights.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError):
        open_model(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_few_patients_other_data_and_nothing_to_draw_are_refused(name, fitted):
    series = waves(60)
    patients = np.where(series.labels == 1, 0, series.patients)  # all slow ones are of one
    few = SeriesSet.of(series.values, series.labels, series.classes, patients)
    with pytest.raises(ModelError, match="slow"):
        quick(name).fit(few, Ledger(), Seeds(1))
    with pytest.raises(InputError):
        fitted[name].sample(0, Seeds(1))
    with pytest.raises(ModelError):
        load_model(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_is_charged_first(name):
    class Refusing(Ledger):
        def charge(self, *releases):
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        quick(name).fit(waves(60), Refusing(), Seeds(1))


NETWORKS = [n for n in NAMES if "pace" in vars(quick(n))]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_loss_is_worked_out_where_its_networks_are(name, learns_elsewhere):
    assert learns_elsewhere(lambda: quick(name).fit(waves(), Ledger(), Seeds(3))) == {"meta"}
