"""What another column settles is told by it, whatever a model draws."""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.settled import settled_in, with_settled, without


def people(n: int = 300) -> Cohort:
    rng = np.random.default_rng(2)
    group = rng.choice(["irish", "polish", "mexican", "chinese"], n)
    race = pd.Series(group).map({"irish": "8527", "polish": "8527", "chinese": "8515"})
    text = race.map({"8527": "white", "8515": "asian"})
    frame = pd.DataFrame({"subject_id": [f"{i:03d}" for i in range(n)], "race": race, "text": text})
    noise, died = rng.choice(["a", "b"], n), np.where(group == "irish", "1", "0")
    return Cohort.of(frame.assign(group=group, noise=noise, died=died))


def test_chains_of_columns_come_back_and_no_pair_is_new():
    real = people()
    settled = settled_in(real, 3)
    names = {s.name for s in settled}
    assert names == {"race", "text"}  # the group tells both, and nothing tells the group
    bare = without(real, settled)
    assert not names & set(bare.subjects)
    again = with_settled(bare, settled).subjects[list(real.subjects)]
    pd.testing.assert_frame_equal(again, real.subjects)
    drawn = replace(bare, subjects=bare.subjects.assign(group="mexican"))
    made = with_settled(drawn, settled).subjects
    assert made["race"].isna().all() and made["text"].isna().all()
    asked = next(s for s in settled if s.name == "race")
    assert asked.said == ("8515", "8527")


def test_what_hardly_any_patient_shows_settles_nothing():
    real = people()
    lone = real.subjects.assign(key=real.subjects["subject_id"], noise="a")
    assert "key" not in {s.by for s in settled_in(replace(real, subjects=lone), 3)}
    broken = real.subjects.copy()
    at = broken.index[broken["group"] == "irish"][0]
    broken.loc[at, "race"] = "8515"  # one patient is enough to say that it is no law
    found = settled_in(replace(real, subjects=broken), 3)
    assert not [s for s in found if s.name == "race" and s.by == "group"]
    rare = real.subjects.copy()
    rare.loc[at, "group"] = "breton"
    listed = [level for s in settled_in(replace(real, subjects=rare), 3) for level in s.levels]
    assert listed and "breton" not in listed  # a level of one patient is written nowhere
