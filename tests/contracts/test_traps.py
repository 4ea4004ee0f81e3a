"""What a fitted model keeps: nothing of a row, in memory or in its files; seen where it does."""

import dataclasses
import gc
from dataclasses import replace
from pathlib import Path
from types import FunctionType, MethodType, ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai import store
from medsynai.data.codes import CodeMatrix
from medsynai.data.images import ImageSet
from medsynai.data.schema import Column, Kind, Origin, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import load_code_model, load_image_model, load_model
from medsynai.models.entries import CATALOG
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds
from medsynai.store import laid_over

ROWS = 379  # a prime that is nobody's width, bins or steps
BARE = {"steps": 2, "width": 16}
DRAWN = {"latent": 4, "width": 4, "steps": 2}
TINY = {
    "aae": {**BARE, "latent": 3},
    "vae": BARE,
    "beta-vae": BARE,
    "tvae": BARE,
    "autoregressive": {**BARE, "blocks": 1},
    "diffusion": {**BARE, "layers": 2, "hops": 3},
    "gan": {**BARE, "warm": 2, "ties": 8},
    "cgan": BARE,
    "ctgan": BARE,
    "wgan-gp": BARE,
    "tablegan": {"steps": 2, "width": 32},
    "refined": {"inner": "copula", "rounds": 1, "trees": 5, "pool": 3},
    **dict.fromkeys(("image-vae", "dcgan", "acgan", "image-wgan-gp"), DRAWN),
    "image-hybrid": {"latent": 4, "width": 4, "rounds": (2, 2, 2)},
    "forest": {"trees": 2},
    "aim": {"rounds": 2},
    "image-gan": {"components": 4, "width": 4, "rounds": (2, 2)},
    "image-mean-embedding": {"features": 64, "parts": 2, "steps": 2},
    "image-flow": {**BARE, "levels": 1, "hops": 2},
    "medgan": {"width": 16, "latent": 4, "warm": 2, "steps": 2},
    "emr-wgan": {**BARE, "latent": 4},
}
DECLARED = Origin.DECLARED
SCHEMA = Schema(
    (
        Column("dose", Kind.CONTINUOUS, minimum=0, maximum=9, decimals=12, origin=DECLARED),
        Column("age", Kind.INTEGER, minimum=0, maximum=120, decimals=0, origin=DECLARED),
        Column("sex", Kind.BINARY, categories=("f", "m"), origin=DECLARED),
        Column("ill", Kind.BINARY, Role.TARGET, categories=("no", "yes"), origin=DECLARED),
    )
)


def patients() -> Table:
    """Each dose has twelve decimals and is one patient's alone: all of them are canaries."""
    rng = np.random.default_rng(6)
    data = {
        "dose": np.round(rng.uniform(1, 8, ROWS), 12),
        "age": np.round(rng.normal(60, 12, ROWS).clip(0, 120)),
        "sex": rng.choice(["f", "m"], ROWS),
        "ill": rng.choice(["no", "yes"], ROWS),
    }
    columns = {
        c.name: pd.Series(list(data[c.name]), dtype=object).astype(canonical_dtype(c))
        for c in SCHEMA.columns
    }
    return Table(pd.DataFrame(columns), SCHEMA)


def canaries_in(folder: Path, table: Table) -> set[float]:
    """The doses that stand in any file, as eight bytes or as digits."""
    whole = b"\n".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    doses = np.sort(table.frame["dose"].to_numpy())[3:-3]  # the ends may be drawn: threat model
    return {
        x for x in doses if np.float64(x).tobytes() in whole or str(float(x))[:11].encode() in whole
    }


def of_rows(folder: Path, rows: int) -> list[str]:
    """Saved arrays with a number a row, or of what only training needs."""
    words = ("critic", "discriminator", "optim", "exp_avg", "moment")
    found = []
    for path in folder.rglob("*.safetensors"):
        arrays = store.load_arrays(path).items()
        found += [n for n, a in arrays if rows in a.shape or any(w in n for w in words)]
    return found


def fitted_table(name: str):
    return load_model(name, TINY.get(name)).fit(patients(), Ledger(), Seeds(1))


TABLES = [e.name for e in CATALOG if "table" in e.data and e.loader and not e.needs_budget]


