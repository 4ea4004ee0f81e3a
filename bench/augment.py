"""Does it help to add synthetic records? The study at scarce and full data, as anybody runs it.

Usage: python bench/augment.py [--only flchain physionet2012] [--sizes 10,25,50,all]

The command itself, on one core, five seeds; figures go to bench/results/augment/ and the page is
made anew. A study that was interrupted goes on.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from page import AUGMENT, page
from run import HERE, ONE_CORE, OUT, SHARED

DATA = SHARED.parent / "data"
STUDIES = {
    "flchain": (DATA / "tabular" / "flchain.csv.gz", ["--target", "death"]),
    "support2": (DATA / "tabular" / "support2.csv.gz", ["--target", "death"]),
    # other draws, and more: planned once five had shown at 50 a class what they could not tell
    # from chance, so that what was seen there is no part of what is told here
    "support2-again": (
        DATA / "tabular" / "support2.csv.gz",
        ["--target", "death", "--seed", "1", "--seeds", "20"],
    ),
    "pneumonia": (DATA / "images" / "pneumoniamnist_28.npz", []),
    "blood": (DATA / "images" / "bccd_blood_cells_32.npz", []),
    "physionet2012": (DATA / "longitudinal", ["--kind", "cohorts:physionet2012"]),
}


def row_of(name: str, sizes: str) -> dict[str, object]:
    """One study's verdicts, and each arm's mean AUROC at each size."""
    source, options = STUDIES[name]
    out, clock = OUT / f"augment-{name}", time.perf_counter()
    tool = [str(Path(sys.executable).with_name("medsynai")), "augment", str(source)]
    command = [*tool, *options, "--sizes", sizes, "--out", str(out)]
    subprocess.run(command, env=os.environ | ONE_CORE, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((out / "study.json").read_text())
    return {
        "set": name,
        "seconds": round(time.perf_counter() - clock),
        "verdicts": found["verdicts"],
        "differences": found["differences"],
        "arms": _means(found["outcomes"]),
    }


def _means(outcomes: list[dict[str, object]]) -> list[dict[str, object]]:
    groups: dict[tuple[object, object], list[dict[str, object]]] = {}
    for one in outcomes:
        if one["chosen"]:
            groups.setdefault((one["size"], one["arm"]), []).append(one)
    return [
        {
            "size": size,
            "arm": arm,
            "auroc": round(sum(o["figures"]["auroc"] for o in mine) / len(mine), 4),  # type: ignore[index]
            "seeds": len(mine),
        }
        for (size, arm), mine in groups.items()
    ]


def main() -> None:
    """Run each study, write its row, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--sizes", default="10,25,50,all")
    asked = parser.parse_args()
    AUGMENT.mkdir(parents=True, exist_ok=True)
    OUT.mkdir(exist_ok=True)
    for name in asked.only:
        row = row_of(name, asked.sizes)
        (AUGMENT / f"{name}.json").write_text(json.dumps(row, indent=2) + "\n")
        print("\n".join(row["verdicts"]))  # type: ignore[arg-type]
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
