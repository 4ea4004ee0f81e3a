"""Cohorts at the doors: looked at by `inspect`, refused by name where no generator is."""

import json

import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.flow.kinds import kind_of

PEOPLE = "Id,BIRTHDATE,DEATHDATE,GENDER\na,1950-01-01,,F\nb,1960-01-01,,M\n"
EVENTS = (
    "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n2020-01-01,,a,v1,7,x\n1949-01-01,,a,v1,7,x\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "patients.csv").write_text(PEOPLE)
    (tmp_path / "in" / "conditions.csv").write_text(EVENTS + "2020-01-01,,SECRET,v2,8,y\n")
    return tmp_path / "in"


def test_inspect_says_what_a_folder_holds_and_what_is_wrong_with_it(folder):
    shown = CliRunner().invoke(cli, ["inspect", str(folder)])
    assert shown.exit_code == 0, shown.output
    for said in ("Synthea CSV", "orphan events: 1 of 3", "before birth: 1 of 3"):
        assert said in shown.output, said
    assert "SECRET" not in shown.output
    seen = json.loads(CliRunner().invoke(cli, ["inspect", str(folder), "--json"]).stdout)
    assert (seen["kind"], seen["patients"], seen["events"]) == ("cohorts", 2, 3)


@pytest.mark.parametrize("command", ["synthesize", "evaluate"])
def test_what_no_generator_or_measure_serves_is_refused_by_name(command, folder, tmp_path):
    given = [str(folder)] if command == "synthesize" else ["--real", folder, "--synthetic", folder]
    done = CliRunner().invoke(cli, [command, *map(str, given), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "cohorts yet" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_long_file_with_times_is_a_cohort_and_can_be_said_to_be_a_table(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("patient_id,time,code,value\n1,2020-01-01,a,1\n2,2020-01-02,b,2\n")
    assert kind_of(path) is not None
    assert kind_of(path, "table") is None
    path.write_text("patient_id,time,code,age\n1,2020-01-01,a,1\n2,2020-01-02,b,2\n")
    assert kind_of(path) is None
