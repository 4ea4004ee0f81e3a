"""Parquet, Excel and statistics files: read, written in the same form, read again the same."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medsynai.data.canonical import from_canonical
from medsynai.data.read import Loaded, read, read_raw
from medsynai.data.schema import Kind
from medsynai.data.write import write
from medsynai.errors import FolderError, MissingExtra, ReadError

N = 40


def patients() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    hole = rng.random(N) < 0.2
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, N),
            "dose": np.where(hole, np.nan, rng.normal(5, 1, N).round(2)),
            "smoker": pd.array([None if h else bool(i % 2) for i, h in enumerate(hole)], "boolean"),
            "ward": rng.choice(["north", "south", "west"], N),
            "seen": pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 99, N), unit="D"),
            "visits": pd.array([None if h else i % 13 for i, h in enumerate(hole)], "Int64"),
        }
    )


def read_again(loaded: Loaded, path: Path) -> Loaded:
    """Written in the source's form and read back: same form, same schema, same rows."""
    write(loaded.table, loaded.source, path)
    again = read(path)
    assert again.source == loaded.source
    assert again.table.schema == loaded.table.schema
    pd.testing.assert_frame_equal(again.table.frame, loaded.table.frame)
    return again


def test_parquet_keeps_arrow_types_and_pandas_index(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    frame = patients().assign(
        stage=pd.Categorical(["II", "I"] * (N // 2), ["I", "II", "III"], ordered=True)
    )
    frame.index = pd.Index([f"p{i}" for i in range(N)], name="patient")
    table = pa.Table.from_pandas(frame)
    fixed = {
        "age": pa.int16(),
        "dose": pa.decimal128(8, 2),
        "seen": pa.timestamp("ms", "UTC"),
        "visits": pa.int32(),
    }
    for name, kind in fixed.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(name).cast(kind, safe=False))
    table = table.append_column("born", pa.array([10_000 + i for i in range(N)], pa.date32()))
    parquet.write_table(table, tmp_path / "a.parquet")
    loaded = read(tmp_path / "a.parquet")
    assert loaded.source.index == ("patient",)
    read_again(loaded, tmp_path / "b.parquet")
    given, written = (parquet.read_table(tmp_path / n) for n in ("a.parquet", "b.parquet"))
    types = {f.name: str(f.type) for f in written.schema}
    assert types == {f.name: str(f.type) for f in given.schema}
    assert types["age"] == "int16" and types["dose"] == "decimal128(8, 2)"
    left, right = (pd.read_parquet(tmp_path / n) for n in ("a.parquet", "b.parquet"))
    pd.testing.assert_frame_equal(left, right)


def test_parquet_of_lists_is_refused_by_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2], "codes": [["x"], ["y"]]}).to_parquet(tmp_path / "l.parquet")
    with pytest.raises(ReadError, match="'codes' holds lists"):
        read(tmp_path / "l.parquet")


