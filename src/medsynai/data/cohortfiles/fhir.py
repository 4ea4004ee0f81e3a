"""FHIR R4: bundles and NDJSON of patients, encounters and what happened to them.

Conditions, observations, requests of drugs and procedures are events. Other resources, and elements
without a place in a cohort, are named with counts. A code is `system|code`, as a search has it.
Components of an observation are events of their own, which know the panel that they belong to.
"""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.cohort import EVENTS, OF_VISITS, SUBJECTS, VISITS, Clock, Cohort
from medsynai.data.cohortfiles.fhir_elements import (
    KINDS,
    KNOWN,
    SEXES,
    US_CORE,
    coded,
    first_of,
    id_of,
    more_than_first,
    valued,
)
from medsynai.data.cohortfiles.fhir_forms import Seen, form_of, relative
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.data.cohortfiles.texts import read_times
from medsynai.data.integrity import Problem
from medsynai.errors import ReadError

Resource = dict[str, Any]
ENDS = (".json", ".json.gz", ".ndjson", ".ndjson.gz")
PANEL = "panel"  # the code of the observation that a component belongs to
GROUP = "panel_number"  # which components belong together
HEAD = 4096


@dataclass
class Found:
    """What the resources gave, as rows."""

    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"Patient": [], "Encounter": [], "event": []}
    )
    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    drugs: dict[str, Resource] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    groups: int = 0
    seen: Seen = field(default_factory=Seen)


def recognise(path: Path) -> bool:
    """Whether a file, or the first of a folder, holds FHIR resources."""
    files = files_of(path)
    if not files:
        return False
    try:
        with _open(files[0]) as file:
            return '"resourceType"' in file.read(HEAD)
    except (OSError, UnicodeDecodeError, EOFError, zlib.error):
        return False


