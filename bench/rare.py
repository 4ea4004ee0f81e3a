"""Rare outcomes: models trained on synthetic rows against those trained on real ones.

Usage: python bench/rare.py [--fits 3] [--draws 3] [--only dementia]

As many synthetic rows as real ones, the rare column in the role of the outcome, the outside judge's
own utility (AUROC on the holdout); the median over fits of the mean over draws, as a few dozen
cases leave much to chance.
"""

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path

from page import RARE, page
from run import HERE, ONE_CORE, OUT, SHARED, judge_python, keep, worker

OUTCOMES = {"dementia": "support2", "mgus": "flchain"}


def row_of(name: str, target: str, fits: int, draws: int) -> dict[str, object]:
    """Fit and draw one set for one outcome, and judge that outcome alone."""
    files: list[Path] = []
    for seed in range(fits):
        out = OUT / f"{name}-{target}-{seed}"
        options = ["--target", target, "--draws", str(draws), "--seed", str(seed)]
        worker(SHARED / "sets" / name / "train.csv.gz", out, *options, "--timed-rows", "0")
        files += [out / f"draw{draw}.csv" for draw in range(draws)]
    command = [judge_python(), HERE / "utility.py", SHARED, name, target, *files]
    environment = os.environ | ONE_CORE | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    each = [statistics.fmean(found["tstr"][i : i + draws]) for i in range(0, len(files), draws)]
    return {
        "set": name,
        "target": target,
        "model": "forest",
        "positive_train": found["positive_train"],
        "positive_holdout": found["positive_holdout"],
        "positive_synthetic": round(statistics.fmean(found["positive_synthetic"]), 1),
        "trtr": round(found["trtr"], 4),
        "resampled": round(statistics.median(found["resampled"]), 4),
        "tstr": round(statistics.median(each), 4),
        "tstr_of_fits": [round(value, 4) for value in each],
        "spread": round(statistics.stdev(found["tstr"]), 4),
        "fits": fits,
        "draws": len(files),
    }


def main() -> None:
    """Measure each outcome, write its row, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=OUTCOMES, help="only this outcome")
    parser.add_argument("--fits", type=int, default=3, help="with other seeds each")
    parser.add_argument("--draws", type=int, default=3, help="of each fit")
    asked = parser.parse_args()
    RARE.mkdir(parents=True, exist_ok=True)
    for target, name in OUTCOMES.items():
        if asked.only in (None, target):
            row = row_of(name, target, asked.fits, asked.draws)
            keep(RARE / f"{name}-{target}.json", row)
            print(json.dumps(row, indent=2))
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
