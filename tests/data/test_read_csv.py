"""Delimited text: the dialect is found, every field stays as it stood, bad files say why."""

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynai.data.read import read, read_raw
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.write import write
from medsynai.errors import ReadError, SchemaError

ROWS = [["007", "1.50", "f", ""], ["008", "22.25", "m", "x, y"], ["012", "", "f", "z"]]
HEAD = ["code", "dose", "sex", "note"]


def save(path: Path, content: bytes | str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def spell(rows: list[list[str]], **dialect: object) -> str:
    out = io.StringIO()
    csv.writer(out, **{"lineterminator": "\n", **dialect}).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_dialect_is_read_as_text_and_written_back_byte_for_byte(
    tmp_path: Path, delimiter: str, quoting: int, newline: str, bom: bytes, packed: bool
) -> None:
    text = spell([HEAD, *ROWS], delimiter=delimiter, quoting=quoting, lineterminator=newline)
    content = bom + text.encode()
    # The ending says nothing about packing: the content does.
    path = save(tmp_path / "in.csv", gzip.compress(content) if packed else content)
    schema = Schema(tuple(Column(n, Kind.TEXT, missing=True) for n in HEAD))
    loaded = read(path, schema)
    assert loaded.table.frame["code"].tolist() == ["007", "008", "012"]
    assert read_raw(path).frame.to_numpy().tolist() == ROWS
    assert loaded.source.compressed is packed
    out = tmp_path / f"out{loaded.source.suffix}"
    write(loaded.table, loaded.source, out)
    back = gzip.decompress(out.read_bytes()) if packed else out.read_bytes()
    if quoting == csv.QUOTE_ALL:  # whether an empty field stood in quotes is not kept
        back, content = back.replace(b'""', b""), content.replace(b'""', b"")
    assert back == content


CELL = st.text(st.sampled_from('ab01,;|\t"\n .-é#'), max_size=6)
ROW = st.tuples(CELL, CELL, CELL)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(ROW, min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]),
)
def test_any_text_survives_read_write_read(
    tmp_path: Path,
    rows: list[tuple[str, ...]],
    delimiter: str,
    quoting: int,
    encoding: str,
) -> None:
    head = ["alpha", "beta", "gamma"]
    text = spell([head, *map(list, rows)], delimiter=delimiter, quoting=quoting)
    path = save(tmp_path / "any.csv", text, encoding)
    raw = read_raw(path)
    found = raw.frame.to_numpy().tolist()
    if raw.source.decimal == ".":
        assert found == [list(r) for r in rows]
    schema = Schema(tuple(Column(n, Kind.TEXT, missing=True) for n in head))
    loaded = read(path, schema)
    write(loaded.table, loaded.source, tmp_path / "again.csv")
    again = read(tmp_path / "again.csv", schema)
    pd.testing.assert_frame_equal(again.table.frame, loaded.table.frame)


def test_decimal_commas_and_thousands_are_numbers_and_come_back(tmp_path: Path) -> None:
    text = "id;dose;cost;icd\n1;1,50;1.234,00;250.83\n2;;12.345,25;E11,9\n3;0,25;99,50;401.1\n"
    path = save(tmp_path / "de.csv", text)
    raw = read_raw(path)
    assert raw.frame["dose"].tolist() == ["1.50", "", "0.25"]
    assert raw.frame["cost"].tolist() == ["1234.00", "12345.25", "99.50"]
    assert raw.frame["icd"].tolist() == ["250.83", "E11,9", "401.1"]
    assert any("decimal comma" in n for n in raw.notes)
    number = {"missing": True, "decimals": 2, "storage": "float64"}
    schema = Schema(
        (
            Column("id", Kind.INTEGER, storage="int64"),
            Column("dose", Kind.CONTINUOUS, **number),
            Column("cost", Kind.CONTINUOUS, **number),
            Column("icd", Kind.TEXT),
        )
    )
    loaded = read(path, schema)
    assert loaded.table.frame["cost"].tolist() == [1234.0, 12345.25, 99.5]
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


