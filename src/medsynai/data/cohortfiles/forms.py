"""How times were spelt beyond what strptime says: zeros ahead, digits of a fraction, zones."""

import re
from collections.abc import Sequence

import pandas as pd

ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})$")
# Directives that are ours: no zero ahead, so many digits of a second, a month in capitals.
BEYOND = re.compile(r"(%-[mdHI]|%\df|%\^b)")


def spelling_of(form: str, texts: Sequence[str]) -> str:
    """The form with what these texts show beyond it, for `spell_times`.

    Where all name one zone it stays; of several, times are written in UTC.

    >>> spelling_of("%m/%d/%y %H:%M", ["3/05/94 10:00", "11/21/70 9:30"])
    '%-m/%d/%y %-H:%M'
    >>> spelling_of("%Y-%m-%dT%H:%M:%S.%f%z", ["2020-01-02T10:00:00.123+02:00"])
    '%Y-%m-%dT%H:%M:%S.%3f+02:00'
    """
    if form.endswith("%z"):
        zones = {m[0] for m in map(ZONE.search, texts) if m}
        shown = zones.pop() if len(zones) == 1 else "+00:00" if ":" in max(zones) else "+0000"
        form = form.removesuffix("%z") + shown
    if "%f" in form:
        digits = {len(m[1]) for m in (re.search(r"\.(\d+)", t) for t in texts) if m}
        form = form.replace("%f", f"%{min(digits.pop(), 6)}f") if len(digits) == 1 else form
    if "%b" in form and all(t == t.upper() for t in texts):
        form = form.replace("%b", "%^b")
    return _unpadded(form, texts)


def _unpadded(form: str, texts: Sequence[str]) -> str:
    """With "-" in the directives whose numbers never have a zero ahead."""
    names = re.findall(r"%[\d^]?([a-zA-Z])", form)
    held = re.split(r"%[\d^]?[a-zA-Z]", form)
    if not all(held[1:-1]):  # digits that run on, as 20200103: each has its zeros
        return form
    inside = [r"(\d{1,2})" if n in "mdHI" else r"[^/. :-]+" for n in names]
    pattern = "".join(re.escape(h) + i for h, i in zip(held, [*inside, ""], strict=True))
    found = re.compile(pattern.removesuffix(re.escape(held[-1])))  # of several zones one stands
    single: dict[str, set[bool]] = {}
    for match in filter(None, map(found.match, texts)):
        for name, said in zip([n for n in names if n in "mdHI"], match.groups(), strict=True):
            if int(said) < 10:
                single.setdefault(name, set()).add(len(said) == 1)
    for name in [n for n, short in single.items() if short == {True}]:
        form = form.replace(f"%{name}", f"%-{name}")
    return form


def spell_times(moments: pd.DatetimeIndex, form: str) -> list[str]:
    """Moments in UTC as texts of such a form.

    >>> one = pd.DatetimeIndex(["2020-01-02 08:05:00.123"])
    >>> spell_times(one, "%-d.%-m.%Y %-H:%M"), spell_times(one, "%Y-%m-%dT%H:%M:%S.%3f+02:00")
    (['2.1.2020 8:05'], ['2020-01-02T10:05:00.123+02:00'])
    """
    if not len(moments):
        return []
    zone = OFFSET.search(form)
    if zone and "%" in form[: zone.start()]:
        ahead = pd.Timedelta(hours=int(zone[2]), minutes=int(zone[3]))
        moments = moments + (ahead if zone[1] == "+" else -ahead)
    aware = moments.tz_localize("UTC")
    words = [""] * len(aware)
    for part in filter(None, BEYOND.split(form)):
        if part[:2] == "%-":
            said = [s.lstrip("0") or "0" for s in aware.strftime(f"%{part[2]}")]
        elif part == "%^b":
            said = [s.upper() for s in aware.strftime("%b")]
        elif BEYOND.fullmatch(part):
            said = [s[: int(part[1])] for s in aware.strftime("%f")]
        else:
            said = list(aware.strftime(part))
        words = [w + s for w, s in zip(words, said, strict=True)]
    return words
