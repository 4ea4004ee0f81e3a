"""Stata, SPSS and SAS files, by pyreadstat, with their value and variable labels."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.canonical import text_of
from medsynai.data.read import frame as frames
from medsynai.data.read.files import check_file
from medsynai.data.source import Form, Format, Raw
from medsynai.errors import MissingExtra, ReadError

READERS: dict[str, tuple[str, Format]] = {
    ".dta": ("read_dta", Format.STATA),
    ".sav": ("read_sav", Format.SPSS),
    ".zsav": ("read_sav", Format.SPSS),
    ".sas7bdat": ("read_sas7bdat", Format.SAS),
    ".xpt": ("read_xport", Format.SAS),
}


def read(path: Path) -> Raw:
    """A statistics file; a column whose every value has a label becomes those labels.

    Raises:
        MissingExtra: pyreadstat is not installed.
        ReadError: a file that is not of its ending's kind, or has no rows.
    """
    try:
        import pyreadstat
    except ImportError:
        purpose = "reading Stata, SPSS and SAS files"
        raise MissingExtra(purpose, "pyreadstat", "stats") from None
    reader, format = READERS[path.suffix.lower()]
    check_file(path)
    try:
        frame, about = getattr(pyreadstat, reader)(str(path))
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OSError):
        raise ReadError(f"{path} is not a readable {format} file") from None
    labels: Mapping[str, Mapping[Any, str]] = about.variable_value_labels
    forms: dict[str, Form] = {}
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_string_dtype(values.dtype) or values.dtype == object:
            frame[name] = values = values.where(values != "", None)
        codes = labels.get(name, {})
        frame[name], named = label_values(values, codes)
        native = about.original_variable_types.get(name) or ""
        label = (about.column_names_to_labels or {}).get(name) or ""
        coded = {str(words): text_of(code) for code, words in codes.items()}
        forms[str(name).strip()] = Form(
            native=native, label=label, labels=coded if named or codes else {}
        )
    raw = frames.read(frame, format)
    merged = {
        n: replace(raw.source.form(n), native=f.native, label=f.label, labels=f.labels)
        for n, f in forms.items()
    }
    return replace(raw, source=raw.source.forming(merged))


def label_values(values: pd.Series, labels: Mapping[Any, str]) -> tuple[pd.Series, bool]:
    """Labels in the place of codes, in the codes' order, if every value has one of its own.

    Where only some codes have a label (often "refused", "unknown"), the codes are kept.
    """
    present = set(values.dropna().unique())
    unique = len(set(labels.values())) == len(labels)
    if not labels or not present <= set(labels) or not unique:
        return values, False
    codes = sorted(labels)
    categories = pd.Index([labels[c] for c in codes], dtype=object)
    places = values.map({c: i for i, c in enumerate(codes)}).fillna(-1).astype("int64")
    return pd.Series(pd.Categorical.from_codes(places.to_numpy(), categories)), True
