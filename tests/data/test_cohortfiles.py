"""Cohorts in files: what is read is given back, in every format; what has no place is told."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timestamp

from medsynai.data.cohort import SUBJECTS, Cohort
from medsynai.data.cohortfiles import FORMATS, read_cohort, write_cohort
from medsynai.errors import ReadError, SchemaError

WHOLE = {"omop", "synthea", "mimic"}  # formats that hold subjects, visits and several kinds
FILES = {"long": "out.csv.gz"}  # formats of one file
REAL = {  # what there is of real and of synthetic samples, beside the checkout
    "omop": "omop",
    "synthea_csv": "synthea",
    "longitudinal/physionet2012_seta_events.csv.gz": "long",
}
LAYOUT = """
clock = "calendar"
[[sheets]]
name = "people"
part = "subjects"
columns = { subject_id = "PatNr", birth = "born", sex = "sex" }
[[sheets]]
name = "stays"
part = "visits"
columns = { visit_id = "StayNr", subject_id = "PatNr", start = "in", end = "out" }
[[sheets]]
name = "diagnoses"
part = "events"
columns = { visit_id = "StayNr", code = ["system", "code"] }
[[sheets]]
name = "labs"
part = "events"
kind = "lab"
columns = { subject_id = "PatNr", time = "at", code = "test", value = "result", unit = "unit" }
"""
DECLARED = {
    "people.csv": "PatNr;born;sex;ward\n007;03.05.1950;F;A\n8;28.02.1961;M;B\n",
    "stays.csv": "StayNr,PatNr,in,out,how\nS1,007,2020-01-01 10:00,2020-01-03 09:30,ER\n",
    "diagnoses.csv": "StayNr,system,code,rank\nS1,ICD9,00845,1\nS1,ICD10,I10.0,2\n",
    "labs.csv": "PatNr,at,test,result,unit,flag\n"
    "007,2020-01-01 11:00:00,CRP,12.50,mg/L,H\n8,2021-03-04 08:15:30,CRP,<0.3,mg/L,\n",
}


def declared(folder, **changed):
    for name, text in (DECLARED | changed | {"cohort.toml": LAYOUT}).items():
        (folder / name).write_text(text)
    return folder


def like(make, format):
    """A made cohort with kinds that a format has tables for."""
    cohort = make()
    kinds = {"lab": "event" if format == "long" else "measurement", "condition": "condition"}
    events = cohort.events.assign(kind=cohort.events["kind"].map(kinds))
    extras = {
        kinds.get(k, k): f for k, f in cohort.extras.items() if format not in ("omop", "long")
    }
    return Cohort.of(cohort.subjects, events, cohort.visits, None, extras)


def back(cohort, layout, path):
    notes = write_cohort(cohort, layout, path)
    return read_cohort(path), notes


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "tables"])
def test_a_format_gives_back_what_it_read(format, tmp_path, make, same):
    made = like(make, format)
    first, _ = back(made, format, tmp_path / FILES.get(format, "out"))
    assert first.layout.format == format
    assert [str(p) for p in first.problems if p.breaks] == []
    again, notes = back(first.cohort, first.layout, tmp_path / ("2" + FILES.get(format, "out")))
    assert notes == ()
    same(first.cohort, again.cohort)
    read = first.cohort.events
    values = read["value"].dropna()
    np.testing.assert_array_equal(np.sort(values), np.sort(made.events["value"].dropna()))
    timed = read["time"].notna()  # a MIMIC diagnosis has no time of its own
    assert set(read["time"][timed]) == set(made.events["time"])
    assert set(read["code"]) == set(made.events["code"])
    if format in WHOLE:
        assert len(first.cohort) == 40 and len(first.cohort.visits) == 200
        assert (first.cohort.events["visit_id"].notna()).all()
        assert first.cohort.subjects["death"].notna().sum() == 5


@pytest.mark.parametrize("name", REAL)
def test_samples_come_back(name, shared, tmp_path, same):
    path = shared / "data" / name
    if not path.exists():
        pytest.skip("the sample is not beside this checkout")
    if "seta" in name:  # a hundredth of the rows is enough
        whole = pd.read_csv(path, dtype=str)
        path = tmp_path / "events.csv.gz"
        whole.head(17_000).to_csv(path, index=False)
    loaded = read_cohort(path)
    assert loaded.layout.format == REAL[name]
    whole = loaded.mended()
    step = 1 if "synthea" in name else 9  # of few patients, one description fits each code
    some = whole.cohort.only(np.arange(0, len(whole.cohort), step))
    bare = [n for n in some.subjects if n not in SUBJECTS and some.subjects[n].isna().all()]
    extras = {k: f.dropna(axis=1, how="all") for k, f in some.extras.items()}
    some = replace(some, subjects=some.subjects.drop(columns=bare), extras=extras)
    first, _ = back(some, whole.layout, tmp_path / ("1.csv.gz" if path.is_file() else "1"))
    same(some, first.cohort)


def test_tables_with_declared_keys_come_back_and_reach_patients_through_visits(tmp_path, same):
    loaded = read_cohort(declared(tmp_path))
    cohort = loaded.cohort
    assert loaded.layout.format == "tables" and loaded.notes == ()
    assert cohort.subjects["subject_id"].tolist() == ["007", "8"]
    assert cohort.subjects["birth"].tolist() == [Timestamp("1950-05-03"), Timestamp("1961-02-28")]
    assert cohort.subjects["ward"].tolist() == ["A", "B"]
    diagnoses = cohort.events[cohort.events["kind"] == "diagnoses"]
    assert diagnoses["subject_id"].tolist() == ["007", "007"]
    assert diagnoses["code"].tolist() == ["ICD10//I10.0", "ICD9//00845"]
    assert cohort.extras["diagnoses"]["rank"].tolist() == ["2", "1"]
    labs = cohort.events[cohort.events["kind"] == "lab"]
    assert labs["value"].tolist()[0] == 12.5 and labs["text"].tolist() == [None, "<0.3"]
    again, notes = back(cohort, loaded.layout, tmp_path / "again")
    same(cohort, again.cohort)
    assert notes == ()
    assert (tmp_path / "again" / "people.csv").read_text() == DECLARED["people.csv"]
    assert "S1,ICD9,00845,1" in (tmp_path / "again" / "diagnoses.csv").read_text().splitlines()


def test_parquet_tables_keep_their_types(tmp_path, same):
    declared(tmp_path)
    for name in DECLARED:
        frame = pd.read_csv(tmp_path / name, sep=None, engine="python", dtype={"PatNr": str})
        if name == "stays.csv":
            frame["in"] = pd.to_datetime(frame["in"])
        frame.to_parquet(tmp_path / name.replace("csv", "parquet"))
        (tmp_path / name).unlink()
    loaded = read_cohort(tmp_path)
    again, _ = back(loaded.cohort, loaded.layout, tmp_path / "again")
    same(loaded.cohort, again.cohort)
    for name in ("stays", "diagnoses"):
        one, two = (pd.read_parquet(p / f"{name}.parquet") for p in (tmp_path, tmp_path / "again"))
        assert one.dtypes.to_dict() == two.dtypes.to_dict(), name


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("labs.csv", "PatNr,at,test,result\n7,x,CRP,1\n", "no column 'unit'"),
        (
            "labs.csv",
            "PatNr,at,test,result,unit\n7,SECRET,a,1,u\n",
            "labs.at: 1 of 1 values",
        ),
        ("people.csv", "PatNr,born,sex\n7,1950-01-01,F\n7,1950-01-01,F\n", "1 of 2 rows repeat"),
        (
            "people.csv",
            "PatNr,born,sex\n7,1950-01-01,F\n,1950-01-01,F\n",
            "1 of 2 rows have no",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_counts_and_without_a_value(file, text, said, tmp_path):
    with pytest.raises((ReadError, SchemaError), match=said) as refused:
        read_cohort(declared(tmp_path, **{file: text}))
    assert "SECRET" not in str(refused.value)


def test_zones_are_counted_and_tables_without_a_place_named(tmp_path):
    mixed = "PatNr,at,test,result,unit\n007,2020-01-01T11:00:00+02:00,a,1,u\n"
    declared(tmp_path, **{"labs.csv": mixed + "8,2020-01-01T11:00:00,a,2,u\n"})
    (tmp_path / "payers.csv").write_text("id,name\n1,x\n2,y\n3,z\n")
    loaded = read_cohort(tmp_path)
    assert loaded.notes == ("not carried: table 'payers' (3 rows)",)
    assert ["times without zone", 1, 2] in [[p.what, p.count, p.of] for p in loaded.problems]
    times = loaded.cohort.events["time"].dropna().tolist()
    assert times == [Timestamp("2020-01-01 09:00"), Timestamp("2020-01-01 11:00")]


def test_what_a_layout_has_no_table_for_is_told(tmp_path):
    loaded = read_cohort(declared(tmp_path))
    cohort = loaded.cohort
    more = DataFrame({"subject_id": ["8"], "code": ["x"], "kind": ["drug"]})
    events = pd.concat([cohort.events, more], ignore_index=True)
    wider = Cohort.of(cohort.subjects, events, cohort.visits, None, cohort.extras)
    notes = write_cohort(wider, loaded.layout, tmp_path / "again")
    assert notes == ("not written: 1 events of kind 'drug' have no table",)


def test_omop_is_refused_without_births_and_told_what_it_asks_more(tmp_path, make):
    cohort = like(make, "omop")
    events = cohort.events.assign(kind=cohort.events["kind"].replace("condition", "drug"))
    drugs = Cohort.of(cohort.subjects, events, cohort.visits)
    notes = write_cohort(drugs, "omop", tmp_path / "out")
    assert any("200 rows of drug_exposure have no end, which OMOP asks" in n for n in notes)
    bare = replace(cohort, subjects=cohort.subjects.assign(birth=pd.NaT))
    with pytest.raises(SchemaError, match="40 of 40 patients"):
        write_cohort(bare, "omop", tmp_path / "none")


def test_omop_loads_under_its_constraints_and_sees_a_planted_orphan(tmp_path, monkeypatch, make):
    from medsynai.data.cohortfiles import omop_write

    cohort = like(make, "omop")
    events = cohort.events.assign(subject_id=cohort.events["subject_id"].replace("P003", "P999"))
    orphaned = Cohort.of(cohort.subjects, events, cohort.visits)
    with pytest.raises(SchemaError, match="keys do not hold"):
        write_cohort(orphaned, "omop", tmp_path / "one")
    monkeypatch.setattr(omop_write, "refuse_broken", lambda c: None)
    with pytest.raises(SchemaError, match="do not load under OMOP's constraints"):
        write_cohort(orphaned, "omop", tmp_path / "two")


def test_a_birth_of_which_only_the_year_is_known_stays_so_and_long_keys_whole(tmp_path, same):
    person = "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,"
    person += "race_concept_id,ethnicity_concept_id\n"
    long = 9007199254740993  # a float64 loses the last digit
    (tmp_path / "person.csv").write_text(person + f"{long},8532,1950,,,0,0\n2,8507,1960,7,9,0,0\n")
    loaded = read_cohort(tmp_path)
    again, _ = back(loaded.cohort, loaded.layout, tmp_path / "again")
    same(loaded.cohort, again.cohort)
    rows = pd.read_csv(tmp_path / "again" / "person.csv", dtype=str).set_index("person_id")
    assert rows.loc[str(long), ["year_of_birth", "month_of_birth"]].tolist()[0] == "1950"
    assert pd.isna(rows.loc[str(long), "month_of_birth"]) and rows.loc["2", "day_of_birth"] == "9"
    assert loaded.cohort.subjects["sex"].tolist() == ["M", "F"]
