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


def long_file(folder, rows, header="patient_id,time,code,value"):
    path = folder / "events.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_words_for_absent_are_no_times_and_no_numbers_but_may_be_codes(tmp_path):
    rows = [f"{i},2020-01-{i:02d},HR,{60 + i}" for i in range(1, 8)]
    path = long_file(tmp_path, [*rows, "8,NA,HR,NULL", "9,2020-01-09,NA,140"])
    loaded = read_cohort(path)
    assert "events.time: 1 of 9 say NA, NULL or the like; read as missing" in loaded.notes
    assert "events.value: 1 of 9 say NA, NULL or the like; read as missing" in loaded.notes
    assert loaded.cohort.events["text"].isna().all()
    assert loaded.cohort.events["code"].tolist()[-1] == "NA"  # sodium
    (tmp_path / "panel.csv").write_text("id,day,bili,sex\n1,0,1.5,f\n1,7,NA,f\n2,0,NA,m\n2,9,2,m\n")
    panel = read_cohort(tmp_path / "panel.csv", "panel", {"columns": "id,day"})
    assert len(panel.cohort.events) == 2 and any("bili: 2 of 4 say NA" in n for n in panel.notes)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["3.1.2020", "14.2.2020", "28.3.2020", "SECRET"], "1 of 4 values are no times"),
        (["2020-01-03", "2020-02-14 08:30", "2020-03-28", "SECRET"], "1 of 4 values are no times"),
        (["2020-01-03", "2020-02-14", "-2020-02-14"], "1 of 3 values are no times"),
        (["1", "2", "3", "SECRET"], "1 of 4 values are no numbers"),
        (["1", "2", "3", "1e400"], "1 of 4 values are no numbers"),
    ],
)
def test_only_what_is_no_time_is_counted(times, said, tmp_path):
    path = long_file(tmp_path, [f"{i},{t},HR,60" for i, t in enumerate(times)])
    with pytest.raises(ReadError, match=said) as refused:
        read_cohort(path)
    assert "SECRET" not in str(refused.value)
    (tmp_path / "panel.csv").write_text("id,when,x\n" + "".join(f"1,{t},5\n" for t in times))
    with pytest.raises(ReadError, match=said):
        read_cohort(tmp_path / "panel.csv", "panel", {"columns": "id,when"})


def test_letters_that_are_no_utf8_and_decimal_commas_are_told(tmp_path):
    path = tmp_path / "events.csv"
    text = "patient_id;time;code;value\nMüller1;2020-01-01;HR;60,5\n2;2020-01-02;HR;61,5\n"
    path.write_bytes(text.encode("cp1252"))
    loaded = read_cohort(path)
    assert loaded.cohort.events["value"].tolist() == [61.5, 60.5]
    assert any("not UTF-8" in n for n in loaded.notes)
    assert "events.csv: numbers have a decimal comma" in loaded.notes


def test_a_row_once_more_is_counted_with_what_stands_beside_it(make):
    from medsynai.data.integrity import check

    made = make()
    again = pd.concat([made.events, made.events[made.events["kind"] == "lab"].head(3)])
    both = pd.concat([made.extras["lab"], made.extras["lab"].head(3)])
    events, beside = again.reset_index(drop=True), both.reset_index(drop=True)
    beside.index = events.index[events["kind"] == "lab"]
    cohort = Cohort.of(made.subjects, events, made.visits, None, {"lab": beside})
    assert {p.what: p.count for p in check(cohort)} == {"repeated events": 3}
    beside.iloc[-1, 0] = "another"
    cohort = Cohort.of(made.subjects, events, made.visits, None, {"lab": beside})
    assert {p.what: p.count for p in check(cohort)}["repeated events"] == 2


