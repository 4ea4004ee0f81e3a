"""Writing FHIR R4 resources: plain dictionaries with what the standard requires of each."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.cohortfiles.fhir_elements import (
    EXTENSION,
    ID,
    KINDS,
    OMB,
    SEXES,
    concept_of,
    value_of,
)
from medsynai.data.cohortfiles.fhir_forms import bundle, lines, spelt, with_texts
from medsynai.data.cohortfiles.layout import Layout, unfollowed, unplaced
from medsynai.data.integrity import refuse_broken
from medsynai.errors import SchemaError

Resource = dict[str, Any]
UNKNOWN = {"Encounter": "unknown", "Observation": "unknown", "Procedure": "unknown"}
UNKNOWN |= {"MedicationRequest": "unknown"}
NO_CODE = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MARITAL = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
TIMES = {
    "Condition": "onsetDateTime",
    "Observation": "effectiveDateTime",
    "MedicationRequest": "authoredOn",
    "Procedure": "performedDateTime",
}
EVENT = (
    *("status", "date_of", "intent", "category", "clinicalStatus", "verificationStatus"),
    *("panel", "panel_display", "panel_number", "value_type", "value_display"),
    *("unit_system", "unit_code"),
)
PLACES = dict.fromkeys(KINDS.values(), EVENT) | {OF_VISITS: ("status", "type", "type_display")}
STATICS = ("deceased", "marital_status", "race", "ethnicity")
PERIODS = {"Observation": "effectivePeriod", "Procedure": "performedPeriod"}


def write_resources(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """The resources of a cohort; what FHIR has no place for is told; see `fhir.write`."""
    refuse_broken(cohort)
    if cohort.clock is not Clock.CALENDAR:
        raise SchemaError("FHIR has dates, and the cohort's times are offsets; give them dates")
    notes: list[str] = []
    people = _ids(cohort.subjects["subject_id"], "patients", notes)
    stays = _ids(cohort.visits["visit_id"], "visits", notes)
    for kind, count in cohort.events["kind"].value_counts(dropna=False).items():
        if kind not in KINDS.values():
            notes.append(f"not written: {count:,} events of kind {kind!r} have no resource here")
    if cohort.signals:
        notes.append(f"not written: {len(cohort.signals):,} signals")
    notes += unplaced(cohort, PLACES, STATICS) + unfollowed(cohort)
    details = layout.details
    made = [*_patients(cohort, people, details), *_encounters(cohort, people, stays, details)]
    made += [r for name in KINDS for r in _events(cohort, name, people, stays, notes, details)]
    if details.get("text") == "yes":
        made = [with_texts(r) for r in made]
    suffix, alone = details.get("suffix", ""), bool(path.suffix)
    if details.get("form") == "ndjson":
        files = dict(lines(made, details, suffix))
        if alone:
            files = {"": "".join(files.values())}
        for name, text in files.items():
            _put(path / name if name else path, text)
        return tuple(notes)
    if alone or "bundle" in details:
        _put(path if alone else path / details["bundle"], bundle(made, details))
        return tuple(notes)
    whose: dict[str, list[Resource]] = {key: [] for key in people}
    for resource in made:
        about = resource.get("subject", {}).get("reference", "").removeprefix("Patient/")
        whose[about or resource["id"]].append(resource)
    for key, resources in whose.items():
        _put(path / f"{key}.json{suffix}", bundle(resources, details))
    return tuple(notes)


def _put(path: Path, text: str) -> None:
    data = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _ids(keys: pd.Series, whose: str, notes: list[str]) -> pd.Series:
    """Each key -> an id as FHIR allows it: itself, or all counted from 1."""
    if all(ID.fullmatch(k) for k in keys):
        return pd.Series(keys.to_numpy(), index=pd.Index(keys), dtype=object)
    notes.append(f"keys of {len(keys):,} {whose} are no ids of FHIR; they are counted from 1")
    return pd.Series([str(i) for i in range(1, len(keys) + 1)], index=pd.Index(keys), dtype=object)


def _said(row: Resource) -> Resource:
    """What of a row is there."""
    return {k: v for k, v in row.items() if v is not None and v == v}


def _rows(
    frame: pd.DataFrame, kind: str, details: dict[str, str], *beside: pd.DataFrame
) -> Iterator[Resource]:
    """What is there of each row, moments as texts."""
    moments = {str(c): frame[c] for c in frame if frame[c].dtype.kind == "M"}
    texts = {c: spelt(v, details.get(f"time {kind}.{c}", "")) for c, v in moments.items()}
    frame = frame.assign(**texts)
    whole = pd.concat([frame, *(b.reindex(frame.index) for b in beside)], axis=1)
    return (_said({str(k): v for k, v in row.items()}) for row in whole.to_dict("records"))


def _patients(cohort: Cohort, people: pd.Series, details: dict[str, str]) -> Iterator[Resource]:
    genders = {sex: gender for gender, sex in SEXES.items()}
    marital = details.get("system marital", MARITAL)
    for row in _rows(cohort.subjects, "Patient", details):
        made: Resource = {"resourceType": "Patient", "id": people[row["subject_id"]]}
        extensions = [
            {
                "url": EXTENSION + name,
                "extension": [
                    {
                        "url": "ombCategory",
                        "valueCoding": concept_of(row[name], _omb(row[name]))["coding"][0],
                    },
                    {"url": "text", "valueString": _omb(row[name]) or row[name]},
                ],
            }
            for name in ("race", "ethnicity")
            if "|" in str(row.get(name, ""))
        ]
        if extensions:
            made["extension"] = extensions
        if "sex" in row:
            sex = genders.get(row["sex"], row["sex"])
            made["gender"] = sex if sex in (*SEXES, "other", "unknown") else "unknown"
        if "birth" in row:
            made["birthDate"] = row["birth"][:10]
        if "death" in row:
            made["deceasedDateTime"] = row["death"]
        elif row.get("deceased") == "true":
            made["deceasedBoolean"] = True
        if "marital_status" in row:
            said = str(row["marital_status"])
            made["maritalStatus"] = concept_of(said if "|" in said else f"{marital}|{said}")
        yield made


def _omb(said: str) -> str | None:
    """What a category of race or ethnicity is called."""
    return OMB.get(said.rpartition("|")[2])


def _encounters(
    cohort: Cohort, people: pd.Series, stays: pd.Series, details: dict[str, str]
) -> Iterator[Resource]:
    beside, act = cohort.extras.get(OF_VISITS, pd.DataFrame()), details.get("system class", ACT)
    for row in _rows(cohort.visits, "Encounter", details, beside):
        kind = {"system": act, "code": row["kind"]} if "kind" in row else NO_CODE
        made: Resource = {
            "resourceType": "Encounter",
            "id": stays[row["visit_id"]],
            "status": row.get("status", UNKNOWN["Encounter"]),
            "class": kind,
            "subject": {"reference": f"Patient/{people[row['subject_id']]}"},
        }
        period = {n: row[n] for n in ("start", "end") if n in row}
        if "type" in row:
            made["type"] = [concept_of(row["type"], row.get("type_display"))]
        yield made | ({"period": period} if period else {})


def _events(
    cohort: Cohort,
    name: str,
    people: pd.Series,
    stays: pd.Series,
    notes: list[str],
    details: dict[str, str],
) -> Iterator[Resource]:
    """The resources of one kind of event; components of one panel are one resource again."""
    kind = KINDS[name]
    events = cohort.events[cohort.events["kind"] == kind]
    shown = cohort.codes[cohort.codes["kind"] == kind].set_index("code")["description"].to_dict()
    panels: dict[str, Resource] = {}  # by their number
    ends = 0
    beside = cohort.extras.get(kind, pd.DataFrame())
    for number, row in enumerate(_rows(events, kind, details, beside), start=1):
        group = str(row.get("panel_number", ""))
        part = {"code": concept_of(row["code"], shown.get(row["code"])), **value_of(row)}
        if group in panels:
            panels[group]["component"].append(part)
            continue
        made: Resource = {"resourceType": name, "id": f"{name.lower()}-{number}"}
        made |= _context(row, name, people, stays)
        ends += "end_time" in row and name == "MedicationRequest"
        if group:
            panels[group] = made
            code = concept_of(str(row.get("panel", row["code"])), row.get("panel_display"))
            made |= {"code": code, "component": [part]}
        elif name == "MedicationRequest":
            made["medicationCodeableConcept"] = part["code"]
        else:
            made |= part if name == "Observation" else {"code": part["code"]}
        yield made
    if ends:
        notes.append(f"not written: {ends:,} ends of drugs: a request has none")


def _context(row: Resource, name: str, people: pd.Series, stays: pd.Series) -> Resource:
    """Whose, when and in which state."""
    made: Resource = {"subject": {"reference": f"Patient/{people[row['subject_id']]}"}}
    if "visit_id" in row:
        made["encounter"] = {"reference": f"Encounter/{stays[row['visit_id']]}"}
    if name in UNKNOWN:
        made["status"] = row.get("status", UNKNOWN[name])
    if name == "MedicationRequest":
        made["intent"] = row.get("intent", "order")
    for status in ("clinicalStatus", "verificationStatus"):
        if status in row:
            made[status] = concept_of(row[status])
    if "category" in row:
        made["category"] = [concept_of(row["category"])]
    if "end_time" in row and name in PERIODS:
        times = {"start": "time", "end": "end_time"}
        made[PERIODS[name]] = {k: row[n] for k, n in times.items() if n in row}
        return made
    if "time" in row:
        made[row.get("date_of") or TIMES[name]] = row["time"]
    if "end_time" in row and name == "Condition":
        made["abatementDateTime"] = row["end_time"]
    return made
