"""The demo table: published names, credited, small, and the same bytes when made again."""

import gzip
import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from medsynai.data import demo
from medsynai.data.contract import check_contract
from medsynai.data.schema import Kind, Role, Schema

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_table_is_support2() -> None:
    loaded = demo.load_demo()
    schema, frame = loaded.table.schema, loaded.table.frame
    assert (len(loaded.table), len(schema.columns)) == (9105, 37)
    assert {"sno", "d.time", "num.co", "sfdm2", demo.TARGET} <= set(schema.names)
    # Knaus et al. 1995: 68.1 % died by the end of follow-up; 42 races are not recorded.
    assert (frame["death"] == "1").mean() == pytest.approx(0.681, abs=5e-4)
    assert frame["race"].isna().sum() == 42 and "missing" not in frame["race"].cat.categories
    assert schema["sno"].kind is Kind.IDENTIFIER
    assert [(s.time, s.event) for s in schema.survival] == [("d.time", "death")]


def test_it_is_small_dated_never_and_credited() -> None:
    content = demo.demo_path().read_bytes()
    assert len(content) < 800_000 and content[4:8] == b"\0\0\0\0"
    notice = (ROOT / "NOTICE").read_text()
    for words in ("SUPPORT2", "Knaus", "CC BY 4.0", "SurvSet"):
        assert words in notice and words in (demo.__doc__ or "")


def test_its_contract_is_public_and_fits_it() -> None:
    """What a run under a budget is shown in the README: none inferred, few rows that misfit."""
    contract = Schema.from_toml(demo.demo_path().with_name("support2.toml").read_text())
    frame = pd.read_csv(demo.demo_path(), dtype=str)
    check_contract(contract)
    assert list(contract.names) == list(frame) and contract[demo.TARGET].role is Role.TARGET
    for column in contract.columns:
        values = frame[column.name].dropna()
        if column.categories:
            assert set(values) <= set(column.categories), column.name
        elif column.kind.is_number:
            inside = values.astype(float).between(column.minimum, column.maximum)
            assert inside.mean() > 0.999, column.name
        assert column.missing or len(values) == len(frame), column.name


def test_making_it_again_gives_the_same_table() -> None:
    loader = pytest.importorskip("SurvSet.data")
    path = ROOT / "tools" / "demo_data.py"
    spec = importlib.util.spec_from_file_location("demo_data", path)
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    frame = loader.SurvLoader().load_dataset("support2")["df"]
    again = gzip.decompress(tool.packed(tool.published(frame)))
    assert again == gzip.decompress(demo.demo_path().read_bytes())


def test_it_agrees_with_another_copy_of_the_study(shared: Path) -> None:
    other = pd.read_csv(shared / "data" / "tabular" / "support2.csv.gz", dtype=str)
    ours = pd.read_csv(demo.demo_path(), dtype=str)
    pd.testing.assert_frame_equal(ours, other[list(ours)])
