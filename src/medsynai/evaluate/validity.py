"""Is every cell and row lawful? Types, ranges, categories, missing values, rules, duplicates."""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.schema import Column, Kind
from medsynai.data.table import Table
from medsynai.errors import AssessmentError, SchemaError
from medsynai.evaluate.interval import Rows, wilson
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import unassessed
from medsynai.evaluate.trial import Trial

CHECKS = ("types", "ranges", "categories", "missing")
SOURCE = "share of rows without a breach, 1 is required; diagnostic step of SDMetrics' reports"
SAME = "Shuffling keeps lawful cells lawful, so the shuffled anchor is no floor here."

WHOLE = blank(
    "validity", "Rows in which every cell is lawful", Family.VALIDITY, "high", SOURCE, SAME
)
PARTS = {
    "types": "Whole numbers in integer columns, finite numbers everywhere",
    "ranges": "Numbers and dates within the schema's range",
    "categories": "Levels that the schema lists",
    "missing": "Nothing missing where the schema says that nothing may be",
}
RULES = blank(
    "validity_rules",
    "Rows that keep every rule of the schema",
    Family.VALIDITY,
    "high",
    SOURCE,
)
DUPLICATES = blank(
    "duplicates",
    "Rows that repeat an earlier row of the same table",
    Family.VALIDITY,
    "info",
    "share of repeated rows; as in real rows is best",
)
Breaches = dict[str, Rows]


def measure(trial: Trial) -> Findings:
    """Shares of lawful rows by kind of check, rules, and repeated rows.

    Raises:
        AssessmentError: no synthetic row or no column.
    """
    if len(trial.synthetic) == 0 or not trial.train.schema.columns:
        raise AssessmentError("there is nothing to check: no row or no column")
    tables = {"synthetic": trial.synthetic, "shuffled": trial.shuffled}
    if trial.holdout is not None:
        tables["holdout"] = trial.holdout
    found = {name: breaches(table, trial.train.schema.columns) for name, table in tables.items()}
    whole = {name: np.any(list(b.values()), axis=0) for name, b in found.items()}
    scores = [_lawful(WHOLE, whole)]
    for check, title in PARTS.items():
        part = replace(WHOLE, name=f"validity_{check}", title=title)
        scores.append(_lawful(part, {name: b[check] for name, b in found.items()}))
    scores += [_rules(tables, trial), _duplicates(tables)]
    exhibit = _columns(trial.synthetic, trial.train.schema.columns)
    return Findings(tuple(scores), {"breaches": exhibit} if exhibit else {})


def breaches(table: Table, columns: tuple[Column, ...]) -> Breaches:
    """Which rows break which kind of check: one mask (rows,) a kind."""
    out = {check: np.zeros(len(table), dtype=bool) for check in CHECKS}
    for column in columns:
        for check, broken in _cells(table.frame[column.name], column).items():
            out[check] |= broken
    return out


def _cells(cells: pd.Series, column: Column) -> Breaches:
    gone = cells.isna().to_numpy()
    out: Breaches = {} if column.missing else {"missing": gone}
    if column.kind.is_number:
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        out["types"] = np.isinf(numbers)
        if column.kind is Kind.INTEGER:
            whole = np.where(np.isfinite(numbers), numbers, 0.0)
            out["types"] = out["types"] | (whole != np.rint(whole))
        low = -np.inf if column.minimum is None else column.minimum
        high = np.inf if column.maximum is None else column.maximum
        out["ranges"] = (numbers < low) | (numbers > high)
    elif column.kind.is_level and column.categories is not None:
        out["categories"] = ~gone & ~cells.astype(object).isin(column.categories).to_numpy()
    return out


def _lawful(score: Score, broken: Breaches) -> Score:
    def share(name: str) -> float | None:
        return float(1 - broken[name].mean()) if name in broken and len(broken[name]) else None

    rows = broken["synthetic"]
    low, high = wilson(int((~rows).sum()), len(rows))
    return replace(
        score,
        value=share("synthetic"),
        low=low,
        high=high,
        holdout=share("holdout"),
        shuffled=share("shuffled"),
        n=len(rows),
    )


def _rules(tables: dict[str, Table], trial: Trial) -> Score:
    """Rows that keep every rule of the schema whose columns are all here."""
    schema = trial.train.schema
    if not schema.rules:
        return unassessed(RULES, "the schema states no rule")
    from medsynai.constraints import Rule, parse

    rules: list[Rule] = []
    unreadable = 0
    for text in schema.rules:
        try:
            rules.append(parse(text, schema))
        except SchemaError:
            unreadable += 1
    if not rules:
        return unassessed(RULES, "no rule speaks of columns that are compared")
    broken = {
        name: np.any([rule.broken(table.frame, schema) for rule in rules], axis=0)
        for name, table in tables.items()
    }
    note = f"{unreadable} of the schema's rules speak of columns that are not compared."
    return _lawful(replace(RULES, note=note if unreadable else ""), broken)


def _duplicates(tables: dict[str, Table]) -> Score:
    repeated = {name: t.frame.duplicated().to_numpy() for name, t in tables.items() if len(t)}
    low, high = wilson(int(repeated["synthetic"].sum()), len(repeated["synthetic"]))
    shares = {name: float(r.mean()) for name, r in repeated.items()}
    return replace(
        DUPLICATES,
        value=shares["synthetic"],
        low=low,
        high=high,
        holdout=shares.get("holdout"),
        shuffled=shares.get("shuffled"),
        n=len(repeated["synthetic"]),
    )


def _columns(table: Table, columns: tuple[Column, ...]) -> list[dict[str, object]]:
    """Synthetic rows that break a check, by column; nothing of real rows is in it."""
    return [
        {"column": column.name, "check": check, "synthetic_rows": int(broken.sum())}
        for column in columns
        for check, broken in _cells(table.frame[column.name], column).items()
        if broken.any()
    ]
