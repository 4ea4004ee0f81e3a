"""Cohorts from the folder to the release and back; looked at by `inspect`."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.codec.course import CourseCodec
from medsynai.errors import InputError, PlanError
from medsynai.flow.cohorts import stages
from medsynai.flow.kinds import kind_of
from medsynai.flow.plan import Plan
from medsynai.flow.run import make, run
from medsynai.flow.sampling import Order, Target, sample

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


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """Hourly pulses of 160 patients, and one code that a single patient has."""
    rng, rows = np.random.default_rng(4), []
    for i in range(160):
        time = pd.Timestamp("2016-01-01 06:00") + pd.Timedelta(hours=int(rng.integers(0, 9000)))
        for _ in range(rng.integers(2, 8)):
            time += pd.Timedelta(hours=1)
            rows.append((f"P{i:04d}", time, "pulse", str(rng.integers(50, 90))))
            rows.append((f"P{i:04d}", time, "state", "awake" if rng.random() < 0.5 else "asleep"))
    rows.append(("P0000", time, "SECRET", "1"))
    path = tmp_path_factory.mktemp("long") / "events.csv"
    pd.DataFrame(rows, columns=["patient_id", "time", "code", "value"]).to_csv(path, index=False)
    return path


FEW = ("rules", "course", "copies")


def test_a_long_file_goes_through_and_comes_back_in_its_layout(long_file, tmp_path):
    release = run(Plan(source=str(long_file), measures=FEW), tmp_path / "out")
    real, made = (pd.read_csv(p, dtype=str) for p in (long_file, tmp_path / "out/synthetic.csv"))
    assert list(made) == list(real)
    assert made["patient_id"].nunique() == 160
    assert made["patient_id"].str.fullmatch(r"P\d{4}").all()
    assert not set(made["patient_id"]) & set(real["patient_id"])
    assert set(made["code"]) == {"pulse", "state"}
    assert set(made.loc[made["code"] == "state", "value"]) == {"awake", "asleep"}
    steps = pd.to_datetime(made["time"]).groupby(made["patient_id"]).diff().dropna().unique()
    assert set(steps) <= {pd.Timedelta(0), pd.Timedelta(hours=1)}
    scores = {s.name: s.value for s in release.scores}
    assert scores["cohort_orphans"] == scores["cohort_violations"] == 0
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"SECRET" not in path.read_bytes()
    for name in ("a.csv", "b.csv"):
        sample(tmp_path / "out", Order(130, shard=50), Target(tmp_path / name))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert pd.read_csv(tmp_path / "a.csv")["patient_id"].nunique() == 130


def test_what_was_mended_reaches_the_report(long_file, monkeypatch, tmp_path):
    """It is counted as courses are decoded; keys and columns beside are given after that."""
    whole = CourseCodec.decode

    def mended(self, course, rng):
        return replace(whole(self, course, rng), mended={"a law": 3})

    monkeypatch.setattr(CourseCodec, "decode", mended)
    run(Plan(source=str(long_file), measures=FEW, model="markov"), tmp_path / "out")
    assert json.loads((tmp_path / "out/scores.json").read_text())["repairs"] == {"a law": 3}


def test_copied_patients_are_caught(long_file, tmp_path):
    plan = Plan(
        source=str(long_file), model="bootstrap", positive_control=True, measures=("copies",)
    )
    release = run(plan, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()
    assert next(s for s in release.scores if s.name == "copied_run").low > 0.05
    assert release.verdict.status == "fail"


def test_what_a_cohort_does_not_have_is_refused(long_file, folder):
    with pytest.raises(PlanError, match="too few"):
        make(Plan(source=str(folder)))
    for given in ({"target": "code"}, {"model": "forest"}, {"measures": ("pca",)}):
        with pytest.raises(InputError):
            make(Plan(source=str(long_file), **given))


def test_a_long_file_with_times_is_a_cohort_and_can_be_said_to_be_a_table(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("patient_id,time,code,value\n1,2020-01-01,a,1\n2,2020-01-02,b,2\n")
    assert kind_of(path) is not None
    assert kind_of(path, "table") is None
    path.write_text("patient_id,time,code,age\n1,2020-01-01,a,1\n2,2020-01-02,b,2\n")
    assert kind_of(path) is None


@pytest.mark.parametrize(("few", "taken"), [(10, "events"), (10_000, "markov")])
def test_auto_takes_the_net_where_there_are_patients_enough(long_file, monkeypatch, few, taken):
    seen = []

    def stop(models, *_):
        seen.append(models.default)
        raise PlanError("far enough")

    monkeypatch.setattr(stages, "FEW", few)
    monkeypatch.setattr(stages.kind_stages, "train", stop)
    with pytest.raises(PlanError, match="far enough"):
        make(Plan(source=str(long_file), holdout=0.2))
    assert seen == [taken]


def test_histories_are_gone_on_with_by_the_command(long_file, tmp_path):
    small = {"width": 12, "memory": 6, "steps": 20, "lives": {"settings": {"trees": 2}}}
    plan = Plan(source=str(long_file), model="events", settings=small, measures=("rules",))
    run(plan, tmp_path / "out")
    table = pd.read_csv(long_file, dtype=str)
    first = table.groupby("patient_id").head(4)
    first = first[first["patient_id"].isin(first["patient_id"].unique()[:20])]
    first.to_csv(tmp_path / "until.csv", index=False)
    words = ["sample", str(tmp_path / "out"), "--continue", str(tmp_path / "until.csv")]
    ahead = [*words, "--times", "3", "--out", str(tmp_path / "ahead.csv")]
    done = CliRunner().invoke(cli, ahead)
    assert done.exit_code == 0, done.output
    assert "as sensitive as these are" in done.output.replace("\n", " ")
    assert "1 events of the histories are of codes that the model lacks" not in done.output
    made = pd.read_csv(tmp_path / "ahead.csv", dtype=str)
    owner = made["patient_id"].str.slice(0, 5)
    assert set(owner) <= set(first["patient_id"]) and made["patient_id"].str[5:].nunique() == 3
    last = pd.to_datetime(first["time"]).groupby(first["patient_id"]).max()
    passed = pd.to_datetime(made["time"]).to_numpy() - last[owner].to_numpy()
    assert len(made) > 20 and (passed >= np.timedelta64(1, "h")).all()
    assert CliRunner().invoke(cli, ahead).exit_code == 2  # the place is taken
    for wrong in (["--rows", "3"], ["--condition", "a=1"], ["--times", "0"]):
        other = [*words, *wrong, "--out", str(tmp_path / "other.csv")]
        assert CliRunner().invoke(cli, other).exit_code == 2
    other = ["sample", str(tmp_path / "out"), "--out", str(tmp_path / "other.csv")]
    assert CliRunner().invoke(cli, other).exit_code == 2
