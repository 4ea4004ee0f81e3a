"""Halves of Pima, laid out as the judge's sets are: that table is not among them."""

import json
import random
from pathlib import Path

import pandas as pd
from run import OUT, SHARED

FILE = "pima_diabetes.csv.gz"
META = {"target": "outcome", "task": "clf", "cat": ["outcome"], "leak": []}


def home_of(name: str) -> Path:
    """The folder of a set: the judge's, or one that is made here, always the same."""
    if name != "pima":
        return SHARED / "sets" / name
    home = OUT / "pima"
    home.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(SHARED.parent / "data" / "tabular" / FILE)
    order = random.Random(0).sample(range(len(rows)), len(rows))
    half = len(rows) // 2
    for part, places in (("train", order[:half]), ("holdout", order[half:])):
        rows.iloc[places].to_csv(home / f"{part}.csv.gz", index=False)
    (home / "meta.json").write_text(json.dumps(META))
    return home
