"""A table that nobody was in: 12 columns of all kinds that hang on three hidden causes.

Settings of private models are compared on it as well as on real tables, so that they are not
fitted to one of these; its dictionary is what it was made from.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 4000  # train, and as many held out
NUMBERS = {  # name -> least, greatest, decimals
    **{"age": (0, 110, 0), "weight": (20, 250, 1), "marker": (0.1, 200, 1)},
    **{"pressure": (40, 260, 0), "hormone": (0.01, 50, 2), "days": (0, 400, 0)},
}
LEVELS = {
    "sex": ("f", "m"),
    "ward": ("a", "b", "c", "d", "e"),
    "grade": ("1", "2", "3", "4"),
    "drug": ("no", "yes"),
    "smoker": ("no", "once", "yes"),
    "outcome": ("no", "yes"),
}


def table() -> pd.DataFrame:
    """Twice `ROWS` rows, always the same."""
    rng, n = np.random.default_rng(20), 2 * ROWS
    frail, heart, habit, *e = rng.standard_normal((12, n))
    sex = rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "age": np.rint(60 + 14 * (0.8 * frail + 0.6 * e[0])),
            "weight": (78 + 10 * sex + 12 * (0.5 * habit + 0.8 * e[1])).round(1),
            "marker": np.exp(1.5 + 0.7 * frail + 0.3 * heart + 0.5 * e[2]).round(1),
            "pressure": np.rint(130 + 15 * heart + 8 * e[3] + 4 * frail),
            "hormone": np.exp(0.5 * heart + 0.8 * e[4] - 0.4 * sex).round(2),
            "days": np.rint(rng.gamma(1.5, 8 * np.exp(0.4 * frail))),
        }
    )
    for name, (low, high, _) in NUMBERS.items():
        frame[name] = frame[name].clip(low, high)
    frame.loc[e[5] + habit > 1.2, "hormone"] = np.nan
    risk = 0.9 * frail + 0.5 * heart * (habit > 0) + 0.02 * (frame["age"] - 60) - 0.8
    codes = {
        "sex": sex.astype(int),
        "ward": np.digitize(0.7 * heart + 0.3 * habit + 0.6 * e[6], (-1, -0.2, 0.5, 1.3)),
        "grade": np.digitize(0.6 * frail + 0.8 * e[7], (-0.8, 0.2, 1)),
        "drug": (heart + 0.5 * e[8] > 0.6).astype(int),
        "smoker": np.digitize(habit + 0.3 * sex + 0.5 * rng.standard_normal(n), (0.2, 0.9)),
        "outcome": (rng.random(n) < 1 / (1 + np.exp(-1.5 * risk))).astype(int),
    }
    for name, code in codes.items():
        frame[name] = np.array(LEVELS[name])[code]
    return frame


def contract() -> str:
    """Its dictionary, as a schema file."""
    lines = []
    for name, (low, high, decimals) in NUMBERS.items():
        missing = "true" if name == "hormone" else "false"
        lines.append(
            f'[[columns]]\nname = "{name}"\nkind = "{"continuous" if decimals else "integer"}"\n'
            f'storage = "float64"\norigin = "declared"\nmissing = {missing}\n'
            f"minimum = {float(low)}\nmaximum = {float(high)}\ndecimals = {decimals}\n"
        )
    for name, levels in LEVELS.items():
        role, kind = "target" if name == "outcome" else "feature", "categorical"
        kind = "ordinal" if name == "grade" else "binary" if len(levels) == 2 else kind
        lines.append(
            f'[[columns]]\nname = "{name}"\nkind = "{kind}"\nrole = "{role}"\n'
            f'origin = "declared"\ncategories = {json.dumps(levels)}\n'
        )
    return "\n".join(lines)


def write(home: Path) -> Path:
    """Lay it out as the judge's sets are, with its dictionary beside; returns the folder."""
    home.mkdir(parents=True, exist_ok=True)
    whole = table()
    for part, rows in (("train", whole[:ROWS]), ("holdout", whole[ROWS:])):
        rows.to_csv(home / f"{part}.csv.gz", index=False)
    meta = {"target": "outcome", "task": "clf", "cat": list(LEVELS), "leak": []}
    (home / "meta.json").write_text(json.dumps(meta))
    (home / "domain.toml").write_text(contract())
    return home
