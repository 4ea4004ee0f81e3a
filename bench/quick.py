"""Two figures of the outside judge, for any folder of a set: run in the judge's environment.

Usage: .venv-judge/bin/python bench/quick.py JUDGE_FOLDER SET_FOLDER SYNTHETIC.csv [MORE.csv ...]
"""

import json
import sys
from pathlib import Path


def main(judge: str, home: str, *files: str) -> None:
    """Print pairs to train and TSTR of each file, as JSON."""
    sys.path.insert(0, judge)
    import measure
    from judge import read

    meta = json.loads((Path(home) / "meta.json").read_text())
    train, holdout = (read(Path(home) / f"{part}.csv.gz", meta) for part in ("train", "holdout"))
    train, holdout = (measure.align(rows, train, meta) for rows in (train, holdout))
    found = []
    for file in files:
        rows = measure.align(read(file, meta), train, meta)
        (a, b), sizes = measure.codes(train, [train, rows], meta)
        pairs, tstr = measure.tvd(a, b, sizes)[1], measure.utility(rows, holdout, meta)
        found.append({"pairs": round(pairs, 4), "tstr": round(tstr, 4)})
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
