"""`evaluate` by a release's own schema: real rows that it does not know are judged, and said."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medsynai.errors import SchemaError
from medsynai.flow.judging import Files, Panel, assess
from medsynai.flow.opening import Handed, read_schema_file
from medsynai.flow.plan import Plan
from medsynai.flow.run import make

RARE = "Zebra-77"
JUST = Panel(measures=("validity", "variation"))


@pytest.fixture
def real() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    ward = rng.choice(["north", "south", "east"], 400).astype(object)
    ward[[5, 9]] = RARE
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, 400),
            "ward": ward,
            "zip": [f"{60_000 + 13 * i}" for i in range(400)],
            "mgus": np.r_[np.ones(2, int), np.zeros(398, int)],
        }
    )


def holds_any(text: str, codes: pd.Series) -> bool:
    """Whether a code stands there as a word; digits inside a file's hash are no code."""
    return not set(re.findall(r"\w+", text)).isdisjoint(codes)


@pytest.fixture
def release(real: pd.DataFrame, tmp_path: Path) -> Path:
    plan = Plan(model="forest", measures=("validity",))
    return make(plan, Handed(frame=real)).save(tmp_path / "release")


def test_real_rows_beyond_a_release_s_schema_are_judged_and_said(
    real: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    schema = read_schema_file(release / "schema.toml")
    assert RARE not in schema.to_toml()
    wide = real.assign(age=np.r_[437, real["age"][1:]])  # one patient, beyond the range
    wide["mgus"] = wide["mgus"].astype("Int64").mask(wide.index == 1)  # and one cell missing
    files = Files(wide, release / "synthetic.csv", holdout=real[200:], schema=schema)
    found = assess(files, None, JUST)
    notes = [n for n in found.evidence.notes if "judged as they are" in n]
    assert not any(n.startswith("holdout") for n in notes)
    assert "real column 'ward': 2 rows are outside the categories of the schema" in " ".join(notes)
    assert "real column 'age': 1 row is outside the range of the schema" in " ".join(notes)
    assert found.evidence.scores[0].value is not None
    folder = found.save(tmp_path / "judged")
    for file in (p for p in folder.rglob("*") if p.is_file()):
        text = file.read_text()
        assert RARE not in text and "437" not in text, file.name
        assert not holds_any(text, real["zip"]), file.name


def test_what_the_schema_cannot_hold_is_refused_without_its_value(
    real: pd.DataFrame, release: Path
) -> None:
    schema = read_schema_file(release / "schema.toml")
    wrong = real.assign(age=["eighty"] + ["40"] * 399)
    with pytest.raises(SchemaError, match="'age': 1 row is not a number") as said:
        assess(Files(wrong, release / "synthetic.csv", schema=schema), None, JUST)
    assert "eighty" not in str(said.value)


def test_rare_levels_of_real_rows_are_in_no_file_of_a_judgement(
    real: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    real.to_csv(tmp_path / "real.csv", index=False)
    real.to_csv(tmp_path / "theirs.csv", index=False)  # somebody's copy, postcodes and all
    folder = assess(Files(tmp_path / "real.csv", tmp_path / "theirs.csv"), None, JUST).save(
        tmp_path / "judged"
    )
    for file in (p for p in folder.rglob("*") if p.is_file()):
        text = file.read_text()
        assert RARE not in text and not holds_any(text, real["zip"]), file.name
