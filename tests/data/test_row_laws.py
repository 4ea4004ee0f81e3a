"""Facts stand once, and what counts the rows of a visit counts them, where the source has it so."""

from pandas import DataFrame, Timestamp

from medsynai.data.cohort import Cohort
from medsynai.data.row_laws import RowLaws


def cohort(numbers, codes, time=None):
    """Twelve patients with a visit each, and in it as many diagnoses as there are codes."""
    rows = [
        (f"P{i}", f"V{i}", c, n) for i in range(12) for c, n in zip(codes, numbers, strict=True)
    ]
    events = DataFrame(rows, columns=["subject_id", "visit_id", "code", "seq"])
    beside = {"dx": events[["seq"]].astype(object)}
    return Cohort.of(events=events.drop(columns="seq").assign(kind="dx", time=time), extras=beside)


def test_a_counter_counts_again_and_a_fact_stands_once():
    laws = RowLaws.of(cohort("123", "ABC"))
    assert laws == RowLaws(("dx",), (("dx", "seq"),))
    drawn = cohort(["2", "1", "2"], "ABC")
    made = laws.numbered(drawn)
    rows = made.events.assign(seq=made.extras["dx"]["seq"])
    assert [list(r) for _, r in rows.groupby("visit_id")["seq"]] == [["2", "1", "3"]] * 12
    bare = cohort("111", "ABA")
    once = laws.facts_once(Cohort.of(events=bare.events))
    assert once.events["code"].tolist() == ["A", "B"] * 12


def test_what_does_not_hold_in_the_source_is_no_law():
    assert RowLaws.of(cohort("133", "AAC")) == RowLaws()
    timed = cohort("111", "AAC", Timestamp("2020-01-01"))
    assert RowLaws.of(timed) == RowLaws()
    drawn = RowLaws(("dx",), ()).facts_once(Cohort.of(events=timed.events))
    assert len(drawn.events) == 36  # what has a time may come again
