"""The outside judge's utility for another outcome than its set's: run in the judge's environment.

Usage: .venv-judge/bin/python bench/utility.py JUDGE_FOLDER SET TARGET SYNTHETIC.csv [MORE.csv ...]
"""

import json
import sys
from pathlib import Path

DRAWS = 9  # bootstrap copies of the train rows: what a perfect generator's rows would score


def main(judge: str, name: str, target: str, *files: str) -> None:
    """Print AUROC on the holdout of a model trained on real rows, and on each file, as JSON."""
    sys.path.insert(0, judge)
    import measure
    from judge import read

    home = Path(judge) / "sets" / name
    meta = json.loads((home / "meta.json").read_text()) | {"target": target}
    train, holdout = (read(home / f"{part}.csv.gz", meta) for part in ("train", "holdout"))
    train, holdout = (measure.align(rows, train, meta) for rows in (train, holdout))
    holdout = holdout[holdout[target].notna()]
    rare = sorted(holdout[target].unique())[-1]  # what `measure.utility` takes for positive
    again = [train.sample(len(train), replace=True, random_state=seed) for seed in range(DRAWS)]
    synthetic = [measure.align(read(file, meta), train, meta) for file in files]
    found = {
        "positive_train": int((train[target] == rare).sum()),
        "positive_holdout": int((holdout[target] == rare).sum()),
        "positive_synthetic": [int((rows[target] == rare).sum()) for rows in synthetic],
        "trtr": measure.utility(train, holdout, meta),
        "resampled": [measure.utility(rows, holdout, meta) for rows in again],
        "tstr": [measure.utility(rows, holdout, meta) for rows in synthetic],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
