"""CSV folders as Synthea exports them: patients, encounters, and a table for each kind of event."""

from pathlib import Path

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.known import Known, fit_all, header_of, plain
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Named, Part

WHOSE: dict[str, Named] = {"subject_id": "PATIENT", "visit_id": "ENCOUNTER"}
CODED = WHOSE | {"code": "CODE", "description": "DESCRIPTION"}
SPAN: dict[str, Named] = {"time": ("START", "DATE"), "end_time": "STOP"}
AT: dict[str, Named] = {"time": "DATE"}
STAY: dict[str, Named] = {
    "visit_id": "Id",
    "subject_id": "PATIENT",
    "start": ("START", "DATE"),
    "end": "STOP",
    "kind": "ENCOUNTERCLASS",
}

TABLES = (
    Known(
        "patients",
        Part.SUBJECTS,
        {"subject_id": "Id", "birth": "BIRTHDATE", "death": "DEATHDATE", "sex": "GENDER"},
    ),
    Known("encounters", Part.VISITS, STAY),
    Known("conditions", Part.EVENTS, CODED | SPAN, "condition"),
    Known("medications", Part.EVENTS, CODED | SPAN, "drug"),
    Known("procedures", Part.EVENTS, CODED | SPAN, "procedure"),
    Known(
        "observations",
        Part.EVENTS,
        CODED | AT | {"value": "VALUE", "text": "VALUE", "unit": "UNITS"},
        "measurement",
    ),
    Known("immunizations", Part.EVENTS, CODED | AT, "immunization"),
    Known("careplans", Part.EVENTS, CODED | SPAN, "careplan"),
    Known("allergies", Part.EVENTS, CODED | SPAN, "allergy"),
    Known("devices", Part.EVENTS, CODED | SPAN, "device"),
    Known("supplies", Part.EVENTS, CODED | AT, "supply"),
    Known(
        "imaging_studies",
        Part.EVENTS,
        WHOSE | AT | {"code": ("PROCEDURE_CODE", "MODALITY_CODE")},
        "imaging",
    ),
)


def recognise(path: Path) -> bool:
    """Whether a folder has Synthea's table of patients."""
    if not path.is_dir():
        return False
    files = sheets.tables_of(path)
    if "patients" not in files:
        return False
    return {"Id", "BIRTHDATE", "DEATHDATE"} <= set(header_of(files["patients"]))


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A folder of Synthea's tables; those without patients are named, not carried."""
    files = sheets.tables_of(path)
    return sheets.read(path, fit_all(TABLES, files, "synthea"), files)


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """The same tables again."""
    whole = layout if layout.sheets else plain(TABLES, "synthea", set(cohort.events["kind"]))
    return sheets.write(cohort, whole, path)
