"""Direct identifiers, found by a column's name and by what its values look like.

The kinds are those of the Safe Harbor list, 45 CFR 164.514(b)(2)(i). Dates, ages and areas are
not direct identifiers and are dealt with by `infer` and `deidentify`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsynai.data.facts import Facts
from medsynai.data.names import is_code, is_other_party, is_small_area, is_survival_time, phrase
from medsynai.data.schema import Handling, Kind, Role

# "120/80", "<5.3", "45%", "1.5 mg": neither numbers nor anybody's key.
MEASURED = re.compile(
    r"\d{1,3} ?/ ?\d{1,3}|[<>≤≥~±]=? ?\d+([.,]\d+)?( ?[a-zA-Zµ%/]{1,6})?|\d+([.,]\d+)? ?%"
    r"|\d+[.,]\d+ ?[a-zA-Zµ/]{0,6}"
)
LOOKED_AT = 50_000  # distinct values whose content is searched: all of them in most columns
HASHED = "hashed identifier"
SHARE = 0.5  # a column is of a kind if this share of its distinct values looks so


@dataclass(frozen=True)
class Mark:
    """Why a column may not pass as it is.

    Attributes:
        identifier: which direct identifier it is, in plain words.
        kind: identifier or text.
        handling: what is done with it by default.
        role: subject or key for keys, else feature.
        reason: how it was found.
    """

    identifier: str
    kind: Kind = Kind.IDENTIFIER
    handling: Handling = Handling.DROP
    role: Role = Role.FEATURE
    reason: str = "by its name"


@dataclass(frozen=True)
class Look:
    """What one kind of identifier looks like inside a text."""

    identifier: str
    pattern: re.Pattern[str]
    needs: str  # a text without any of these characters cannot match; most texts end here


STREET = (
    r"street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|pl|terrace"
    r"|quay|parade|alley|crescent|esplanade|highway|hwy|square|camp|common|stra(?:ss|ß)e|str"
)
LOOKS = (
    Look("e-mail", re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}"), "@"),
    Look("web address", re.compile(r"(?i)\b(https?|ftp)://\S+|\bwww\.[\w-]+\.\w{2,}"), "/."),
    Look(
        "unique identifier (UUID)",
        re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        "-",
    ),
    # No key, no secret: whoever hashes all numbers that a clinic can give has the number again.
    Look(
        HASHED,
        re.compile(
            r"(?i)(?<![\w-])(?=[\da-f]*[a-f])(?=[\da-f]*\d)([\da-f]{128}|[\da-f]{96}|[\da-f]{64}"
            r"|[\da-f]{56}|[\da-f]{40}|[\da-f]{32})(?![\w-])"
            r"|^([a-z\d+/]{22}==|[a-z\d+/]{27}=|[a-z\d+/]{43}=|[a-z\d+/]{86}==)$"
        ),
        "0123456789",
    ),
    Look("social security number", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), "-"),
    Look(
        "telephone number",
        re.compile(
            r"(?<![\w.-])((\+?1[-. ]?)?(\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}"
            r"|(\+|00)[1-9]\d{0,2}[-. (]{1,2}\d[\d\-. ()]{5,14}\d|\+[1-9]\d{9,13})(?![\w.-])"
        ),
        "+-. ",
    ),
    Look(
        "internet (IP) address",
        re.compile(
            r"(?<![\w.])((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])"
            r"|(?i:\b([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b)"
        ),
        ".:",
    ),
    Look("device address (MAC)", re.compile(r"(?i)\b([0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"), ":-"),
    Look("postcode (ZIP+4)", re.compile(r"(?<![\d-])\d{5}-\d{4}(?![\d-])"), "-"),
    Look(
        "street address",
        re.compile(rf"(?i)\b\d{{1,5}}[a-z]?,? ([a-z.'-]+ ){{0,4}}({STREET})\b\.?|\bp\.? ?o\.? box"),
        " ",
    ),
    Look(
        "medical record number",
        re.compile(r"(?i)\b(mrn|medical record (number|no))[ :#.]*\d{4,}"),
        " :#mM",
    ),
)
# Some of these look like nothing else; one such value in a column of levels is one too many.
# Dotted numbers may be versions and "3 way ..." a street, so these count only where they are many.
SURE = frozenset(
    (
        "e-mail",
        "web address",
        "unique identifier (UUID)",
        HASHED,
        "social security number",
        "telephone number",
        "medical record number",
    )
)

PERSON = (
    r"(first|last|given|family|middle|maiden|full|patient|pat|subject|person|mother|father|spouse"
    r"|kin|contact|emergency contact|guardian|relative|doctor|physician|nurse|provider|surgeon"
    r"|attending|referring|user|nick|birth|legal|preferred|client|member|sur|fore)"
)
NAMED: tuple[tuple[str, str], ...] = (
    (
        "name",
        rf"({PERSON} )*names?|(.* )?(surname|forename|maiden|initials|lastname|firstname|fullname"
        r"|middlename|username|nachname|vorname|familienname|apellidos?|prenom|prénom)"
        r"|(name )?(first|last|middle|maiden|given|family)( \d)?|next of kin",
    ),
    ("e-mail", r"(.* )?(e ?mail|mail|correo)( address| addr| id)?"),
    (
        "telephone number",
        r"(.* )?(phone|telephone|tel|mobile|cellphone|cell phone|fax|pager|telefon|handy|telefax)"
        r"( (number|no|nr|num|home|work|\d))*",
    ),
    (
        "street address",
        r"(.* )?(address|addr|adresse|street|strasse|straße|street name|house number|direccion"
        r"|calle|address line)( (line|\d))*",
    ),
    ("place on the map", r"(.* )?(lat|lon|lng|long|latitude|longitude|geo|gps|coordinates?)"),
    ("social security number", r"(.* )?(ssn|social security( number| no)?|ssno|nino|sin)"),
    ("passport number", r"(.* )?passports?( (number|no|nr|id))?"),
    (
        "licence number",
        r"(.* )?(drivers?|driving)( (licen[cs]e|id))?( (number|no|nr))?|(.* )?licen[cs]e"
        r"( (number|no|nr|id|plate))?|certificate (number|no|nr|id)",
    ),
    (
        "health-plan number",
        r"(.* )?(health plan|insurance|policy|beneficiary|member|medicare|medicaid|hicn|mbi|payer"
        r"|krankenkassen|versicherten)( (id|number|no|nr|num|nummer))|hicn|mbi",
    ),
    ("account number", r"(.* )?(account|acct|iban|konto)( (id|number|no|nr|num))|account|iban"),
    (
        "vehicle identifier",
        r"vin|(.* )?(vehicle|license plate|number plate|plate number)( (id|number|no|nr|vin))?",
    ),
    (
        "device identifier",
        r"(.* )?(device|implant|udi|imei|serial|pacemaker)( serial)? (id|number|no|nr|num|sn)"
        r"|udi|imei|mac addr(ess)?|serial",
    ),
    ("web address", r"(.* )?(url|uri|website|web site|homepage|web page)( address)?"),
    ("internet (IP) address", r"(.* )?(ip addr(ess)?|ipv4|ipv6)|ip"),
    ("biometric identifier", r"(.* )?(fingerprints?|iris scan|voice ?print|biometrics?|retina id)"),
    ("photograph", r"(.* )?(photo|photograph|portrait|face image|selfie)( (id|url|file|path))?"),
)
NAMES = tuple((what, re.compile(pattern)) for what, pattern in NAMED)
NOTES = re.compile(
    r"(.* )?(notes?|comments?|remarks?|narrative|free ?text|transcript|dialogue|report|summary"
    r"|impression|findings|history|hpi|text|kommentar|bemerkung(en)?)( text)?"
)
NUMBERED = r"( ?(id|ids|identifier|number|no|nr|num|nbr|key|sk|code|uuid|guid|ref|nummer))"
MEDICAL_RECORD = re.compile(
    rf"(.* )?(mrn|medical record|((nhs|chart|hospital|fall){NUMBERED}))( {NUMBERED})?( \d)?"
)
BARE = re.compile(r"(patient|subject|person|participant|individual|client|proband|animal)")
PATIENT = re.compile(
    r"(.* )?(patient|pat|pt|subject|subj|person|participant|member|beneficiary|bene|individual"
    r"|client|animal|mouse|proband|enrollee|case|patienten)"
    rf"( source value|{NUMBERED}+)( \d)?"
    r"|(.* )?(pid|patid|subjid|usubjid|empi|seqn)|source patient"
)
KEYED = re.compile(
    r"(.* )?(id|ids|identifier|uid|uuid|guid|pk|rowid|sno|encounter)( \d)?"
    r"|key|row|index|record|level 0|"
    rf"(.* )?(accession|visit|encounter|admission|stay|episode|record|order|row|case|lot|sample"
    rf"|specimen|line|claim|report|study|image|serial){NUMBERED}( \d)?|(unnamed|column)( \d+)"
)
STAYS = re.compile(r"(.* )?(hadm|stay|encounter|episode|admission|visit)( (id|key|uuid|ref))?")
COUNTERS = re.compile(
    r"(.* )?(visit|episode|line|order|admission|stay|sample|row) (number|no|nr|num|nbr)"
)
CODES = re.compile(
    r".*\b(concept|type|status|disposition|class|category|reason|source|kind|unit|route|domain"
    r"|vocabulary|code|level|modality|race|gender|sex|ethnicity|specialty|service|department)"
    r"( concept)? (id|key)s?"
)
COUNTED = re.compile(r".*\b(time|day|days|week|month|year|yr|minute|hour|age|date|count|num|n)\b.*")


def find_named(facts: Facts) -> Mark | None:
    """The identifier that the column's name speaks of, where its values do not deny it."""
    said = phrase(facts.name)
    words = not facts.is_number
    for what, pattern in NAMES:
        if pattern.fullmatch(said) and _may_be(what, facts):
            return Mark(what)
    if MEDICAL_RECORD.fullmatch(said) and facts.unique > 0.02:
        return Mark("medical record number", Kind.IDENTIFIER, Handling.SURROGATE, Role.SUBJECT)
    if is_other_party(facts.name) and not KEYED.fullmatch(said):
        return None
    if (BARE.fullmatch(said) or PATIENT.fullmatch(said)) and _is_patient(said, facts):
        return Mark("patient key", Kind.IDENTIFIER, Handling.SURROGATE, Role.SUBJECT)
    if KEYED.fullmatch(said) and _is_key(said, facts):
        return Mark("row key", Kind.IDENTIFIER, Handling.SURROGATE, Role.KEY)
    if words and NOTES.fullmatch(said) and mean_length(facts) > 30 and facts.unique > 0.2:
        return Mark("free text", Kind.TEXT)
    return None


