"""Cells that hold more than a plain number, opened to be learnt; `write.cells` closes them.

| cells | learnt as | written |
|---|---|---|
| "120/80": two numbers | two columns of numbers, "RR (1)" and "RR (2)" | one again |
| "1.5 mg", "45%": one unit in the whole column | numbers | with the unit |
| "<0.5", ">500" among numbers: limits | numbers beyond them that no cell holds | limits again |

What is found is a form of the whole column; one that has it only in part stays as it is.
"""

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd

from medsynai.data.numerals import NUMBER
from medsynai.data.read.marks import plain_numbers
from medsynai.data.schema import Schema
from medsynai.data.source import Cell, Raw, Source

FEWEST = 10  # different numbers that make a column of numbers, not of levels
LEAST = 3  # cells of a limit that is written again; a rarer one is a number like others
LOOKED_AT = 20_000  # cells that must have some form before all are looked at
MOST_DAYS = 31  # 12/24 may be a month; no larger first number is one
WORD = re.compile(r"[^\d]*")  # a token for missing
PAIR = re.compile(r"(0|[1-9]\d{0,2})(\s?/\s?)(0|[1-9]\d{0,2})")
LIMIT = re.compile(r"([<>≤≥]=?\s?)(.+)")
UNIT = re.compile(
    r"((?:[<>≤≥]=?\s?)?[+-]?\d(?:[\d.,' \u00a0\u202f]*\d)?)(\s?[^\W\d_][^\d]{0,7}|\s?%)"
)
MORE = re.compile("|".join(f"({p.pattern})" for p in (PAIR, LIMIT, UNIT)))
FORM = re.compile(f"{NUMBER.pattern}|{MORE.pattern}")
PADDED = re.compile(r"0\d")


def open_cells(raw: Raw, like: Source | None = None) -> Raw:
    """The rows with such cells opened.

    Args:
        raw: as it was read.
        like: where given, the same cells are opened as in this source, whatever the rows hold.
    """
    for name in raw.source.names:
        cell = _cell_of(raw.frame[name]) if like is None else like.cells.get(name)
        if cell is None or (cell.glue and set(cell.parts(name)) & set(raw.source.names)):
            continue
        raw = _opened(raw, name, cell)
    return raw


def asked(raw: Raw, schema: Schema) -> Source:
    """A source of whose cells those are open that a schema lists as numbers, few rows or many."""
    cells = {}
    for name in raw.source.names:
        halves = Cell(glue="/").parts(name)
        if _are_numbers(halves, schema) and name not in schema:
            glues = Counter(m[2] for m in map(PAIR.fullmatch, _texts(raw.frame[name])) if m)
            cells[name] = Cell(glue=max(glues, key=lambda g: (glues[g], g), default="/"))
        elif _are_numbers((name,), schema):
            cell = _cell_of(raw.frame[name], fewest=1)
            if cell is not None and not cell.glue:
                cells[name] = cell
    return replace(raw.source, cells=cells)


def _are_numbers(names: tuple[str, ...], schema: Schema) -> bool:
    return all(n in schema and schema[n].kind.is_number for n in names)


