"""Decimal commas and thousands marks: found for the whole file, taken out column by column."""

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.source import Source

SPACES = ("\u00a0", "\u202f", " ")
DIGIT = re.compile(r"\d")
LIMIT = r"([<>≤≥]=?\s?)?"  # "<0,5"
WORD = re.compile(r"[^\d]*")  # a token such as NA or ?, judged when the schema is made


def plain_numbers(
    frame: pd.DataFrame, source: Source
) -> tuple[pd.DataFrame, Source, tuple[str, ...]]:
    """The frame with plain numbers ("1.5", "1234") in marked columns, the marks, and notes.

    A column is marked if a field of it is a number with marks and every other field that has a
    digit is a number too; so texts and codes with a comma stay as they are.
    """
    decimal = "." if source.delimiter == "," else ","
    texts = {str(name): _distinct(frame[name]) for name in frame}
    thousands = _thousands(texts.values(), decimal)
    marked = tuple(n for n, t in texts.items() if _is_marked(t, decimal, thousands))
    if not marked:
        return frame, source, ()
    for name in marked:
        codes, words = pd.factorize(frame[name].to_numpy(), use_na_sentinel=False)
        plain = [_plain(w, decimal, thousands) for w in words]
        frame[name] = np.array(plain, dtype=object)[codes]
    forms = {n: replace(source.form(n), marked=True) for n in marked}
    source = replace(source, decimal=decimal, thousands=thousands).forming(forms)
    return frame, source, _notes([t for n in marked for t in texts[n]], source)


def _notes(texts: list[str], source: Source) -> tuple[str, ...]:
    notes = []
    if source.decimal == ",":
        notes.append("numbers have a decimal comma")
        groups = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
        if all(groups.fullmatch(t) for t in texts if "," in t):
            notes.append(
                "each decimal comma is followed by three digits: if it marks thousands, "
                "save the file without thousands marks"
            )
    if source.thousands:
        notes.append(f"numbers have a thousands mark '{source.thousands}'")
    return tuple(notes)


def _distinct(column: pd.Series) -> list[str]:
    return [t for t in pd.unique(column.to_numpy()) if t]


def _number(decimal: str, thousands: str | None) -> re.Pattern[str]:
    grouped = "" if thousands is None else rf"\d{{1,3}}({re.escape(thousands)}\d{{3}})+|"
    whole = rf"({grouped}\d+)"
    return re.compile(rf"\s*{LIMIT}[+-]?{whole}({re.escape(decimal)}\d+)?([eE][+-]?\d+)?\s*")


def _thousands(columns: Iterable[list[str]], decimal: str) -> str | None:
    """The thousands mark that some column proves and none of the numbers contradicts.

    Proof is a number with two groups, or with a group and decimals, or, in a file split by
    commas, any grouped number: a decimal comma is not to be expected there.
    """
    marks = (",", *SPACES) if decimal == "." else (".", "'", *SPACES)
    columns = list(columns)
    for mark in marks:
        m, d = re.escape(mark), re.escape(decimal)
        need = "+" if mark == "," else "{2,}"
        proof = re.compile(rf"[+-]?\d{{1,3}}((({m}\d{{3}}){need})|(({m}\d{{3}})+{d}\d+))")
        for texts in columns:
            # Most columns do not hold the mark at all: one search of the joined text says so.
            if mark not in "\n".join(texts) or not _all_numbers(texts, decimal, mark):
                continue
            if any(proof.fullmatch(t) for t in texts):
                return mark
    return None


def _all_numbers(texts: list[str], decimal: str, thousands: str | None) -> bool:
    number = _number(decimal, thousands)
    return all(number.fullmatch(t) or WORD.fullmatch(t) for t in texts)


def _is_marked(texts: list[str], decimal: str, thousands: str | None) -> bool:
    marks = ([decimal] if decimal != "." else []) + ([thousands] if thousands else [])
    joined = "\n".join(texts)
    if not any(mark in joined for mark in marks):
        return False
    held = any(DIGIT.search(t) for t in texts if any(mark in t for mark in marks))
    return held and _all_numbers(texts, decimal, thousands)


def _plain(text: str, decimal: str, thousands: str | None) -> str:
    if not _number(decimal, thousands).fullmatch(text):
        return text
    if thousands:
        text = text.replace(thousands, "")
    return text.replace(decimal, ".").strip()
