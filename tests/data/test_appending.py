"""A cohort written in parts is the cohort written whole; what cannot be is not tried."""

import gzip

import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles import read_cohort, write_cohort
from medsynai.data.cohortfiles.appending import appends, write_parts
from medsynai.data.cohortfiles.layout import Layout, Part, Sheet
from medsynai.errors import SchemaError

EVENT = {"subject_id": "patient_id", "time": "hour", "code": "code", "value": "value"}


def ward(first: int, n: int, code: str = "HR") -> Cohort:
    rows = [(f"P{first + i:03d}", float(h), code, 60.0 + i + h) for i in range(n) for h in range(3)]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value"])
    return Cohort.of(events=events.assign(kind="event"), clock=Clock.HOURS)


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz"])
def test_parts_are_the_whole(name, tmp_path):
    layout = Layout("long", (Sheet("events", Part.EVENTS, dict(EVENT), "event"),), Clock.HOURS)
    assert appends(layout)
    write_parts((ward(10 * i, 10) for i in range(4)), layout, tmp_path / name)
    write_cohort(ward(0, 10), layout, tmp_path / f"one-{name}")
    read = gzip.open if name.endswith(".gz") else open
    with read(tmp_path / name, "rt") as rows:
        lines = rows.read().splitlines()
    assert len(lines) == 1 + 4 * 30 and lines.count(lines[0]) == 1
    back = read_cohort(tmp_path / name).cohort
    assert len(back) == 40 and len(back.events) == 120
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".parts")] == []


def test_a_part_that_fails_leaves_nothing(tmp_path):
    layout = Layout("long", (Sheet("events", Part.EVENTS, dict(EVENT), "event"),), Clock.HOURS)
    broken = ward(20, 2)
    events = broken.events.assign(subject_id="nobody")
    lost = Cohort(broken.subjects, events, broken.visits, broken.codes, clock=Clock.HOURS)
    with pytest.raises(SchemaError):
        write_parts([ward(0, 3), lost], layout, tmp_path / "events.csv")
    assert not list(tmp_path.iterdir())


def test_what_is_numbered_or_has_codes_is_written_whole():
    sheet = Sheet("events", Part.EVENTS, dict(EVENT), "event")
    codes = Sheet("codes", Part.CODES, {"code": "code"})
    assert not appends(Layout("long", (sheet, codes), Clock.HOURS))
    assert not appends(Layout("omop", (sheet,), Clock.HOURS))
    packed = Sheet("events", Part.EVENTS, dict(EVENT), "event", file="events.parquet")
    assert not appends(Layout("long", (packed,), Clock.HOURS))


def test_the_layout_of_a_folder_is_written_once(tmp_path):
    people = Sheet("people", Part.SUBJECTS, {"subject_id": "nr"})
    layout = Layout(
        "tables", (people, Sheet("events", Part.EVENTS, dict(EVENT), "event")), Clock.HOURS
    )
    write_parts((ward(10 * i, 10) for i in range(3)), layout, tmp_path / "ward")
    back = read_cohort(tmp_path / "ward").cohort
    assert len(back) == 30 and len(back.events) == 90
