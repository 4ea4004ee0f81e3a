"""Rows of one patient in a flat table: a person is told, by name or by how the rows look."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.read import read
from medsynai.data.repeats import several_rows
from medsynai.flow.opening import Handed, open_source
from medsynai.flow.plan import Plan


def panel(key="who", patients=40, **more):
    """Three visits of each patient, whose age does not change."""
    rng = np.random.default_rng(1)
    whose = np.repeat(np.arange(patients), 3)
    frame = pd.DataFrame({key: whose * 7, "age": rng.integers(20, 90, patients)[whose]})
    frame["day"] = np.tile([0, 30, 61], patients) + rng.integers(0, 9, len(whose))
    frame["value"] = rng.normal(5, 1, len(whose)).round(2)
    return frame.assign(**more)


def told(frame, tmp_path, shuffled=False):
    if shuffled:
        frame = frame.sample(frac=1, random_state=1)
    frame.to_csv(tmp_path / "panel.csv", index=False)
    return several_rows(read(tmp_path / "panel.csv").table)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_key_that_no_name_gives_away_is_told_by_its_rows(shuffled, tmp_path):
    (note,) = told(panel(), tmp_path, shuffled)
    assert note.startswith("who looks like a patient's key: its 40 values come back")
    assert "--kind cohorts:panel:who,day" in note and "both sides of the split" in note


def test_a_time_that_no_name_gives_away_runs_up_within_patients(tmp_path):
    frame = panel().rename(columns={"day": "x"})
    assert "cohorts:panel:who,x" in told(frame, tmp_path)[0]
    assert told(frame, tmp_path, shuffled=True) == ()


def test_known_patients_are_split_whole_and_what_is_lost_is_told(tmp_path):
    (note,) = told(panel("patient_id"), tmp_path)
    assert note.startswith("patient_id: 120 rows of 40 patients. All rows of a patient are on one")
    assert "--kind cohorts:panel:patient_id,day" in note


@pytest.mark.parametrize(
    "frame",
    [
        panel().drop(columns="age"),  # nothing that is a patient's own
        panel(day=1),  # several rows at one time
        panel("ward"),  # a place, not a patient
        panel(patients=12),  # as few as levels are
        panel().drop_duplicates("who"),
        panel("patient_id").drop_duplicates("patient_id"),
    ],
)
def test_other_tables_are_left_in_peace(frame, tmp_path):
    assert told(frame, tmp_path) == ()


def test_a_run_and_its_release_hear_of_it(tmp_path):
    panel().to_csv(tmp_path / "panel.csv", index=False)
    loaded = open_source(Plan(source=str(tmp_path / "panel.csv")), Handed())
    assert loaded.notes[0].startswith("who looks like a patient's key")
