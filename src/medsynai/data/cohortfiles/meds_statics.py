"""MEDS codes without a time that no patient has twice: columns of the patient, and codes again.

`GENDER//F` is one of a family, what stands before `//`. Where no patient has two of a family it is
a column `GENDER` with the level `F`: drawn once, with all else that is told of a patient once, and
never as an event, of which there may be none or several.
"""

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from medsynai.data.cohort import SUBJECTS, Cohort
from medsynai.data.cohortfiles.layout import Layout

BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
EVENT = "event"  # the kind of what a file gives no kind
PART = "//"  # between a family and its member
STATIC = "static "  # before a column's name in the details of a layout
LEVEL, CODE, FLAG, NUMBER = "level", "code", "flag", "number"  # how it stands in its column
WORD = re.compile(r".*?//[^\d\s][^\d]*")  # a member without a digit: no number, and no date
THERE = "yes"  # of a code that is there or not
SAID = ("subject_id", "code", "value", "kind")  # what such a row may say
TAKEN = (*(n for n in SUBJECTS if n != "sex"), "split")


def lift(rows: pd.DataFrame, subjects: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The events without these codes, which become columns of `subjects`; and how they stand there.

    A family with texts, visits or further columns, or with numbers under several codes, stays
    events; so does one of which some patient has two.

    Args:
        rows: events without births and deaths.
        subjects: a row a patient; columns are added to it.
    """
    beside = [n for n in rows if n not in SAID]
    bare = rows["time"].isna() & (rows["kind"] == EVENT)
    untimed = rows[bare]
    plain = untimed[beside].isna().all(axis=1)
    gone: list[pd.Index] = []
    forms: dict[str, str] = {}
    for family, mine in untimed.groupby(untimed["code"].str.split(PART).str[0], sort=True):
        form = _form(mine) if plain[mine.index].all() else None
        name = str(family) if form in (LEVEL, CODE) else str(mine["code"].iloc[0])
        if form is None or name in TAKEN or STATIC + name in forms:
            continue
        values = mine.set_index("subject_id")[["code", "value"]].reindex(subjects["subject_id"])
        told = values["value"] if form == NUMBER else values["code"]
        if form == LEVEL:
            told = told.str.removeprefix(name + PART)
        elif form == FLAG:
            told = told.where(told.isna(), THERE)
        subjects[name] = told.to_numpy()
        forms[STATIC + name] = form
        gone.append(mine.index)
    return (rows.drop(index=gone[0].append(gone[1:])) if gone else rows), forms


def _form(mine: pd.DataFrame) -> str | None:
    """How a family's codes become one column; None where they cannot."""
    valued = mine["value"].notna()
    codes = mine["code"].unique()
    if mine["subject_id"].duplicated().any() or (valued.any() and not valued.all()):
        return None
    if valued.any():
        return NUMBER if len(codes) == 1 else None
    if len(codes) == 1 and PART not in codes[0]:
        return FLAG
    return LEVEL if all(WORD.fullmatch(c) for c in codes) else CODE


def lowered(subjects: pd.DataFrame, details: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """The events that these columns were.

    Args:
        subjects: a row a patient.
        details: of a layout.
    """
    for name in statics(details):
        if name not in subjects:
            continue
        form, known = details[STATIC + name], subjects[subjects[name].notna()]
        rows = known[["subject_id"]].assign(kind=EVENT)
        if form == NUMBER:
            yield rows.assign(code=name, value=known[name].astype("float64"))
        elif form == FLAG:
            yield rows.assign(code=name)
        else:
            yield rows.assign(code=(name + PART if form == LEVEL else "") + known[name])


def statics(details: Mapping[str, str]) -> tuple[str, ...]:
    """The columns of subjects that are codes in the file."""
    return tuple(n.removeprefix(STATIC) for n in details if n.startswith(STATIC))


def static_codes(
    train: Cohort, layout: Layout, codes: pd.DataFrame, least: int
) -> tuple[dict[str, str | float], ...]:
    """What the table of codes says of codes that became columns of the patient, a row each.

    Args:
        train: patients.
        layout: their form.
        codes: the table of codes.
        least: patients whose code it is; rarer ones are not listed.
    """
    parts = list(lowered(train.subjects, layout.details))
    if not parts:
        return ()
    counts = pd.concat([p["code"] for p in parts]).value_counts()
    known = {*counts.index[counts >= least], BIRTH, DEATH}
    rows = codes[codes["code"].isin(known)]
    told = rows[rows.drop(columns=["kind", "code"]).notna().any(axis=1)]
    return tuple(
        {str(k): v for k, v in row.items() if not pd.isna(v)} for row in told.to_dict("records")
    )
