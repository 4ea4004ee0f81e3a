"""FHIR comes back in the form it had: bundles of a type with what they ask, lines, addresses."""

import json
from uuid import UUID

import pytest

from medsynai.data.cohortfiles import read_cohort, write_cohort
from medsynai.data.cohortfiles.fhir import Resource

SYSTEM = "http://loinc.org"
MARITAL = "http://hl7.org/fhir/v3/MaritalStatus"


def resources(number: int, urn: bool) -> list[Resource]:
    """A patient, an encounter and an observation, which point to each other."""
    patient, stay = (f"0000000{number}-0000-4000-8000-00000000000{i}" for i in (1, 2))
    ahead = ("urn:uuid:", "urn:uuid:") if urn else ("Patient/", "Encounter/")
    whose = {"reference": ahead[0] + patient}
    marital = {"coding": [{"system": MARITAL, "code": "M"}]}
    act = {"system": "http://hl7.org/fhir/v3/ActCode", "code": "AMB"}
    period = {"start": "2020-01-02T10:00:00-05:00", "end": "2020-01-02T11:00:00-05:00"}
    code = {"coding": [{"system": SYSTEM, "code": "8302-2", "display": "Height"}], "text": "Height"}
    return [
        {"resourceType": "Patient", "id": patient, "birthDate": "1950-01-01"}
        | {"maritalStatus": marital},
        {"resourceType": "Encounter", "id": stay, "status": "finished", "class": act}
        | {"subject": whose, "period": period},
        {"resourceType": "Observation", "id": f"o{number}", "status": "final", "code": code}
        | {"subject": whose, "encounter": {"reference": ahead[1] + stay}}
        | {"effectiveDateTime": "2020-01-02T10:30:00.125-05:00"}
        | {"valueQuantity": {"value": 170.5, "unit": "cm"}},
    ]


def bundle(kind: str, *made: Resource, urn: bool = False, method: str = "") -> Resource:
    entries = []
    for one in made:
        name, key = one["resourceType"], one["id"]
        url = f"urn:uuid:{key}" if urn else f"http://here.org/{name}/{key}"
        asked = {"method": method, "url": name if method == "POST" else f"{name}/{key}"}
        entries.append({"fullUrl": url, "resource": one} | ({"request": asked} if method else {}))
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def again(source, target):
    """What is written of what is read, by file; and that it reads the same."""
    loaded = read_cohort(source)
    write_cohort(loaded.cohort, loaded.layout, target)
    assert read_cohort(target).layout == loaded.layout
    return loaded, {p.name: p.read_text() for p in sorted(target.iterdir())}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_bundles_keep_their_type_and_what_they_ask(kind, method, tmp_path, same):
    (tmp_path / "in").mkdir()
    for i in (1, 2):
        made = bundle(kind, *resources(i, urn=True), urn=True, method=method)
        (tmp_path / "in" / f"p{i}.json").write_text(json.dumps(made))
    loaded, files = again(tmp_path / "in", tmp_path / "out")
    same(loaded.cohort, read_cohort(tmp_path / "out").cohort)
    assert len(files) == 2
    for text in files.values():
        whole = json.loads(text)
        urls = {e["fullUrl"] for e in whole["entry"]}
        assert whole["type"] == kind and len(urls) == 3
        assert all(UUID(u.removeprefix("urn:uuid:")) and u.startswith("urn:uuid:") for u in urls)
        for entry in whole["entry"]:
            one = entry["resource"]
            name = one["resourceType"]
            asked = name if method == "POST" else f"{name}/{one['id']}"
            assert entry["request"] == {"method": method, "url": asked}
            for pointer in ("subject", "encounter"):
                if pointer in one:
                    assert one[pointer]["reference"] in urls


@pytest.mark.parametrize(("kind", "back"), [("searchset", "searchset"), ("document", "collection")])
def test_bundles_that_ask_nothing_have_no_request(kind, back, tmp_path):
    (tmp_path / "in").mkdir()
    for i in (1, 2):
        made = bundle(kind, *resources(i, urn=False))
        (tmp_path / "in" / f"p{i}.json").write_text(json.dumps(made))
    loaded = read_cohort(tmp_path / "in")
    write_cohort(loaded.cohort, loaded.layout, tmp_path / "out")
    made = [json.loads(p.read_text()) for p in (tmp_path / "out").iterdir()]
    assert {b["type"] for b in made} == {back}
    assert not [e for b in made for e in b["entry"] if "request" in e]
    told = "2 bundles are of another type; they are written as collections"
    assert (told in loaded.notes) is (kind != back)


def test_what_is_said_of_a_resource_keeps_its_spelling(tmp_path):
    (tmp_path / "in").mkdir()
    made = bundle("collection", *resources(1, urn=False), *resources(2, urn=False))
    (tmp_path / "in" / "all.json").write_text(json.dumps(made))
    _, files = again(tmp_path / "in", tmp_path / "out")
    assert list(files) == ["all.json"]  # one bundle of all patients
    held = [e["resource"] for e in json.loads(files["all.json"])["entry"]]
    stay = next(r for r in held if r["resourceType"] == "Encounter")
    assert stay["class"] == {"system": "http://hl7.org/fhir/v3/ActCode", "code": "AMB"}
    assert stay["period"]["start"] == "2020-01-02T10:00:00-05:00"
    seen = next(r for r in held if r["resourceType"] == "Observation")
    assert seen["effectiveDateTime"] == "2020-01-02T10:30:00.125-05:00"
    assert seen["code"]["text"] == "Height"
    marital = next(r for r in held if r["resourceType"] == "Patient")["maritalStatus"]
    assert marital["coding"] == [{"system": MARITAL, "code": "M"}]


def test_lines_come_back_in_the_files_they_were_in(tmp_path):
    (tmp_path / "in").mkdir()
    every = [*resources(1, urn=False), *resources(2, urn=False)]
    for name, kinds in {"0.people": ["Patient"], "1.rest": ["Encounter", "Observation"]}.items():
        lines = [json.dumps(r) for r in every if r["resourceType"] in kinds]
        (tmp_path / "in" / f"{name}.ndjson").write_text("\n".join(lines) + "\n")
    _, files = again(tmp_path / "in", tmp_path / "out")
    assert list(files) == ["0.people.ndjson", "1.rest.ndjson"]
    assert files["1.rest.ndjson"].count("\n") == 4


@pytest.mark.parametrize("name", ["all.json", "all.ndjson", "all.json.gz"])
def test_one_file_comes_back_as_one_file(name, tmp_path, same):
    import gzip

    every = [*resources(1, urn=False), *resources(2, urn=False)]
    text = (
        "\n".join(map(json.dumps, every)) if "nd" in name else json.dumps(bundle("batch", *every))
    )
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as file:
        file.write(text)
    loaded = read_cohort(tmp_path / name)
    target = tmp_path / f"again{name.removeprefix('all')}"
    write_cohort(loaded.cohort, loaded.layout, target)
    assert target.is_file()
    same(loaded.cohort, read_cohort(target).cohort)
