"""How a source put its FHIR resources into files: bundles of a type, lines, addresses, moments."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.cohort import Clock
from medsynai.data.cohortfiles.texts import read_times, write_times

Resource = dict[str, Any]
COLLECTION = "collection"
ASKING = ("transaction", "batch")  # each entry says what is asked of a server
TYPES = (COLLECTION, "searchset", *ASKING)  # others need resources that a cohort has not
METHODS = ("POST", "PUT")
NOWHERE = "http://example.org/fhir"  # a full address is absolute (R4, bundle); this is nobody's
URN = "urn:uuid:"


@dataclass
class Seen:
    """What stood around the resources, counted.

    Attributes:
        types: of bundles.
        urns: of full addresses, whether they are URNs.
        texts: of coded concepts, whether they have a text beside.
        files: a kind of resource -> the first file of lines that has it.
        bundles: files that are one.
        systems: of `Encounter.class` and `Patient.maritalStatus`.
    """

    types: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    urns: Counter[bool] = field(default_factory=Counter)
    texts: Counter[bool] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)
    bundles: list[str] = field(default_factory=list)
    systems: dict[str, str] = field(default_factory=dict)

    def entry(self, entry: Any) -> None:
        """Count an entry of a bundle."""
        self.urns[str(entry.get("fullUrl")).startswith(URN)] += 1
        request = entry.get("request")
        self.methods[str(request.get("method")) if isinstance(request, dict) else ""] += 1

    def concept(self, concept: Any) -> None:
        """Count a concept with a coding."""
        if isinstance(concept, dict) and concept.get("coding"):
            self.texts[bool(concept.get("text"))] += 1

    def details(self, patients: int, notes: list[str]) -> dict[str, str]:
        """As a layout holds it."""
        found = {"form": "ndjson" if self.files else "bundles"}
        found |= {f"file {kind}": name for kind, name in self.files.items()}
        found |= {f"system {name}": said for name, said in self.systems.items()}
        if self.texts[True] > self.texts[False]:
            found["text"] = "yes"
        if self.files:
            return found
        known = [t for t in self.types if t in TYPES]
        found["type"] = known[0] if len(known) == len(self.types) == 1 else COLLECTION
        if other := sum(n for t, n in self.types.items() if t != found["type"]):
            notes.append(f"{other:,} bundles are of another type; they are written as collections")
        if found["type"] in ASKING:
            common = [m for m, _ in self.methods.most_common() if m in METHODS]
            found["method"] = common[0] if common else METHODS[0]
        if self.urns[True] and not self.urns[False]:
            found["urls"] = "urn"
        if len(self.bundles) == 1 and patients > 1:
            found["bundle"] = self.bundles[0]
        return found


def form_of(texts: pd.Series, where: str) -> str:
    """The form of these moments; "" where there is none, or several."""
    held = texts.dropna()
    form = read_times(held, where, Clock.CALENDAR).form if len(held) else ""
    return form if form.startswith("%Y-%m-%d") else ""


def spelt(moments: pd.Series, form: str) -> pd.Series:
    """Moments as texts, in a form or as `moment` has them."""
    if form:
        return write_times(moments, form, Clock.CALENDAR)
    texts = moments.map(moment, na_action="ignore").astype(object)
    return texts.where(moments.notna(), None)


def moment(time: pd.Timestamp) -> str:
    """A dateTime: the day alone where the time is its beginning, else in UTC.

    >>> moment(pd.Timestamp("2020-01-02")), moment(pd.Timestamp("2020-01-02 03:04:05"))
    ('2020-01-02', '2020-01-02T03:04:05+00:00')
    """
    return f"{time:%Y-%m-%d}" if time == time.normalize() else time.isoformat() + "+00:00"


def bundle(resources: list[Resource], details: dict[str, str]) -> str:
    """A bundle as the source's were; in one that asks a server, what each entry asks for."""
    kind, method = details.get("type", COLLECTION), details.get("method", METHODS[0])
    urns = details.get("urls") == "urn"
    entries = []
    for resource in resources:
        name, key = resource["resourceType"], resource["id"]
        held = _pointing(resource) if urns else resource
        entry: Resource = {"fullUrl": _urn(f"{name}/{key}") if urns else f"{NOWHERE}/{name}/{key}"}
        entry |= {"resource": held}
        if kind in ASKING:
            url = name if method == "POST" else f"{name}/{key}"
            entry["request"] = {"method": method, "url": url}
        entries.append(entry)
    whole = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return json.dumps(whole, ensure_ascii=False)


def _urn(reference: str) -> str:
    """The URN of a resource: its id, where that is a UUID.

    >>> _urn("Patient/0b54a1f6-7d5c-4f6e-9d3e-2f1f2ac4f4b1")
    'urn:uuid:0b54a1f6-7d5c-4f6e-9d3e-2f1f2ac4f4b1'
    >>> _urn("Observation/observation-1") == _urn("Observation/observation-1")
    True
    """
    try:
        return URN + str(uuid.UUID(reference.partition("/")[2]))
    except ValueError:
        return URN + str(uuid.uuid5(uuid.NAMESPACE_URL, f"{NOWHERE}/{reference}"))


def _pointing(resource: Resource) -> Resource:
    """The resource with references to addresses of its bundle."""
    names = [n for n in ("subject", "encounter") if n in resource]
    return resource | {n: {"reference": _urn(resource[n]["reference"])} for n in names}


def lines(made: list[Resource], details: dict[str, str], suffix: str) -> Iterator[tuple[str, str]]:
    """Files of lines and their names: those of the source, or one a kind."""
    held: dict[str, list[str]] = {}
    for resource in made:
        kind = resource["resourceType"]
        name = details.get(f"file {kind}", f"{kind}.ndjson{suffix}")
        held.setdefault(name, []).append(json.dumps(resource, ensure_ascii=False))
    for name, texts in held.items():
        yield name, "\n".join(texts) + "\n"


def with_texts(element: Any) -> Any:
    """The same with the display of each coded concept as its text, too."""
    if isinstance(element, list):
        return [with_texts(e) for e in element]
    if not isinstance(element, dict):
        return element
    made = {k: with_texts(v) for k, v in element.items()}
    shown = made["coding"][0].get("display") if "coding" in made else None
    return made | ({"text": shown} if shown else {})


def relative(file: Path, root: Path) -> str:
    """A file's place in the folder that is read; its name where it is read alone."""
    return file.name if file == root else file.relative_to(root).as_posix()
