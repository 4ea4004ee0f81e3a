"""Direct identifiers: each kind is caught by name or content; measurements are left alone."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.facts import look
from medsynai.data.infer import infer
from medsynai.data.patterns import find_content, find_named
from medsynai.data.read import read
from medsynai.data.schema import Handling, Kind, Role

N = 200
RNG = np.random.default_rng(11)
WORDS = ("the", "patient", "came", "in", "with", "pain", "and", "was", "seen", "by", "staff")


def facts(values, name="x"):
    return look(pd.Series(list(values), dtype=object), name, text=True)


def sentences(n=N):
    return [" ".join(RNG.choice(WORDS, 12)) for _ in range(n)]


CONTENT = {
    "e-mail": [f"person.{i}@ward{i % 7}.example.org" for i in range(N)],
    "web address": [f"https://example.org/p/{i}" for i in range(N)],
    "unique identifier (UUID)": [f"{i:08x}-1111-4222-8333-{i:012x}" for i in range(N)],
    "social security number": [f"{100 + i}-{10 + i % 80}-{1000 + i}" for i in range(N)],
    "telephone number": [f"({200 + i}) 555-{1000 + i}" for i in range(N)],
    "internet (IP) address": [f"10.0.{i}.{255 - i}" for i in range(N)],
    "device address (MAC)": [f"0a:1b:2c:3d:4e:{i:02x}" for i in range(N)],
    "postcode (ZIP+4)": [f"{10000 + i}-{1000 + i}" for i in range(N)],
    "street address": [f"{i + 1} Hazel Lane Apt {i}" for i in range(N)],
}


@pytest.mark.parametrize("what", CONTENT)
def test_found_by_content_under_a_harmless_name(what):
    mark = find_content(facts(CONTENT[what], "column_7"))
    assert mark is not None
    assert mark.identifier == what


@pytest.mark.parametrize(
    "phone",
    ["+49 30 901820", "0049 (30) 901820", "555-123-4567", "1-800-633-4227", "+4915112345678"],
)
def test_telephone_forms(phone):
    assert find_content(facts([phone] * 9 + ["none"], "contact")).identifier == "telephone number"


def test_one_address_in_a_hundred_notes_is_named():
    notes = sentences(400)
    for i in range(4):
        notes[i * 100] += f" write to jo{i}@example.org"
    mark = find_content(facts(notes))
    assert mark.kind is Kind.TEXT
    assert mark.handling is Handling.DROP
    assert "e-mail" in mark.identifier


def test_one_address_among_levels_is_one_too_many():
    assert find_content(facts(["ward A", "ward B", "jo@example.org"] * 50)).identifier == "e-mail"
    assert find_content(facts(["ward A", "ward B", "ward C"] * 50)) is None


NAMED = {
    "first_name": ("name", ["Ann", "Bob", "Cy"] * 9),
    "LAST": ("name", ["Abel", "Bold", "Cole"] * 9),
    "maiden_name": ("name", ["Abel", "Bold"] * 9),
    "Nachname": ("name", ["Abel", "Bold"] * 9),
    "home_phone": ("telephone number", [f"20555{i:05d}" for i in range(N)]),
    "email_address": ("e-mail", ["a at x", "b at x"] * 9),
    "SSN": ("social security number", [f"{100000000 + 7 * i}" for i in range(N)]),
    "passport": ("passport number", [f"X{10000000 + i}X" for i in range(N)]),
    "drivers_license": ("licence number", [f"S{99900000 + i}" for i in range(N)]),
    "member_id": ("health-plan number", [f"{10000 + 13 * i}" for i in range(N)]),
    "account_number": ("account number", [f"{10000 + 13 * i}" for i in range(N)]),
    "VIN": ("vehicle identifier", [f"1HGCM82633A{i:06d}" for i in range(N)]),
    "device_serial_number": ("device identifier", [f"{10000 + 13 * i}" for i in range(N)]),
    "street": ("street address", ["Elm", "Oak"] * 9),
    "latitude": ("place on the map", [f"{42 + i / 999:.6f}" for i in range(N)]),
    "MRN": ("medical record number", [f"{5 * i + 40}" for i in range(N)]),
    "patient_id": ("patient key", [f"{5 * i + 40}" for i in range(N)]),
    "encounter_id": ("row key", [f"{5 * i + 40}" for i in range(N)]),
    "hadm_id": ("row key", ["100375", "100969", "101361"] * 99),
}


@pytest.mark.parametrize("name", NAMED)
def test_found_by_name(name):
    what, values = NAMED[name]
    mark = find_named(facts(values, name))
    assert mark is not None
    assert mark.identifier == what


LAB = [f"{v:.2f}" for v in RNG.lognormal(4, 0.3, N)]
COUNTS = [str(v) for v in RNG.permutation(40 * N)[:N]]
HARMLESS = {
    "sodium": [f"{v:.0f}" for v in RNG.normal(140, 4, N)],
    "race": ["white", "black", "other"] * 60,
    "crea": LAB,
    "platelet": COUNTS,
    "charges": COUNTS,
    "healthcare_coverage": LAB,
    "healthcare_expenses": LAB,
    "cell_count": COUNTS,
    "family_history": ["yes", "no"] * 90,
    "charlson_index": ["0", "1", "2", "3"] * 50,
    "drug_name": ["aspirin", "heparin", "insulin"] * 60,
    "hospital_name": ["North", "South", "East"] * 60,
    "visit_number": ["1", "2", "3", "4"] * 50,
    "number_outpatient": ["0", "1", "2"] * 60,
    "admission_type_id": ["1", "2", "3"] * 60,
    "phone_consultations": ["0", "1", "2"] * 60,
    "insurance": ["Medicare", "Private", "Medicaid"] * 60,
    "note": ["3", "5", "7"] * 60,
    "ip_days": ["3", "5", "7"] * 60,
    "day": [str(i) for i in range(N)],
    "futime": [str(i + 100) for i in range(N)],
    "icd9_code": [f"{250 + i % 90}.{i % 10}" for i in range(N)] * 3,
    "sop_code": ["1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"] * 90,
    "description": ["Acute viral pharyngitis (disorder)", "Normal pregnancy"] * 90,
}


@pytest.mark.parametrize("name", HARMLESS)
def test_measurements_and_levels_are_left_alone(name):
    seen = facts(HARMLESS[name], name)
    assert find_named(seen) is None
    assert find_content(seen) is None


def test_row_numbers_and_fixed_length_numerals_are_keys():
    rows = [str(i) for i in range(1, N + 1)]
    assert find_content(facts(rows, "nr")).role is Role.KEY
    numerals = [str(v) for v in 10**7 + 41_003 * RNG.permutation(2 * N)[:N]]
    assert find_content(facts(numerals, "nr")).role is Role.KEY
    assert find_content(facts([*numerals[:-1], numerals[0]], "nr")) is None


def test_words_that_never_repeat_do_not_pass():
    people = [f"{a}{i} {b}" for i, (a, b) in enumerate([("Ann", "Wu"), ("Bo", "Li")] * 50)]
    mark = find_content(facts(people, "who"))
    assert mark.handling is Handling.DROP


def test_synthea_patients(shared):
    schema = read(shared / "data/synthea_csv/patients.csv.gz").table.schema
    out = {c.name for c in schema.columns if c.handling is Handling.DROP}
    assert out == {
        *("SSN", "DRIVERS", "PASSPORT", "FIRST", "LAST", "MAIDEN"),
        *("ADDRESS", "BIRTHPLACE", "LAT", "LON"),
    }
    assert schema["Id"].handling is Handling.SURROGATE
    assert schema["BIRTHDATE"].handling is schema["DEATHDATE"].handling is Handling.OFFSET
    for name in ("CITY", "COUNTY", "ZIP"):
        assert any("smaller than a state" in w for w in schema[name].warnings)
    for name in ("RACE", "GENDER", "HEALTHCARE_EXPENSES", "HEALTHCARE_COVERAGE", "PREFIX"):
        assert schema[name].handling is Handling.LEARN


def test_mimic_admissions_and_notes(shared):
    schema = read(shared / "data/codes/mimic3demo_admissions.csv.gz").table.schema
    assert schema.subject == "subject_id"
    assert schema["hadm_id"].role is Role.KEY
    assert schema["religion"].role is Role.PROTECTED
    schema = read(shared / "data/codes/mimic3demo_prescriptions.csv.gz").table.schema
    assert schema["hadm_id"].kind is Kind.IDENTIFIER
    assert schema["drug"].kind is Kind.CATEGORICAL
    schema = read(shared / "data/notes/mts_dialog.csv.gz").table.schema
    assert {c.name for c in schema.columns if c.kind is Kind.TEXT} == {"section_text", "dialogue"}


def test_omop_keys_are_keys_and_concepts_are_levels(shared):
    schema = read(shared / "data/omop/condition_occurrence.csv.gz").table.schema
    keys = {c.name for c in schema.columns if c.kind is Kind.IDENTIFIER}
    assert keys == {"CONDITION_OCCURRENCE_ID", "PERSON_ID", "VISIT_OCCURRENCE_ID"}
    assert schema["CONDITION_CONCEPT_ID"].kind is Kind.CATEGORICAL


def test_small_tables_keep_their_levels():
    raw = pd.DataFrame({"stage": ["I", "II", "III", "IV"], "x": ["1.5", "2.5", "3", "4"]})
    assert all(c.handling is Handling.LEARN for c in infer(raw.astype(object), True).columns)
