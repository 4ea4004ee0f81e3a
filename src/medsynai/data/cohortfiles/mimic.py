"""Folders in the layout of MIMIC-III and MIMIC-IV; eICU, which counts from admission, is not."""

from pathlib import Path

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import sheets
from medsynai.data.cohortfiles.known import Known, fit_all, header_of, plain, short
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort, Named, Part

Columns = dict[str, Named]
WHOSE: Columns = {"subject_id": "subject_id", "visit_id": "hadm_id"}
ICD: Columns = WHOSE | {"code": ("icd_version+icd_code", "icd9_code")}
ITEM: Columns = WHOSE | {"code": "itemid", "time": "charttime"}
LAB: Columns = ITEM | {"value": "valuenum", "text": "value", "unit": "valueuom"}
GIVEN: Columns = WHOSE | {"code": "itemid", "value": "amount", "unit": "amountuom"}

TABLES = (
    Known(
        "patients",
        Part.SUBJECTS,
        {"subject_id": "subject_id", "sex": "gender", "birth": "dob", "death": "dod"},
        file="hosp/patients.csv.gz",
    ),
    Known(
        "admissions",
        Part.VISITS,
        {"visit_id": "hadm_id", "subject_id": "subject_id"}
        | {"start": "admittime", "end": "dischtime", "kind": "admission_type"},
        file="hosp/admissions.csv.gz",
    ),
    Known("diagnoses_icd", Part.EVENTS, ICD, "condition", file="hosp/diagnoses_icd.csv.gz"),
    Known(
        "procedures_icd",
        Part.EVENTS,
        ICD | {"time": "chartdate"},
        "procedure",
        file="hosp/procedures_icd.csv.gz",
    ),
    Known(
        "prescriptions",
        Part.EVENTS,
        WHOSE
        | {"code": "drug", "time": ("starttime", "startdate")}
        | {"end_time": ("stoptime", "enddate")},
        "drug",
        file="hosp/prescriptions.csv.gz",
    ),
    Known("labevents", Part.EVENTS, LAB, "measurement", file="hosp/labevents.csv.gz"),
    Known("chartevents", Part.EVENTS, LAB, "chart", file="icu/chartevents.csv.gz"),
    Known(
        "outputevents",
        Part.EVENTS,
        ITEM | {"value": "value", "unit": "valueuom"},
        "output",
        file="icu/outputevents.csv.gz",
    ),
    *(
        Known(
            name,
            Part.EVENTS,
            GIVEN | {"time": "starttime", "end_time": "endtime"},
            kind,
            file=f"icu/{name}.csv.gz",
        )
        for name, kind in (("inputevents", "input"), ("inputevents_mv", "input_mv"))
    ),
    Known("inputevents_cv", Part.EVENTS, GIVEN | {"time": "charttime"}, "input_cv"),
    Known(
        "procedureevents",
        Part.EVENTS,
        WHOSE
        | {"code": "itemid", "time": "starttime", "end_time": "endtime"}
        | {"value": "value", "unit": "valueuom"},
        "bedside procedure",
        file="icu/procedureevents.csv.gz",
    ),
    Known(
        "icustays",
        Part.EVENTS,
        WHOSE | {"code": "first_careunit", "time": "intime", "end_time": "outtime"},
        "icu stay",
        file="icu/icustays.csv.gz",
    ),
    Known(
        "transfers",
        Part.EVENTS,
        WHOSE | {"code": "eventtype", "time": "intime", "end_time": "outtime"},
        "transfer",
        file="hosp/transfers.csv.gz",
    ),
)


def recognise(path: Path) -> bool:
    """Whether a folder has MIMIC's table of admissions."""
    if not path.is_dir():
        return False
    files = short(sheets.tables_of(path), TABLES)
    if "admissions" not in files:
        return False
    header = {h.lower() for h in header_of(files["admissions"])}
    return {"subject_id", "hadm_id", "admittime"} <= header


def read(path: Path, details: dict[str, str]) -> LoadedCohort:
    """A folder of MIMIC's tables; dictionaries (`d_items`) are named, not carried."""
    files = short(sheets.tables_of(path), TABLES)
    return sheets.read(path, fit_all(TABLES, files, "mimic"), files)


def write(cohort: Cohort, layout: Layout, path: Path) -> tuple[str, ...]:
    """The same tables again."""
    whole = layout if layout.sheets else plain(TABLES, "mimic", set(cohort.events["kind"]))
    return sheets.write(cohort, whole, path)