@pytest.mark.parametrize("name", TABLES)
def test_no_file_of_a_model_holds_a_patients_number_or_a_number_a_patient(name, tmp_path):
    fitted_table(name).save(tmp_path)
    assert not canaries_in(tmp_path, patients())
    assert not of_rows(tmp_path, ROWS)
    files = {p.suffix for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {".json", ".toml", ".safetensors"}


def planted_row(folder: Path) -> None:
    (folder / "notes.json").write_text(store.to_json({"last": patients().frame["dose"][40]}))


def planted_pickle(folder: Path) -> None:
    patients().frame.to_pickle(folder / "rows.pkl")


def planted_array(folder: Path, name: str, values: np.ndarray) -> None:
    path = folder / "weights.safetensors"
    store.save_arrays(path, store.load_arrays(path) | {name: values})


PLANTED = {
    "a row": planted_row,
    "a pickle": planted_pickle,
    "the rows": lambda f: planted_array(f, "rows", patients().frame[["dose"]].to_numpy()),
    "encoded rows": lambda f: planted_array(f, "codes", np.ones((ROWS, 4), np.float32)),
    "a discriminator": lambda f: planted_array(f, "critic.0.weight", np.ones((4, 4))),
    "an optimiser": lambda f: planted_array(f, "net.0.exp_avg", np.ones((4, 4))),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_what_a_model_stores_of_rows_or_training_is_seen(fault, tmp_path):
    fitted_table("copula").save(tmp_path)
    PLANTED[fault](tmp_path)
    assert canaries_in(tmp_path, patients()) or of_rows(tmp_path, ROWS)


@pytest.mark.parametrize("name", [e.name for e in CATALOG if "codes" in e.data and e.loader])
def test_no_file_of_a_model_of_codes_holds_a_patients_codes(name, tmp_path):
    counts = np.random.default_rng(2).integers(0, 2, (ROWS, 24))
    matrix = CodeMatrix.of(counts, tuple(f"c{i}" for i in range(24)))
    load_code_model(name, TINY.get(name)).fit(matrix, Ledger(), Seeds(1)).save(tmp_path)
    whole = (tmp_path / "weights.safetensors").read_bytes()
    kinds = (np.uint8, np.int32, np.int64, np.float32, np.float64)
    assert not [r for r in counts for k in kinds if r.astype(k).tobytes() in whole]
    assert not of_rows(tmp_path, ROWS)
    planted_array(tmp_path, "one", counts[7].astype(np.float32))  # the violation
    assert counts[7].astype(np.float32).tobytes() in (tmp_path / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("name", [e.name for e in CATALOG if "images" in e.data and e.loader])
def test_no_file_of_a_model_of_images_holds_a_picture(name, tmp_path):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (ROWS, 1, 6, 6)).astype(np.uint8)
    labels = rng.integers(0, 2, ROWS)
    images = ImageSet.of(pixels, labels, ("ill", "well"))
    load_image_model(name, TINY.get(name)).fit(images, Ledger(), Seeds(1)).save(tmp_path)

    def found() -> bool:
        whole = (tmp_path / "weights.safetensors").read_bytes()
        kinds = (np.uint8, np.float32, np.float64)
        scaled = [k(p) / (255 if k is not np.uint8 else 1) for p in pixels for k in kinds]
        raw = [p.astype(k) for p in pixels for k in kinds]
        return any(np.ascontiguousarray(x).tobytes() in whole for x in [*raw, *scaled])

    assert not found() and not of_rows(tmp_path, ROWS)
    planted_array(tmp_path, "mean", pixels[9].astype(np.float32))  # the violation
    assert found()


# Under a budget: once the fit is done, nothing may go back to the rows (CTGAN's condition vector).


class Gone(Exception):
    """The rows were touched after they were paid for."""


class Sealed(Table):
    """A table that raises whatever is asked of it, once it is closed."""

    def __getattribute__(self, name: str):
        if not name.startswith("__") and "closed" in object.__getattribute__(self, "__dict__"):
            raise Gone(name)
        return object.__getattribute__(self, name)

    def close(self) -> None:
        object.__setattr__(self, "closed", True)


def reachable(start: object) -> list[object]:
    """Everything that an object holds, directly or through others; not code."""
    seen, todo = {}, [start]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | MethodType):
            continue
        seen[id(one)] = one
        todo += gc.get_referents(one)
        if isinstance(one, torch.nn.Module):
            todo += [*one.parameters(), *one.buffers()]
    return list(seen.values())


def holds_rows(fitted: object) -> bool:
    """Whether it holds the table, or an array with a number a row."""
    sized = (np.ndarray, torch.Tensor, pd.DataFrame, pd.Series)
    held = reachable(fitted)
    return any(isinstance(x, Table) for x in held) or any(
        ROWS in x.shape for x in held if isinstance(x, sized)
    )


def drawn(fitted) -> None:
    """Every way in which a model draws."""
    fitted.sample(20, Seeds(2))
    fitted.sample(20, Seeds(2), Condition((Wanted("sex", levels=("f",)),)))
    fitted.sample(20, Seeds(2), Condition((Wanted("ill", levels=("yes",)), Wanted("age", low=50))))


def sealed_fit(name: str):
    pytest.importorskip("dp_accounting")
    pytest.importorskip("opendp")
    rows = Sealed(patients().frame, SCHEMA)
    settings = laid_over(preset_of(name, PRIVATE), TINY.get(name, {}))
    fitted = load_model(name, settings).fit(rows, Ledger(Budget(20.0, 1e-5)), Seeds(1))
    rows.close()
    return fitted, rows


@pytest.mark.parametrize("name", [e.name for e in CATALOG if e.private and "table" in e.data])
def test_no_draw_of_a_private_model_goes_back_to_the_rows(name, tmp_path):
    fitted, _ = sealed_fit(name)
    drawn(fitted)
    fitted.save(tmp_path)
    assert not holds_rows(fitted)
    assert not canaries_in(tmp_path, patients()) and not of_rows(tmp_path, ROWS)


def test_a_condition_vector_of_real_frequencies_is_seen():
    """The violation: levels asked for by their frequency among the rows; and rows kept as codes."""
    fitted, rows = sealed_fit("gan")

    @dataclasses.dataclass(frozen=True)
    class Peeking:
        inner: object
        rows: object

        def sample(self, n, seeds, condition=Condition()):  # noqa: B008
            common = self.rows.frame["sex"].mode()[0]
            return self.inner.sample(n, seeds, Condition((Wanted("sex", levels=(common,)),)))

    peeking = Peeking(fitted, rows)
    with pytest.raises(Gone):
        drawn(peeking)
    assert holds_rows(peeking) and not holds_rows(fitted)
    assert holds_rows(replace(fitted, facts={"known": [torch.zeros(ROWS, 4)]}))
