"""Grey-box neighbours: with every release pinned, a fit knows nothing else of the patients.

`Pinned` puts fixed numbers in the place of every noised release, whatever went in. Two neighbours
must then give the same model to the last bit, and what went in may differ by no more than was
charged.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai.data.schema import Column, Kind, Origin, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.learn import mechanism, voting
from medsynai.marginal import select
from medsynai.models.catalog import load_model
from medsynai.models.entries import CATALOG
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy import noise
from medsynai.privacy.accounting import Kind as Price
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds
from medsynai.store import laid_over

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

PRIVATE_MODELS = [e.name for e in CATALOG if e.private and "table" in e.data]
SHORT = {
    "mst": {},
    "aim": {"rounds": 2},
    "diffusion": {"steps": 3, "hops": 3, "width": 16},
    "pategan": {"steps": 3, "width": 16, "teachers": 5, "votes": 8},
}
SCHEMA = Schema(
    (
        Column("age", Kind.INTEGER, minimum=0, maximum=120, decimals=0, origin=Origin.STANDARD),
        Column("sex", Kind.BINARY, categories=("f", "m"), origin=Origin.DECLARED),
        Column("ill", Kind.BINARY, Role.TARGET, categories=("no", "yes"), origin=Origin.DECLARED),
    )
)


@dataclass
class Pinned:
    """Stands in for the noise: fixed answers of the right shape; remembers what it was given."""

    counts: list[np.ndarray] = field(default_factory=list)
    sums: list[np.ndarray] = field(default_factory=list)
    reaches: list[float] = field(default_factory=list)
    chosen: list[tuple[np.ndarray, float]] = field(default_factory=list)

    def lattice(self, whole, scale, kind):
        counts = whole // noise.GRAIN  # of votes, each is paid for by itself
        self.counts.extend(counts[:, None] if kind is Price.LAPLACE else [counts])
        return (60 + np.arange(len(whole)) * 7 % 40) * noise.GRAIN

    def noisy_sums(self, sums, spread):
        self.sums.append(sums.copy())
        self.reaches.append(spread)
        return np.random.default_rng(len(self.sums)).normal(0, spread, len(sums))

    def normal(self, rows, columns):
        """The same numbers for the first rows, however many there are."""
        return np.random.default_rng(len(self.sums)).normal(size=(rows, columns)).astype("float32")

    def choose(self, scores, epsilon, reach=1.0):
        self.chosen.append((np.asarray(scores), reach))
        return len(self.chosen) % len(scores)


def pinned_fit(name: str, table: Table, patch: pytest.MonkeyPatch):
    pin = Pinned()
    patch.setattr(noise, "_lattice", pin.lattice)
    patch.setattr(mechanism, "noisy_sums", pin.noisy_sums)
    patch.setattr(mechanism, "normal", pin.normal)
    patch.setattr(voting.secrets, "randbits", lambda bits: len(pin.sums))
    patch.setattr(select, "choose", pin.choose)
    name, _, how = name.partition(", ")
    small = SHORT.get(name, {"steps": 3, "width": 16}) | VARIED.get(how, {})
    model = load_model(name, laid_over(preset_of(name, PRIVATE), small))
    return pin, model.fit(table, Ledger(Budget(20.0, 1e-5)), Seeds(0))


def patients(rows: int) -> Table:
    """The first so many of 321."""
    rng = np.random.default_rng(0)
    data = {
        "age": np.round(rng.normal(60, 12, 321).clip(0, 120))[:rows],
        "sex": rng.choice(["f", "m"], 321)[:rows],
        "ill": rng.choice(["no", "yes"], 321)[:rows],
    }
    columns = {
        c.name: pd.Series(list(data[c.name]), dtype=object).astype(canonical_dtype(c))
        for c in SCHEMA.columns
    }
    return Table(pd.DataFrame(columns), SCHEMA)


def extreme(table: Table) -> Table:
    """The last patient unlike anybody: out of range, of no category."""
    frame = table.frame.copy()
    frame.loc[len(frame) - 1, "age"] = 1e9
    frame.loc[len(frame) - 1, "sex"] = None
    return replace(table, frame=frame)


def weights(fitted) -> list[np.ndarray]:
    drawer = getattr(fitted, "drawer", None)
    own = [v.numpy() for v in drawer.state_dict().values()] if drawer else fitted.model.potentials
    return [*own, *fitted.codec.arrays().values()]


GRADED = ("autoregressive, graded", "vae, graded")  # their `private` settings go without
VARIED = {"graded": {"grades": True}, "modes": {"space": "modes"}}


@pytest.mark.parametrize("name", [*PRIVATE_MODELS, *GRADED, "wgan-gp, modes"])
def test_with_its_releases_pinned_a_fit_knows_nothing_of_a_patient(name, monkeypatch):
    pins, fits = zip(
        *(pinned_fit(name, t, monkeypatch) for t in (patients(320), extreme(patients(321)))),
        strict=True,
    )
    for one, two in zip(*map(weights, fits), strict=True):
        assert np.array_equal(one, two, equal_nan=True)
    assert fits[0].schema == fits[1].schema
    drawn = [f.sample(20, Seeds(1)).frame for f in fits]
    pd.testing.assert_frame_equal(*drawn)
    for kind in ("counts", "sums", "chosen"):
        assert len(getattr(pins[0], kind)) == len(getattr(pins[1], kind))
    for before, after in zip(pins[0].counts, pins[1].counts, strict=True):
        assert before.shape == after.shape and np.abs(after - before).sum() <= 1
    clip = 1.0
    for before, after in zip(pins[0].sums, pins[1].sums, strict=True):
        assert np.linalg.norm(after - before) <= clip * 1.001
    for (before, reach), (after, _) in zip(pins[0].chosen, pins[1].chosen, strict=True):
        assert np.abs(after - before).max() <= reach


@pytest.mark.parametrize("name", ["vae", *GRADED])
def test_a_fit_that_peeks_is_caught(name, monkeypatch):
    """The violation: first shares, and grades, looked up in the rows themselves."""
    from medsynai.learn import fitted

    before = fitted.ready_privately

    def peeking(*given):
        ready = before(*given)
        return replace(ready, known=ready.rows, open=ready.rows)

    monkeypatch.setattr(fitted, "ready_privately", peeking)
    fits = [pinned_fit(name, t, monkeypatch)[1] for t in (patients(320), patients(321))]
    same = [np.array_equal(a, b) for a, b in zip(*map(weights, fits), strict=True)]
    assert not all(same)


def test_the_pin_stands_where_the_noise_does(monkeypatch):
    pin, _ = pinned_fit("autoregressive", patients(320), monkeypatch)
    assert len(pin.counts) >= 3 and len(pin.sums) == 3 and min(pin.reaches) > 0
    assert torch.tensor(pin.sums[0]).norm() > 1
