"""What a column's name says: words, roles, codes, outcomes. Whole words only, never parts."""

import re
from functools import cache

from medsynai.data.schema import Role

SPLIT = re.compile(r"[^0-9a-zA-ZäöüßéèáíóúñçÄÖÜ]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case.

    >>> words("hospital_expire_flag"), words("RecordID"), words("d.time"), words("HHIncome")
    (('hospital', 'expire', 'flag'), ('record', 'id'), ('d', 'time'), ('hh', 'income'))
    """
    return tuple(w.lower() for w in SPLIT.split(name) if w)


@cache
def phrase(name: str) -> str:
    """The words of a name, joined by single blanks: what the patterns below are matched with."""
    return " ".join(words(name))


# A word of these may stand beside the word that matters: "patient_sex", "age_at_admission".
BESIDE = (
    r"(?:patient|pat|subject|participant|person|at|on|admission|adm|baseline|entry|enrol?lment"
    r"|diagnosis|index|visit|self|reported|current|assigned|code|cd|cat|category|group|grp"
    r"|class|status|desc|description|label|value|concept|id|source|name|years|year|yrs|yr|y"
    r"|months|in|of|\d)"
)


def _about(*cores: str) -> re.Pattern[str]:
    """A name that is one of these words, with nothing but neighbours of no weight."""
    core = "|".join(cores)
    return re.compile(rf"(?:{BESIDE} )*(?:{core})\d*(?: {BESIDE})*")


AGE = _about("age", "ages", "alter", "edad", "agecat", "agegroup", "agegrp")
BIRTH = _about(
    *("birth date", "birthdate", "date of birth", "dob", "birthday", "date birth", "born"),
    *("geburtsdatum", "geb datum", "gebdatum", "fecha de nacimiento", "date de naissance"),
)
PROTECTED = _about(
    *("sex", "gender", "geschlecht", "sexo", "sexe", "birth sex", "sex at birth"),
    *("race", "races", "ethnicity", "ethnic", "ethnic group", "ethnicgroup", "race ethnicity"),
    *("skin colou?r", "religion", "language", "primary language", "insurance", "insurance type"),
    *("disability", "nationality", "citizenship"),
)
QUASI = _about(
    *("marital", "marital status", "maritalstatus", "marstat", "occupation", "job", "profession"),
    *("education", "edu", "educ", "income", "household income", "hh income", "employment"),
    *("city", "town", "county", "state", "province", "region", "country", "district"),
    *("zip", "zip code", "zipcode", "postcode", "postal code", "post code", "plz", "zip3"),
    *("birthplace", "place of birth", "birth place", "country of birth", "birth country"),
    *("year of birth", "birth year", "yob", "month of birth", "day of birth", "birth weight"),
)
SENSITIVE = re.compile(
    r".*\b(hiv|aids|hepatitis b|hepatitis c|syphilis|abortion|suicid\w*|psychiatric|marij\w*"
    r"|hard drugs?|drug use|drug abuse|cocaine|heroin|opioid use|sexual orientation"
    r"|sex orientation|same sex|domestic violence)\b.*"
)
WEIGHT = re.compile(
    r"(survey|sample|sampling|design|person|replicate|probability|analysis) (weight|wt)s?"
    r"|pweight|fweight|finalwt|wt(int|mec|saf|sa|dr)\w*(?: \d?yr)?|wt(int|mec)\d? yr|ipw|iptw"
)
GEOGRAPHY = _about(
    *("city", "town", "county", "district", "zip", "zip code", "zipcode", "postcode"),
    *("postal code", "post code", "plz", "birthplace", "place of birth", "birth place", "village"),
)
CODE = re.compile(
    r".*(\b(id|ids|code|codes|cd|icd|icd9|icd10|icd9cm|icd10cm|dx|diag|diag \d+|diagnosis|ndc|cpt"
    r"|loinc|snomed|atc|drg|rxnorm|hcpcs|sop|zip|plz"
    r"|source value)|code)( \d+)?( code)?"
)
NOMINAL = re.compile(
    r"(.* )?(type|kind|status|race|ethnicity|ethnic|religion|language|region|sex|gender|country"
    r"|state|county|marital|occupation|specialty|department)\d?"
    r"|((treating|admitting|enrol?ling) )?(hospital|clinic|site|arm|ward|centre|center)\d?"
)
OUTCOME = re.compile(
    r"(.* )?(outcome|target|readmitted|readmission|death|died|dead|deceased|mortality"
    r"|expired?|hospdead|casecontrol|case control|relapse|recurrence|response|label|y)"
    r"( flag)?"
)
TIME = (
    r"(surv\w*|os|pfs|dfs|rfs|efs|overall survival|follow ?up|fu|event|death|d|tte)? ?"
    r"(time|days|months|years)",
    r"futime|fu time|follow ?up|survival|survtime|stime|dtime|os|pfs|dfs|rfs|tte",
    r"(time|days|months|years) to (death|event|relapse|recurrence|progression|last contact)",
)
SURVIVED = re.compile("|".join(f"(?:{t})" for t in TIME))
EVENT = (
    re.compile(r"event|death|dead|died|deceased|fustat|cens|censored|censor|os event|event os"),
    re.compile(r"d status|vital status|death event|death flag|os status|mortality|status"),
    re.compile(r"(in )?hospital death|hospital expire flag|delta|relapse|recurrence"),
)
DOCTOR = re.compile(
    r".*\b(provider|doctor|physician|nurse|staff|clinician|surgeon|operator|hospital|site"
    r"|organization|organisation|payer|clinic|caregiver|cg|center|centre|ward)\b.*"
)

RELATIVES = frozenset(
    (
        *("mother", "mothers", "maternal", "father", "fathers", "paternal", "parent", "parents"),
        *("spouse", "partner", "husband", "wife", "child", "sibling", "brother", "sister"),
        *("relative", "household", "employer", "caregiver", "guardian"),
    )
)
POSTCODE = _about("zip", "zip code", "zipcode", "postcode", "postal code", "post code", "plz")
BIRTH_YEAR = _about("year of birth", "birth year", "birthyear", "yob")


def _anyones(name: str) -> str:
    """The words of a name without those for relatives, household and employer."""
    return " ".join(w for w in words(name) if w not in RELATIVES)


def holds_age(name: str) -> bool:
    """Whether it is anybody's age in years, the patient's or a relative's.

    >>> [holds_age(n) for n in ("age", "mother_age", "maternalAge", "age_months", "dosage")]
    [True, True, True, False, False]
    """
    return is_age(_anyones(name))


def is_birth_year(name: str) -> bool:
    """Whether it is the year in which somebody was born.

    >>> [is_birth_year(n) for n in ("year_of_birth", "father_yob", "birth_weight")]
    [True, True, False]
    """
    return BIRTH_YEAR.fullmatch(_anyones(name)) is not None


def is_postcode(name: str) -> bool:
    """Whether it is a postcode.

    >>> [is_postcode(n) for n in ("ZIP", "employer_zip_code", "zip_file")]
    [True, True, False]
    """
    return POSTCODE.fullmatch(_anyones(name)) is not None


def is_age(name: str) -> bool:
    """Whether the column is a person's age in years.

    >>> [is_age(n) for n in ("age", "Age_at_admission", "DiabetesAge", "age_months")]
    [True, True, False, False]
    """
    return AGE.fullmatch(phrase(name)) is not None and "months" not in words(name)


def is_birth_date(name: str) -> bool:
    """Whether it is the day on which the person was born.

    >>> [is_birth_date(n) for n in ("Geburtsdatum", "patient_dob", "BIRTHDATE", "birth_weight")]
    [True, True, True, False]
    """
    return BIRTH.fullmatch(_anyones(name)) is not None


def role(name: str) -> Role:
    """The role that a name suggests; a person confirms it.

    >>> [role(n).value for n in ("gender", "SexEver", "Race1", "marital_status", "weight")]
    ['protected', 'feature', 'protected', 'quasi-identifier', 'feature']
    """
    said = phrase(name)
    if AGE.fullmatch(said) or PROTECTED.fullmatch(said):
        return Role.PROTECTED
    if QUASI.fullmatch(said):
        return Role.QUASI
    if SENSITIVE.fullmatch(said):
        return Role.SENSITIVE
    return Role.WEIGHT if WEIGHT.fullmatch(said) else Role.FEATURE


def is_code(name: str) -> bool:
    """Whether numbers in the column are names of things, e.g. `admission_type_id`."""
    return CODE.fullmatch(phrase(name)) is not None


def is_nominal(name: str) -> bool:
    """Whether small whole numbers in the column are likely to be codes, e.g. `race`."""
    return NOMINAL.fullmatch(phrase(name)) is not None


def is_outcome(name: str) -> bool:
    """Whether the name is that of an outcome; only ever suggested."""
    return OUTCOME.fullmatch(phrase(name)) is not None


def is_survival_time(name: str) -> bool:
    """Whether the name is that of a time to an event."""
    return SURVIVED.fullmatch(phrase(name)) is not None


def event_rank(name: str) -> int | None:
    """How surely the name is that of an event: 0 is surest, None is not."""
    said = phrase(name)
    return next((i for i, p in enumerate(EVENT) if p.fullmatch(said)), None)


def is_small_area(name: str) -> bool:
    """Whether it is a place smaller than a state, which Safe Harbor takes out."""
    return GEOGRAPHY.fullmatch(_anyones(name)) is not None


def is_other_party(name: str) -> bool:
    """Whether it names staff or an institution rather than a patient."""
    return DOCTOR.fullmatch(phrase(name)) is not None
