"""Rare codes of a cohort give way to their category, by train patients."""

import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.rollup import Rollup

CODES = ["ICD9//25000", "ICD9//25001", "ICD9//25002", "ICD9//4019", "ICD9//4019", "ICD9//4019"]


def ward(drugs: str = "aspirin") -> Cohort:
    rows = [(str(i), code, "dx") for i, code in enumerate(CODES)]
    rows += [("0", "V270", "other"), ("1", drugs, "drug")]
    return Cohort.of(events=pd.DataFrame(rows, columns=["subject_id", "code", "kind"]))


def test_rare_siblings_become_their_category_and_common_codes_stay():
    rollup = Rollup.learn(ward())
    made = rollup.apply(ward())
    dx = made.events[made.events["kind"] == "dx"]
    assert dx["code"].value_counts().to_dict() == {"ICD9//250": 3, "ICD9//4019": 3}
    assert set(made.codes["code"]) == {"ICD9//250", "ICD9//4019", "V270", "aspirin"}
    assert rollup.notes and not any("2500" in n for n in rollup.notes)


def test_who_has_what_is_decided_by_patients_and_not_by_rows():
    events = ward().events
    again = pd.concat([events, *[events[events["code"] == "ICD9//25000"]] * 9])
    assert ("dx", "ICD9//25000") in Rollup.learn(Cohort.of(events=again)).parents


def test_kinds_are_apart_and_unseen_codes_stay_as_they_are():
    other = pd.DataFrame({"subject_id": ["7"], "code": ["ICD9//25099"], "kind": ["dx"]})
    holdout = Cohort.of(events=other)
    assert Rollup.learn(ward()).apply(holdout).events["code"].tolist() == ["ICD9//25099"]
    people = pd.DataFrame({"subject_id": list("abc"), "code": "25000", "kind": ["x", "y", "z"]})
    assert not Rollup.learn(Cohort.of(events=people)).parents
    assert Rollup({}).apply(holdout) is holdout


def test_concepts_and_items_of_a_laboratory_are_no_icd_codes():
    people = [str(i) for i in range(6)]
    concepts = ["4112343", "4112344", "4112345", "372328", "372329", "372330"]
    events = pd.DataFrame({"subject_id": people, "code": concepts, "kind": "condition"})
    assert not Rollup.learn(Cohort.of(events=events)).parents
    items = ["50912", "50913", "50914", "51221", "51222", "51223"]
    labs = pd.DataFrame({"subject_id": people, "code": items, "kind": "lab", "value": 1.0})
    assert not Rollup.learn(Cohort.of(events=labs)).parents
    assert Rollup.learn(Cohort.of(events=labs.drop(columns="value"))).parents  # the numbers tell
