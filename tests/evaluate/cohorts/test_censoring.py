"""Who died and who was only seen until then: neither turns, nor does time 0 go, on the way."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import read_cohort, write_cohort
from medsynai.evaluate.cohorts import survival
from medsynai.evaluate.cohorts.survival import DIED, FOLLOWED, statics_of
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.survival import kaplan_meier
from medsynai.seeds import Seeds


def ward(n: int, seed: int) -> Cohort:
    """Some die, some within the first minute; the others are seen until an exit."""
    rng, keys = np.random.default_rng(seed), [f"{seed}-{i}" for i in range(n)]
    sex = rng.choice(["F", "M"], n)
    entry = pd.Series(pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 400, n), "D"))
    days = np.minimum(rng.exponential(np.where(sex == "M", 100, 400)).round(), 500)
    days[rng.random(n) < 0.08] = 0.0
    died = (rng.random(n) < 0.8) & (days < 500)
    ends = entry + pd.to_timedelta(days, "D")
    people = pd.DataFrame({"subject_id": keys, "sex": sex, "entry": entry, "exit": ends})
    people["death"] = ends.where(died)
    rows = pd.DataFrame({"subject_id": keys, "time": entry, "code": "a"})
    people["birth"] = entry.dt.normalize() - pd.Timedelta(days=20_000)
    return Cohort.of(people, rows.assign(kind="measurement", value=rng.normal(size=n).round(2)))


TRAIN, HOLDOUT = ward(300, 1), ward(300, 2)


def curve(cohort: Cohort):
    told = statics_of(cohort)
    return kaplan_meier(
        np.column_stack([told[FOLLOWED].astype(float), (told[DIED] == "yes").astype(float)])
    )


def area(made: Cohort) -> float:
    scores = survival.measure(CohortTrial(TRAIN, HOLDOUT, made, Seeds(0))).scores
    return next(s.value for s in scores if s.name == "km_area")


def turned(cohort: Cohort) -> Cohort:
    """Who died was only seen, and who was seen died."""
    died = cohort.subjects["death"].notna()
    ends = cohort.subjects["exit"]
    return Cohort.of(cohort.subjects.assign(death=ends.where(~died)), cohort.events)


@pytest.mark.parametrize("format", ["meds", "omop", "fhir", "mimic"])
def test_curves_are_the_same_after_a_way_through_files(format, tmp_path):
    """A format without a place for the end of follow-up says so; who died it tells all the same."""
    notes = write_cohort(TRAIN, format, tmp_path / "out")
    back = read_cohort(tmp_path / "out").cohort
    assert sorted(statics_of(back)[DIED]) == sorted(statics_of(TRAIN)[DIED])
    assert sorted(back.subjects["death"].dropna()) == sorted(TRAIN.subjects["death"].dropna())
    if back.subjects["exit"].isna().all():
        assert format != "meds" and any("exit" in n for n in notes), notes
        return
    for one, two in zip(curve(TRAIN), curve(back), strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(*p) for p in zip(curve(TRAIN), curve(turned(back)), strict=True))


def test_time_0_counts_and_a_turned_flag_is_seen():
    days = statics_of(TRAIN)[FOLLOWED].astype(float)
    now = (days == 0) & TRAIN.subjects["death"].notna()
    assert now.sum() > 5
    times, alive, _ = curve(TRAIN)
    assert np.interp(0.0, times, alive) == pytest.approx(1 - now.mean())
    assert area(ward(300, 3)) < 0.06 and area(turned(ward(300, 3))) > 0.15


def test_patients_to_whom_nothing_happened_are_followed_until_their_exit():
    bare = Cohort.of(TRAIN.subjects, TRAIN.events[:0])
    assert statics_of(bare)[FOLLOWED].tolist() == statics_of(TRAIN)[FOLLOWED].tolist()
    unseen = Cohort.of(TRAIN.subjects.assign(exit=pd.NaT), TRAIN.events[:0])
    assert ((statics_of(unseen)[FOLLOWED] == "") == TRAIN.subjects["death"].isna()).all()