def files_of(path: Path) -> list[Path]:
    """The files of resources."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.name.lower().endswith(ENDS))
    return [path] if path.is_file() and path.name.lower().endswith(ENDS) else []


def _open(path: Path) -> Any:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return opened(path, "rt", encoding="utf-8-sig")  # some exporters mark the encoding


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """Bundles or NDJSON as a cohort; broken references are counted, not followed.

    Raises:
        ReadError: a file that is no JSON or no FHIR, or moments that are none.
        SchemaError: two patients or encounters of one id.
    """
    files, found = files_of(path), Found()
    loaded = [(r, url) for file in files for r, url in _resources(file, found, path)]
    if not loaded:
        raise ReadError(f"{path} holds no FHIR resources")
    ids = {url: str(r.get("id")) for r, url in loaded if url and r.get("id")}
    found.drugs = {str(r.get("id")): r for r, _ in loaded if r["resourceType"] == "Medication"}
    for resource, _ in loaded:
        try:
            _take(found, resource, ids)
        except (AttributeError, KeyError, TypeError):
            found.left[f"{resource['resourceType']} that is not as the standard has it"] += 1
    notes = [f"not carried: {name} ({count:,})" for name, count in sorted(found.left.items())]
    cohort, problems, form = _cohort(found, notes)
    form |= found.seen.details(len(cohort), notes)
    form["suffix"] = ".gz" if files[0].suffix.lower() == ".gz" else ""
    return LoadedCohort.of(_counted(cohort), Layout("fhir", details=form), tuple(notes), problems)


def _resources(path: Path, found: Found, root: Path) -> Iterator[tuple[Resource, str]]:
    """The resources of a file, each with the URL that its bundle calls it by; others are counted.

    Raises:
        ReadError: a file that is no JSON, or no FHIR.
    """
    try:
        with _open(path) as file:
            if ".ndjson" in path.name.lower():
                whole = [json.loads(line) for line in file if line.strip()]
            else:
                whole = [json.load(file)]
    except (ValueError, OSError, EOFError, zlib.error):
        raise ReadError(f"{path} is not whole JSON in UTF-8; export it again") from None
    for resource in whole:
        if not _is_resource(resource):
            raise ReadError(f"{path} is not FHIR: something in it has no resourceType")
        if resource["resourceType"] != "Bundle":
            if ".ndjson" in path.name.lower() and resource["resourceType"] in KNOWN:
                found.seen.files.setdefault(resource["resourceType"], relative(path, root))
            yield resource, ""
            continue
        found.seen.types[str(resource.get("type"))] += 1
        found.seen.bundles.append(relative(path, root))
        entries = resource.get("entry", [])
        if not isinstance(entries, list):
            raise ReadError(f"{path} is a bundle whose entry is no list; export it again")
        for entry in entries:
            held = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(held, dict) and _is_resource(held):
                found.seen.entry(entry)
                yield held, str(entry.get("fullUrl") or "")
            else:
                found.left["entry without a resource"] += 1


def _is_resource(said: Any) -> bool:
    return isinstance(said, dict) and isinstance(said.get("resourceType"), str)


def _take(found: Found, resource: Resource, ids: dict[str, str]) -> None:
    """One resource as a row; what has no place is counted."""
    kind = resource["resourceType"]
    if kind not in KNOWN:
        if kind != "Medication":
            found.left[kind] += 1
        return
    found.left.update(f"{kind}.{name}" for name in resource if name not in KNOWN[kind])
    found.left.update(more_than_first(resource, kind))
    if kind == "Patient":
        found.rows["Patient"].append(_plain(_patient(resource, found.seen)))
        return
    row: dict[str, Any] = {"subject_id": id_of(resource.get("subject"), ids)}
    if "status" in resource:
        row["status"] = resource["status"]
    if kind == "Encounter":
        period, code, display = resource.get("period", {}), *coded(first_of(resource.get("type")))
        found.seen.concept(first_of(resource.get("type")))
        act = resource.get("class", {})
        if act.get("system"):
            found.seen.systems.setdefault("class", str(act["system"]))
        row |= {"visit_id": resource.get("id"), "kind": act.get("code")}
        row |= {"start": period.get("start"), "end": period.get("end")}
        found.rows["Encounter"].append(_plain(row | {"type": code, "type_display": display}))
        return
    row |= {"visit_id": id_of(resource.get("encounter"), ids), "kind": KINDS[kind]}
    row |= _when(resource)
    for name in ("clinicalStatus", "verificationStatus"):
        if name in resource:
            row[name] = coded(resource[name])[0]
    if kind == "Observation":
        row["category"] = coded(first_of(resource.get("category")))[0]
    if "intent" in resource:
        row["intent"] = resource["intent"]
    drug = found.drugs.get(id_of(resource.get("medicationReference"), ids) or "", {})
    concept = resource.get("medicationCodeableConcept") or drug.get("code") or resource.get("code")
    code, display = coded(concept)
    found.seen.concept(concept)
    parts = resource.get("component", [])
    if parts:
        found.groups += 1
        row |= {PANEL: code, "panel_display": display, GROUP: str(found.groups)}
    rows = []  # a panel with a broken part is left out whole
    for part in parts or [resource]:
        own, shown = coded(part.get("code")) if parts else (code, display)
        rows.append((_plain(row | {"code": own} | valued(part)), shown))
    for made, shown in rows:
        if made["code"] and shown:
            found.codes.setdefault((KINDS[kind], made["code"]), shown)
        found.rows["event"].append(made)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose fields are texts but for its number.

    Raises:
        TypeError: a field that holds several, or none of the types of JSON's values.
    """
    if any(isinstance(v, dict | list) for v in row.values()):
        raise TypeError("a field holds several")
    return {k: v if v is None or k == "value" else str(v) for k, v in row.items()}


def _patient(resource: Resource, seen: Seen) -> dict[str, Any]:
    marital = coded(resource.get("maritalStatus"))[0]
    if marital and "|" in marital:  # a bare code: an address would be taken for an identifier
        system, _, code = marital.rpartition("|")
        if seen.systems.setdefault("marital", system) == system:
            marital = code
    gender = str(resource.get("gender"))
    row = {
        "subject_id": resource.get("id"),
        "sex": SEXES.get(gender, resource.get("gender")),
        "birth": resource.get("birthDate"),
        "death": resource.get("deceasedDateTime"),
        "deceased": "true" if resource.get("deceasedBoolean") else None,
        "marital_status": marital,
    }
    for extension in resource.get("extension", []):
        name = US_CORE.get(str(extension.get("url")))
        for part in extension.get("extension", []) if name else []:
            if part.get("url") == "ombCategory":
                row[str(name)] = coded({"coding": [part.get("valueCoding", {})]})[0]
    return row