def _texts(values: pd.Series) -> Counter[str]:
    """How often each text stands in a column; none where the cells are no texts, or plain."""
    some = values.iloc[:: max(1, len(values) // LOOKED_AT)].to_numpy()
    if some.dtype != object:
        return Counter()
    texts = [w for w in pd.unique(some) if isinstance(w, str) and not WORD.fullmatch(w)]
    if not any(map(MORE.fullmatch, texts)) or not all(map(FORM.fullmatch, texts)):
        return Counter()
    counts = values.value_counts()
    if not all(isinstance(w, str) for w in counts.index):
        return Counter()
    words = zip(map(str, counts.index), counts.tolist(), strict=True)
    return Counter({w: n for w, n in words if not WORD.fullmatch(w)})


def _cell_of(values: pd.Series, fewest: int = FEWEST) -> Cell | None:
    """The form that all cells of a column have, if they have one, by so many different ones."""
    texts = _texts(values)
    if len(texts) < fewest:
        return None
    if unit := _unit(texts):
        heads = Counter({t.removesuffix(unit): n for t, n in texts.items()})
        return replace(_limits(heads, fewest) or Cell(), unit=unit)
    return _pair(texts) or _limits(texts, fewest)


def _unit(texts: Counter[str]) -> str:
    """What stands behind every number of a column; "" for nothing."""
    found = [UNIT.fullmatch(t) for t in texts]
    units = {m[2] if m else "" for m in found}
    if len(units) != 1 or any(PADDED.match(m[1]) for m in found if m):
        return ""
    return units.pop()


def _pair(texts: Counter[str]) -> Cell | None:
    """What stands between two whole numbers."""
    found = [m for m in map(PAIR.fullmatch, texts) if m]
    glue = {m[2] for m in found}
    if len(found) < len(texts) or len(glue) != 1 or max(int(m[1]) for m in found) <= MOST_DAYS:
        return None
    return Cell(glue=glue.pop())


def _limits(texts: Counter[str], fewest: int = FEWEST) -> Cell | None:
    """A free number beyond each limit; none where there is no room for it, or few numbers."""
    plain = [t for t in texts if NUMBER.fullmatch(t)]
    found = {t: m for t in texts if (m := LIMIT.fullmatch(t)) and NUMBER.fullmatch(m[2])}
    if not found or len(plain) + len(found) < len(texts) or len(plain) < fewest:
        return None
    taken = {Decimal(t) for t in plain}
    least = min(Decimal(0), *taken)
    step = min(Decimal((0, (1,), _exponent(t))) for t in plain)
    alike: dict[tuple[str, Decimal], list[str]] = {}
    for text in sorted(found, key=lambda t: (-texts[t], t)):
        alike.setdefault((found[text][1][0], Decimal(found[text][2])), []).append(text)
    limits: dict[str, str] = {}
    for (sign, number), spellings in alike.items():
        if sum(texts[t] for t in spellings) < LEAST:
            continue
        away = step if sign in ">≥" else -step
        number += away
        while number in taken:
            number += away
        if number < least:
            return None
        taken.add(number)
        limits |= dict.fromkeys(spellings, format(number, "f"))
    return Cell(limits=limits, limited=True)


def _exponent(text: str) -> int:
    return min(0, int(Decimal(text).as_tuple().exponent))


def _opened(raw: Raw, name: str, cell: Cell) -> Raw:
    """With one column's cells opened, as text; what is not of the form stays as it is."""
    codes, words = pd.factorize(raw.frame[name].to_numpy(), use_na_sentinel=False)
    columns = {}
    for side, part in enumerate(cell.parts(name)):
        texts = [_open(w, side, cell) if isinstance(w, str) else w for w in words]
        columns[part] = np.array([*texts, None], dtype=object)[codes]
    place, source = raw.source.names.index(name), raw.source
    frame = pd.concat(
        [raw.frame.iloc[:, :place], pd.DataFrame(columns), raw.frame.iloc[:, place + 1 :]], axis=1
    )
    if cell.glue:
        cell = replace(cell, heading=str(source.heading(name)))
        header = (*source.header[:place], *columns, *source.header[place + 1 :])
        source = replace(source, header=header)
    elif cell.unit and source.format.is_text:
        plain, source, _ = plain_numbers(frame[[name]], source)
        frame = frame.assign(**{name: plain[name]})
    source = replace(source, cells={**source.cells, name: cell})
    return Raw(frame, source, (*raw.notes, f"{name}: {_said(name, cell)}"))


def _open(text: str, side: int, cell: Cell) -> str:
    if cell.glue:
        found = PAIR.fullmatch(text)
        return found[1 + 2 * side] if found else text
    text = text.removesuffix(cell.unit)
    limit = LIMIT.fullmatch(text) if cell.limited else None
    return cell.limits.get(text, limit[2] if limit else text)


def _said(name: str, cell: Cell) -> str:
    if cell.glue:
        one, two = cell.parts(name)
        return f"two numbers in a cell; learnt as '{one}' and '{two}', and written as one again"
    said = ["the unit is taken off and put back"] if cell.unit else []
    if cell.limited:
        said.append("limits such as < are learnt as the next free number, and written again")
    return "; ".join(said)
