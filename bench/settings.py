"""Which of a few settings of a private model generalise: the same on several tables, many fits.

Usage: python bench/settings.py [--fits 5] [--epsilon 1] [--sets flchain made] [--cases now ...]

Pairs and TSTR by the outside judge; what was found is kept in results/private/settings.json. The
choice among settings is made on public tables, and is not paid for.
"""

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

import made
from run import CORE, HERE, ONE_CORE, OUT, SHARED, judge_python, keep, worker

KEPT = HERE / "results" / "private" / "settings.json"
CASES: dict[str, dict[str, Any]] = {
    "singles .3, choices .1, target 1.5": {"shape": {"singles": 0.3}, "target": 1.5},
    "singles .4, choices .1, target 1.5": {"shape": {"singles": 0.4}, "target": 1.5},
    "singles .4, choices .1, target 1": {"shape": {"singles": 0.4}, "target": 1.0},
    "singles .4, choices .2, target 1.2": {
        "shape": {"singles": 0.4, "choices": 0.2},
        "target": 1.2,
    },
}


def place_of(name: str) -> tuple[Path, Path]:
    """The folder of a set, and its dictionary."""
    if name == "made":
        home = made.write(OUT / "made")
        return home, home / "domain.toml"
    return SHARED / "sets" / name, HERE / "domains" / f"{name}.toml"


def row_of(name: str, case: str, fits: int, epsilon: float) -> dict[str, Any]:
    """One case on one set."""
    home, contract = place_of(name)
    target = json.loads((home / "meta.json").read_text())["target"]
    seconds, files = [], []
    for fit in range(fits):
        out = OUT / f"settings-{name}-{fit}"
        options = ["--target", target, "--model", "aim", "--draws", "1", "--timed-rows", "0"]
        options += ["--contract", str(contract), "--epsilon", str(epsilon), "--seed", str(fit)]
        options += ["--settings", json.dumps(CASES[case])]
        seconds.append(worker(home / "train.csv.gz", out, *options, cores=CORE)["fit_s"])
        files.append(out / "draw0.csv")
    command = [judge_python(), HERE / "quick.py", SHARED, home, *files]
    environment = os.environ | ONE_CORE | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    row: dict[str, Any] = {"set": name, "case": case, "epsilon": epsilon, "fits": fits}
    for key in ("pairs", "tstr"):
        each = [f[key] for f in found]
        row |= {key: round(statistics.median(each), 4), f"{key}_of_fits": each}
    return row | {"fit_s": round(statistics.median(seconds), 2)}


def main() -> None:
    """Measure, keep, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fits", type=int, default=5)
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--sets", nargs="+", default=["flchain", "made"])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    asked = parser.parse_args()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else []
    for case in asked.cases:
        for name in asked.sets:
            row = row_of(name, case, asked.fits, asked.epsilon)
            same = ("set", "case", "epsilon")
            rows = [r for r in rows if any(r[k] != row[k] for k in same)] + [row]
            keep(KEPT, rows)
            print(json.dumps(row))


if __name__ == "__main__":
    main()
