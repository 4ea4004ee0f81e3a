"""The tables of OMOP CDM 5.4 that a cohort has a place for: fields, types, what is required."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from medsynai.data.cohortfiles.layout import Named, Part

SOURCE = "source//"  # before a source's own code that could be taken for a concept
PERIOD = "observation_period"
SEXES = {"8507": "M", "8532": "F"}
OLD_NAMES = {  # of 5.3 -> of 5.4
    "admitting_source_concept_id": "admitted_from_concept_id",
    "admitting_source_value": "admitted_from_source_value",
    "discharge_to_concept_id": "discharged_to_concept_id",
    "discharge_to_source_value": "discharged_to_source_value",
}
OF_OTHERS = re.compile(r"visit_detail_id|.*_event_id")  # keys of tables that a cohort has not
TEXTS = ("_source_value", "stop_reason", "sig", "lot_number", "measurement_time", "as_string")
NUMBERS = ("value_as_number", "range_low", "range_high")


@dataclass(frozen=True)
class Omop:
    """One table.

    Attributes:
        columns: a cohort's column -> the table's, once a date and its time of day are one.
        key: its primary key.
        listed: its fields in the model's order; "!" after one that is required.
    """

    name: str
    part: Part
    key: str
    columns: Mapping[str, Named]
    listed: str
    kind: str = ""

    @property
    def fields(self) -> tuple[tuple[str, str, bool], ...]:
        """(name, SQL type, required) of each field; the model's names tell the types."""
        words = self.listed.split()
        return tuple((w.rstrip("!"), sql_type(w.rstrip("!"), self.name), "!" in w) for w in words)


def sql_type(name: str, table: str) -> str:
    """The type of a field by its name.

    >>> [sql_type(n, "t") for n in ("person_id", "death_date", "birth_datetime", "sig")]
    ['BIGINT', 'DATE', 'TIMESTAMP', 'VARCHAR']
    """
    if name.endswith("_date"):
        return "DATE"
    if name.endswith("_datetime"):
        return "TIMESTAMP"
    if name in NUMBERS or (name == "quantity" and table == "drug_exposure"):
        return "DOUBLE"
    return "VARCHAR" if name.endswith(TEXTS) else "BIGINT"


def _events(kind: str, table: str, start: str, end: str, listed: str, **more: str) -> Omop:
    """A table of events: its patient, visit, code and times are named alike in all of them."""
    columns: dict[str, Named] = {
        "subject_id": "person_id",
        "visit_id": "visit_occurrence_id",
        "code": "code",
    }
    columns |= {"time": f"{start}time"} | ({"end_time": f"{end}time"} if end else {}) | more
    return Omop(table, Part.EVENTS, f"{table}_id", columns, listed, kind)


VISIT = "provider_id visit_occurrence_id visit_detail_id"
TABLES = (
    Omop(
        "person",
        Part.SUBJECTS,
        "person_id",
        {"subject_id": "person_id", "birth": "birth_datetime", "sex": "gender"},
        "person_id! gender_concept_id! year_of_birth! month_of_birth day_of_birth birth_datetime "
        "race_concept_id! ethnicity_concept_id! location_id provider_id care_site_id "
        "person_source_value gender_source_value gender_source_concept_id race_source_value "
        "race_source_concept_id ethnicity_source_value ethnicity_source_concept_id",
    ),
    Omop(
        "death",
        Part.SUBJECTS,
        "person_id",
        {"subject_id": "person_id", "death": "death_datetime"},
        "person_id! death_date! death_datetime death_type_concept_id cause_concept_id "
        "cause_source_value cause_source_concept_id",
    ),
    Omop(
        "visit_occurrence",
        Part.VISITS,
        "visit_occurrence_id",
        {"visit_id": "visit_occurrence_id", "subject_id": "person_id", "kind": "visit_concept_id"}
        | {"start": "visit_start_datetime", "end": "visit_end_datetime"}
        | {"previous": "preceding_visit_occurrence_id"},
        "visit_occurrence_id! person_id! visit_concept_id! visit_start_date! visit_start_datetime "
        "visit_end_date! visit_end_datetime visit_type_concept_id! provider_id care_site_id "
        "visit_source_value visit_source_concept_id admitted_from_concept_id "
        "admitted_from_source_value discharged_to_concept_id discharged_to_source_value "
        "preceding_visit_occurrence_id",
    ),
    Omop(
        "observation_period",
        Part.EVENTS,
        "observation_period_id",
        {"subject_id": "person_id", "time": "observation_period_start_date"}
        | {"end_time": "observation_period_end_date"},
        "observation_period_id! person_id! observation_period_start_date! "
        "observation_period_end_date! period_type_concept_id!",
        "observation_period",
    ),
    _events(
        "condition",
        "condition_occurrence",
        "condition_start_date",
        "condition_end_date",
        "condition_occurrence_id! person_id! condition_concept_id! condition_start_date! "
        "condition_start_datetime condition_end_date condition_end_datetime "
        f"condition_type_concept_id! condition_status_concept_id stop_reason {VISIT} "
        "condition_source_value condition_source_concept_id condition_status_source_value",
    ),
    _events(
        "drug",
        "drug_exposure",
        "drug_exposure_start_date",
        "drug_exposure_end_date",
        "drug_exposure_id! person_id! drug_concept_id! drug_exposure_start_date! "
        "drug_exposure_start_datetime drug_exposure_end_date! drug_exposure_end_datetime "
        "verbatim_end_date drug_type_concept_id! stop_reason refills quantity days_supply sig "
        f"route_concept_id lot_number {VISIT} drug_source_value drug_source_concept_id "
        "route_source_value dose_unit_source_value",
    ),
    _events(
        "procedure",
        "procedure_occurrence",
        "procedure_date",
        "procedure_end_date",
        "procedure_occurrence_id! person_id! procedure_concept_id! procedure_date! "
        "procedure_datetime procedure_end_date procedure_end_datetime procedure_type_concept_id! "
        f"modifier_concept_id quantity {VISIT} procedure_source_value procedure_source_concept_id "
        "modifier_source_value",
    ),
    _events(
        "measurement",
        "measurement",
        "measurement_date",
        "",
        "measurement_id! person_id! measurement_concept_id! measurement_date! measurement_datetime "
        "measurement_time measurement_type_concept_id! operator_concept_id value_as_number "
        f"value_as_concept_id unit_concept_id range_low range_high {VISIT} "
        "measurement_source_value measurement_source_concept_id unit_source_value "
        "unit_source_concept_id value_source_value measurement_event_id "
        "meas_event_field_concept_id",
        value="value_as_number",
        unit="unit",
    ),
    _events(
        "observation",
        "observation",
        "observation_date",
        "",
        "observation_id! person_id! observation_concept_id! observation_date! observation_datetime "
        "observation_type_concept_id! value_as_number value_as_string value_as_concept_id "
        f"qualifier_concept_id unit_concept_id {VISIT} observation_source_value "
        "observation_source_concept_id unit_source_value qualifier_source_value "
        "value_source_value observation_event_id obs_event_field_concept_id",
        value="value_as_number",
        text="value_as_string",
        unit="unit",
    ),
)
CODED = {
    t.name: (f"{t.kind}_concept_id", f"{t.kind}_source_value")
    for t in TABLES
    if "code" in t.columns
}
UNITS = dict.fromkeys(("measurement", "observation"), ("unit_concept_id", "unit_source_value"))