def test_excel_types_are_found_and_kept(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Visits 2021"
    sheet.append(["age", "dose", "ward", "code", "lab"])
    for i in range(N):
        lab: Any = "NA" if i == 3 else "#DIV/0!" if i == 4 else i / 4
        sheet.append([20 + i, None if i == 5 else i * 0.25, "ab"[i % 2], f"{i % 12:03d}", lab])
    book.create_sheet("Notes")
    book.save(tmp_path / "a.xlsx")
    loaded = read(tmp_path / "a.xlsx")
    schema, frame = loaded.table.schema, loaded.table.frame
    assert loaded.source.sheet == "Visits 2021"
    assert any("of 2 was read" in n for n in loaded.notes)
    assert any("2 cells" in n for n in loaded.notes)
    assert schema["lab"].kind.is_number and frame["lab"].isna().sum() == 2
    assert frame["code"].astype(str)[7] == "007"
    write(loaded.table, loaded.source, tmp_path / "b.xlsx")
    again = read(tmp_path / "b.xlsx")
    assert again.source == loaded.source
    pd.testing.assert_frame_equal(again.table.frame, frame)
    cell = openpyxl.load_workbook(tmp_path / "b.xlsx")["Visits 2021"]["A2"].value
    assert isinstance(cell, int)


@pytest.mark.parametrize("suffix", [".dta", ".sav", ".zsav", ".xpt"])
def test_statistics_files_come_back_the_same(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pyreadstat")
    write((plain := read(patients())).table, plain.source, tmp_path / f"a{suffix}")
    loaded = read(tmp_path / f"a{suffix}")
    assert loaded.table.schema["seen"].kind is Kind.DATE
    assert loaded.table.frame["dose"].isna().sum() == patients()["dose"].isna().sum()
    if suffix != ".zsav":  # written as .sav; its own ending is the same format
        read_again(loaded, tmp_path / f"b{loaded.source.suffix}")


@pytest.mark.parametrize("suffix", [".dta", ".sav"])
def test_value_labels_are_the_levels_and_come_back_as_codes(tmp_path: Path, suffix: str) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    codes = pd.DataFrame(
        {"sex": [1, 2] * 20, "refused": [-9, *range(39)], "n": np.arange(40) / 4 + 0.25}
    ).astype({"sex": "int32", "refused": "int32"})
    labels = {"sex": {1: "man", 2: "woman", 3: "other"}, "refused": {-9: "refused"}}
    writer = pyreadstat.write_dta if suffix == ".dta" else pyreadstat.write_sav
    heads = {"sex": "Sex at birth", "refused": "", "n": ""}
    writer(codes, str(tmp_path / f"a{suffix}"), variable_value_labels=labels, column_labels=heads)
    loaded = read(tmp_path / f"a{suffix}")
    assert loaded.table.schema["sex"].categories == ("man", "woman", "other")
    assert loaded.table.schema["refused"].kind is Kind.INTEGER
    assert loaded.table.frame["refused"].min() == -9
    read_again(loaded, tmp_path / f"b{suffix}")
    frame, about = getattr(pyreadstat, f"read_{suffix[1:]}")(str(tmp_path / f"b{suffix}"))
    assert frame["sex"].tolist() == codes["sex"].tolist()
    assert about.variable_value_labels == labels
    assert about.column_names_to_labels["sex"] == "Sex at birth"


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".dta", ".sav", ".sas7bdat", ".xpt"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01junk" * 500, b"a,b\n1,SECRET\n" * 50])
def test_files_that_are_not_what_their_ending_says(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read_raw(path)
    assert "SECRET" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "module", "extra"),
    [
        (".xlsx", "openpyxl", "excel"),
        (".dta", "pyreadstat", "stats"),
        (".sav", "pyreadstat", "stats"),
    ],
)
def test_a_missing_extra_prints_its_install_line(
    tmp_path: Path, suffix: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    loaded = read(patients())
    (tmp_path / f"x{suffix}").write_bytes(b"x")
    for attempt in (
        lambda: read(tmp_path / f"x{suffix}"),
        lambda: write(loaded.table, loaded.source, tmp_path / f"y{suffix}"),
    ):
        with pytest.raises(MissingExtra, match=rf"medsynai\[{extra}\]"):
            attempt()
    assert not (tmp_path / f"y{suffix}").exists()


def test_names_that_stata_cannot_hold_are_refused_whole(tmp_path: Path) -> None:
    pytest.importorskip("pyreadstat")
    loaded = read(patients().rename(columns={"age": "1 age"}))
    with pytest.raises(FolderError, match="short, distinct names"):
        write(loaded.table, loaded.source, tmp_path / "x.dta")
    assert list(tmp_path.iterdir()) == []


def test_frames_give_their_dtypes_to_every_typed_format(tmp_path: Path) -> None:
    loaded = read(patients())
    write(loaded.table, loaded.source, tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x.parquet"), patients())
    pd.testing.assert_frame_equal(from_canonical(loaded.table, loaded.source), patients())
