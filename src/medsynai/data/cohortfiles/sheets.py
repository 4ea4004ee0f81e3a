"""Folders of tables to a cohort and back, as a layout says; what has no place is carried beside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.cohortfiles.centuries import settled
from medsynai.data.cohortfiles.housed import homeless
from medsynai.data.cohortfiles.layout import COLUMNS, JOINED, Layout, LoadedCohort, Part, Sheet
from medsynai.data.cohortfiles.texts import (
    fewest_places,
    read_numbers,
    read_texts,
    read_times,
    stem,
    without_words,
    write_numbers,
    write_texts,
    write_times,
)
from medsynai.data.integrity import Problem, refuse_broken, unsorted
from medsynai.errors import ReadError, SchemaError

MOSTLY = 0.5  # share of numbers that their texts repeat, from which these are twice the same


@dataclass
class Gathered:
    """What the tables of a folder gave, before it is a cohort."""

    parts: dict[Part, list[pd.DataFrame]] = field(default_factory=lambda: {p: [] for p in Part})
    extras: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    rows: int = 0  # of events so far


def tables_of(folder: Path) -> dict[str, Path]:
    """The tables of a folder and of the folders in it, by name.

    Raises:
        ReadError: two tables of one name; a folder or a broken link in a table's place.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = stem(path)
        if name is None or path.name.startswith("."):
            continue
        if not path.is_file():
            raise ReadError(
                f"{path} is named as a table and is a folder, or a link that leads nowhere; put "
                "the table there, or take it away"
            )
        if name in found:
            raise ReadError(f"{folder} holds two tables {name!r}; keep one")
        found[name] = path
    return found


def read(folder: Path, layout: Layout, files: dict[str, Path] | None = None) -> LoadedCohort:
    """The tables that a layout names, as a cohort.

    Args:
        folder: where they are.
        layout: which tables and columns hold what.
        files: a table's name -> its file; looked up in the folder if not given.

    Raises:
        ReadError: a table or column that is not there, or that cannot be read.
        SchemaError: subjects or visits of one key twice, or without one.
    """
    files = tables_of(folder) if files is None else files
    got = Gathered()
    for sheet in layout.sheets:
        path = files.get(sheet.name.lower())
        if path is None:
            raise ReadError(f"{folder} has no table {sheet.name!r}, which the layout names")
        frame, shaped = read_texts(path, sheet, folder, got.notes)
        add(got, frame, shaped, layout.clock)
    named = {s.name.lower() for s in layout.sheets}
    for name, path in files.items():
        if name not in named:
            rows = len(read_texts(path, Sheet(name, Part.CODES), folder)[0])
            got.notes.append(f"not carried: table {name!r} ({rows:,} rows)")
    return gather(got, layout)


def add(got: Gathered, frame: pd.DataFrame, sheet: Sheet, clock: Clock) -> None:
    """Take a table of texts in.

    Raises:
        ReadError: a column that is not there, or values that are no times or numbers.
    """
    absent = [n for n in sheet.mapped if n not in frame]
    if absent:
        raise ReadError(
            f"table {sheet.name!r} has no column {absent[0]!r}, which the layout names; columns: "
            f"{', '.join(map(str, frame))}"
        )
    index = pd.RangeIndex(got.rows, got.rows + len(frame)) if sheet.part is Part.EVENTS else None
    frame = frame if index is None else frame.set_axis(index, axis=0)
    core = pd.DataFrame(index=frame.index)
    for column, kind in COLUMNS[sheet.part].items():
        if column in sheet.columns and kind == "time":
            name = sheet.named(column)[0]
            times = read_times(frame[name], f"{sheet.name}.{name}", clock)
            core[column] = times.values
            sheet = replace(sheet, times={**sheet.times, name: times.form})
            got.notes.extend(times.notes)
            got.problems.extend(times.problems)
        elif column in sheet.columns and kind == "number":
            sheet = _add_numbers(got, core, frame, sheet, column)
        elif column in sheet.columns and column not in core:  # `text` may be there with its number
            core[column] = _joined(frame, sheet.named(column))
    if {"value", "text"} <= set(core) and sheet.columns.get("text") != sheet.columns.get("value"):
        sheet = _twins(core, frame, sheet) if "text" in sheet.columns else sheet
    rest = frame.drop(columns=[*sheet.mapped, *[n for n in sheet.numbered if n in frame]])
    rest = rest.dropna(axis=1, how="all")  # the header brings them back
    if sheet.part is Part.EVENTS:
        core, rest, sheet = _as_events(got, core, frame, rest, sheet)
        got.rows += len(core)
        if {"subject_id", "time"} <= set(core):
            got.problems.append(unsorted(sheet.name, core["subject_id"], core["time"]))
    if sheet.part is Part.SUBJECTS:
        core, rest = pd.concat([core, rest], axis=1), pd.DataFrame()
    if sheet.part is Part.CODES and len(rest.columns):
        got.notes.append(f"not carried: {len(rest.columns)} columns of {sheet.name!r}")
    elif sheet.part is Part.VISITS:
        got.extras[OF_VISITS] = rest
    elif sheet.part is Part.EVENTS:
        got.extras |= {
            str(kind): rest.loc[rows] for kind, rows in core.groupby("kind").groups.items()
        }
    got.parts[sheet.part].append(core)
    got.sheets.append(sheet)


