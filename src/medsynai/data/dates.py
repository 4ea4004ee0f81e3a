"""Which date format a column of text is written in, and whether day and month can be told apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

CLOCKS = (
    (r"", ""),
    (r" \d{1,2}:\d{2}", " %H:%M"),
    (r" \d{1,2}:\d{2}:\d{2}", " %H:%M:%S"),
    (r" \d{1,2}:\d{2}:\d{2}\.\d{1,9}", " %H:%M:%S.%f"),
    (r" \d{1,2}:\d{2} ?[AaPp][Mm]", " %I:%M %p"),
    (r" \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]", " %I:%M:%S %p"),
)
DAYS = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", ("%d-%b-%Y", "%d %b %Y")),
    (r"\d{1,2}-[A-Za-z]{3}-\d{2}", ("%d-%b-%y",)),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", ("%b %d, %Y",)),
    (r"\d{1,2}[A-Za-z]{3}\d{4}", ("%d%b%Y",)),  # SAS date9
)
ISO = tuple(
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}" + pattern), "%Y-%m-%dT%H:%M" + code)
    for pattern, code in (
        ("", ""),
        (r":\d{2}", ":%S"),
        (r":\d{2}\.\d{1,9}", ":%S.%f"),
        (r":\d{2}Z", ":%SZ"),
        (r":\d{2}\.\d{1,9}Z", ":%S.%fZ"),
        (r":\d{2}[+-]\d{2}:?\d{2}", ":%S%z"),
    )
)
PLAIN = tuple(
    (re.compile(day + clock), tuple(f + code for f in formats))
    for day, formats in DAYS
    for clock, code in CLOCKS
)
TIMES = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"\d{1,2}:\d{2}", "%H:%M"),
        (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
        (r"\d{1,2}:\d{2} ?[AaPp][Mm]", "%I:%M %p"),
    )
)
MANY = 20  # distinct values from which eight digits are days, and times are not a few levels
COMPACT = re.compile(r"(18|19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
DATE_NAME = re.compile(r".*(date|datum|fecha|\bdob\b|birth ?date|\bdod\b|time stamp|timestamp).*")
YEAR = re.compile(r".*\d{4}.*")
HINT = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})"
    r"|\d{1,2}[- ]?[A-Za-z]{3}[- ,]\d{2,4})([T ]\d{1,2}:\d{2}.*)?"
)


@dataclass(frozen=True)
class Dating:
    """How the dates of a column are written.

    Attributes:
        format: the strptime pattern.
        rival: another pattern that all values fit too (day and month the other way round).
        mixed: some values fit no one pattern; the column is not read as dates.
    """

    format: str
    rival: str | None = None
    mixed: bool = False


def date_format(texts: Sequence[str], name: str = "") -> Dating | None:
    """The format that all these distinct texts are written in, or None if they are not dates.

    >>> date_format(["03.05.2020", "28.02.2021"])
    Dating(format='%d.%m.%Y', rival=None, mixed=False)
    >>> date_format(["3/5/94 0:00", "4/28/70 0:00"]).format
    '%m/%d/%y 0:00'
    >>> date_format(["3/5/2020", "4/6/2020"]).rival
    '%d/%m/%Y'
    >>> date_format(["12-3", "7"]) is None
    True
    >>> date_format([f"{h}:{m}" for h in range(24) for m in ("00", "30")]).format
    '%H:%M'

    Args:
        texts: distinct values, none of them empty.
        name: the column's name: few values of eight digits are dates only where it says so.
    """
    texts = [t.strip() for t in texts]
    if not texts:
        return None
    sure = len(texts) >= MANY or DATE_NAME.fullmatch(name.lower()) is not None
    if sure and all(COMPACT.fullmatch(t) for t in texts):
        return Dating("%Y%m%d") if _parses(texts, "%Y%m%d") else None
    for pattern, one in ISO:
        if pattern.fullmatch(texts[0]) and all(pattern.fullmatch(t) for t in texts):
            return Dating(_settled(one, texts)) if _parses(texts, one) else None
    for pattern, formats in PLAIN:
        if pattern.fullmatch(texts[0]) and all(pattern.fullmatch(t) for t in texts):
            fitting = [_settled(f, texts) for f in formats if _parses(texts, f)]
            if not fitting:
                return None
            return Dating(fitting[0], fitting[1] if len(fitting) > 1 else None)
    for pattern, one in TIMES if len(texts) >= MANY else ():
        if pattern.fullmatch(texts[0]) and all(pattern.fullmatch(t) for t in texts):
            return Dating(_settled(one, texts)) if _parses(texts, one) else None
    like = [t for t in texts[:1000] if HINT.fullmatch(t)]
    wholly = len(like) >= 0.9 * len(texts[:1000])
    sure = sure or all(YEAR.fullmatch(t) for t in like)  # 1-2-20 may be a code, 1-2-2020 is not
    return Dating("", mixed=True) if wholly and sure else None


def is_clock(format: str | None) -> bool:
    """Whether a format holds a time of day and no date.

    >>> is_clock("%H:%M"), is_clock("%d.%m.%Y %H:%M"), is_clock(None)
    (True, False, False)
    """
    return format is not None and ("%H" in format or "%I" in format) and "%d" not in format


def _settled(format: str, texts: Sequence[str]) -> str:
    """The format with a time that never changes as it stands: such columns hold days.

    >>> _settled("%Y-%m-%d %H:%M:%S", ["2020-01-01 00:00:00", "2021-03-04 00:00:00"])
    '%Y-%m-%d 00:00:00'
    >>> _settled("%H:%M:%S", ["08:30:00", "09:15:00"])
    '%H:%M:00'
    """
    day, mark, _ = format.partition("%H")
    tails = {t[t.rfind(day[-1]) + 1 :] for t in texts} if mark and day else set()
    if len(tails) == 1 and len(texts) > 1:
        return day + tails.pop()
    if format.endswith("%M:%S") and all(t.endswith(":00") for t in texts):
        return format.removesuffix("%S") + "00"
    return format


def _parses(texts: Sequence[str], one: str) -> bool:
    held = pd.Series(list(texts), dtype=object)
    return not pd.to_datetime(held, format=one, errors="coerce", utc=True).isna().any()
