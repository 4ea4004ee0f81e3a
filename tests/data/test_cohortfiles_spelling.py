"""What is written is spelt as what was read: decimals, zeros ahead, fractions, zones."""

import pytest

from medsynai.data.cohortfiles import read_cohort, write_cohort

TIMES = (
    ("2020-01-02T10:00:00+02:00", "2021-03-02T11:30:00+02:00"),
    ("2020-01-02T10:00:00-0500", "2021-03-02T11:30:00-0500"),
    ("3/5/94 0:05", "11/21/70 9:30"),
    ("3.5.1950 08:00", "28.12.1961 09:15"),
    ("2020-01-02T10:00:00.123Z", "2020-01-03T10:00:00.450Z"),
    ("01-MAR-2020", "21-APR-2021"),
    ("20200101", "20211231"),
    ("03/05/1950", "12/22/1961"),
)


def again(text: str, tmp_path, name="events.csv", said=""):
    (tmp_path / name).write_text(text)
    details = {"columns": said} if said else {}
    loaded = read_cohort(tmp_path / name, "panel" if said else "", details)
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "again.csv")
    return (tmp_path / "again.csv").read_text()


@pytest.mark.parametrize("times", TIMES)
def test_times_are_spelt_as_they_were(times, tmp_path):
    text = f"patient,time,code,value\na,{times[0]},HR,1\nb,{times[1]},HR,2\n"
    assert again(text, tmp_path) == text


def test_of_several_zones_times_are_written_in_utc(tmp_path):
    one, two = "2020-01-02T10:00:00+02:00", "2020-01-02T10:00:00-05:00"
    said = again(f"patient,time,code\na,{one},HR\nb,{two},HR\n", tmp_path).split()[1:]
    assert said == ["a,2020-01-02T08:00:00+00:00,HR", "b,2020-01-02T15:00:00+00:00,HR"]


@pytest.mark.parametrize("values", [("15.0", "7.25"), ("7", "1.5"), ("12.50", "<0.3")])
def test_numbers_have_their_decimals(values, tmp_path):
    text = f"patient,minute,code,value\na,1,HR,{values[0]}\nb,2,HR,{values[1]}\n"
    assert again(text, tmp_path) == text


def test_columns_of_a_panel_have_their_decimals(tmp_path):
    text = "id,day,bili,stage\na,0,14.0,4\na,7,2.5,3\nb,0,1.1,\n"
    assert again(text, tmp_path, said="id,day") == text


def test_texts_that_repeat_the_number_are_no_texts(tmp_path):
    """As MIMIC has each value of a laboratory twice; planted, a level among them."""
    ward, out = tmp_path / "ward", tmp_path / "out"
    (ward / "hosp").mkdir(parents=True)
    (ward / "hosp/admissions.csv").write_text(
        "subject_id,hadm_id,admittime,dischtime,admission_type\n"
        "1,11,2150-01-01 10:00:00,2150-01-03 10:00:00,EMERGENCY\n"
    )
    lab = "hosp/labevents.csv"
    rows = "subject_id,hadm_id,itemid,charttime,value,valuenum,valueuom\n" + "".join(
        f"1,11,50912,2150-01-01 1{i}:00:00,{v},{n},mg/dL\n"
        for i, (v, n) in enumerate([("1.0", "1.0"), ("1.2", "1.2"), ("NEG", "")])
    )
    (ward / lab).write_text(rows)
    loaded = read_cohort(ward)
    assert loaded.cohort.events["text"].tolist() == [None, None, "NEG"]
    write_cohort(loaded.cohort, loaded.layout, out)
    assert (out / lab).read_text() == rows
    (ward / lab).write_text(rows.replace("1.2,1.2", "high,1.2"))  # a text of its own
    assert read_cohort(ward).cohort.events["text"].tolist() == ["1.0", "high", "NEG"]
    said = rows.replace("1.0,1.0", "4,4.0").replace("NEG,", ">1.050,1.05")  # but for one
    (ward / lab).write_text(said)
    loaded = read_cohort(ward)
    assert loaded.cohort.events["text"].tolist() == [None, None, ">1.050"]
    write_cohort(loaded.cohort, loaded.layout, out)
    assert (out / lab).read_text() == said