def mark_by_name(name: str) -> Mark | None:
    """The identifier that a column's name speaks of, whatever its values are.

    >>> mark_by_name("patient_id"), mark_by_name("creatinine")
    (Mark(identifier='patient key', kind=<Kind.IDENTIFIER: 'identifier'>, ...), None)
    """
    said = phrase(name)
    for what, pattern in NAMES:
        if pattern.fullmatch(said):
            return Mark(what)
    for pattern, what in ((MEDICAL_RECORD, "medical record number"), (PATIENT, "patient key")):
        if pattern.fullmatch(said) or (pattern is PATIENT and BARE.fullmatch(said)):
            return Mark(what, Kind.IDENTIFIER, Handling.SURROGATE, Role.SUBJECT)
    if KEYED.fullmatch(said) and not (CODES.fullmatch(said) or is_other_party(name)):
        return Mark("row key", Kind.IDENTIFIER, Handling.SURROGATE, Role.KEY)
    return Mark("free text", Kind.TEXT) if NOTES.fullmatch(said) else None


def _may_be(what: str, facts: Facts) -> bool:
    """Whether the values allow what the name says; a number of few values is not a telephone."""
    if what in ("name", "photograph", "biometric identifier", "street address", "e-mail"):
        return not facts.is_number
    if what in ("internet (IP) address", "web address", "vehicle identifier"):
        return not facts.is_number
    if what == "place on the map":
        return facts.is_number and facts.decimals >= 2
    digits = [sum(c.isdigit() for c in t) for t in facts.texts[:1000]]
    return bool(digits) and float(np.median(digits)) >= 4


