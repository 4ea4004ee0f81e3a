"""Lawful files that are rarely seen, and damaged ones: read, or refused in words, never a fault."""

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timestamp

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import read_cohort, write_cohort
from medsynai.errors import ReadError


def shard(folder, **columns):
    """A MEDS folder of these columns beside the standard's."""
    core = {"subject_id": [1, 1, 2], "code": ["A", "B", "A"]}
    core["time"] = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
    (folder / "data").mkdir(parents=True, exist_ok=True)
    frame = DataFrame(core | columns)
    frame["time"] = frame["time"].astype("datetime64[us]")
    frame.to_parquet(folder / "data" / "0.parquet")
    return folder


def metadata(folder, name, **columns):
    (folder / "metadata").mkdir(exist_ok=True)
    DataFrame(columns).to_parquet(folder / "metadata" / f"{name}.parquet")


def test_meds_is_read_where_nobody_died_and_visits_have_no_unit(make, same, tmp_path):
    made = make(12)
    living = made.subjects.assign(death=pd.NaT)
    bare = made.events.assign(unit=None)
    cohort = Cohort.of(living, bare, made.visits, None, made.extras)
    write_cohort(cohort, "meds", tmp_path / "a")
    first = read_cohort(tmp_path / "a")
    assert first.cohort.subjects["death"].isna().all() and len(first.cohort.visits) == 60
    write_cohort(first.cohort, first.layout, tmp_path / "b")
    same(first.cohort, read_cohort(tmp_path / "b").cohort)
    plain = read_cohort(shard(tmp_path / "plain"))
    assert len(plain.cohort) == 2 and plain.cohort.subjects["birth"].isna().all()


def test_meds_counts_what_stands_twice_or_says_no_time(tmp_path):
    shard(
        tmp_path,
        subject_id=[1, 1, 2, 2],
        code=["MEDS_DEATH", "ward", "ward", "ward"],
        kind=["event", "STATIC", "STATIC", "STATIC"],
        text_value=[None, "A", "B", "C"],
        time=[pd.NaT] * 4,
    )
    metadata(tmp_path, "codes", code=["A", "B"], parent_codes=["P Q", None])
    metadata(tmp_path, "subject_splits", subject_id=[1, 1], split=["train", "tuning"])
    loaded = read_cohort(tmp_path)
    assert loaded.cohort.subjects["ward"].tolist() == ["A", "B"]
    assert loaded.cohort.subjects["split"].tolist()[0] == "train"
    assert "1 of 3 statics repeat a patient's; the first of each counts" in loaded.notes
    assert "1 births and deaths say no time; they are left out" in loaded.notes
    assert "1 of 2 patients of the splits stand there once more" in loaded.notes
    assert loaded.cohort.codes.set_index("code")["parents"]["A"] == "P Q"
    metadata(tmp_path, "codes", description=["x"])
    with pytest.raises(ReadError, match="lacks the column 'code'"):
        read_cohort(tmp_path)
    (tmp_path / "metadata" / "codes.parquet").write_bytes(b"")
    with pytest.raises(ReadError, match="not readable Parquet"):
        read_cohort(tmp_path)


def test_meds_without_a_row_is_written_again(tmp_path):
    shard(tmp_path / "a", subject_id=[], code=[], time=[])
    loaded = read_cohort(tmp_path / "a")
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "b")
    assert len(loaded.cohort) == 0


def test_omop_without_visits_is_written(tmp_path):
    pytest.importorskip("duckdb")
    people = DataFrame({"subject_id": ["1", "2"], "birth": Timestamp("1950-01-01"), "sex": "F"})
    events = DataFrame({"subject_id": ["1", "2"], "code": "7", "kind": "condition"})
    events["time"] = Timestamp("2020-01-01")
    write_cohort(Cohort.of(people, events), "omop", tmp_path)
    read = read_cohort(tmp_path).cohort
    assert len(read.events) == 2 and not len(read.visits)
    assert not (tmp_path / "visit_occurrence.csv").exists()


def test_fhir_with_a_byte_order_mark_is_read(make, same, tmp_path):
    kinds = {"lab": "measurement", "condition": "condition"}
    made = make(4)
    events = made.events.assign(kind=made.events["kind"].map(kinds))
    write_cohort(Cohort.of(made.subjects, events, made.visits), "fhir", tmp_path / "a")
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        (tmp_path / "b" / path.name).write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    same(read_cohort(tmp_path / "a").cohort, read_cohort(tmp_path / "b").cohort)
    assert np.isfinite(read_cohort(tmp_path / "b").cohort.events["value"]).any()
