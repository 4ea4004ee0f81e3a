"""MEDS 0.4, the medical event data standard: Parquet shards of events, and a table of codes.

MEDS has one table, so what a cohort says beyond it goes into events of kinds of its own: birth and
death as MEDS names them, statics and follow-up as `STATIC`, visits as `VISIT`; `kind`, `unit`,
`visit_id` and `end_time` are further columns, which the standard allows. Numbers are float32 there.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import (
    CODES,
    EVENTS,
    OF_VISITS,
    PARENTS,
    SUBJECTS,
    VISITS,
    Clock,
    Cohort,
)
from medsynai.data.cohortfiles.keys import numbered
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.data.cohortfiles.meds_statics import BIRTH, DEATH, EVENT, lift, lowered, statics
from medsynai.data.integrity import refuse_broken, unsorted
from medsynai.errors import ReadError

CORE = {"subject_id": "subject_id", "time": "time", "code": "code"} | {
    "numeric_value": "value",
    "text_value": "text",
}
STATIC, VISIT = "STATIC", "VISIT"
OWN = ("visit_id", "end_time", "kind", "unit")  # columns of a cohort's events beside the core
HEADER = "header "  # in the details of a layout: the columns of the shards, in order
FOLDER = "folder "  # likewise: where the shards lie, if all lie in one place
FOLDERS = "folders "  # likewise: the folders of the shards alone say who is of which split
PLACE = "place of the shard"  # a column while the shards are read
SHARD = 10_000  # patients in a file
FROM_EVENTS = ("entry", "exit")


def recognise(path: Path) -> bool:
    """Whether a folder has shards of events under `data`."""
    return path.is_dir() and any((path / "data").rglob("*.parquet"))


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A MEDS folder as a cohort; columns beyond the standard are carried as texts.

    Raises:
        ReadError: shards that cannot be read, or that lack a column of the standard.
    """
    frame, types = _shards(path)
    notes: list[str] = []
    born, dead = _lifted(frame, BIRTH), _lifted(frame, DEATH)
    when = frame["time"].isna() & frame["code"].isin([BIRTH, DEATH])
    if timeless := int(when.sum()):
        notes.append(f"{timeless:,} births and deaths say no time; they are left out")
    for name, moments in (("births", born), ("deaths", dead)):
        if twice := int(moments.index.duplicated().sum()):
            notes.append(f"{twice:,} {name} repeat a patient's; the first of each is the patient's")
    own = frame["kind"] if "kind" in frame else pd.Series("", frame.index, dtype=object)
    told, stays = own == STATIC, own == VISIT
    subjects = pd.DataFrame({"subject_id": frame["subject_id"].unique()})
    for name, moments in (("birth", born), ("death", dead)):
        firsts = moments[~moments.index.duplicated()]  # of nobody, where nobody died
        subjects[name] = firsts.reindex(subjects["subject_id"]).to_numpy()
    subjects = _statics(subjects, frame[told], notes)
    codes, left = _codes(path)
    notes += left + _splits(path, subjects)
    if PLACE in frame and "split" not in subjects:
        first = frame.drop_duplicates("subject_id").set_index("subject_id")[PLACE]
        subjects["split"] = first.reindex(subjects["subject_id"]).to_numpy()
        types |= {FOLDERS: "yes"}
    frame = frame.drop(columns=PLACE, errors="ignore")
    rows = frame[~told & ~stays & ~frame["code"].isin([BIRTH, DEATH])]
    rows, forms = lift(rows, subjects)
    events = rows[[n for n in rows if n in EVENTS]]
    beside = rows[[n for n in rows if n not in EVENTS and n not in VISITS]]
    extras = {
        str(k): beside.loc[at].dropna(axis=1, how="all")
        for k, at in events.groupby("kind").groups.items()
    }
    visits = _visits(frame[stays]) if stays.any() else None
    if visits is not None:
        extras[OF_VISITS] = visits[[n for n in visits if n not in VISITS]]
        visits = visits[[n for n in visits if n in VISITS]]
    lifted = frame.loc[~frame.index.isin(rows.index) & ~told & ~stays, ["kind", "code"]]
    codes = pd.concat([codes, lifted]).drop_duplicates(["kind", "code"])  # the table keeps them
    cohort = Cohort.of(subjects, events, visits, codes, extras)
    order = unsorted("the shards", frame["subject_id"], frame["time"])
    return LoadedCohort.of(cohort, Layout("meds", details=types | forms), tuple(notes), (order,))