def test_an_ambiguous_comma_is_reported(tmp_path: Path) -> None:
    raw = read_raw(save(tmp_path / "x.csv", "a;b\n1,234;x\n5,678;y\n"))
    assert any("three digits" in n for n in raw.notes)


def test_us_thousands_in_quotes_are_numbers(tmp_path: Path) -> None:
    raw = read_raw(save(tmp_path / "x.csv", 'cost,code\n"1,234","1,2"\n"12,345.5","3,4"\n800,5\n'))
    assert raw.frame["cost"].tolist() == ["1234", "12345.5", "800"]
    assert raw.frame["code"].tolist() == ["1,2", "3,4", "5"]


def test_text_columns_that_stood_in_quotes_stand_in_quotes_again(tmp_path: Path) -> None:
    text = '"name","n","w"\n"a",1,"x"\n"b",NA,"y"\n'
    schema = Schema(
        (
            Column("name", Kind.TEXT),
            Column("n", Kind.INTEGER, missing=True, missing_tokens=("NA",)),
            Column("w", Kind.CATEGORICAL, categories=("x", "y")),
        )
    )
    loaded = read(save(tmp_path / "r.csv", text), schema)
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


def test_latin_1_is_read_reported_and_written_back(tmp_path: Path) -> None:
    content = "stadt,n\nKöln,1\nMünchen,2\n".encode("latin-1")
    loaded = read(save(tmp_path / "l.csv", content), Schema((Column("stadt", Kind.TEXT), N)))
    assert loaded.table.frame["stadt"].tolist() == ["Köln", "München"]
    assert any("not UTF-8" in n for n in loaded.notes)
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == content


N = Column("n", Kind.INTEGER, missing=True)


def test_a_late_latin_1_byte_is_found(tmp_path: Path) -> None:
    rows = "".join(f"{i},plain\n" for i in range(60_000))
    path = save(tmp_path / "late.csv", b"n,w\n" + rows.encode() + b"1,caf\xe9\n")
    raw = read_raw(path)
    assert raw.source.encoding == "cp1252" and raw.frame["w"].iloc[-1] == "café"


def test_huge_fields_and_many_categories_are_fine(tmp_path: Path) -> None:
    long = "x" * 40_000_000
    raw = read_raw(save(tmp_path / "h.csv", f"a,b\n1,{long}\n2,y\n"))
    assert len(raw.frame["b"][0]) == len(long)
    levels = tuple(f"code{i}" for i in range(10_000))
    schema = Schema((Column("c", Kind.CATEGORICAL, categories=levels), N))
    text = "c,n\n" + "".join(f"{c},{i}\n" for i, c in enumerate(levels))
    loaded = read(save(tmp_path / "many.csv", text), schema)
    assert loaded.table.frame["c"].tolist() == list(levels)


def test_nameless_columns_get_names_and_keep_their_heads(tmp_path: Path) -> None:
    text = ", age ,\n1,61,\n2,62,\n"
    raw = read_raw(path := save(tmp_path / "n.csv", text))
    assert list(raw.frame) == ["column_1", "age", "column_3"]
    assert raw.source.header == ("", " age ", "")
    assert any("column_1, column_3" in n for n in raw.notes)
    loaded = read(path)
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


def test_one_column_keeps_its_missing_values(tmp_path: Path) -> None:
    loaded = read(save(tmp_path / "o.csv", 'n\n1\n""\n3\n'), Schema((N,)))
    assert loaded.table.frame["n"].isna().tolist() == [False, True, False]
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert len(read(tmp_path / "out.csv", Schema((N,))).table) == 3


