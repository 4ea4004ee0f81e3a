"""PhysioNet/CinC Challenge 2012: a text file a stay, and the table of outcomes beside the folder.

A stay's file has lines of `hh:mm,parameter,value`; those of minute 0 with age, gender, height and
unit are statics, in which -1 stands for unknown. Two CSV files (`..._stays`, `..._events`) are read
too: the long form in which the data also go round.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import SUBJECTS, Clock, Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.known import header_of
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Part, Sheet
from medsynai.data.cohortfiles.texts import read_numbers, read_texts, write_numbers
from medsynai.data.integrity import refuse_broken
from medsynai.errors import ReadError, SchemaError

HEADER = "Time,Parameter,Value"
BOM = b"\xef\xbb\xbf"  # some editors mark the encoding
STATICS = ("RecordID", "Age", "Gender", "Height", "ICUType")
WEIGHT = "Weight"  # of minute 0 it is a static, and later a measurement
OUTCOMES = "Outcomes"


def recognise(path: Path) -> bool:
    """Whether a folder has files of stays, or the two tables of the long form."""
    if not path.is_dir():
        return False
    if _tables(path):
        return True
    stays = _stays(path)
    if not stays:
        return False
    try:
        with stays[0].open("rb") as file:
            return file.readline(len(HEADER) + 8).strip().removeprefix(BOM) == HEADER.encode()
    except OSError:
        return False


def _stays(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*.txt") if p.stem.isdigit())


def _tables(path: Path) -> dict[str, Path]:
    """The two tables of the long form, if that is what the folder holds."""
    ends = ("stays", "events")
    found = {
        end: file
        for name, file in sheets.tables_of(path).items()
        for end in ends
        if name.endswith(f"_{end}") or name == end
    }
    fits = len(found) == 2 and all("RecordID" in header_of(f) for f in found.values())
    return found if fits else {}


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A folder of stays as a cohort; times are minutes from admission to the unit.

    Raises:
        ReadError: a file that has no such lines, times that are no hours and minutes.
    """
    tables = _tables(path)
    if tables:
        event = {"subject_id": "RecordID", "time": "minute", "code": "parameter", "value": "value"}
        layout = Layout(
            "physionet2012",
            (
                Sheet("stays", Part.SUBJECTS, {"subject_id": "RecordID"}),
                Sheet("events", Part.EVENTS, {**event}, "measurement"),
            ),
            Clock.MINUTES,
        )
        return sheets.read(path, layout, tables)
    frames = [_one(p) for p in _stays(path)]
    rows = pd.concat(frames, ignore_index=True)
    minutes, bad = _minutes(rows["Time"])
    if bad:
        raise ReadError(
            f"{path}: {bad:,} of {len(rows):,} times are not written as hh:mm; correct them, or "
            "take the lines out"
        )
    values, texts = read_numbers(rows["Value"])
    static = (minutes == 0) & rows["Parameter"].isin([*STATICS, WEIGHT])
    static &= ~rows.duplicated(["stay", "Parameter"])  # a second weight of minute 0 is measured
    told = (
        rows[static]
        .assign(value=values[static])
        .pivot(index="stay", columns="Parameter", values="value")
        .reindex([p.stem for p in _stays(path)])  # a stay of which nothing was written too
        .rename_axis(index="stay")
    )
    unknown = told == -1
    notes = [f"-1 stands for unknown in {int(unknown.to_numpy().sum()):,} statics; read as missing"]
    subjects = told.mask(unknown).drop(columns="RecordID", errors="ignore").reset_index(names="key")
    subjects = subjects.rename(columns={"key": "subject_id"}).rename_axis(columns=None)
    outcomes = [p for at in (path, path.parent) for p in at.glob(f"{OUTCOMES}*.txt")]
    if outcomes:
        frame, _ = read_texts(outcomes[0], Sheet("outcomes", Part.SUBJECTS), outcomes[0].parent)
        frame = frame.rename(columns={"RecordID": "subject_id"})
        lost = int((~frame["subject_id"].isin(subjects["subject_id"])).sum())
        notes += [f"{lost:,} of {len(frame):,} outcomes are of no stay here"] if lost else []
        subjects = subjects.merge(frame, on="subject_id", how="left")
    events = pd.DataFrame(
        {"subject_id": rows["stay"], "time": minutes, "code": rows["Parameter"]}
    ).assign(value=values, text=texts, kind="measurement")[~static]
    cohort = Cohort.of(subjects, events, clock=Clock.MINUTES)
    named = {"outcomes": outcomes[0].name if outcomes else f"{OUTCOMES}-a.txt"}
    columns = {"columns": ",".join(map(str, frame.columns[1:]))} if outcomes else {}
    layout = Layout("physionet2012", (), Clock.MINUTES, named | columns)
    return LoadedCohort.of(cohort, layout, tuple(notes))


