"""What no model learns of a cohort is counted, and no value is shown."""

from pandas import DataFrame, Timestamp

from medsynai.codec.unlearnt import left_out, rare_events
from medsynai.data.cohort import Cohort


def cohort():
    ids = [f"P{i}" for i in range(9)]
    people = DataFrame({"subject_id": ids, "town": ["A", "B", "C"] * 2 + ["A", "B", "SECRET"]})
    people["LAT"] = [f"{42 + i / 7:.6f}" for i in range(9)]
    rows = [(p, "I10", "x") for p in ids] + [(p, "E11", f"SECRET{p}") for p in ids]
    events = DataFrame(rows, columns=["subject_id", "code", "text"])
    return Cohort.of(people, events.assign(time=Timestamp("2020-01-01"), kind="dx"))


def test_columns_levels_and_events_that_are_not_drawn_are_told():
    assert left_out(cohort(), 2) == (
        "subjects.town: 1 of 4 levels are each of fewer than 2 train patients, and are not drawn",
        "left out: subjects.LAT (place on the map)",
    )
    told = list(rare_events(cohort(), 2))
    assert len(told) == 1 and told[0].startswith("dx: 9 of 18 train events are each of a code")
    assert not list(rare_events(cohort(), 1))
    assert "SECRET" not in " ".join([*told, *left_out(cohort(), 2)])