def test_dates_without_leading_zeros_are_written_so(tmp_path: Path) -> None:
    text = "d,n\n10/23/2064 21:09,1\n3/5/1994 0:00,2\n"
    date = Column("d", Kind.DATE, date_format="%m/%d/%Y %H:%M")
    loaded = read(save(tmp_path / "d.csv", text), Schema((date, N)))
    assert loaded.table.frame["d"][1] == pd.Timestamp("1994-03-05")
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"a,b\n", "no rows"),
        (b"a,b,a\n1,2,3\n", "duplicate column names: 'a'"),
        (b"title of this file\na;b;c\n1;2;3\n4;5;6\n", "hold ';'"),
        (b"title\na\tb\n1\t2\n", "hold 'tab'"),
        (b"a^b^c\n1^2^secret\n1^2^3\n", "split by '^'"),
        (b"a,b\n1,2\n3,secret,5\n6,7\n", "row 3 (the header is row 1) has 3 fields"),
        (b"a,b,c\n1,2,3\n3,secret\n", "row 3 (the header is row 1) has 2 fields"),
        (b'a,b\n1,x\n2,"secret\n3,y\n4,z\n', "never closed"),
        (b"6,148,72\n1,85,66\n8,183,64\n", "holds numbers, not column names"),
        (bytes(range(256)) * 20, "not a text file"),
        (b"\x1f\x8b\x08\x00junkjunkjunk", "gzip"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:-30], "gzip"),
    ],
)
def test_bad_files_say_what_is_wrong_and_quote_nothing(
    tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(ReadError) as caught:
        read(save(tmp_path / "bad.csv", content))
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_places_that_are_no_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="folder"):
        read(tmp_path)
    with pytest.raises(ReadError, match="no such file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(ReadError, match=r"known endings: \.csv"):
        read(save(tmp_path / "x.doc", "a,b\n1,2\n"))
    with pytest.raises(ReadError, match="download it first"):
        read("https://ann:secret@example.org/x.csv")


@pytest.mark.parametrize("text", ["n\n1\n2\n", "a,n\nx,1\n"])
def test_one_column_or_one_row_is_a_table(tmp_path: Path, text: str) -> None:
    assert len(read_raw(save(tmp_path / "small.csv", text)).frame) == text.count("\n") - 1


def test_mixed_types_in_a_number_column_are_counted_not_shown(tmp_path: Path) -> None:
    path = save(tmp_path / "m.csv", "n,s\n1,a\nsecret,b\n3,c\nhidden,d\n")
    with pytest.raises(SchemaError) as caught:
        read(path, Schema((N, Column("s", Kind.TEXT))))
    assert "column 'n': 2 rows are not a number" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_every_shared_table_comes_back_byte_for_byte(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "data" / "tabular").glob("*.csv.gz"))
    assert paths
    for path in paths:
        if path.name.startswith("diabetes130"):
            continue
        loaded = read(path)
        write(loaded.table, loaded.source, tmp_path / path.name)
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        new = pd.read_csv(tmp_path / path.name, dtype=str, keep_default_na=False)
        for name in old:
            differ = old[name] != new[name]
            # Only numbers that were written with an exponent are spelt otherwise.
            assert old[name][differ].str.contains("e").all(), (path.name, name)
            assert (old[name][differ].astype(float) == new[name][differ].astype(float)).all()


def test_none_is_a_level_of_a_diabetes_laboratory_test(shared: Path) -> None:
    loaded = read(shared / "data" / "tabular" / "diabetes130_us_hospitals.csv.gz")
    column = loaded.table.schema["max_glu_serum"]
    assert column.categories is not None and "None" in column.categories
    assert not loaded.table.frame["max_glu_serum"].isna().any()
    assert loaded.table.frame["race"].isna().sum() == 2273


def test_many_decimals_are_no_format_that_others_are_filled_up_to(tmp_path):
    path = tmp_path / "ages.csv"
    path.write_text("age,dose\n" + "".join(f"{40 + i / 7:.13f},{i}.50\n" for i in range(30)))
    forms = read(path).source
    assert (forms.form("age").places, forms.form("dose").places) == (1, 2)