def _add_numbers(
    got: Gathered, core: pd.DataFrame, frame: pd.DataFrame, sheet: Sheet, column: str
) -> Sheet:
    """Numbers; texts among them go to `text` of the event, where that has no column of its own."""
    name = sheet.named(column)[0]
    texts = without_words(frame[name], f"{sheet.name}.{name}", got.notes)
    core[column], left = read_numbers(texts)
    if places := fewest_places(texts.where(left.isna())):
        sheet = replace(sheet, places={**sheet.places, name: places})
    if column == "value" and sheet.columns.get("text", name) == name:
        core["text"] = left
    elif lost := int(left.notna().sum()):
        raise ReadError(
            f"{sheet.name}.{name}: {lost:,} of {len(left):,} values are no numbers; name the "
            "column as text, or correct them"
        )
    return sheet


def _twins(core: pd.DataFrame, frame: pd.DataFrame, sheet: Sheet) -> Sheet:
    """Texts beside numbers that say nothing but these are taken for what they are: twice the same.

    They may be spelt otherwise: 4 beside 4.0. MIMIC has each number of a laboratory as text, too.
    """
    name = sheet.named("text")[0]
    texts = frame[name]
    valued = core["value"].notna()
    alike = valued & (read_numbers(texts)[0] == core["value"])
    if not alike.sum() > MOSTLY * valued.sum() or texts[valued].isna().any():
        return sheet
    core["text"] = texts.where(~alike, None)  # one that says more (">75") stays
    places = {**sheet.places, name: fewest_places(texts[alike])}
    return replace(sheet, twin=True, places={n: p for n, p in places.items() if p})


