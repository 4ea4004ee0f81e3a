"""Cohorts in files: what is read is given back, in every format; what has no place is told."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timestamp

from medsynai.data.cohort import SUBJECTS, Clock, Cohort, Signal
from medsynai.data.cohortfiles import FORMATS, panel, read_cohort, write_cohort
from medsynai.data.cohortfiles.layout import Layout
from medsynai.errors import ReadError, SchemaError

WHOLE = {
    "meds",
    "fhir",
    "omop",
    "synthea",
    "mimic",
}  # formats that hold subjects, visits and several kinds
OTHERS = {"tables", "panel", "physionet2012", "wfdb", "npz"}  # asked below
FILES = {"long": "out.csv.gz"}  # formats of one file
REAL = {  # what there is of real and of synthetic samples, beside the checkout
    "omop": "omop",
    "fhir": "fhir",
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


PANEL = """id,day,sex,bili,stage,note
2,0,f,1.5,4,
1,7,m,,,
1,0,m,14.5,3,seen
"""


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


@pytest.mark.parametrize("format", [f for f in FORMATS if f not in OTHERS])
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
        some = pd.read_csv(path, dtype=str, nrows=17_000)
        path = tmp_path / "events.csv.gz"
        some.to_csv(path, index=False)
    if "synthea" in name:  # and so are the smaller tables
        few = [f"{t}.csv.gz" for t in ("patients", "allergies", "careplans", "payers")]
        (tmp_path / "few").mkdir()
        for file in few:
            (tmp_path / "few" / file).write_bytes((path / file).read_bytes())
        path = tmp_path / "few"
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


@pytest.mark.parametrize(
    "times",
    [
        ("2020-01-02 23:58:38", "2021-03-04 23:58:38"),  # the same time of every day
        ("2.1.2020 08:30", "4.3.2021 08:30"),
        ("2020-01-02T08:30:00+02:00", "2021-03-04T08:30:00-05:00"),
    ],
)
def test_a_time_of_day_that_never_changes_is_read(times, same, tmp_path):
    rows = "".join(f"{i},{t},a,1\n" for i, t in enumerate(times))
    (tmp_path / "in.csv").write_text("patient_id,time,code,value\n" + rows)
    loaded = read_cohort(tmp_path / "in.csv")
    first = loaded.cohort.events["time"][0]
    assert str(first) in ("2020-01-02 23:58:38", "2020-01-02 08:30:00", "2020-01-02 06:30:00")
    again, _ = back(loaded.cohort, loaded.layout, tmp_path / "out.csv")
    same(loaded.cohort, again.cohort)


def test_rows_out_of_order_are_counted_and_sorted(tmp_path):
    rows = (
        "1,2020-01-05,a,1\n2,2020-01-01,a,1\n1,2020-01-02,a,1\n1,2020-01-03,a,1\n2,2020-01-02,a,1\n"
    )
    (tmp_path / "in.csv").write_text("patient_id,time,code,value\n" + rows)
    loaded = read_cohort(tmp_path / "in.csv")
    assert [(p.what, p.count, p.of) for p in loaded.problems] == [("unsorted times", 2, 5)]
    assert loaded.cohort.events["time"].dt.day.tolist() == [2, 3, 5, 1, 2]


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
    with pytest.raises(SchemaError, match="does not load under OMOP's constraints"):
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


def test_meds_is_as_its_standard_says_and_numbers_are_whole_again(make, same, tmp_path):
    from meds import CodeMetadataSchema, DataSchema
    from pyarrow import parquet

    made = make(12)
    events = made.events.assign(value=made.events["value"].where(made.events["value"] < 5, 0.4))
    splits = made.subjects.assign(split=["train", "tuning", "held_out"] * 4)
    cohort = Cohort.of(splits, events, made.visits, None, made.extras)
    notes = write_cohort(cohort, "meds", tmp_path)
    assert notes == ("keys of 12 patients are no whole numbers; they are counted from 1",)
    shards = sorted((tmp_path / "data").rglob("*.parquet"))
    assert [s.parent.name for s in shards] == ["held_out", "train", "tuning"]
    seen = set()
    for shard in shards:
        table = parquet.read_table(shard)
        DataSchema.validate(table)
        frame = table.to_pandas()
        whose = frame["subject_id"].drop_duplicates().tolist()
        assert len(whose) == frame["subject_id"].ne(frame["subject_id"].shift()).sum() == 4
        assert not seen & set(whose)
        seen |= set(whose)
        for _, rows in frame.groupby("subject_id"):
            assert rows["time"].is_monotonic_increasing or rows["time"].isna().any()
            assert rows["time"].dropna().is_monotonic_increasing
            assert rows["time"].isna().to_numpy()[: rows["time"].isna().sum()].all()
    CodeMetadataSchema.validate(parquet.read_table(tmp_path / "metadata" / "codes.parquet"))
    read = read_cohort(tmp_path).cohort
    assert 0.4 in set(read.events["value"])  # not 0.4000000059604645
    assert read.subjects["split"].value_counts().to_dict() == {
        "train": 4,
        "tuning": 4,
        "held_out": 4,
    }
    fine = Cohort.of(events=cohort.events.assign(value=0.123456789012))
    assert "numbers have more digits" in write_cohort(fine, "meds", tmp_path / "2")[-1]


def test_a_panel_keeps_empty_rows_statics_and_texts(same, tmp_path):
    (tmp_path / "panel.csv").write_text(PANEL)
    how = {"columns": "id,day"}
    loaded = read_cohort(tmp_path / "panel.csv", "panel", how)
    cohort = loaded.cohort
    assert cohort.clock is Clock.DAYS  # as the column's name says
    assert cohort.subjects["sex"].tolist() == ["m", "f"]
    assert cohort.visits["start"].tolist() == [0.0, 7.0, 0.0]
    assert len(cohort.events) == 5 and set(cohort.events["code"]) == {"bili", "stage", "note"}
    values, mask = panel.grid(cohort)
    assert mask.sum().to_dict() == {"bili": 2, "stage": 2, "note": 1}
    assert values["bili"].fillna(-1).tolist() == [14.5, -1, 1.5]
    assert write_cohort(cohort, loaded.layout, tmp_path / "again.csv") == ()
    same(cohort, read_cohort(tmp_path / "again.csv", "panel", how).cohort)
    head, *rows = PANEL.splitlines()
    assert (tmp_path / "again.csv").read_text().splitlines() == [head, rows[2], rows[1], rows[0]]
    bare = cohort.events.assign(value=np.nan, text=None)
    told = write_cohort(replace(cohort, events=bare), loaded.layout, tmp_path / "bare.csv")
    assert told[0].startswith("not written: 5 events")


def test_physionet_2012_files_come_back_as_they_were(same, tmp_path):
    stays = tmp_path / "set-a"
    stays.mkdir()
    text = "Time,Parameter,Value\n00:00,RecordID,{}\n00:00,Age,54\n00:00,Gender,0\n"
    text += "00:00,Height,-1\n00:00,ICUType,4\n00:00,Weight,-1\n00:07,GCS,15\n31:59,Weight,80.6\n"
    for key in ("132539", "132540"):
        (stays / f"{key}.txt").write_text(text.format(key))
    (stays / "Outcomes-a.txt").write_text("RecordID,SAPS-I,Survival\n132539,6,-1\n132540,16,2\n")
    loaded = read_cohort(stays)
    cohort = loaded.cohort
    assert loaded.layout.format == "physionet2012"
    assert cohort.subjects["Height"].isna().all() and cohort.subjects["Age"].tolist() == [54.0] * 2
    assert cohort.events["time"].tolist() == [7.0, 1919.0] * 2
    assert write_cohort(cohort, loaded.layout, tmp_path / "out") == ()
    for path in stays.iterdir():
        assert (tmp_path / "out" / path.name).read_text() == path.read_text()
    same(cohort, read_cohort(tmp_path / "out").cohort)
    (stays / "132540.txt").write_text(text.replace("31:59", "later").format("132540"))
    with pytest.raises(ReadError, match="1 of 16 times are not written as hh:mm"):
        read_cohort(stays)


@pytest.mark.parametrize("bits", [8, 12, 16, 24, 32])
def test_wfdb_samples_come_back_to_the_step(bits, same, tmp_path):
    top = (1 << (bits - 1)) - 1
    steps = np.random.default_rng(bits).integers(-top, top + 1, (101, 3))
    steps[0] = [top, -top, 0]
    values = (steps - np.array([5, 0, -3])) / np.array([200.0, 50.0, 1.0])
    values[7, 1] = np.nan
    form = {"gains": (200.0, 50.0, 1.0), "offsets": (5, 0, -3), "widths": (bits,) * 3}
    names = {"channels": ("I", "II", "resp rate"), "units": ("mV", "mV", "l/s")}
    signal = Signal("p1", "r100", values, 360.0, comments=("age: 81", ""), **form, **names)
    cohort = Cohort.of(signals=(signal,), clock=Clock.SECONDS)
    assert write_cohort(cohort, "wfdb", tmp_path / "a") == ()
    first = read_cohort(tmp_path / "a")
    same(cohort, first.cohort)
    assert first.problems == () and first.cohort.signals[0].comments == signal.comments
    assert np.isnan(first.cohort.signals[0].samples[7, 1])
    write_cohort(first.cohort, first.layout, tmp_path / "b")
    for name in ("p1/r100.hea", "p1/r100.dat"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_wfdb_record_cut_short_or_damaged_is_told(tmp_path):
    values = np.sin(np.arange(500) / 9).reshape(-1, 1)
    cohort = Cohort.of(signals=(Signal("r", "r", values, 250.0, ("I",)),), clock=Clock.SECONDS)
    write_cohort(cohort, "wfdb", tmp_path / "a")
    data = tmp_path / "a" / "r.dat"
    whole = data.read_bytes()
    data.write_bytes(whole[:301])
    with pytest.raises(ReadError, match="150 of 500 samples a channel are there"):
        read_cohort(tmp_path / "a")
    data.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert [p.what for p in read_cohort(tmp_path / "a").problems] == ["damaged samples"]
    data.unlink()
    with pytest.raises(ReadError, match="are not there"):
        read_cohort(tmp_path / "a")


@pytest.mark.parametrize("shared_rows", [False, True])
def test_npz_signals_come_back_in_their_types(shared_rows, same, tmp_path):
    rng = np.random.default_rng(1)
    arrays = {"X": rng.normal(size=(12, 30, 2)).astype("float32"), "y": np.array([*"NNNNNNAANNVN"])}
    arrays |= {"sample": np.arange(12, dtype="int32"), "fs": np.array(360)}
    if shared_rows:
        arrays["patients"] = np.repeat([7, 8, 9], 4)
    np.savez(tmp_path / "in.npz", **arrays)
    loaded = read_cohort(tmp_path / "in.npz")
    assert len(loaded.cohort) == (3 if shared_rows else 12)
    assert loaded.cohort.signals[0].rate == 360
    assert write_cohort(loaded.cohort, loaded.layout, tmp_path / "out.npz") == ()
    same(loaded.cohort, read_cohort(tmp_path / "out.npz").cohort)
    again = np.load(tmp_path / "out.npz")
    assert set(again.files) == set(arrays)
    for name, held in arrays.items():
        np.testing.assert_array_equal(again[name], held)
        assert again[name].dtype == held.dtype
    held, out = loaded.cohort.only(np.arange(2)), loaded.cohort.only(np.arange(2, 3))
    assert len(held.signals) == (8 if shared_rows else 2) and len(out.signals) > 0


def test_samples_of_signals_come_back(shared, same, tmp_path):
    place = shared / "data" / "timeseries"
    if not place.is_dir():
        pytest.skip("the samples are not beside this checkout")
    record = read_cohort(place / "wfdb_sample")
    signal = record.cohort.signals[0]
    assert signal.samples.shape == (38400, 15) and record.problems == ()
    assert signal.samples[0, :3].tolist() == [-0.2445, -0.229, 0.0155]  # as the field's own reader
    again, notes = back(record.cohort, record.layout, tmp_path / "wfdb")
    same(record.cohort, again.cohort)
    beats = read_cohort(place / "ecg5000_train.npz")
    write_cohort(beats.cohort, beats.layout, tmp_path / "out.npz")
    same(beats.cohort, read_cohort(tmp_path / "out.npz").cohort)
    assert notes == ()


def bundle(*resources):
    entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def observation(key, whose, **more):
    code = {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "BP"}]}
    about = {"subject": {"reference": whose}, "status": "final", "code": code}
    return {"resourceType": "Observation", "id": key} | about | more


def test_fhir_resources_validate_and_panels_stay_together(make, same, tmp_path):
    from fhir.resources.R4B.bundle import Bundle

    part = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    parts = [{"code": part, "valueQuantity": {"value": 120.5, "unit": "mm[Hg]"}}] * 2
    patient = {"resourceType": "Patient", "id": "a", "gender": "female", "birthDate": "1950"}
    rows = [
        patient | {"name": [{"family": "SECRET"}]},
        observation("o1", "urn:uuid:a", component=parts, effectiveDateTime="2020-01-01"),
        observation("o2", "Patient/a", valueString="high", issued="2020-01-01T10:00:00+01:00"),
        observation("o3", "Patient/lost", valueBoolean=True),
        {"resourceType": "Claim", "id": "c"},
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.json").write_text(bundle(*rows))
    loaded = read_cohort(tmp_path / "in")
    assert (
        "not carried: Claim (1)" in loaded.notes and "not carried: Patient.name (1)" in loaded.notes
    )
    assert any("give no day" in n for n in loaded.notes)
    assert {p.what: p.count for p in loaded.problems}["orphan events"] == 1  # a broken reference
    assert "SECRET" not in " ".join([*loaded.notes, *map(str, loaded.problems)])
    whole = loaded.mended()
    assert whole.cohort.events["value"].tolist()[:2] == [120.5, 120.5]
    write_cohort(whole.cohort, whole.layout, tmp_path / "out")
    same(whole.cohort, read_cohort(tmp_path / "out").cohort)
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert len([e for e in told["entry"] if "component" in e["resource"]]) == 1
    urls = [e["fullUrl"] for e in told["entry"]]
    assert all(u.startswith(("urn:uuid:", "http://")) for u in urls)  # absolute, as R4 asks
    made = like(make, "fhir").only(np.arange(4))
    notes = write_cohort(made, "fhir", tmp_path / "made")
    assert notes == (
        "not written: 1 columns of measurement: ref",
        "not written: 1 columns of visits: ward",
        "not written: 1 columns of subjects: region",
    )
    for path in [*(tmp_path / "made").iterdir(), *(tmp_path / "out").iterdir()]:
        checked = Bundle.model_validate_json(path.read_text())
        assert len(checked.entry) > 1


def test_fhir_lines_come_back_as_lines_and_broken_files_are_said(make, same, tmp_path):
    made = like(make, "fhir").only(np.arange(3))
    lines = Layout("fhir", details={"form": "ndjson", "suffix": ".gz"})
    write_cohort(made, lines, tmp_path / "a")
    first = read_cohort(tmp_path / "a")
    again, _ = back(first.cohort, first.layout, tmp_path / "b")
    same(first.cohort, again.cohort)
    names = sorted(p.name for p in (tmp_path / "b").iterdir())
    assert names == [f"{n}.ndjson.gz" for n in ("Condition", "Encounter", "Observation", "Patient")]
    (tmp_path / "bad.json").write_text('{"resourceType": "Bundle", "entry": [')
    with pytest.raises(ReadError, match="not whole JSON"):
        read_cohort(tmp_path / "bad.json")


def test_broken_values_of_typed_formats_are_said_without_them(make, tmp_path):
    wrong = observation("o", "Patient/a", valueQuantity={"value": "SECRET"})
    odd = observation("p", "Patient/a") | {"code": "SECRET"}
    rows = ({"resourceType": "Patient", "id": "a"}, wrong, odd)
    (tmp_path / "one.json").write_text(bundle(*rows))
    loaded = read_cohort(tmp_path / "one.json")
    assert "not carried: 1 values of quantities that are no numbers" in loaded.notes
    assert "not carried: Observation that is not as the standard has it (1)" in loaded.notes
    assert "SECRET" not in " ".join(loaded.notes)
    shard = tmp_path / "meds" / "data"
    shard.mkdir(parents=True)
    table = DataFrame({"subject_id": [1], "time": ["SECRET"], "code": ["a"]})
    table.to_parquet(shard / "0.parquet")
    with pytest.raises(ReadError, match="not the types of the standard") as refused:
        read_cohort(tmp_path / "meds")
    assert "SECRET" not in str(refused.value)
    (tmp_path / "r.hea").write_text("r 1 SECRET 5\nr.dat 16\n")
    with pytest.raises(ReadError, match="a number that cannot be read") as refused:
        read_cohort(tmp_path / "r.hea")
    assert "SECRET" not in str(refused.value)
    drugs = like(make, "omop").events.assign(kind="drug")
    extras = {"drug": DataFrame({"verbatim_end_date": ["SECRET"]}, index=drugs.index[:1])}
    cohort = Cohort.of(like(make, "omop").subjects, drugs, extras=extras)
    with pytest.raises(SchemaError, match="does not load") as refused:
        write_cohort(cohort, "omop", tmp_path / "out")
    assert "SECRET" not in str(refused.value)
