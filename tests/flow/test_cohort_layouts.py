"""What a cohort's release gives back of the layout it was read from, format by format."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.cohortfiles import read_cohort
from medsynai.errors import FolderError
from medsynai.flow.cohorts.facts import declared
from medsynai.flow.cohorts.followed import followed
from medsynai.flow.cohorts.maker import open_maker
from medsynai.flow.plan import Plan
from medsynai.flow.run import run
from medsynai.flow.sampling import Order, Target, sample

FEW = ("rules",)


def meds(place, patients=120):
    """Each patient with a sex, some veterans, and a few dated codes."""
    rng, rows = np.random.default_rng(5), []
    for i in range(patients):
        rows.append((i, None, f"GENDER//{'FM'[i % 3 == 0]}"))
        rows += [(i, None, "VETERAN")] * (i % 4 == 0)
        days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, 4), "D")
        rows += [(i, d, str(rng.choice(["I10", "E11", "N17"]))) for d in days.sort_values()]
    frame = pd.DataFrame(rows, columns=["subject_id", "time", "code"])
    (place / "data").mkdir(parents=True)
    frame["time"] = frame["time"].astype("datetime64[us]")
    frame.to_parquet(place / "data" / "0.parquet", index=False)
    return place


def test_a_meds_release_keeps_splits_of_folders_and_descriptions_of_statics(tmp_path):
    source = meds(tmp_path / "in")
    file = source / "data" / "0.parquet"
    rows = pd.read_parquet(file)
    alone = pd.DataFrame({"subject_id": [7], "time": [pd.NaT], "code": ["SECRET"]})
    rows = pd.concat([rows, alone.astype(rows.dtypes)], ignore_index=True)
    file.unlink()
    for name, mine in (
        ("train", rows["subject_id"] % 4 > 0),
        ("tuning", rows["subject_id"] % 4 == 0),
    ):
        (source / "data" / name).mkdir()
        rows[mine].to_parquet(source / "data" / name / "0.parquet", index=False)
    told = {"GENDER//F": "a woman", "GENDER//M": "a man", "SECRET": "of one", "I10": "pressure"}
    (source / "metadata").mkdir()
    codes = pd.DataFrame({"code": list(told), "description": list(told.values())})
    codes.to_parquet(source / "metadata" / "codes.parquet", index=False)
    run(Plan(source=str(source), model="markov", measures=FEW), tmp_path / "out")
    out = tmp_path / "out" / "synthetic"
    parts = {p.parent.name: pd.read_parquet(p) for p in (out / "data").rglob("*.parquet")}
    people = {name: part["subject_id"].nunique() for name, part in parts.items()}
    assert set(people) == {"train", "tuning"} and abs(people["tuning"] / 120 - 1 / 4) < 0.12
    assert not (out / "metadata" / "subject_splits.parquet").exists()  # as in the source
    known = pd.read_parquet(out / "metadata" / "codes.parquet").set_index("code")["description"]
    del told["SECRET"]
    assert known[list(told)].to_dict() == told and "SECRET" not in known


def test_what_a_meds_patient_has_once_is_drawn_once(tmp_path):
    run(Plan(source=str(meds(tmp_path / "in")), measures=FEW), tmp_path / "out")
    made = read_cohort(tmp_path / "out" / "synthetic")
    rows = pd.read_parquet(tmp_path / "out" / "synthetic" / "data" / "0.parquet")
    sexes = rows[rows["code"].str.startswith("GENDER")]
    assert len(made.cohort) == sexes["subject_id"].nunique() == len(sexes) == 120
    assert sexes["time"].isna().all() and set(sexes["code"]) == {"GENDER//F", "GENDER//M"}
    assert abs((sexes["code"] == "GENDER//M").mean() - 1 / 3) < 0.12
    veterans = rows[rows["code"] == "VETERAN"]
    assert veterans["subject_id"].is_unique and abs(len(veterans) / 120 - 1 / 4) < 0.12
    assert list(rows) == ["subject_id", "time", "code"]


def omop(place, patients=60):
    """Tables of 5.3 in capitals: days where the model has moments, whole decimals, a unit of 0."""
    rng = np.random.default_rng(6)
    head = {
        "PERSON": "PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH,MONTH_OF_BIRTH,DAY_OF_BIRTH,"
        "BIRTH_DATETIME,RACE_CONCEPT_ID,ETHNICITY_CONCEPT_ID,RACE_SOURCE_VALUE",
        "VISIT_OCCURRENCE": "VISIT_OCCURRENCE_ID,PERSON_ID,VISIT_CONCEPT_ID,VISIT_START_DATE,"
        "VISIT_START_DATETIME,VISIT_END_DATE,VISIT_END_DATETIME,VISIT_TYPE_CONCEPT_ID,"
        "ADMITTING_SOURCE_CONCEPT_ID,DISCHARGE_TO_SOURCE_VALUE",
        "DRUG_EXPOSURE": "DRUG_EXPOSURE_ID,PERSON_ID,DRUG_CONCEPT_ID,DRUG_EXPOSURE_START_DATE,"
        "DRUG_EXPOSURE_START_DATETIME,DRUG_EXPOSURE_END_DATE,DRUG_EXPOSURE_END_DATETIME,"
        "DRUG_TYPE_CONCEPT_ID,QUANTITY,VISIT_OCCURRENCE_ID,VISIT_DETAIL_ID,HOUSE",
        "MEASUREMENT": "MEASUREMENT_ID,PERSON_ID,MEASUREMENT_CONCEPT_ID,MEASUREMENT_DATE,"
        "MEASUREMENT_DATETIME,MEASUREMENT_TYPE_CONCEPT_ID,VALUE_AS_NUMBER,UNIT_CONCEPT_ID,"
        "VISIT_OCCURRENCE_ID",
        "DEATH": "PERSON_ID,DEATH_DATE,DEATH_DATETIME,DEATH_TYPE_CONCEPT_ID",
    }
    rows = {name: [text] for name, text in head.items()}
    for i in range(1, patients + 1):
        day = pd.Timestamp("2019-01-01") + pd.Timedelta(days=int(rng.integers(0, 300)))
        d, seen = f"{day:%Y-%m-%d}", 1000 + 3 * i
        race = rng.choice(["8527,0,a", "8516,0,b", "8516,0,c"])
        rows["PERSON"].append(f"{i},8507,1950,4,2,1950-04-02,{race}")
        rows["VISIT_OCCURRENCE"].append(f"{seen},{i},9201,{d},{d},{d},{d},44818517,0,home")
        for _ in range(3):
            end = f"{d},{d}" if rng.random() < 0.9 else ","
            hour = d if rng.random() < 0.7 else ""
            drug = f"{len(rows['DRUG_EXPOSURE'])},{i},{rng.choice([11, 12])},{d},{hour},{end}"
            rows["DRUG_EXPOSURE"].append(f"{drug},38000177,{rng.integers(0, 3)},{seen}.0,0,own")
            lab = f"{len(rows['MEASUREMENT'])},{i},3004249,{d},,5001,{rng.normal(5, 1):.2f}"
            rows["MEASUREMENT"].append(f"{lab},0,{seen}.0")
    place.mkdir()
    for name, lines in rows.items():
        (place / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return place


def test_omop_comes_back_in_the_names_and_spelling_of_its_source(tmp_path):
    source = omop(tmp_path / "in")
    release = run(Plan(source=str(source), measures=FEW), tmp_path / "out")
    out = tmp_path / "out" / "synthetic"
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in source.iterdir())
    shapes = {}
    for file in sorted(source.iterdir()):
        one, two = (pd.read_csv(p / file.name, dtype=str) for p in (source, out))
        assert list(one) == list(two), file.name
        for name in one if len(one) else ():
            assert abs(one[name].isna().mean() - two[name].isna().mean()) < 0.15, name
            both = [set(f[name].dropna().str.replace(r"\d+", "9", regex=True)) for f in (one, two)]
            shapes[name] = both
    wrong = {n: b for n, b in shapes.items() if not b[1] <= b[0]}
    assert not wrong
    races = ["RACE_CONCEPT_ID", "RACE_SOURCE_VALUE"]
    pairs = [
        {*pd.read_csv(p / "PERSON.csv", dtype=str)[races].agg(tuple, axis=1)} for p in (source, out)
    ]
    assert pairs[1] == pairs[0]  # a code and its text, as somebody has them
    learnt = open_maker(tmp_path / "out" / "model").fitted.schema
    assert "race_source_value" in learnt and "race_concept_id" not in learnt  # it is told
    drugs = pd.read_csv(out / "DRUG_EXPOSURE.csv", dtype=str)
    assert set(drugs["QUANTITY"]) == {"0", "1", "2"} and set(drugs["HOUSE"]) == {"own"}
    told = release.evidence.notes
    assert not [n for n in told if "not written" in n]
    assert any("rows of drug_exposure have no end, which OMOP asks" in n for n in told)
    first, again = read_cohort(source), read_cohort(out)
    assert again.layout == first.layout and not any(p.breaks for p in again.problems)
    more = Target(tmp_path / "more"), Target(tmp_path / "more", overwrite=True)
    sample(tmp_path / "out", Order(9, ("race_concept_id=8516", "race_source_value=c|a")), more[0])
    made = pd.read_csv(tmp_path / "more" / "PERSON.csv", dtype=str)
    assert {*made[races].agg(tuple, axis=1)} == {("8516", "c")}
    sample(tmp_path / "out", Order(12), more[1])
    assert len(read_cohort(tmp_path / "more").cohort) == 12
    for place in (tmp_path / "more", source):  # as it was drawn, and real tables
        with (place / "PERSON.csv").open("a") as file:
            file.write("\n")
        before = {p.name: p.read_bytes() for p in place.iterdir()}
        with pytest.raises(FolderError, match=r"not as it was drawn|not drawn by"):
            sample(tmp_path / "out", Order(9), Target(place, overwrite=True))
        assert before == {p.name: p.read_bytes() for p in place.iterdir()}


def test_what_is_left_out_of_patients_is_named(tmp_path):
    rng, place = np.random.default_rng(7), tmp_path / "in"
    place.mkdir()
    people, events = ["Id,BIRTHDATE,DEATHDATE,GENDER,LAST,CITY,LAT,LON"], ["START,PATIENT,CODE"]
    for i in range(80):
        where = f"{42 + rng.random():.6f},{-71 - rng.random():.6f}"
        city = f"Town{'abc'[i % 3]}" if i else "Alone"
        people.append(f"{i},1950-01-0{1 + i % 9},,F,Surname{i},{city},{where}")
        events += [f"2020-0{m}-11,{i},44054006" for m in (1, 2)]
    (place / "patients.csv").write_text("\n".join(people) + "\n")
    (place / "conditions.csv").write_text("\n".join(events) + "\n")
    release = run(Plan(source=str(place), measures=FEW), tmp_path / "out")
    made = pd.read_csv(tmp_path / "out" / "synthetic" / "patients.csv", dtype=str)
    assert list(made) == people[0].split(",")  # the columns stay, and are empty
    empty = {n for n in made if made[n].isna().all()}
    assert empty == {"DEATHDATE", "LAST", "LAT", "LON"}
    told = " ".join(release.evidence.notes)
    for name in ("LAST", "LAT", "LON"):
        assert f"left out: subjects.{name} (" in told, name
    assert "(place on the map)" in told
    assert "subjects.CITY: 1 of 4 levels are each of fewer than 3 train patients" in told
    assert made["CITY"].notna().all()  # a rare level becomes a common one, not an empty cell
    assert "LAT" in (tmp_path / "out" / "report.html").read_text()


def trial(place, patients=150):
    """A panel of visits every hundred days until each one's follow-up is over."""
    rng, lines = np.random.default_rng(8), ["id,day,futime,status,bili"]
    for i in range(patients):
        until, fate = int(rng.integers(100, 900)), rng.choice(["0", "1", "2"], p=[0.5, 0.1, 0.4])
        lines += [f"{i},{d},{until},{fate},{rng.normal(3, 1):.1f}" for d in range(0, until, 100)]
    place.write_text("\n".join(lines) + "\n")
    return place


