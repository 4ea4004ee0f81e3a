"""Rare levels: neither drawn nor listed anywhere in a release, and the rest as it was."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medsynai
from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import PlanError
from medsynai.flow.folder import MODEL
from medsynai.flow.maker import open_maker
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.withholding import listable, near_identifiers, withhold
from medsynai.generator import Condition
from medsynai.seeds import Seeds

RARE = "Zebra"


def table_of(counts: dict[str, int], kind: Kind = Kind.CATEGORICAL, **more: object) -> Table:
    column = Column("c", kind, categories=tuple(counts), **more)  # type: ignore[arg-type]
    values = [v for v, n in counts.items() for _ in range(n)]
    frame = pd.DataFrame({"c": pd.Series(values, dtype=canonical_dtype(column))})
    return Table(frame, Schema((column,)))


def test_a_rare_level_is_exchanged_for_a_kept_one_and_leaves_the_rules() -> None:
    table = table_of({"a": 50, "b": 30, "z": 2, "never": 0})
    rules = ("c = 'a' when c in ('a', 'z')", "c = 'z' when c = 'a'", "c = 'a' when c = 'never'")
    held = withhold(replace(table, schema=replace(table.schema, rules=rules)), 3, Seeds(0))
    assert held.levels == {"c": ("a", "b")}
    assert held.table.schema["c"].categories == ("a", "b")
    assert held.table.schema.rules == ("c = 'a' when c = 'a'",)
    assert held.table.frame["c"].notna().all() and len(held.table) == 82
    assert held.notes == ("c: 2 rare levels are withheld, each of fewer than 3 train patients",)


def test_an_ordered_level_goes_to_its_neighbour() -> None:
    held = withhold(table_of({"1": 40, "2": 40, "3": 40, "4": 2}, Kind.ORDINAL), 3, Seeds(0))
    assert held.table.frame["c"].value_counts().to_dict() == {"1": 40, "2": 40, "3": 42}


@pytest.mark.parametrize(
    ("counts", "more", "spared"),
    [
        ({"a": 50, "b": 9, "z": 2}, {"origin": Origin.DECLARED}, ()),
        ({"a": 50, "b": 9, "z": 2}, {}, ("c",)),
        ({"a": 50, "b": 9, "z": 3}, {}, ()),
    ],
)
def test_what_is_public_or_frequent_or_kept_stays(
    counts: dict[str, int], more: dict[str, object], spared: tuple[str, ...]
) -> None:
    table = table_of(counts, **more)
    held = withhold(table, 3, Seeds(0), spared)
    assert held.levels == {} and held.notes == () and held.table.schema == table.schema


def test_a_column_with_one_common_level_becomes_constant() -> None:
    held = withhold(table_of({"a": 50, "z": 2}, Kind.BINARY), 3, Seeds(0))
    assert held.table.schema["c"] == Column("c", Kind.CONSTANT, categories=("a",))
    assert held.table.frame["c"].tolist() == ["a"] * 52


@pytest.mark.parametrize(
    ("counts", "near"),
    [
        ({f"{i}": 1 for i in range(40)}, True),
        ({"a": 9} | {f"{i}": 2 for i in range(5)}, True),
        ({"a": 10} | {f"{i}": 2 for i in range(5)}, False),  # half of the rows: grouped, as any
        ({"a": 2}, True),  # the few filled cells of a column
        ({"a": 0}, False),
    ],
)
def test_a_column_of_rare_levels_is_left_out(counts: dict[str, int], near: bool) -> None:
    table = table_of(counts)
    found = near_identifiers(table, 3)
    assert [(c.name, c.kind, c.categories) for c in found] == (
        [("c", Kind.IDENTIFIER, None)] if near else []
    )
    assert not near_identifiers(table, 3, spared=("c",))
    assert not near_identifiers(table_of(counts, origin=Origin.DECLARED), 3)


POSTCODES = {
    "text": lambda i: f"AB{i % 10} {i:03d}XY",
    "numbers": lambda i: 10_000 + 7 * i,
    "codes of three digits": lambda i: f"{i:03d}",
}


@pytest.mark.parametrize("form", POSTCODES)
@pytest.mark.parametrize("model", ["forest", "copula", "auto"])
def test_no_rare_postcode_is_in_any_file_of_a_release(
    tmp_path: Path, form: str, model: str
) -> None:
    rng = np.random.default_rng(1)
    place = np.r_[np.arange(500, 760), np.repeat(np.arange(760, 780), 2)]  # one or two rows each
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 80, 300),
            "postcode": [POSTCODES[form](int(i)) for i in rng.permutation(place)],
            "sex": rng.choice(["f", "m"], 300),
        }
    )
    frame.to_csv(tmp_path / "clinic.csv", index=False)
    plan = Plan(source=str(tmp_path / "clinic.csv"), model=model, measures=("validity",), rows=300)
    release = make(plan)
    folder = release.save(tmp_path / "out")
    assert list(pd.read_csv(folder / "synthetic.csv")) == ["age", "sex"]
    assert any("postcode" in n and "left out" in n for n in release.evidence.notes)
    known = re.compile(r"(?<![\w.#])(" + "|".join(map(str, frame["postcode"])) + r")(?![\w%])")
    for file in (folder / "schema.toml", folder / "card.md", *(folder / MODEL).glob("*.toml")):
        assert not known.search(file.read_text()), file.name
    if form != "codes of three digits":  # these are too short not to occur in a page's figures
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            assert not known.search(file.read_bytes().decode("latin-1")), file.name


def test_a_target_of_rare_levels_is_refused() -> None:
    frame = pd.DataFrame({"age": range(60), "zip": [f"{i:05d}" for i in range(60)]})
    with pytest.raises(PlanError, match="nearly an identifier"):
        make(Plan(target="zip", model="forest"), Handed(frame=frame))


@pytest.mark.parametrize("model", ["forest", "copula"])
def test_a_rare_level_is_in_no_file_of_a_release(tmp_path: Path, model: str) -> None:
    rng = np.random.default_rng(1)
    ward = rng.choice(["north", "south", "east"], 300).astype(object)
    ward[[3, 77]] = RARE
    frame = pd.DataFrame(
        {"age": rng.integers(20, 80, 300), "ward": ward, "sex": rng.choice(["f", "m"], 300)}
    )
    release = make(Plan(model=model, measures=("validity",), seed=2), Handed(frame=frame))
    folder = release.save(tmp_path / "out")
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        assert RARE.encode() not in file.read_bytes(), file.name
    assert any("ward: 1 rare level is withheld" in note for note in release.evidence.notes)
    assert (folder / MODEL).stat().st_mode & 0o077 == 0  # exact counts: not for everybody's eyes
    assert "model/ is not for release" in (folder / "card.md").read_text()
    again = open_maker(folder / MODEL).draw(50, Seeds(3), Condition())
    assert set(again.table.frame["ward"].unique()) <= {"north", "south", "east"}


def stays_of(patients: int, each: int) -> pd.DataFrame:
    """Stays of patients who have a code of their own, and of one who alone has a ward."""
    rng, n = np.random.default_rng(5), patients * each
    ward = rng.choice(["north", "south"], n).astype(object)
    ward[:each] = RARE
    return pd.DataFrame(
        {
            "patient_id": np.repeat(np.arange(patients) + 5_000, each),
            "age": rng.integers(20, 80, n),
            "ward": ward,
            "study": [f"Quagga{i // each:03d}" for i in range(n)],
            "sex": rng.choice(["f", "m"], n),
        }
    )


@pytest.mark.parametrize("model", ["forest", "copula"])
def test_many_stays_of_one_patient_do_not_make_a_code_common(tmp_path: Path, model: str) -> None:
    plan = Plan(model=model, measures=("validity",), holdout=0.0)
    release = make(plan, Handed(frame=stays_of(24, 15)))
    assert "study" not in release.frame and "ward" in release.frame
    assert any("ward: 1 rare level is withheld" in note for note in release.evidence.notes)
    folder = release.save(tmp_path / "out")
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        told = file.read_bytes()
        assert RARE.encode() not in told and b"Quagga" not in told, file.name


def test_what_is_listed_of_a_judged_file_counts_patients_too() -> None:
    listed = listable(medsynai.read(stays_of(12, 30)), 3)
    assert listed["ward"].categories == ("north", "south")
    assert listed["study"].categories is None
