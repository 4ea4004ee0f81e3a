"""npz files of signals: `X` (rows, time) or (rows, time, channels), with arrays of facts beside.

`patients` says whose a row is; without it every row is a patient. `rate` (or `fs`) is samples a
second, `channels` (or `leads`) names the third axis.
Nothing in them is unpickled.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, SUBJECTS, Clock, Cohort, Signal
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.data.integrity import refuse_broken
from medsynai.data.npz import BROKEN, read_arrays
from medsynai.errors import ReadError, SchemaError

PATIENTS, SAMPLES = "patients", "X"
RATES, NAMES = ("rate", "fs"), ("channels", "leads")
MOST = 16  # channels; a wider third axis is an image's


def recognise(path: Path) -> bool:
    """Whether an npz holds rows of samples."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as file:
            held = file[SAMPLES] if SAMPLES in file.files else np.empty(0)
    except BROKEN:
        return False
    return held.ndim == 2 or (held.ndim == 3 and held.shape[-1] <= MOST)


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """The rows as signals; facts of a row are the patient's, or a visit's where rows share one.

    Raises:
        ReadError: a damaged file, one of Python objects, or one without rows of samples.
    """
    arrays = read_arrays(path)
    samples = arrays.get(SAMPLES, np.empty(0))
    if samples.ndim not in (2, 3) or samples.dtype.kind not in "fiu" or not len(samples):
        raise ReadError(f"{path} needs numbers {SAMPLES} of (rows, time) or (rows, time, channels)")
    rows = len(samples)
    names = [str(i) for i in range(1, rows + 1)]
    whose = [str(p) for p in arrays[PATIENTS]] if PATIENTS in arrays else names
    if len(whose) != rows:
        raise ReadError(f"{path}: {PATIENTS} must say for each of the {rows:,} rows whose it is")
    held = samples.reshape(rows, samples.shape[1], -1).astype("float64")
    said = next((arrays[n] for n in NAMES if n in arrays), np.arange(1, held.shape[2] + 1))
    channels = tuple(map(str, said.ravel()))
    told = [float(arrays[n].ravel()[0]) for n in RATES if n in arrays and arrays[n].size == 1]
    rate = told[0] if told else 1.0
    if len(channels) != held.shape[2]:
        raise ReadError(f"{path} names {len(channels)} channels and has {held.shape[2]}")
    signals = tuple(
        Signal(w, n, x, rate, channels) for w, n, x in zip(whose, names, held, strict=True)
    )
    own = (PATIENTS, SAMPLES, *RATES, *NAMES)
    facts = {n: a for n, a in arrays.items() if a.shape == (rows,) and n not in own}
    gone = [n for n in arrays if n not in (*facts, *own)]
    notes = [f"not carried: {len(gone)} arrays that have not a value a row"] if gone else []
    if not told:
        notes.append("the file does not say a rate; one sample a second is taken")
    if PATIENTS not in arrays:
        notes.append("the file does not say whose rows are; each is a patient's")
    types = {n: str(a.dtype) for n, a in arrays.items()} | {"axes": str(samples.ndim)}
    table = pd.DataFrame({n: a.astype(str).astype(object) for n, a in facts.items()})
    if len(set(whose)) == rows:
        subjects = table.assign(subject_id=whose)
        cohort = Cohort.of(subjects, signals=signals, clock=Clock.SECONDS)
    else:
        visits = pd.DataFrame({"visit_id": names, "subject_id": whose})
        cohort = Cohort.of(
            visits=visits, extras={OF_VISITS: table}, signals=signals, clock=Clock.SECONDS
        )
    return LoadedCohort.of(cohort, Layout("npz", (), Clock.SECONDS, types), tuple(notes))


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """One npz again, rows in the order of their numbers.

    Raises:
        SchemaError: keys that do not hold, or signals of several lengths or rates.
    """
    refuse_broken(cohort)
    signals = sorted(cohort.signals, key=lambda s: (len(s.name), s.name))
    if len({(s.samples.shape, s.rate) for s in signals}) != 1:
        raise SchemaError("an npz holds signals of one length, channels and rate; use wfdb")
    types = layout.details
    samples = np.stack([s.samples for s in signals])
    if types.get("axes", "3" if samples.shape[2] > 1 else "2") == "2":
        samples = samples[:, :, 0]
    arrays = {SAMPLES: _typed(samples, types.get(SAMPLES, "float64"))}
    whose = [s.subject_id for s in signals]
    if PATIENTS in types or len(set(whose)) < len(whose):
        arrays[PATIENTS] = _typed(np.array(whose), types.get(PATIENTS, "str"))
    for name in [n for n in RATES if n in types]:
        arrays[name] = np.asarray(signals[0].rate, types[name])
    for name in [n for n in NAMES if n in types]:
        arrays[name] = np.array(signals[0].channels)
    if OF_VISITS in cohort.extras:
        stays = cohort.visits["visit_id"]
        table = cohort.extras[OF_VISITS].set_index(pd.Index(stays))
        table = table.reindex([s.name for s in signals])
    else:
        table = cohort.subjects.set_index("subject_id").reindex(whose)
        table = table[[n for n in table if n not in SUBJECTS]]
    for column in table:
        name = str(column)
        arrays[name] = _typed(table[name].astype(str).to_numpy("str"), types.get(name, "str"))
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return (f"not written: {len(cohort.events):,} events",) if len(cohort.events) else ()


def _typed(values: np.ndarray, kind: str) -> np.ndarray:
    """In the source's type; texts as long as they are."""
    if values.dtype.kind == "U" and np.dtype(kind).kind in "iu":
        return np.array([int(v) for v in values], kind)
    return values if np.dtype(kind).kind == "U" else values.astype(kind)