def test_a_panel_whose_follow_up_is_declared_is_judged_by_it_and_ends_there(tmp_path):
    source, schema = str(trial(tmp_path / "in.csv")), tmp_path / "schema.toml"
    panel = ["--kind", "cohorts:panel:id,day"]
    ran = CliRunner().invoke(cli, ["inspect", source, *panel, "--out", str(schema)])
    assert ran.exit_code == 0 and 'happened = "2"' in schema.read_text()
    asked = Plan(source=source, kind=panel[1], model="markov", measures=("survival",))
    release = run(replace(asked, schema=str(schema)), tmp_path / "out")
    scores = {s.name for s in release.scores}
    assert {"km_area", "tstr_cindex"} <= scores
    made = pd.read_csv(tmp_path / "out" / "synthetic.csv", dtype={"status": str})
    assert list(made) == ["id", "day", "futime", "status", "bili"]
    assert (made["day"] <= made["futime"]).all()
    fates = made.groupby("id")[["futime", "status"]].first()
    assert (
        set(fates["status"]) == {"0", "1", "2"}
        and abs((fates["status"] == "2").mean() - 0.4) < 0.15
    )
    assert made.groupby("id")[["futime", "status"]].nunique().max().tolist() == [1, 1]
    sample(tmp_path / "out", Order(20, ("status=2",)), Target(tmp_path / "dead.csv"))
    assert set(pd.read_csv(tmp_path / "dead.csv")["status"]) == {2}
    words = ["evaluate", "--real", source, "--synthetic", str(tmp_path / "out" / "synthetic.csv")]
    words += [*panel, "--schema", str(tmp_path / "out" / "schema.toml"), "--json"]
    ran = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "judged")])
    assert ran.exit_code in (0, 3) and "km_area" in ran.output
    bare = followed(read_cohort(tmp_path / "in.csv", *declared(panel[1])), None)
    assert any("'futime' and 'status' look like follow-up" in n for n in bare.notes)