@pytest.mark.parametrize("wrong", ["folder", "link"])
def test_a_folder_or_a_broken_link_in_the_place_of_a_table_is_no_silent_loss(wrong, make, tmp_path):
    write_cohort(make(4), "synthea", tmp_path)
    table = tmp_path / "encounters.csv"
    table.unlink()
    if wrong == "folder":
        table.mkdir()
    else:
        table.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ReadError, match=r"encounters.csv is named as a table"):
        read_cohort(tmp_path)


def stays(folder, **files):
    for name, data in files.items():
        (folder / f"{name[1:]}.txt").write_bytes(data)
    return folder


def test_files_of_stays_are_read_with_a_mark_or_refused_and_empty_ones_are_patients(tmp_path):
    whole = b"Time,Parameter,Value\n00:00,Age,61\n00:07,HR,80\n"
    stays(tmp_path, _1=b"\xef\xbb\xbf" + whole, _2=b"Time,Parameter,Value\n")
    cohort = read_cohort(tmp_path).cohort
    assert len(cohort) == 2 and len(cohort.events) == 1
    stays(tmp_path, _3=b"Time,Parameter,Value\n00:07,H\xe9,80\n")
    with pytest.raises(ReadError, match=r"3.txt is not a readable text file"):
        read_cohort(tmp_path)
    stays(tmp_path, _1=b"\xff\xfe\x00", _3=whole)
    with pytest.raises(ReadError, match="not seen to be a cohort"):  # no fault of ours
        read_cohort(tmp_path)
    stays(tmp_path, _1=whole, _3=whole + b"00:09,HR\n")
    with pytest.raises(ReadError, match="1 of 3 lines have not three fields"):
        read_cohort(tmp_path)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("entry", 1), None),
        (("entry", 1, "resource"), 7),
        (("entry", 1, "resource", "resourceType"), 7),
        (("entry", 1, "fullUrl"), ["x"]),
        (("entry", 1, "resource", "id"), {"x": 1}),
        (("entry", 1, "resource", "effectiveDateTime"), ["2020-01-01"]),
        (("entry", 1, "resource", "valueQuantity", "unit"), ["mg"]),
        (("entry", 1, "resource", "code"), {"coding": [7]}),
    ],
)
def test_fhir_that_is_not_as_the_standard_has_it_is_counted(place, wrong, tmp_path):
    import json

    seen = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/1"}}
    seen |= {"code": {"text": "x"}, "effectiveDateTime": "2020-01-01"}
    seen |= {"valueQuantity": {"value": 3, "unit": "mg"}}
    entries = [{"resource": {"resourceType": "Patient", "id": 1}}, {"resource": seen}]
    bundle = {"resourceType": "Bundle", "entry": entries}
    (tmp_path / "a.json").write_text(json.dumps(bundle))
    assert len(read_cohort(tmp_path).cohort.events) == 1
    at = bundle
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = wrong
    (tmp_path / "a.json").write_text(json.dumps(bundle))
    loaded = read_cohort(tmp_path)
    lost = ("entry without a resource (1)", "Observation that is not as the standard has it (1)")
    told = [n for n in loaded.notes if n.endswith(lost)]
    assert len(loaded.cohort) == 1
    assert len(told) == 1 - len(loaded.cohort.events)  # nothing is lost in silence


def test_wfdb_samples_beyond_the_header_are_not_dropped_in_silence(make, tmp_path):
    made = make(2)
    write_cohort(Cohort.of(signals=made.signals), "wfdb", tmp_path)
    data = next(tmp_path.rglob("*.dat"))
    data.write_bytes(data.read_bytes() * 2)
    with pytest.raises(ReadError, match="18 samples a channel for 9"):
        read_cohort(tmp_path)


