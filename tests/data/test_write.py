"""Writing: in parts as in one, packed the same every time, and never half a file."""

import errno
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medsynai.data.read import read
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.source import Form, Format, Source
from medsynai.data.table import Table, canonical_dtype
from medsynai.data.write import Writer, write
from medsynai.errors import FolderError, SchemaError

SEX = Column("sex", Kind.BINARY, categories=("f", "m"), missing=True)
SCHEMA = Schema(
    (
        Column("n", Kind.INTEGER, storage="int64", missing=True),
        Column("x", Kind.CONTINUOUS, storage="float64", decimals=2),
        SEX,
        Column("note", Kind.TEXT, missing=True),
    )
)
NOTES = ["a, b", 'say "x"', "two\nlines", None]
CSV = Source(Format.CSV, SCHEMA.names)


def rows(n: int, seed: int = 0, holes: bool = True) -> Table:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 99, n).astype(float)
    frame = pd.DataFrame(
        {
            "n": np.where(rng.random(n) < 0.2, np.nan, numbers) if holes else numbers,
            "x": rng.normal(size=n).round(2),
            "sex": pd.Categorical.from_codes(
                rng.integers(-1, 2, n),
                dtype=canonical_dtype(SEX),  # type: ignore[call-overload]
            ),
            "note": pd.Series(rng.choice(np.array(NOTES, object), n), dtype=object),
        }
    )
    return Table(frame, SCHEMA, "synthetic")


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.tsv", "x.parquet", "x.xlsx", "x.dta"])
def test_parts_make_the_same_table_as_one(tmp_path: Path, name: str) -> None:
    # The first part has no missing number: its type must still hold those of the second.
    parts = [rows(30, 1, holes=False), rows(1, 2), rows(25, 3)]
    with Writer(tmp_path / name, CSV) as writer:
        for part in parts:
            writer.append(part)
    whole = Table(pd.concat([p.frame for p in parts], ignore_index=True), SCHEMA)
    again = read(tmp_path / name, SCHEMA)
    pd.testing.assert_frame_equal(again.table.frame, whole.frame)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_packed_files_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write(rows(50), CSV, tmp_path / name)
    content = (tmp_path / "a.csv.gz").read_bytes()
    assert content == (tmp_path / "b.csv.gz").read_bytes()
    assert content[4:8] == b"\0\0\0\0"  # RFC 1952: no time of writing
    assert pd.read_csv(io.BytesIO(gzip.decompress(content))).shape == (50, 4)


def test_csv_text_is_exact(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1.0, np.nan],
            "x": [0.1 + 0.2, 5.0],
            "sex": pd.Categorical(["f", None], dtype=canonical_dtype(SEX)),  # type: ignore[call-overload]
            "note": np.array(['say "x"', None], dtype=object),
        }
    )
    forms = {"n": Form(missing="NA"), "x": Form(places=1, marked=True), "sex": Form(quoted=True)}
    source = Source(
        Format.CSV, ("n", " x", "sex", "note"), delimiter=";", decimal=",", bom=True, newline="\r\n"
    ).forming(forms)
    write(Table(frame, SCHEMA), source, tmp_path / "o.csv")
    text = '\ufeffn; x;sex;note\r\n1;0,3;"f";"say ""x"""\r\nNA;5,0;;\r\n'
    assert (tmp_path / "o.csv").read_bytes().decode() == text


def test_columns_left_out_and_new_ones_are_written(tmp_path: Path) -> None:
    source = Source(Format.CSV, ("gone", "n", "x", "sex", "note"))
    part = rows(3).only(("x", "sex"))
    columns = (*part.schema.columns, Column("provenance", Kind.CONSTANT, categories=("synthetic",)))
    dtype = canonical_dtype(columns[-1])
    frame = part.frame.assign(provenance=pd.Categorical(["synthetic"] * 3, dtype=dtype))  # type: ignore[call-overload]
    write(Table(frame, Schema(columns)), source, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text().splitlines()[0] == "x,sex,provenance"


class FullDisk(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet", "x.xlsx"])
def test_a_full_disk_is_named_and_the_old_file_stays(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text("old")
    real = Path.open

    def full(path: Path, mode: str = "r", *rest: object) -> object:
        return FullDisk() if mode == "wb" else real(path, mode, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(FolderError, match="No space left"):
        write(rows(2000), CSV, tmp_path / name)
    monkeypatch.undo()
    assert (tmp_path / name).read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet", "x.xlsx"])
def test_an_interruption_leaves_no_half_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyboardInterrupt), Writer(tmp_path / name, CSV) as writer:
        writer.append(rows(10))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_places_and_endings_that_cannot_be_written_say_so(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be written"):
        write(rows(3), CSV, tmp_path / "absent" / "x.csv")
    with pytest.raises(FolderError, match=r"cannot write this ending; use \.csv"):
        write(rows(3), CSV, tmp_path / "x.doc")


def test_a_letter_that_the_encoding_lacks_is_reported_without_the_letter(tmp_path: Path) -> None:
    table = rows(2)
    frame = table.frame.assign(note=np.array(["π SECRET", None], dtype=object))
    latin = Source(Format.CSV, SCHEMA.names, encoding="cp1252")
    with pytest.raises(SchemaError, match="cp1252") as caught:
        write(Table(frame, SCHEMA), latin, tmp_path / "x.csv")
    assert "SECRET" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_more_rows_than_a_sheet_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    excel = pytest.importorskip("medsynai.data.write.excel")
    monkeypatch.setattr(excel, "ROWS", 20)
    with pytest.raises(FolderError, match="ends at row 20"):
        write(rows(30), CSV, tmp_path / "x.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_parquet_parts_are_row_groups(tmp_path: Path) -> None:
    from pyarrow import parquet

    with Writer(tmp_path / "x.parquet", CSV) as writer:
        for seed in range(3):
            writer.append(rows(10, seed))
    assert parquet.ParquetFile(tmp_path / "x.parquet").num_row_groups == 3


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "rows.csv"
    with Writer(path, CSV) as slow:
        slow.append(rows(50, 1))
        write(rows(20, 2), CSV, path)
        slow.append(rows(50, 3))
        assert len(pd.read_csv(path)) == 20
    assert len(pd.read_csv(path)) == 100
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]