def _one(path: Path) -> pd.DataFrame:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ReadError(f"{path} is not a readable text file; copy it again") from None
    if not lines or lines[0].strip() != HEADER:
        raise ReadError(f"{path} does not begin with {HEADER!r}; copy it again, or take it out")
    parts = [line.split(",") for line in lines[1:] if line.strip()]
    if any(len(p) != 3 for p in parts):
        bad = sum(len(p) != 3 for p in parts)
        raise ReadError(
            f"{path}: {bad:,} of {len(parts):,} lines have not three fields; correct them, or copy "
            "the file again"
        )
    frame = pd.DataFrame(parts, columns=HEADER.split(","), dtype=object)
    return frame.assign(stay=path.stem)


def _minutes(texts: pd.Series) -> tuple[np.ndarray, int]:
    """hh:mm as minutes, and how many are not."""
    codes, words = pd.factorize(texts)
    parts = [w.split(":") if w.count(":") == 1 else ["", ""] for w in words]
    fits = [h.isdigit() and m.isdigit() for h, m in parts]
    minutes = [60 * int(h) + int(m) if ok else 0 for (h, m), ok in zip(parts, fits, strict=True)]
    return np.array(minutes, "float64")[codes], int((~np.array(fits, bool))[codes].sum())


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """A file a stay and the outcomes in the folder, or the two tables again.

    Raises:
        SchemaError: keys that do not hold, or times that are moments of a calendar.
    """
    if layout.sheets:
        return sheets.write(cohort, layout, path)
    refuse_broken(cohort)
    if cohort.clock is Clock.CALENDAR:
        raise SchemaError("PhysioNet 2012 counts minutes from admission; give times as offsets")
    notes = [f"not written: {len(cohort.visits):,} visits"] if len(cohort.visits) else []
    scale = cohort.clock.microseconds / Clock.MINUTES.microseconds
    minutes = np.rint(cohort.events["time"].to_numpy() * scale)
    if lost := int(np.isnan(minutes).sum()):
        notes.append(f"not written: {lost:,} events without a time")
    events = cohort.events[~np.isnan(minutes)]
    whole = minutes[~np.isnan(minutes)].astype("int64")
    said = write_numbers(events["value"]).where(events["value"].notna(), events["text"]).fillna("")
    clock = [f"{m // 60:02d}:{m % 60:02d}" for m in whole]
    lines = pd.Series(clock, events.index) + "," + events["code"] + "," + said
    held = {k: "\n".join(v) for k, v in lines.groupby(events["subject_id"], sort=False)}
    people = cohort.subjects.set_index("subject_id")
    for key, row in people.iterrows():
        told = {"RecordID": str(key)} | {n: _static(row.get(n)) for n in (*STATICS[1:], WEIGHT)}
        head = "\n".join(f"00:00,{name},{value}" for name, value in told.items())
        text = f"{HEADER}\n{head}\n{held.get(key, '')}".rstrip("\n")
        (path / f"{key}.txt").write_text(text + "\n", encoding="utf-8")
    rest = (
        layout.details.get("columns", "").split(",")
        if "columns" in layout.details
        else [n for n in people if n not in (*SUBJECTS, *STATICS, WEIGHT)]
    )
    if rest:
        table = people.reindex(columns=rest).rename_axis("RecordID").reset_index()
        file = layout.details.get("outcomes", f"{OUTCOMES}-a.txt")
        table.to_csv(path / file, index=False, lineterminator="\n")
    return tuple(notes)


def _static(value: object) -> str:
    """A static as it stands there: -1 for unknown."""
    number = read_numbers(pd.Series([value], dtype=object))[0]
    return "-1" if number.isna()[0] else str(write_numbers(number)[0])
