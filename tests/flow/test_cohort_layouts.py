"""What a cohort's release gives back of the layout it was read from, format by format."""

import numpy as np
import pandas as pd

from medsynai.data.cohortfiles import read_cohort
from medsynai.flow.plan import Plan
from medsynai.flow.run import run

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
