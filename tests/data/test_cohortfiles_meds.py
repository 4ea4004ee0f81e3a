"""MEDS: codes without a time are the patient's columns, and shards have the source's columns."""

import pandas as pd
import pytest
from pandas import DataFrame

from medsynai.data.cohortfiles import read_cohort, write_cohort

DAY = pd.Timestamp("2020-01-01")


def folder(place, rows, **types):
    """A MEDS folder of (patient, time, code, number) rows."""
    frame = DataFrame(rows, columns=["subject_id", "time", "code", "numeric_value"])
    frame["time"] = frame["time"].astype("datetime64[us]")
    frame["numeric_value"] = frame["numeric_value"].astype("float32")
    for name, values in types.items():
        frame[name] = values
    (place / "data" / "train").mkdir(parents=True)
    frame.to_parquet(place / "data" / "train" / "0.parquet", index=False)
    return place


def shard(place):
    return pd.read_parquet(place / "data" / "train" / "0.parquet")


FACTS = [
    (1, None, "GENDER//F", None),
    (1, None, "VETERAN", None),
    (1, None, "HEIGHT//cm", 163.5),
    (1, None, "REGION//7", None),
    (2, None, "GENDER//M", None),
    (2, None, "REGION//12", None),
]


def test_codes_without_a_time_that_nobody_has_twice_are_columns_and_codes_again(tmp_path, same):
    allergies = [(1, None, f"ALLERGY//{a}", None) for a in ("nuts", "latex")]
    timed = [(1, DAY, "I10", None), (2, DAY, "I10", None), (3, DAY, "I10", None)]
    source = folder(tmp_path / "in", [*FACTS, *allergies, *timed])
    loaded = read_cohort(source)
    told = loaded.cohort.subjects.set_index("subject_id")
    assert told["GENDER"].tolist() == ["F", "M", None]
    assert told["VETERAN"].tolist() == ["yes", None, None]
    assert told["HEIGHT//cm"].tolist()[0] == 163.5
    assert told["REGION"].tolist() == ["REGION//7", "REGION//12", None]  # levels, and no numbers
    assert set(loaded.cohort.events["code"]) == {"ALLERGY//nuts", "ALLERGY//latex", "I10"}
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "out")
    again = read_cohort(tmp_path / "out")
    same(loaded.cohort, again.cohort)
    keys = ["subject_id", "time", "code"]
    one, two = (shard(p).sort_values(keys, ignore_index=True) for p in (source, tmp_path / "out"))
    pd.testing.assert_frame_equal(one, two, check_dtype=False)


@pytest.mark.parametrize(
    "more",
    [
        (1, None, "GENDER//M", None),  # two of a family
        (3, None, "GENDER//X", 1.0),  # a number in the place of a level
    ],
)
def test_a_family_that_is_no_column_stays_events(more, tmp_path):
    loaded = read_cohort(folder(tmp_path, [*FACTS, more]))
    assert "GENDER" not in loaded.cohort.subjects
    assert (loaded.cohort.events["code"].str.startswith("GENDER")).sum() == 3


def test_a_fact_with_a_column_beside_stays_an_event(tmp_path):
    source = folder(tmp_path, FACTS, stay=["a", None, None, None, None, None])
    loaded = read_cohort(source)
    assert "GENDER" not in loaded.cohort.subjects and "VETERAN" in loaded.cohort.subjects


def test_shards_have_the_columns_of_the_source_in_their_types(tmp_path):
    stays = pd.array([7, None, None, None, 9, None], dtype="Int32")
    source = folder(tmp_path / "in", FACTS, hadm_id=stays)
    loaded = read_cohort(source)
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "out")
    assert list(shard(tmp_path / "out")) == list(shard(source))  # no text_value, and no kind
    assert shard(tmp_path / "out")["numeric_value"].dtype == "float32"
    codes = pd.read_parquet(tmp_path / "out" / "metadata" / "codes.parquet")
    assert list(codes) == ["code", "description", "parent_codes"]
    without = {k: v for k, v in loaded.cohort.extras.items() if k != "event"}
    bare = type(loaded.cohort).of(loaded.cohort.subjects, loaded.cohort.events, extras=without)
    write_cohort(bare, loaded.layout, tmp_path / "bare")
    assert shard(tmp_path / "bare")["hadm_id"].isna().all()  # left out, and the column stays


def test_a_family_of_which_one_code_is_there_has_the_column_that_it_has_elsewhere(tmp_path):
    facts = [f for f in FACTS if f[2] != "GENDER//M"]
    told = read_cohort(folder(tmp_path, facts)).cohort.subjects
    assert told["GENDER"].tolist() == ["F", None]
