"""The outside judge's utility for another outcome than its set's: run in the judge's environment.

Usage: .venv-judge/bin/python bench/utility.py JUDGE_FOLDER SET OUTCOME DRAWS SYNTHETIC.csv ...

The outcome is JSON, a row of bench/rare.py. So many of the files as DRAWS says are of one fit: they
are judged one by one, and together.
"""

import json
import sys
from pathlib import Path

AGAIN = 9  # bootstrap copies of the train rows: what a perfect generator's rows would score


def main(judge: str, name: str, outcome: str, draws: str, *files: str) -> None:
    """Print AUROC on the holdout of a model trained on real rows, and on each file, as JSON."""
    sys.path.insert(0, judge)
    import measure
    import pandas as pd
    from judge import read

    asked = json.loads(outcome)
    home, target, level = Path(judge) / "sets" / name, asked["column"], asked["level"]
    meta = json.loads((home / "meta.json").read_text())
    meta |= {"target": target, "leak": [*meta["leak"], *asked["leaks"]], "task": "clf"}

    def known(path: str | Path) -> pd.DataFrame:
        """Rows whose outcome is 1 or 0; a level is against all others, the missing among them."""
        rows = read(path, meta)
        if level:
            rows[target] = (rows[target] == level).map({True: "1", False: "0"})
        return rows

    train, holdout = (known(home / f"{part}.csv.gz") for part in ("train", "holdout"))
    train, holdout = (measure.align(rows, train, meta) for rows in (train, holdout))
    holdout = holdout[holdout[target].notna()]
    rare = sorted(holdout[target].unique())[-1]  # what `measure.utility` takes for positive
    again = [train.sample(len(train), replace=True, random_state=seed) for seed in range(AGAIN)]
    synthetic = [measure.align(known(file), train, meta) for file in files]
    fits = [synthetic[i : i + int(draws)] for i in range(0, len(files), int(draws))]
    found = {
        "positive_train": int((train[target] == rare).sum()),
        "positive_holdout": int((holdout[target] == rare).sum()),
        "positive_synthetic": [int((rows[target] == rare).sum()) for rows in synthetic],
        "trtr": measure.utility(train, holdout, meta),
        "resampled": [measure.utility(rows, holdout, meta) for rows in again],
        "tstr": [measure.utility(rows, holdout, meta) for rows in synthetic],
        "tstr_together": [
            measure.utility(pd.concat(each, ignore_index=True), holdout, meta) for each in fits
        ],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