def _when(resource: Resource) -> dict[str, Any]:
    """Time and end, from whichever element says them; `date_of` says which, if not the usual."""
    period = resource.get("performedPeriod") or resource.get("effectivePeriod") or {}
    names = ("onsetDateTime", "effectiveDateTime", "performedDateTime", "authoredOn")
    usual = next((resource[n] for n in names if n in resource), period.get("start"))
    end = resource.get("abatementDateTime") or period.get("end")
    late = next((n for n in ("recordedDate", "issued") if usual is None and n in resource), None)
    return {"time": resource[late] if late else usual, "end_time": end, "date_of": late}


def _cohort(found: Found, notes: list[str]) -> tuple[Cohort, tuple[Problem, ...], dict[str, str]]:
    frames: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    forms: dict[str, str] = {}
    columns = {"Patient": SUBJECTS, "Encounter": VISITS, "event": EVENTS}
    for name, core in columns.items():
        frame = pd.DataFrame(found.rows[name], dtype=object)
        for column in [c for c, kind in core.items() if kind == "time" and c in frame]:
            texts = frame[column].where(frame[column].notna(), None)
            times = read_times(texts, f"{name}.{column}", Clock.CALENDAR)
            short = int((texts.dropna().str.len() < 10).sum())
            if short:
                notes.append(f"{name}.{column}: {short:,} give no day; the first one is taken")
            whose = frame["kind"] if name == "event" else pd.Series(name, frame.index)
            for kind, part in texts.groupby(whose):
                forms[f"time {kind}.{column}"] = form_of(part, f"{name}.{column}")
            frame[column] = times.values
            problems.extend(times.problems)
        frames[name] = frame
    people, stays, events = frames["Patient"], frames["Encounter"], frames["event"]
    extras = {}
    if len(events):
        if "value" in events:
            numbers = pd.to_numeric(events["value"], errors="coerce")
            if lost := int((numbers.isna() & events["value"].notna()).sum()):
                notes.append(f"not carried: {lost:,} values of quantities that are no numbers")
            events["value"] = numbers
        rest = events[[n for n in events if n not in EVENTS]]
        extras = {str(k): rest.loc[at] for k, at in events.groupby("kind").groups.items()}
    extras[OF_VISITS] = stays[[n for n in stays if n not in VISITS]]
    codes = [{"kind": k, "code": c, "description": d} for (k, c), d in found.codes.items()]
    cohort = Cohort.of(
        people.dropna(axis=1, how="all") if len(people) else None,
        events[[n for n in events if n in EVENTS]],
        stays[[n for n in stays if n in VISITS]] if len(stays) else None,
        pd.DataFrame(codes) if codes else None,
        {k: f.dropna(axis=1, how="all") for k, f in extras.items()},
    )
    return cohort, tuple(problems), {k: v for k, v in forms.items() if v}


def _counted(cohort: Cohort) -> Cohort:
    """Panels counted in the order of the cohort, whatever the order in the files."""
    kind = KINDS["Observation"]
    rest = cohort.extras.get(kind)
    if rest is None or GROUP not in rest:
        return cohort
    numbers = pd.Series(pd.factorize(rest[GROUP])[0] + 1, rest.index)
    fresh = numbers.map(str).astype(object).where(rest[GROUP].notna(), None)
    return replace(cohort, extras={**cohort.extras, kind: rest.assign(**{GROUP: fresh})})


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """A bundle a patient, or a file of lines a kind of resource; ids of events are counted.

    Raises:
        SchemaError: keys that do not hold, or times that are offsets.
    """
    from medsynai.data.cohortfiles.fhir_write import write_resources

    return write_resources(cohort, layout, path)