def through_visits(folder):
    """Diagnoses that name the visit and not the patient."""
    layout = """clock = "days"
[[sheets]]
name = "people"
part = "subjects"
columns = { subject_id = "id" }
[[sheets]]
name = "stays"
part = "visits"
columns = { visit_id = "stay", subject_id = "id", start = "day" }
[[sheets]]
name = "diagnoses"
part = "events"
columns = { visit_id = "stay", code = "icd", time = "day" }
"""
    (folder / "cohort.toml").write_text(layout)
    (folder / "people.csv").write_text("id\n1\n2\n3\n")
    (folder / "stays.csv").write_text("stay,id,day\na,1,0\nb,1,10\nc,2,5\n")
    (folder / "diagnoses.csv").write_text("stay,icd,day\na,I10,1\nb,I10,12\nc,J45,5\n")
    return read_cohort(folder)


def test_events_of_tables_without_patients_are_put_into_visits_or_told(tmp_path):
    from medsynai.data.cohortfiles.housed import housed

    (tmp_path / "in").mkdir()
    loaded = through_visits(tmp_path / "in")
    row = DataFrame({"subject_id": ["1", "1", "2", "3"], "time": [20.0, 4.0, 1.0, 2.0]})
    more = row.assign(code="E11", kind="diagnoses")
    events = pd.concat([loaded.cohort.events, more], ignore_index=True)
    parts = (loaded.cohort.subjects, events, loaded.cohort.visits)
    bare = Cohort.of(*parts, clock=loaded.cohort.clock)
    notes = write_cohort(bare, loaded.layout, tmp_path / "bare")
    said = "events have no visit, by which alone their table names the patient"
    assert notes == (f"not written: 4 {said}",)
    assert not [p for p in read_cohort(tmp_path / "bare").problems if p.breaks]
    whole = housed(bare, loaded.layout)
    fresh = whole.events[whole.events["code"] == "E11"]
    assert fresh["visit_id"].tolist() == ["a", "b", "c", None]
    notes = write_cohort(whole, loaded.layout, tmp_path / "whole")
    assert notes == (f"not written: 1 {said}",)
    read = read_cohort(tmp_path / "whole").cohort
    assert len(read.events) == 6 and read.events["subject_id"].notna().all()


def test_a_table_of_codes_comes_back_as_it_was(tmp_path, same):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cohort.toml").write_text(
        """clock = "days"
[[sheets]]
name = "labs"
part = "events"
columns = { subject_id = "id", time = "day", code = "code", value = "value", unit = "unit" }
[[sheets]]
name = "known"
part = "codes"
columns = { kind = "kind", code = "code", sex = "sex" }
"""
    )
    (tmp_path / "in" / "labs.csv").write_text(
        "id,day,code,value,unit\n1,0,CRP,5,mg/L\n1,0,hCG,5,U\n"
    )
    known = "kind,code,sex\nlabs,PSA,\nlabs,hCG,F\n"
    (tmp_path / "in" / "known.csv").write_text(known)
    loaded = read_cohort(tmp_path / "in")
    assert write_cohort(loaded.cohort, loaded.layout, tmp_path / "out") == ()
    same(loaded.cohort, read_cohort(tmp_path / "out").cohort)
    assert (tmp_path / "out" / "known.csv").read_text() == known


def test_what_a_table_has_no_column_for_is_told(make, tmp_path):
    made = make(4)
    kinds = {"lab": "measurement", "condition": "condition"}
    events = made.events.assign(kind=made.events["kind"].map(kinds))
    notes = write_cohort(Cohort.of(made.subjects, events, made.visits), "mimic", tmp_path)
    assert "not written: 20 time of 'diagnoses_icd', which has no such column" in notes
    assert "not written: 1 columns of subjects: region" in notes


def test_omop_counts_what_is_no_whole_number(make, tmp_path):
    pytest.importorskip("duckdb")
    made = make(4)
    events = made.events.assign(kind="condition")
    beside = DataFrame({"provider_id": ["9" * 30] * 3}, index=events.index[:3])
    people = made.subjects.assign(sex=["F", "M", "other", "F"], region=None)
    notes = write_cohort(
        Cohort.of(people, events, made.visits, None, {"condition": beside}), "omop", tmp_path
    )
    said = "are no whole numbers of 18 digits"
    assert f"not written: 3 of 40 values of condition_occurrence.provider_id {said}" in notes
    assert f"not written: 1 of 4 values of person.gender_concept_id {said}" in notes