def _is_patient(said: str, facts: Facts) -> bool:
    if facts.is_number and not facts.is_whole:
        return False
    if BARE.fullmatch(said):
        # "subject" may be a topic and "patient" a yes: keys have digits and many values.
        return len(facts.texts) > 2 and any(c.isdigit() for t in facts.texts[:20] for c in t)
    return len(facts.texts) > 1


def _is_key(said: str, facts: Facts) -> bool:
    """Whether values are many enough for a key; few, often repeated ones are a code's levels."""
    if facts.is_number and not facts.is_whole:
        return False
    if CODES.fullmatch(said):
        return facts.unique == 1 and facts.present >= 30
    if STAYS.fullmatch(said):
        return len(facts.texts) > 2
    if COUNTERS.fullmatch(said) and facts.unique < 1:
        return bool(len(facts.texts) > 20 and np.nanmin(facts.numbers) >= 10_000)
    long = len(facts.texts) > 20 and all(sum(map(str.isdigit, t)) >= 5 for t in facts.texts)
    return facts.unique > 0.05 or len(facts.texts) > 1000 or long


def find_content(facts: Facts) -> Mark | None:
    """The identifier that the values look like, whatever the column is called."""
    if facts.is_number:
        return _find_numbers(facts)
    texts = _sample(facts.texts)
    found = {look.identifier: count_like(texts, look) for look in LOOKS}
    found = {what: hits for what, hits in found.items() if hits}
    long = is_text(facts)
    if found:
        what, hits = max(found.items(), key=lambda item: item[1])
        if hits >= SHARE * len(texts) and not (long and hits < 0.9 * len(texts)):
            return _mark_content(what)
        sure = [w for w in found if w in SURE]
        if long:
            some = ", ".join(sorted(found))
            return Mark(f"free text with {some}", Kind.TEXT, reason="by its content")
        if sure:
            return Mark(sure[0], reason="by its content")
    if long:
        return Mark("free text", Kind.TEXT, reason="by its content")
    return _find_unique(facts, texts)


