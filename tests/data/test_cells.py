"""Cells that hold more than a number: opened to be learnt, closed as they stood."""

import re
from pathlib import Path

import pandas as pd
import pytest

import medsynai
from medsynai.data.read import read
from medsynai.data.read.cells import LEAST
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.write import write
from medsynai.errors import SchemaError

ROWS = 120


def lines(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"sex": ["f", "m"] * (ROWS // 2), **columns})


def pressures() -> list[str]:
    return [f"{95 + i}/{50 + i % 40}" if i % 9 else "NA" for i in range(ROWS)]


def proteins() -> list[str]:
    return ["<0,5" if i % 4 == 0 else f"{0.5 + i / 10:.1f}".replace(".", ",") for i in range(ROWS)]


def doses() -> list[str]:
    return [f"{1 + i / 100:.2f} mg".replace(".", ",") for i in range(ROWS)]


def saturations() -> list[str]:
    return [f"{80 + i % 20}%" for i in range(ROWS)]


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A file as a German laboratory exports it."""
    path = tmp_path / "clinic.csv"
    columns = {" RR ": pressures(), "CRP": proteins(), "dose": doses(), "SpO2": saturations()}
    lines(**columns).to_csv(path, sep=";", index=False)
    return path


def test_what_is_read_is_numbers_and_what_is_written_is_the_file(
    clinic: Path, tmp_path: Path
) -> None:
    loaded = read(clinic)
    schema = loaded.table.schema
    assert schema.names == ("sex", "RR (1)", "RR (2)", "CRP", "dose", "SpO2")
    assert all(c.kind.is_number for c in schema.columns[1:])
    assert loaded.table.frame["CRP"].min() == 0.4  # beyond the limit, and no other cell's number
    assert any("two numbers in a cell" in note for note in loaded.notes)
    again = tmp_path / "again.csv"
    write(loaded.table, loaded.source, again)
    assert again.read_bytes() == clinic.read_bytes()


def test_a_release_has_such_cells(clinic: Path) -> None:
    release = medsynai.synthesize(str(clinic), measures=("validity",), model="forest")
    made = release.frame.dropna()
    assert list(made) == ["sex", " RR ", "CRP", "dose", "SpO2"]
    forms = {
        " RR ": r"\d{2,3}/\d{2}",
        "CRP": r"<0,5|\d+,\d",
        "dose": r"\d,\d\d mg",
        "SpO2": r"\d+%",
    }
    for name, form in forms.items():
        assert made[name].map(re.compile(form).fullmatch).all(), name
    assert 0.1 < (made["CRP"] == "<0,5").mean() < 0.4


@pytest.mark.parametrize(
    "values",
    [
        [
            "20/20",
            "20/25",
            "20/30",
            "20/40",
            "20/50",
            "20/60",
            "20/70",
            "20/80",
            "20/100",
            "20/125",
            "20/150",
        ],
        [f"{m}/{y}" for m in range(1, 13) for y in (23, 24)],  # months of years
        ["<30", ">30", "NO"],
        [f"{i:03d}X" for i in range(60)],  # codes with zeros in front
        [f"{i} mg" if i % 2 else f"{i} g" for i in range(60)],
        ["<18", "18", "19", "20", ">65"],
    ],
)
def test_other_cells_stay_as_they_are(values: list[str]) -> None:
    column = [values[i % len(values)] for i in range(ROWS)]
    loaded = read(lines(x=column))
    assert not loaded.source.cells
    assert loaded.table.schema.names == ("sex", "x")


def test_a_rare_limit_is_a_number_and_never_written() -> None:
    numbers = [f"{1 + i / 10:.1f}" for i in range(ROWS)]
    for often in (LEAST - 1, LEAST):
        loaded = read(lines(x=["<0.7"] * often + numbers[often:]))
        assert loaded.source.cells["x"].limits == ({"<0.7": "0.6"} if often == LEAST else {})
        assert loaded.table.frame["x"][0] == (0.6 if often == LEAST else 0.7)


def test_spellings_of_a_limit_are_one_number_and_no_cell_holds_it() -> None:
    numbers = [f"{i % 40 / 10:.1f}" for i in range(ROWS)]
    high = read(lines(x=["> 3.5", ">3.5", ">3.5", *numbers[3:]])).table.frame["x"]
    assert high[0] == high[1] == 4.0  # 3.6 to 3.9 are taken
    low = read(lines(x=["<0.5"] * 3 + numbers[3:]))
    assert not low.source.cells  # nothing is free above zero


def test_a_schema_that_keeps_the_column_whole_is_obeyed() -> None:
    frame = lines(RR=pressures())
    opened = read(frame).table.schema
    whole = Schema((opened["sex"], Column("RR", Kind.TEXT, missing=True)))
    assert read(frame, whole).table.schema.names == ("sex", "RR")
    assert read(frame, opened).table.schema == opened


@pytest.mark.parametrize("rows", [1, 6])
def test_a_schema_says_what_form_the_cells_of_a_few_rows_have(rows: int) -> None:
    """Once "the schema does not list column 'RR'", though it lists both numbers in it."""
    frame = lines(RR=pressures(), dose=[d.replace(",", ".") for d in doses()])
    schema = read(frame).table.schema
    few = read(frame[2 : 2 + rows].reset_index(drop=True), schema)
    assert few.table.schema == schema
    assert few.table.frame["RR (1)"].tolist() == [97.0 + i for i in range(rows)]
    assert few.table.frame["dose"].tolist() == pytest.approx([1.02 + i / 100 for i in range(rows)])
    with pytest.raises(SchemaError, match=r"RR \(1\)"):
        read(frame.assign(RR="high"), schema)


def test_other_real_and_synthetic_rows_are_opened_as_the_train_rows_are(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.csv" for name in ("real", "held", "made")]
    for path, rows in zip(paths, (ROWS, 30, 9), strict=True):  # nine rows show no form
        lines(RR=pressures(), CRP=proteins())[:rows].to_csv(path, sep=";", index=False)
    found = medsynai.evaluate(real=paths[0], holdout=paths[1], synthetic=paths[2])
    assert "RR (1)" in found.evidence.schema.names
    assert next(s for s in found.scores if s.name == "validity").value == 1.0


def test_a_workbook_of_numbers_and_limits_is_one_again(tmp_path: Path) -> None:
    mixed = ["<0.5" if i % 5 == 0 else 0.5 + i / 4 for i in range(ROWS)]
    mixed[7] = None
    path, again = tmp_path / "labs.xlsx", tmp_path / "again.xlsx"
    lines(CRP=mixed).to_excel(path, index=False)
    loaded = read(path)
    assert loaded.table.schema["CRP"].kind is Kind.CONTINUOUS
    write(loaded.table, loaded.source, again)
    first, second = pd.read_excel(path), pd.read_excel(again)
    pd.testing.assert_frame_equal(first, second)