@pytest.mark.parametrize("rows", [2, 3])
def test_one_period_of_observation_each_is_entry_and_exit_and_several_are_events(
    rows, same, tmp_path
):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n"
        "1,8507,1950,0,0\n2,8532,1960,0,0\n"
    )
    periods = ["1,1,2000-01-01,2010-05-01,44814724", "2,2,2001-01-01,2003-05-01,44814724"]
    periods.append("3,2,2005-01-01,2009-05-01,44814725")
    head = (
        "observation_period_id,person_id,observation_period_start_date,"
        "observation_period_end_date,period_type_concept_id\n"
    )
    text = head + "\n".join(periods[:rows]) + "\n"
    (tmp_path / "in/observation_period.csv").write_text(text)
    loaded = read_cohort(tmp_path / "in")
    assert len(loaded.cohort.events) == (3 if rows == 3 else 0)
    entry, exits = loaded.cohort.subjects["entry"], loaded.cohort.subjects["exit"]
    assert entry.dt.year.tolist() == [2000, 2001] and exits.dt.year.max() == 2010
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "out")
    assert (tmp_path / "out/observation_period.csv").read_text() == text
    same(loaded.cohort, read_cohort(tmp_path / "out").cohort)


def test_a_visit_lies_in_the_century_of_its_events(tmp_path):
    """Years of two digits, as spreadsheets write them, beside tables with whole ones."""
    (tmp_path / "ADMISSIONS.csv").write_text(
        "subject_id,hadm_id,admittime,dischtime,admission_type\n"
        "1,10,10/23/64 21:09,11/1/64 17:15,URGENT\n"
        "1,11,2/1/65 21:09,2/2/65 17:15,URGENT\n"  # no events of its own
        "2,20,12/30/99 22:00,1/2/00 18:00,URGENT\n"
        "2,21,12/30/68 22:00,1/2/69 18:00,URGENT\n"  # 2068 and 1969, as two digits are taken
    )
    (tmp_path / "PRESCRIPTIONS.csv").write_text(
        "subject_id,hadm_id,startdate,enddate,drug\n"
        "1,10,2164-10-24 00:00:00,2164-10-25 00:00:00,a\n"
        "2,20,2199-12-31 00:00:00,2200-01-01 00:00:00,b\n"
        "2,21,2168-12-31 00:00:00,2169-01-01 00:00:00,b\n"
    )
    loaded = read_cohort(tmp_path)
    starts = loaded.cohort.visits.set_index("visit_id")[["start", "end"]]
    assert starts["start"].dt.year.to_dict() == {"10": 2164, "11": 2165, "20": 2199, "21": 2168}
    assert starts["end"].dt.year.to_dict() == {"10": 2164, "11": 2165, "20": 2200, "21": 2169}
    assert not [p for p in loaded.problems if "week" in p.what and p.count]
    assert any("moved to the times of their events" in n for n in loaded.notes)
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "out")
    again = read_cohort(tmp_path / "out").cohort
    assert again.visits["start"].tolist() == loaded.cohort.visits["start"].tolist()


def test_what_the_reader_met_is_still_told_once_keys_are_mended(tmp_path):
    (tmp_path / "events.csv").write_text(
        "patient,time,code,value\n"
        "1,2020-01-02 10:00,HR,80\n"
        "1,2020-01-01 09:00+02:00,HR,82\n"
        ",2020-01-01 09:00,HR,82\n"
    )
    loaded = read_cohort(tmp_path / "events.csv")
    whole = loaded.mended()
    met = {"times without zone", "unsorted times"}
    assert met | {"orphan events"} == {p.what for p in loaded.problems}
    assert met == {p.what for p in whole.problems}
    assert "1 of 3 events were set aside: they name no patient" in whole.notes