def _shards(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """All rows, under a cohort's names; and the types of the columns beyond the standard."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        files = sorted((path / "data").rglob("*.parquet"))
        parts = [parquet.read_table(p) for p in files]
        table = pa.concat_tables(parts, promote_options="default")
    except (pa.ArrowException, OSError):
        raise ReadError(f"{path / 'data'} holds a file that is not readable Parquet") from None
    places = {str(p.parent.relative_to(path / "data")) for p in files}
    try:
        frame, types = _typed(table, path)
        if len(places) == 1:
            return frame, types | {FOLDER: places.pop()}
        names = [p.parent.relative_to(path / "data").as_posix() for p in files]
        return frame.assign(**{PLACE: np.repeat(names, [len(p) for p in parts])}), types
    except pa.ArrowException:  # its own message holds a value, and is not shown
        raise ReadError(f"{path / 'data'}: columns have not the types of the standard") from None


def _typed(table: Any, path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    import pyarrow as pa

    absent = [n for n in ("subject_id", "time", "code") if n not in table.column_names]
    if absent:
        raise ReadError(f"{path / 'data'}: events lack the column {absent[0]!r} of the standard")
    types = {f.name: str(f.type) for f in table.schema if f.name not in CORE}
    types[HEADER] = json.dumps(table.column_names)
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if name in ("time", "end_time"):
            columns[name] = pd.Series(column.cast(pa.timestamp("us")).to_numpy())
        elif name == "numeric_value":
            columns["value"] = exact(column.cast(pa.float32()).to_numpy())
        else:
            texts = column.cast(pa.string()).to_pandas().astype(object)
            columns[CORE.get(name, name)] = texts.where(texts.notna(), None)
    frame = pd.DataFrame(columns)
    frame = frame if "value" in frame else frame.assign(value=np.nan)  # the standard asks for none
    frame["kind"] = frame["kind"].fillna(EVENT) if "kind" in frame else EVENT
    return frame, types


def exact(values: np.ndarray) -> pd.Series:
    """float32 as the float64 of its shortest decimal: 0.4, not 0.4000000059604645.

    >>> exact(np.array([0.4, 1e10], np.float32)).tolist()
    [0.4, 10000000000.0]
    """
    codes, words = pd.factorize(values)
    return pd.Series(np.append([float(str(w)) for w in words], np.nan)[codes])


def _lifted(frame: pd.DataFrame, code: str) -> pd.Series:
    """When this happened, by patient."""
    rows = frame[frame["code"] == code]
    return rows.set_index("subject_id")["time"].dropna()


def _statics(subjects: pd.DataFrame, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Facts of a patient, from the events that they were written as; the first of each counts."""
    again = rows.duplicated(["subject_id", "code"])
    if twice := int(again.sum()):
        notes.append(
            f"{twice:,} of {len(rows):,} statics repeat a patient's; the first of each counts"
        )
    for name, facts in rows[~again].groupby("code", sort=False):
        column = "time" if name in FROM_EVENTS else "text"
        known = facts.set_index("subject_id").get(column, pd.Series(dtype=object))
        subjects[name] = known.reindex(subjects["subject_id"]).to_numpy()
    return subjects


def _visits(rows: pd.DataFrame) -> pd.DataFrame:
    names = {"time": "start", "end_time": "end"}
    kept = rows.rename(columns=names).drop(
        columns=["kind", "value", "unit", "text"], errors="ignore"
    )
    kept = kept.assign(kind=rows.get("text"))
    return kept.drop(columns="code").dropna(axis=1, how="all")


def _codes(path: Path) -> tuple[pd.DataFrame | None, list[str]]:
    """The table of codes, for each kind where it says one."""
    place = path / "metadata" / "codes.parquet"
    if not place.is_file():
        return None, ["there is no metadata/codes.parquet: codes have no description"]
    table = _table(place, ("code",))
    if "parent_codes" in table:
        table["parents"] = table["parent_codes"].map(_parents).astype(object)
    if "kind" not in table:
        table["kind"] = EVENT
    kept = table[[n for n in table if n in CODES]]
    gone = [n for n in table if n not in CODES and n != "parent_codes"]
    return kept, [f"not carried: {len(gone)} columns of the table of codes"] if gone else []


def _parents(said: Any) -> str | None:
    """The parents of a code, from a list as the standard has it, or from one text."""
    if isinstance(said, str):
        return said or None
    return PARENTS.join(map(str, said)) or None if isinstance(said, Iterable) else None


def _splits(path: Path, subjects: pd.DataFrame) -> list[str]:
    """Which split each patient is of, as a static; the first that is said of a patient counts."""
    place = path / "metadata" / "subject_splits.parquet"
    if not place.is_file():
        return []
    table = _table(place, ("subject_id", "split")).astype({"subject_id": str})
    twice = table["subject_id"].duplicated()
    said = table[~twice].set_index("subject_id")["split"]
    subjects["split"] = said.reindex(subjects["subject_id"]).to_numpy()
    lost = int((~table["subject_id"].isin(subjects["subject_id"])).sum())
    found = {"have no event": lost, "stand there once more": int(twice.sum())}
    return [f"{n:,} of {len(table):,} patients of the splits {w}" for w, n in found.items() if n]


def _table(place: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table: pd.DataFrame = parquet.read_table(place).to_pandas()
    except (pa.ArrowException, OSError):
        raise ReadError(f"{place} is not readable Parquet") from None
    if absent := [n for n in needed if n not in table]:
        raise ReadError(f"{place} lacks the column {absent[0]!r} of the standard")
    return table


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """Shards by split, the table of codes and what the data set is.

    Raises:
        SchemaError: keys that do not hold.
    """
    refuse_broken(cohort)
    notes: list[str] = []
    keys = numbered(cohort.subjects["subject_id"], "patients", notes)
    if cohort.signals:
        notes.append(f"not written: {len(cohort.signals):,} signals")
    if cohort.clock is not Clock.CALENDAR:
        notes.append(f"MEDS has moments: {cohort.clock.value} from entry count from 1970-01-01")
    rows = _rows(cohort, layout)
    with np.errstate(over="ignore"):
        short = rows["value"].astype("float32")
    same = exact(short.to_numpy()).eq(rows["value"]).to_numpy() | rows["value"].isna().to_numpy()
    if lost := int((~same).sum()):
        notes.append(f"{lost:,} numbers have more digits than MEDS holds (float32)")
    rows = rows.assign(subject_id=rows["subject_id"].map(keys).astype("int64"), value=short)
    rows = rows.iloc[np.lexsort((_times(rows["time"]), rows["subject_id"]))]
    columns = _columns(rows, layout)
    splits = cohort.subjects.get("split", pd.Series("train", cohort.subjects.index)).fillna("train")
    splits.index = pd.Index(cohort.subjects["subject_id"].map(keys).astype("int64"))
    bare = "split" not in cohort.subjects  # then shards go where they were
    for name, part in splits.groupby(splits):
        place = path / "data" / (layout.details.get(FOLDER, str(name)) if bare else str(name))
        whose = np.sort(part.index.to_numpy())
        for shard, start in enumerate(range(0, len(whose), SHARD)):
            here = rows[rows["subject_id"].isin(whose[start : start + SHARD])]
            _write_shard(here, columns, layout, place / f"{shard}.parquet")
    _write_metadata(cohort, splits, rows, layout, path / "metadata")
    return tuple(notes)


def _times(values: pd.Series) -> np.ndarray:
    """(rows,) to sort by: rows without a time come first, as the standard has them."""
    return np.where(values.isna(), np.iinfo("int64").min, values.astype("int64"))


def _rows(cohort: Cohort, layout: Layout) -> pd.DataFrame:
    """All that a cohort says, as events."""
    parts = [pd.concat([cohort.events, *_beside(cohort)], axis=1)]
    parts += lowered(cohort.subjects, layout.details)
    people = cohort.subjects.drop(columns=list(statics(layout.details)), errors="ignore")
    for column, code in (("birth", BIRTH), ("death", DEATH), *((n, n) for n in FROM_EVENTS)):
        known = people[people[column].notna()]
        kind = STATIC if column in FROM_EVENTS else EVENT
        rows = known[["subject_id"]].assign(time=known[column], code=code, kind=kind)
        parts.append(rows)
    own = [n for n in SUBJECTS if n != "sex"]
    for name in [n for n in people if n not in own and n != "split"]:
        known = people[people[name].notna()]
        rows = known[["subject_id"]].assign(code=str(name), text=known[name].map(str), kind=STATIC)
        parts.append(rows)
    names = {"start": "time", "end": "end_time", "kind": "text"}
    told = cohort.visits.rename(columns=names).assign(code=VISIT, kind=VISIT)
    if OF_VISITS in cohort.extras:
        told = pd.concat([told, cohort.extras[OF_VISITS].reindex(told.index)], axis=1)
    parts.append(told)
    whole = [_moments(p, cohort.clock) for p in parts]
    some = [p.dropna(axis=1, how="all") for p in whole if len(p)]
    rows = pd.concat(some, ignore_index=True) if some else pd.DataFrame()
    rows = rows.reindex(columns=[*EVENTS, *[n for n in rows if n not in EVENTS]])
    times = {n: rows[n].astype("datetime64[us]") for n in ("time", "end_time")}
    return rows.assign(**times, value=rows["value"].astype("float64"))


def _moments(rows: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """Offsets as moments since 1970-01-01."""
    if clock is Clock.CALENDAR:
        return rows
    held = {n: rows[n] * clock.microseconds for n in ("time", "end_time") if n in rows}
    return rows.assign(**{n: pd.to_datetime(v.round(), unit="us") for n, v in held.items()})


def _beside(cohort: Cohort) -> list[pd.DataFrame]:
    """Extra columns of all kinds of events, side by side."""
    frames = [f for k, f in cohort.extras.items() if k != OF_VISITS]
    return [pd.concat(frames).reindex(cohort.events.index)] if frames else []


def _columns(rows: pd.DataFrame, layout: Layout) -> dict[str, str]:
    """The columns of the shards, and what each is called in `rows`: the source's, then any more."""
    back = {v: k for k, v in CORE.items()}
    header = json.loads(layout.details.get(HEADER, "[]"))
    named = {n: CORE.get(n, n) for n in header} | {back.get(str(n), str(n)): n for n in rows}
    held = rows.notna().any()
    held["kind"] = not (rows["kind"].fillna(EVENT) == EVENT).all()
    spare = (*OWN, *(back[n] for n in ("value", "text") if header))  # may be left out if empty
    return {s: n for s, n in named.items() if s in header or s not in spare or held[n]}


def _write_shard(rows: pd.DataFrame, columns: dict[str, str], layout: Layout, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from medsynai.data.write.parquet import parse_type

    fixed: dict[str, Any] = {"subject_id": pa.int64(), "code": pa.string(), "value": pa.float32()}
    fixed |= dict.fromkeys(("time", "end_time"), pa.timestamp("us")) | {"text": pa.large_string()}
    table: dict[str, Any] = {}
    for shown, name in columns.items():
        kind = layout.details.get(name)
        wanted = parse_type(kind) if kind else fixed.get(name, pa.string())
        held = rows[name] if name in rows else [None] * len(rows)
        table[shown] = pa.array(held, from_pandas=True).cast(wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(table), path)


def _write_metadata(
    cohort: Cohort, splits: pd.Series, rows: pd.DataFrame, layout: Layout, path: Path
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path.mkdir(parents=True, exist_ok=True)
    known = cohort.codes
    others = sorted(set(rows["code"]) - set(known["code"]))
    codes = pd.concat([known, pd.DataFrame({"code": others})]).astype({"parents": object})
    parents = [p.split(PARENTS) if isinstance(p, str) else None for p in codes["parents"]]
    table = {
        n: pa.array(codes[n].astype(object), pa.string(), from_pandas=True)
        for n in ("code", "description")
    }
    table["parent_codes"] = pa.array(parents, pa.list_(pa.string()))
    for name, kind in CODES.items():
        told = codes[name].notna() & (codes[name] != EVENT)
        if name not in (*table, "parents") and told.any():
            held = codes[name].astype(object) if kind == "text" else codes[name]
            table[name] = pa.array(held, from_pandas=True)
    parquet.write_table(pa.table(table), path / "codes.parquet")
    if "split" in cohort.subjects and FOLDERS not in layout.details:
        split = {"subject_id": pa.array(splits.index), "split": pa.array(splits, pa.string())}
        parquet.write_table(pa.table(split), path / "subject_splits.parquet")
    about = {"dataset_name": "cohort", "etl_name": "medsynai", "meds_version": "0.4.1"}
    extra = [n for n in rows if n not in (*EVENTS, *OWN)]
    said = about | {"code_modifier_columns": ["unit"], "other_extension_columns": extra}
    (path / "dataset.json").write_text(json.dumps(said, indent=2), encoding="utf-8")