def _joined(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The texts of one column, or of several as one text; missing where the last is missing."""
    texts = frame[names[-1]]
    for name in reversed(names[:-1]):
        ahead = frame[name]
        texts = (ahead + JOINED + texts).where(ahead.notna() & texts.notna(), texts)
    return texts


def _as_events(
    got: Gathered, core: pd.DataFrame, frame: pd.DataFrame, rest: pd.DataFrame, sheet: Sheet
) -> tuple[pd.DataFrame, pd.DataFrame, Sheet]:
    """Events with their kind and code; descriptions go to the table of codes."""
    sheet = replace(sheet, kind=sheet.kind or sheet.name)
    core["kind"] = core["kind"].fillna(sheet.kind) if "kind" in core else sheet.kind
    if "code" not in sheet.columns:
        core["code"] = sheet.kind
    names = sheet.named("description")
    if names:
        told = core[["kind", "code"]].assign(description=frame[names[0]])
        told = told[told["code"].notna()].drop_duplicates()
        if told["code"].duplicated().any():  # not a fact of the code: it stays beside the event
            columns = {k: v for k, v in sheet.columns.items() if k != "description"}
            sheet = replace(sheet, columns=columns)
            rest = rest.assign(**{names[0]: frame[names[0]]})
        else:
            got.parts[Part.CODES].append(told)
    return core, rest, sheet


def gather(got: Gathered, layout: Layout) -> LoadedCohort:
    """What the tables gave as a cohort; its layout says how each was written."""
    people = _merged(got)
    visits = got.parts[Part.VISITS]
    if len(visits) > 1:
        raise SchemaError("the layout names two tables of visits; name the others as events")
    events = pd.concat(got.parts[Part.EVENTS]) if got.parts[Part.EVENTS] else pd.DataFrame()
    if len(events) and visits and "subject_id" in visits[0]:
        whose = visits[0].drop_duplicates("visit_id").set_index("visit_id")["subject_id"]
        bare = events["subject_id"].isna() if "subject_id" in events else True
        reached = events["visit_id"].map(whose) if "visit_id" in events else None
        if reached is not None and np.any(bare):  # tables that know only the visit
            named = events.get("subject_id", reached)
            events = events.assign(subject_id=named.where(named.notna(), reached))
    if visits:
        visits[0], moved = settled(visits[0], events, got.sheets)
        got.notes.extend(moved)
    codes = got.parts[Part.CODES]
    cohort = Cohort.of(
        people,
        events,
        visits[0] if visits else None,
        pd.concat(codes) if codes else None,
        got.extras,
        clock=layout.clock,
    )
    sheets = replace(layout, sheets=tuple(got.sheets))
    return LoadedCohort.of(cohort, sheets, tuple(got.notes), tuple(got.problems))


def _merged(got: Gathered) -> pd.DataFrame | None:
    """Tables of one row a patient, side by side; the first says which patients there are."""
    tables = got.parts[Part.SUBJECTS]
    if not tables:
        return None
    people = tables[0]
    for place, more in enumerate(tables[1:], start=1):
        lost = int((~more["subject_id"].isin(people["subject_id"])).sum())
        name = [s for s in got.sheets if s.part is Part.SUBJECTS][place].name
        said = f"rows of {name!r} name no patient of the subjects; they are left out"
        got.problems.append(Problem("orphan rows", lost, len(more), said))
        if more["subject_id"].duplicated().any():
            raise SchemaError(
                f"table {name!r} has several rows of a patient; name it as events, not subjects"
            )
        people = people.merge(more, on="subject_id", how="left", suffixes=("", f" ({name})"))
    return people


def write(cohort: Cohort, layout: Layout, folder: Path) -> tuple[str, ...]:
    """Write a cohort's tables to an existing folder as the layout says; what has no place is told.

    Raises:
        SchemaError: keys that do not hold.
    """
    refuse_broken(cohort)
    lost, notes = homeless(cohort, layout), unwritten(cohort, layout)
    if lost.any():
        said = "events have no visit, by which alone their table names the patient"
        notes = (*notes, f"not written: {int(lost.sum()):,} {said}")
        cohort = replace(cohort, events=cohort.events[~lost])
    frames = to_texts(cohort, layout)
    for sheet in layout.sheets:
        write_texts(frames[sheet.name], sheet, folder)
    return notes


def unwritten(cohort: Cohort, layout: Layout) -> tuple[str, ...]:
    """What a layout has no place for, counted."""
    notes = []
    kinds = {s.kind for s in layout.of(Part.EVENTS)}
    if any("kind" in s.columns for s in layout.of(Part.EVENTS)):
        kinds |= set(cohort.events["kind"])
    for kind, count in cohort.events["kind"].value_counts(dropna=False).items():
        if kind not in kinds:
            notes.append(f"not written: {count:,} events of kind {kind!r} have no table")
    if len(cohort.visits) and not layout.of(Part.VISITS):
        told = cohort.visits[["start", "end", "kind"]].notna().any(axis=1).sum()
        if told:
            notes.append(f"not written: {told:,} visits have no table")
    if cohort.signals:
        notes.append(f"not written: {len(cohort.signals):,} signals")
    return (*notes, *_columnless(cohort, layout))


def _columnless(cohort: Cohort, layout: Layout) -> Iterator[str]:
    """What stands in columns of a cohort for which a table has none."""
    for sheet in layout.sheets:
        if sheet.part in (Part.EVENTS, Part.VISITS):
            rows, known = _rows(cohort, sheet)[0], {*sheet.columns, "subject_id", "kind"}
            known |= {"text"} if "value" in known else set()  # texts stand among the numbers
            more = [c for c in COLUMNS[sheet.part] if c not in known and rows[c].notna().any()]
            for column in more:
                count = int(rows[column].notna().sum())
                yield f"not written: {count:,} {column} of {sheet.name!r}, which has no such column"
    people = layout.of(Part.SUBJECTS)
    if people:
        there = {n for s in people for n in (*s.columns, *s.header)}
        there |= {f"{n} ({s.name})" for s in people for n in s.header}
        lost = [n for n in cohort.subjects if n not in there and cohort.subjects[n].notna().any()]
        if lost:
            yield f"not written: {len(lost)} columns of subjects: {', '.join(map(str, lost))}"


def to_texts(cohort: Cohort, layout: Layout) -> dict[str, pd.DataFrame]:
    """Each table of the layout, as texts."""
    made, taken = {}, set[str]()
    for sheet in layout.sheets:
        core, extra = _rows(cohort, sheet)
        columns: dict[str, pd.Series] = {}
        for column, kind in {**COLUMNS[sheet.part], "description": "text"}.items():
            if column in sheet.columns:
                _spell(columns, core, sheet, column, kind)
        if sheet.part is Part.SUBJECTS:
            own = [n for n in sheet.header if n not in sheet.mapped]
            names = {n: f"{n} ({sheet.name})" if n in taken else n for n in own}
            taken.update(own)
            extra = core[[v for v in names.values() if v in core]]
            extra = extra.rename(columns={v: k for k, v in names.items()})
        columns |= {str(n): extra[n].reindex(core.index) for n in extra if n not in columns}
        frame = pd.DataFrame(columns, index=core.index)
        if sheet.part is Part.SUBJECTS and sheet is not layout.of(Part.SUBJECTS)[0]:
            key = list(sheet.named("subject_id"))
            frame = frame[frame.drop(columns=key).notna().any(axis=1)]
        for name in sheet.numbered:
            frame[name] = pd.Series(np.arange(1, len(frame) + 1), frame.index).map(str)
        header = list(sheet.header) or list(map(str, frame))
        made[sheet.name] = frame.reindex(columns=[*header, *[n for n in frame if n not in header]])
    return made


def _rows(cohort: Cohort, sheet: Sheet) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a table, and what is carried beside them."""
    nothing = pd.DataFrame()
    if sheet.part is Part.EVENTS:
        rows = cohort.events
        kinds = {*rows["kind"]} if "kind" in sheet.columns else {sheet.kind}
        rows = rows[rows["kind"].isin(kinds)]
        beside = [f for k, f in cohort.extras.items() if k in kinds]
        if "description" in sheet.columns:
            told = cohort.codes[cohort.codes["kind"] == sheet.kind].set_index("code")
            rows = rows.assign(description=rows["code"].map(told["description"]))
        return rows, pd.concat(beside) if beside else nothing
    if sheet.part is Part.VISITS:
        return cohort.visits, cohort.extras.get(OF_VISITS, nothing)
    return (_known(cohort, sheet) if sheet.part is Part.CODES else cohort.subjects), nothing


def _known(cohort: Cohort, sheet: Sheet) -> pd.DataFrame:
    """The codes of which a table says something, and those that no event has."""
    keys = ["kind", "code"]
    codes, used = cohort.codes, pd.MultiIndex.from_frame(cohort.events[keys])
    told = codes[[c for c in sheet.columns if c not in keys]].notna().any(axis=1)
    return codes[told | ~pd.MultiIndex.from_frame(codes[keys]).isin(used)]


def _spell(
    columns: dict[str, pd.Series], core: pd.DataFrame, sheet: Sheet, column: str, kind: str
) -> None:
    """A cohort's column as the table's column or columns."""
    names = sheet.named(column)
    values = core[column]
    if kind == "time":
        clock = Clock.CALENDAR if values.dtype.kind == "M" else Clock.DAYS  # any offset will do
        columns[names[0]] = write_times(values, sheet.times.get(names[0], ""), clock)
    elif kind == "number":
        texts = write_numbers(values, sheet.places.get(names[0], 0))
        if column == "value" and sheet.columns.get("text", names[0]) == names[0]:
            texts = texts.where(values.notna(), core["text"])
        columns[names[0]] = texts
    elif names[0] in columns:
        return  # a text beside its number: written with it
    elif column == "text" and sheet.twin:
        spelt = write_numbers(core["value"], sheet.places.get(names[0], 0))
        columns[names[0]] = values.where(values.notna(), spelt)
    elif len(names) == 1:
        columns[names[0]] = values
    else:
        codes, words = pd.factorize(values)
        parts = [str(w).split(JOINED, len(names) - 1) for w in words]
        whole = [[None] * (len(names) - len(p)) + p for p in parts]  # what is one text is the last
        for place, name in enumerate(names):
            told = np.array([*(w[place] for w in whole), None], dtype=object)
            columns[name] = pd.Series(told[codes], index=core.index, dtype=object)
