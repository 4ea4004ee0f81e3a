"""Elements of FHIR resources: which have a place in a cohort, codes, values, references."""

import re
from typing import Any

Element = dict[str, Any]
KINDS = {
    "Condition": "condition",
    "Observation": "measurement",
    "MedicationRequest": "drug",
    "Procedure": "procedure",
}
SEXES = {"male": "M", "female": "F"}
EXTENSION = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
US_CORE = {EXTENSION + name: name for name in ("race", "ethnicity")}
RACES = "urn:oid:2.16.840.1.113883.6.238"
VALUES = ("Quantity", "CodeableConcept", "String", "Boolean", "Integer", "DateTime")
OMB = {  # the categories of US Core and what they are called
    "1002-5": "American Indian or Alaska Native",
    "2028-9": "Asian",
    "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
    "2106-3": "White",
    "2135-2": "Hispanic or Latino",
    "2186-5": "Not Hispanic or Latino",
}
EVERY = {"resourceType", "id"}  # ids are fresh
WHOSE = EVERY | {"subject", "encounter", "status", "code"}
KNOWN = {
    "Patient": EVERY
    | {"gender", "birthDate", "deceasedDateTime", "deceasedBoolean", "maritalStatus", "extension"},
    "Encounter": EVERY | {"subject", "status", "class", "period", "type"},
    "Condition": (WHOSE - {"status"})
    | {"clinicalStatus", "verificationStatus", "onsetDateTime", "abatementDateTime"}
    | {"recordedDate"},
    "Observation": WHOSE
    | {"category", "effectiveDateTime", "effectivePeriod", "issued", "component"}
    | {f"value{v}" for v in VALUES},
    "MedicationRequest": (WHOSE - {"code"})
    | {"intent", "authoredOn", "medicationCodeableConcept", "medicationReference"},
    "Procedure": WHOSE | {"performedDateTime", "performedPeriod"},
}
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


def first_of(items: Any) -> Element | None:
    """The first of a list that may not be there."""
    return items[0] if items else None


def coded(concept: Element | None) -> tuple[str | None, str | None]:
    """A concept as `system|code` and what it is called; of several codings the first.

    >>> coded({"coding": [{"system": "http://loinc.org", "code": "8302-2"}], "text": "Height"})
    ('http://loinc.org|8302-2', 'Height')
    >>> coded({"text": "cough"}), coded(None)
    (('cough', None), (None, None))
    """
    if not concept:
        return None, None
    coding = first_of(concept.get("coding"))
    if not coding or not coding.get("code"):
        return concept.get("text"), None
    system = coding.get("system")
    code = coding["code"] if system is None else f"{system}|{coding['code']}"
    return code, coding.get("display") or concept.get("text")


def more_than_first(resource: Element, kind: str) -> list[str]:
    """What of known elements is not read: further codings, types, dates and extensions."""
    left = []
    concepts = [resource.get(n) for n in ("code", "medicationCodeableConcept", "maritalStatus")]
    concepts += [first_of(resource.get(n)) for n in ("type", "category")]
    left += [f"{kind}: further codings" for c in concepts if c and len(c.get("coding", ())) > 1]
    left += [
        f"{kind}.{n}: more than one" for n in ("type", "category") if len(resource.get(n, ())) > 1
    ]
    usual = ("onsetDateTime", "effectiveDateTime", "effectivePeriod")
    if any(n in resource for n in usual):
        left += [f"{kind}.{n}" for n in ("recordedDate", "issued") if n in resource]
    kinds = {"category": first_of(resource.get("category"))}
    kinds["maritalStatus"] = resource.get("maritalStatus")
    left += [f"{kind}.{n}: what the code is called" for n, c in kinds.items() if coded(c)[1]]
    concept = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    code, display = coded(concept)
    if code and display and concept.get("text", display) != display:
        left.append(f"{kind}: texts of codes other than their display")
    extensions = resource.get("extension", []) if kind == "Patient" else []
    left += [f"{kind}.extension" for e in extensions if e.get("url") not in US_CORE]
    return left


def concept_of(code: str, display: str | None = None) -> Element:
    """The concept that `coded` reads so.

    >>> concept_of("http://loinc.org|8302-2", "Height")["coding"][0]["code"], concept_of("cough")
    ('8302-2', {'text': 'cough'})
    """
    system, bar, plain = code.rpartition("|")
    if not bar:
        return {"text": code}
    shown = {"display": display} if display else {}
    return {"coding": [{"system": system, "code": plain} | shown]}


def valued(element: Element) -> Element:
    """The value of an observation or a component: a number with a unit, or a text and its type."""
    name = next((v for v in VALUES if f"value{v}" in element), None)
    if name is None:
        return {}
    held = element[f"value{name}"]
    if name == "Quantity":
        return {
            "value": held.get("value"),
            "unit": held.get("unit") or held.get("code"),
            "unit_system": held.get("system"),
            "unit_code": held.get("code"),
        }
    if name == "CodeableConcept":
        code, display = coded(held)
        return {"text": code, "value_type": name, "value_display": display}
    if name == "Integer":
        return {"value": held, "value_type": name}
    text = str(held).lower() if name == "Boolean" else str(held)
    return {"text": text} | ({} if name == "String" else {"value_type": name})


def value_of(row: Element) -> Element:
    """The element that `valued` reads so."""
    kind = row.get("value_type")
    value = row.get("value")
    if value is not None and value == value:
        if kind == "Integer":
            return {"valueInteger": int(value)}
        whole = int(value) if float(value).is_integer() and abs(value) < 1e15 else value
        told = {"unit": row.get("unit"), "system": row.get("unit_system")}
        told |= {"code": row.get("unit_code")}
        return {"valueQuantity": {"value": whole} | {k: v for k, v in told.items() if v}}
    text = row.get("text")
    if text is None:
        return {}
    if kind == "CodeableConcept":
        return {"valueCodeableConcept": concept_of(text, row.get("value_display"))}
    if kind == "Boolean":
        return {"valueBoolean": text == "true"}
    return {f"value{kind}" if kind == "DateTime" else "valueString": text}


def id_of(reference: Element | None, ids: dict[str, str]) -> str | None:
    """The id that a reference leads to; a bundle's own URLs are looked up.

    >>> id_of({"reference": "Patient/7/_history/2"}, {}), id_of({"reference": "urn:uuid:a"}, {})
    ('7', 'a')
    """
    said = (reference or {}).get("reference")
    if not said:
        return None
    if said in ids:
        return ids[said]
    plain = str(said).partition("/_history/")[0]
    return plain.rpartition("/")[2].removeprefix("urn:uuid:")
