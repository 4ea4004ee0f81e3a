"""Rare outcomes: models trained on synthetic rows against those trained on real ones.

Usage: python bench/rare.py [--fits 3] [--draws 5] [--only dementia]

The rare column in the role of the outcome, the outside judge's own utility (AUROC on the holdout):
of as many synthetic rows as real ones, and of all draws of a fit together. The median over fits of
the mean over draws, as a few dozen cases leave much to chance.
"""

import argparse
import json
import os
import statistics
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from page import RARE, page
from run import HERE, ONE_CORE, OUT, SHARED, judge_python, keep, worker


@dataclass(frozen=True)
class Outcome:
    """What is foretold: a binary column, or one level of a column against all others.

    Attributes:
        leaks: columns that say it in other words; the models are not shown them.
    """

    set: str
    column: str
    level: str = ""
    leaks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As the page shows it."""
        return f"{self.column} = {self.level}" if self.level else self.column


OUTCOMES = {
    "dementia": Outcome("support2", "dementia"),
    "cirrhosis": Outcome("support2", "dzgroup", "Cirrhosis", ("dzclass",)),
    "respiratory": Outcome("flchain", "chapter", "Respiratory", ("death",)),
    "neoplasm": Outcome("diabetes130", "diag_1", "1"),  # the first digit of the ICD-9 code
    "mgus": Outcome("flchain", "mgus"),  # 1 %: rarer than the target's 2 to 6
}


def row_of(key: str, fits: int, draws: int) -> dict[str, object]:
    """Fit and draw one set for one outcome, and judge that outcome alone."""
    outcome = OUTCOMES[key]
    name, target = outcome.set, outcome.column
    files: list[Path] = []
    for seed in range(fits):
        out = OUT / f"rare-{key}-{seed}"
        options = ["--target", target, "--draws", str(draws), "--seed", str(seed)]
        train = SHARED / "sets" / name / "train.csv.gz"
        rows = worker(train, out, *options, "--timed-rows", "0")["rows"]
        files += [out / f"draw{draw}.csv" for draw in range(draws)]
    asked = json.dumps(asdict(outcome))
    command = [judge_python(), HERE / "utility.py", SHARED, name, asked, str(draws), *files]
    environment = os.environ | ONE_CORE | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    each = [statistics.fmean(found["tstr"][i : i + draws]) for i in range(0, len(files), draws)]
    return {
        "set": name,
        "target": outcome.name,
        "model": "forest",
        "rows": rows,
        "positive_train": found["positive_train"],
        "positive_holdout": found["positive_holdout"],
        "positive_synthetic": round(statistics.fmean(found["positive_synthetic"]), 1),
        "trtr": round(found["trtr"], 4),
        "resampled": round(statistics.median(found["resampled"]), 4),
        "tstr": round(statistics.median(each), 4),
        "tstr_of_fits": [round(value, 4) for value in each],
        "tstr_together": round(statistics.median(found["tstr_together"]), 4),
        "times": draws,
        "spread": round(statistics.stdev(found["tstr"]), 4),
        "fits": fits,
        "draws": len(files),
    }


def main() -> None:
    """Measure each outcome, write its row, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=OUTCOMES, help="only this outcome")
    parser.add_argument("--fits", type=int, default=3, help="with other seeds each")
    parser.add_argument("--draws", type=int, default=5, help="of each fit")
    asked = parser.parse_args()
    RARE.mkdir(parents=True, exist_ok=True)
    for key, outcome in OUTCOMES.items():
        if asked.only in (None, key):
            row = row_of(key, asked.fits, asked.draws)
            keep(RARE / f"{outcome.set}-{key}.json", row)
            print(json.dumps(row, indent=2))
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
