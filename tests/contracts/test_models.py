"""Every model of the catalogue is asked the same questions."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError, InputError, ModelError
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import find_entry, load_model, open_model
from medsynai.models.entries import CATALOG
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

TABLES = [entry for entry in CATALOG if "table" in entry.data]
NAMES = [entry.name for entry in TABLES]
SAVED = [entry.name for entry in TABLES if entry.loader]
# Networks small enough that all questions together take seconds.
QUICK = {
    "vae": {"steps": 120, "width": 64, "latent": 8, "lr": 0.003},
    "refined": {"inner": "copula", "rounds": 2, "folds": 2, "trees": 10, "pool": 3, "drawn": 3},
    "aae": {"steps": 200, "width": 64, "latent": 4, "lr": 0.003},
    "gan": {"warm": 50, "steps": 100, "width": 32, "latent": 8, "ties": 16, "lr": 0.003},
    "cgan": {"steps": 150, "width": 32, "latent": 8, "lr": 0.003},
    "ctgan": {
        **{"steps": 150, "width": 64, "latent": 16, "lr": 0.003, "bins": 60},
        "pace": {"batch": 200, "check": 50},
    },
    "wgan-gp": {"steps": 60, "width": 32, "latent": 8, "lr": 0.003},
    "tablegan": {"steps": 150, "width": 32, "latent": 8, "lr": 0.003},
    "pategan": {"steps": 20, "width": 32, "latent": 8, "teachers": 10, "votes": 16},
    "autoregressive": {"steps": 150, "width": 32, "blocks": 1, "lr": 0.01},
    "tvae": {"steps": 150, "width": 64, "latent": 8, "lr": 0.005},
    "beta-vae": {"steps": 120, "width": 64, "latent": 8, "lr": 0.005},
    "diffusion": {"steps": 300, "width": 64, "layers": 2, "hops": 8, "lr": 0.005},
}


# Always private: noise cannot be seeded, and every fact of the schema is declared.
BUDGETED = [entry.name for entry in CATALOG if entry.needs_budget]


def quick(name: str):
    return load_model(name, QUICK.get(name))


def ledger_of(name: str) -> Ledger:
    return Ledger(Budget(40.0, 1e-3)) if name in BUDGETED else Ledger()


def quick_fit(name: str, table: Table, seeds: Seeds):
    return quick(name).fit(declared(name, table), ledger_of(name), seeds)


def declared(name: str, table: Table) -> Table:
    """The table as a person would describe it beforehand, for a model that must be told."""
    if name not in BUDGETED:
        return table
    columns = []
    for column in table.schema.columns:
        column = replace(column, origin=Origin.DECLARED)
        if column.kind.is_number and column.minimum is None:
            column = replace(column, minimum=0.0, maximum=99.0, decimals=column.decimals or 0)
        columns.append(column)
    return Table(table.frame, replace(table.schema, columns=tuple(columns)))


def make_table(columns: dict[str, tuple[Column, list]]) -> Table:
    schema = Schema(tuple(column for column, _ in columns.values()))
    data = {
        name: pd.Series(values, dtype=object).astype(canonical_dtype(column))
        for name, (column, values) in columns.items()
    }
    return Table(pd.DataFrame(data), schema)


def clinic(rows: int = 400) -> Table:
    """A mixed table with relations, missing values, a heavy value, a lattice and a rare level."""
    rng = np.random.default_rng(5)
    age = np.round(rng.normal(60, 15, rows).clip(18, 100))
    sex = rng.choice(["f", "m"], rows)
    stage = np.digitize(age + rng.normal(0, 8, rows), [50, 65])
    lab = np.round(np.exp(rng.normal(age / 40, 0.3)), 2)
    lab[rng.random(rows) < 0.2] = np.nan
    drug = np.where(rng.random(rows) < 0.5, 0.0, np.round(rng.gamma(2, 4, rows), 1))
    site = rng.choice(["A", "B", "C", "D"], rows, p=[0.5, 0.3, 0.18, 0.02])
    columns = {
        "age": (Column("age", Kind.INTEGER, minimum=18, maximum=100, decimals=0), list(age)),
        "sex": (Column("sex", Kind.BINARY, categories=("f", "m")), list(sex)),
        "stage": (
            Column("stage", Kind.ORDINAL, categories=("I", "II", "III"), missing=True),
            [None if k == 0 and i % 3 == 0 else ("I", "II", "III")[k] for i, k in enumerate(stage)],
        ),
        "lab": (
            Column(
                "lab",
                Kind.CONTINUOUS,
                missing=True,
                decimals=2,
                minimum=float(np.nanmin(lab)),
                maximum=float(np.nanmax(lab)),
            ),
            list(lab),
        ),
        "drug": (
            Column("drug", Kind.CONTINUOUS, decimals=1, minimum=0.0, maximum=float(drug.max())),
            list(drug),
        ),
        "site": (
            Column("site", Kind.CATEGORICAL, categories=("A", "B", "C", "D", "E")),
            list(site),
        ),
    }
    return make_table(columns)


@pytest.fixture(scope="module")
def table() -> Table:
    return clinic()


@pytest.fixture(scope="module")
def fitted(table):
    class Models(dict):
        def __missing__(self, name):
            self[name] = quick_fit(name, table, Seeds(3))
            return self[name]

    return Models()


def assert_lawful(drawn: Table, schema: Schema, rows: int) -> None:
    assert len(drawn) == rows
    assert drawn.origin == "synthetic"
    assert drawn.schema.names == schema.names
    for column in schema.columns:
        values = drawn.frame[column.name]
        assert values.dtype == canonical_dtype(column), column.name
        if not column.missing:
            assert values.notna().all(), column.name
        if column.kind.is_number:
            present = values.dropna().to_numpy()
            if column.decimals is not None:
                assert np.array_equal(present, np.round(present, column.decimals)), column.name
            if column.minimum is not None:
                assert (present >= column.minimum).all() and (present <= column.maximum).all()


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_rows_and_another_seed_others(name, table, fitted):
    again = fitted[name] if name in BUDGETED else quick_fit(name, table, Seeds(3))
    one, two = fitted[name].sample(150, Seeds(4)), again.sample(150, Seeds(4))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert not fitted[name].sample(150, Seeds(5)).frame.equals(one.frame)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_exactly_n_lawful_rows(name, rows, table, fitted):
    assert_lawful(fitted[name].sample(rows, Seeds(1)), table.schema, rows)


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_is_refused(name, fitted):
    with pytest.raises(InputError):
        fitted[name].sample(0, Seeds(1))


@pytest.mark.parametrize("name", NAMES)
def test_columns_keep_their_distribution(name, table, fitted):
    drawn = fitted[name].sample(4000, Seeds(8)).frame
    real = table.frame
    assert abs(drawn["age"].mean() - real["age"].mean()) < 2.0
    assert abs((drawn["drug"] == 0).mean() - (real["drug"] == 0).mean()) < 0.06
    assert abs(drawn["lab"].isna().mean() - real["lab"].isna().mean()) < 0.05
    levels = real["site"].value_counts(normalize=True)
    assert (drawn["site"].value_counts(normalize=True) - levels).abs().max() < 0.06


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model_draws_the_same_and_holds_no_row(name, table, fitted, tmp_path):
    fitted[name].save(tmp_path)
    opened = open_model(tmp_path)
    for seed in (1, 2):
        pd.testing.assert_frame_equal(
            fitted[name].sample(60, Seeds(seed)).frame, opened.sample(60, Seeds(seed)).frame
        )
    suffixes = {p.suffix for p in tmp_path.rglob("*") if p.is_file()}
    assert suffixes <= {".json", ".toml", ".safetensors"}
    assert json.loads((tmp_path / "model.json").read_text())["model"] == name
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or not holds_a_row(path.read_bytes(), table)


def holds_a_row(content: bytes, table: Table) -> bool:
    """Whether the numbers of any row stand side by side in a file, as text or as floats."""
    numbers = table.frame[["age", "lab", "drug"]].dropna().to_numpy()
    distinct = numbers[(numbers[:, 1] != 0) & (numbers[:, 2] != 0)]
    for kind in (np.float64, np.float32):
        if any(row.astype(kind).tobytes() in content for row in distinct):
            return True
    return any(",".join(f"{x:g}" for x in row).encode() in content for row in distinct)


def test_the_row_finder_finds_a_planted_row(table):
    row = table.frame[["age", "lab", "drug"]].dropna()
    row = row[row["drug"] != 0].to_numpy()[3]
    assert holds_a_row(b"xx" + row.tobytes() + b"yy", table)


def test_a_model_that_holds_rows_is_never_saved(fitted, tmp_path):
    with pytest.raises(ModelError, match="never saved"):
        fitted["bootstrap"].save(tmp_path)
    assert not list(tmp_path.iterdir())


CONDITIONS = [
    Condition((Wanted("sex", levels=("f",)),)),
    Condition((Wanted("site", levels=("D",)),)),
    Condition((Wanted("site", levels=("B", "D")), Wanted("age", low=70.0))),
    Condition((Wanted("age", low=60.0, high=62.0),)),
    Condition((Wanted("lab", low=3.0), Wanted("stage", levels=("III",)), Wanted("drug", low=0.1))),
    Condition((Wanted("drug", low=0.0, high=0.0),)),
    Condition((Wanted("lab", levels=()), Wanted("sex", levels=("m",)))),  # it is to be absent
]


@pytest.mark.parametrize("name", [entry.name for entry in TABLES if entry.conditional])
@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: "+".join(c.columns))
def test_a_condition_is_met_by_every_row(name, condition, table, fitted):
    drawn = fitted[name].sample(300, Seeds(6), condition)
    assert_lawful(drawn, table.schema, 300)
    assert condition.met_by(drawn).all()


IMPOSSIBLE = [
    Condition((Wanted("site", levels=("E",)),)),
    Condition((Wanted("age", low=500.0),)),
    Condition((Wanted("age", low=60.2, high=60.8),)),
    Condition((Wanted("nobody", levels=("x",)),)),
    Condition((Wanted("sex", levels=()),)),
]


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("condition", IMPOSSIBLE, ids=lambda c: str(c.wanted[0]))
def test_what_never_occurs_is_refused(name, condition, fitted):
    if name in BUDGETED and condition.columns == ("site",):
        return  # a public level: whether anybody has it is not told
    with pytest.raises(InputError):
        fitted[name].sample(10, Seeds(6), condition)


@pytest.mark.parametrize("name", SAVED)
def test_given_columns_are_kept_as_they_are(name, table, fitted):
    kept = ("sex", "stage", "site")  # first in the forest's order: it is fitted without being told
    given = table.rows(np.arange(250)).only(kept)
    try:
        drawn = fitted[name].sample(250, Seeds(9), Condition(), given)
    except ConditionError:
        assert name == "refined" or not find_entry(name).keeps
        return  # a model may refuse, but never alter what it was given
    assert name == "refined" or find_entry(name).keeps
    pd.testing.assert_frame_equal(drawn.frame[list(kept)], given.frame)
    assert_lawful(drawn, table.schema, 250)


def column_of(kind: Kind, **facts) -> Column:
    return Column("x", kind, **facts)


AGE = column_of(Kind.INTEGER, minimum=0, maximum=99, decimals=0)
ODD = {
    "one number": {"x": (AGE, [float(i % 40) for i in range(60)])},
    "one level column": {
        "x": (column_of(Kind.CATEGORICAL, categories=("a", "b")), ["a", "b", "b"] * 20)
    },
    "one category": {"x": (column_of(Kind.CONSTANT, categories=("a",)), ["a"] * 60)},
    "all missing number": {
        "x": (column_of(Kind.CONTINUOUS, missing=True), [np.nan] * 60),
        "y": (Column("y", Kind.INTEGER, decimals=0), [float(i) for i in range(60)]),
    },
    "all missing levels": {
        "x": (column_of(Kind.CATEGORICAL, categories=(), missing=True), [None] * 60),
        "y": (Column("y", Kind.BINARY, categories=("0", "1")), ["0", "1"] * 30),
    },
    "three values in a column": {
        "x": (
            column_of(Kind.CONTINUOUS, minimum=1.0, maximum=9.0, missing=True, decimals=1),
            [1.5, 2.5, 8.5, *[np.nan] * 57],
        ),
        "y": (Column("y", Kind.INTEGER, decimals=0), [float(i) for i in range(60)]),
    },
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", ODD)
def test_odd_tables(name, odd):
    table = make_table(ODD[odd])
    if name in BUDGETED and any(c.categories == () for c in table.schema.columns):
        with pytest.raises(InputError):
            quick_fit(name, table, Seeds(1))
        return
    drawn = quick_fit(name, table, Seeds(1)).sample(33, Seeds(2))
    assert_lawful(drawn, table.schema, 33)
    for column in table.schema.columns:
        if table.frame[column.name].isna().all():
            least = 0.8 if name in BUDGETED else 1.0  # noise may hide that all are
            assert drawn.frame[column.name].isna().mean() >= least


@pytest.mark.parametrize("name", NAMES)
def test_one_row_is_learnt_lawfully_or_refused(name):
    table = make_table({"x": (AGE, [7.0])})
    try:
        drawn = quick_fit(name, table, Seeds(1)).sample(3, Seeds(2))
    except InputError:
        return
    assert_lawful(drawn, table.schema, 3)


class Watched:
    """A table that remembers whether the ledger was charged when its rows were first read."""

    __class__ = Table  # for whoever asks what it is

    def __init__(self, table: Table, ledger: Ledger) -> None:
        self._table, self._ledger, self.charged_first = table, ledger, None

    def __getattr__(self, name):
        if name in ("frame", "rows", "only", "learnt") and self.charged_first is None:
            self.charged_first = len(self._ledger.entries) > 0
        return getattr(self._table, name)

    def __len__(self) -> int:
        return len(self._table)


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_is_charged_before_a_row_is_read(name, table):
    ledger = ledger_of(name)
    watched = Watched(declared(name, table), ledger)
    quick(name).fit(watched, ledger, Seeds(1))
    assert watched.charged_first
    private = ledger.guarantee.startswith("(40, 0.001)")
    assert private if name in BUDGETED else ledger.guarantee == "unprotected"


def test_a_foreign_or_broken_folder_is_refused(fitted, tmp_path):
    with pytest.raises(ModelError):
        open_model(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 2, "model": "pickled"}')
    with pytest.raises(ModelError, match="models:"):
        open_model(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 99, "model": "copula"}')
    with pytest.raises(ModelError, match="format"):
        open_model(tmp_path)


@pytest.mark.parametrize("name", SAVED)
def test_a_truncated_model_is_refused(name, fitted, tmp_path):
    fitted[name].save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(ModelError):
        open_model(tmp_path)


@pytest.mark.parametrize("name", SAVED)
def test_a_model_with_one_other_bit_is_refused(name, fitted, tmp_path):
    fitted[name].save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    bytes_of = bytearray(weights.read_bytes())
    bytes_of[-1] ^= 1
    weights.write_bytes(bytes_of)
    with pytest.raises(ModelError, match="damaged"):
        open_model(tmp_path)


@pytest.mark.parametrize("name", SAVED)
def test_a_model_without_some_weights_is_refused(name, fitted, tmp_path):
    from medsynai import store

    fitted[name].save(tmp_path)
    weights, record = tmp_path / "weights.safetensors", tmp_path / "model.json"
    whole, arrays = store.sha256(weights), store.load_arrays(weights)
    arrays.pop(sorted(arrays)[0])
    store.save_arrays(weights, arrays)
    record.write_text(record.read_text().replace(whole, store.sha256(weights)))
    with pytest.raises(ModelError, match="parts disagree"):
        open_model(tmp_path)


def test_settings_that_do_not_exist_are_named():
    with pytest.raises(ModelError, match="min_cell"):
        load_model("copula", {"min_sell": 3})
    with pytest.raises(ModelError, match="did you mean 'copula'"):
        load_model("copla")


NETWORKS = [n for n in NAMES if "pace" in vars(quick(n)) and n not in BUDGETED]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_loss_is_worked_out_where_its_networks_are(name, table, learns_elsewhere):
    assert learns_elsewhere(lambda: quick_fit(name, table, Seeds(3))) == {"meta"}