def count_like(texts: Sequence[str], look: Look) -> int:
    """How many of these texts hold something that looks so."""
    needs = tuple(look.needs)
    return sum(
        look.pattern.search(t) is not None for t in texts if any(c in t for c in needs) and t
    )


def _sample(texts: Sequence[str]) -> Sequence[str]:
    step = max(1, len(texts) // LOOKED_AT)
    return texts[::step]


def _mark_content(what: str) -> Mark:
    if what in ("unique identifier (UUID)", HASHED):
        return Mark(what, Kind.IDENTIFIER, Handling.SURROGATE, Role.KEY, "by its content")
    return Mark(what, reason="by its content")


def mean_length(facts: Facts) -> float:
    """Characters a distinct value, on the average."""
    return float(np.mean([len(t) for t in facts.texts[:5000]])) if facts.texts else 0.0


def is_text(facts: Facts) -> bool:
    """Whether the values are sentences: long, of several words, and seldom repeated."""
    texts = facts.texts[:2000]
    if len(facts.texts) < 5 or facts.unique <= 0.2:
        return False
    blanks = float(np.mean([t.count(" ") for t in texts]))
    return (blanks >= 4 and mean_length(facts) > 25) or (blanks >= 1 and mean_length(facts) > 100)


def _find_numbers(facts: Facts) -> Mark | None:
    """Row numbers, and numerals of one fixed length that never repeat; a lab value is neither."""
    if not facts.is_whole or facts.unique < 1 or facts.present < 30:
        return None
    if COUNTED.fullmatch(phrase(facts.name)) or is_survival_time(facts.name):
        return None
    values = facts.numbers
    key = Mark("row key", Kind.IDENTIFIER, Handling.SURROGATE, Role.KEY, "by its content")
    if values.max() - values.min() + 1 <= 1.05 * len(values):
        return key
    lengths = {len(str(abs(int(v)))) for v in values}
    if values.min() > 0 and len(lengths) == 1 and min(lengths) >= 6:
        return key
    return None


def _find_unique(facts: Facts, texts: Sequence[str]) -> Mark | None:
    """Words that hardly ever repeat stand for one person each, whatever they mean."""
    if facts.present < 10 or len(facts.texts) < 10 or is_small_area(facts.name):
        return None
    if facts.unique <= 0.5 or (facts.unique <= 0.9 and len(facts.texts) < 200):
        return None
    if facts.unique <= 0.9 and is_code(facts.name):
        return None
    if all(MEASURED.fullmatch(t.strip()) for t in texts):
        said = "two numbers in a cell" if "/" in texts[0] else "numbers with a sign or unit"
        return Mark(said, reason="make plain numbers of them to have them learnt")
    if facts.counts[~np.isnan(facts.numbers)].sum() > 0.5 * facts.present:
        said = "make it a number and list the words in missing_tokens to have it learnt"
        return Mark("numbers with words among them", reason=said)
    digits = np.mean([any(c.isdigit() for c in t) for t in texts[:2000]])
    blanks = np.mean([" " in t.strip() for t in texts[:2000]])
    if facts.unique > 0.9 and digits > 0.9 and blanks < 0.1:
        return Mark("unique code", Kind.IDENTIFIER, Handling.SURROGATE, Role.KEY, "by its content")
    return Mark("words that hardly ever repeat", reason="by its content")
