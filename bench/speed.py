"""Speed and memory of the command itself, each run in a process of its own.

Usage: python bench/speed.py [--only help fit synthesize stream stays patients]
           [--rows 200000 10000000] [--formats csv parquet]

`fit` and `synthesize` are of Diabetes-130 whole, by the train part's fit and by the command with
its default panel, on every core; `stream` draws rows from a saved SUPPORT2 forest into a file,
which is then deleted. `stays` is all of PhysioNet-2012's set A by the command, none held out;
`patients` draws from a net of events that was fitted on a made-up cohort. Wall seconds hold for a
machine that does nothing else; CPU seconds (user and system) stand beside them. Figures go to
bench/results/speed.json and the page is made anew; rows of a stream stand by number and format, so
a run of others leaves them.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from page import HERE, SPEED, page

SHARED = Path(os.environ.get("MEDSYNAI_BENCH", HERE.parent.parent / "shared" / "bench"))
WHOLE = SHARED.parent / "data" / "tabular" / "diabetes130_us_hospitals.csv.gz"
SOME = SHARED / "sets" / "support2" / "train.csv.gz"
STAYS = SHARED.parent / "data" / "longitudinal"
OUT = HERE / "out"
TOOL = Path(sys.executable).with_name("medsynai")
ROWS, FORMATS = (200_000, 1_000_000), ("csv", "parquet")
GATE_FAILED = 3  # the command's exit code where a gate did not pass; nothing broke
SMALL_RELEASE = """
import sys, medsynai
medsynai.synthesize(sys.argv[1], rows=1000, measures=("validity",)).save(sys.argv[2])
"""
Figures = dict[str, Any]


def run(command: Sequence[str | Path]) -> Figures:
    """Run a command to its end: wall and CPU seconds, and its own peak memory in MB.

    `wait4` gives this child's peak, and not that of all children so far. Linux counts the parent's
    size in until the child has taken over, so this process must stay small: it imports nothing.
    """
    clock = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - clock
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, GATE_FAILED):
        raise SystemExit(f"{command[0]} {command[1]} ended with {child.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 1), "peak_mb": used.ru_maxrss // 1024}


def helped(_: argparse.Namespace, before: Figures) -> Figures:
    """`medsynai --help`: the best of five starts."""
    return {"help_s": min(run([TOOL, "--help"])["wall_s"] for _ in range(5))}


def fitted(_: argparse.Namespace, before: Figures) -> Figures:
    """All of Diabetes-130, read and fitted on every core."""
    command = [sys.executable, HERE / "worker.py", WHOLE, OUT / "diabetes-whole"]
    command += ["--target", "readmitted", "--draws", "0", "--jobs", "0", "--timed-rows", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"diabetes_whole": json.loads(done.stdout)}


def synthesized(_: argparse.Namespace, before: Figures) -> Figures:
    """All of Diabetes-130 from file to evidence, with the default panel."""
    folder = OUT / "diabetes-release"
    options = ["--target", "readmitted", "--overwrite", "--out", folder]
    figures = run([TOOL, "synthesize", WHOLE, *options])
    told = json.loads((folder / "scores.json").read_text())
    figures["stages"] = {name: round(s, 1) for name, s in told["timing"].items()}
    return {"diabetes_release": figures}


def streamed(asked: argparse.Namespace, before: Figures) -> Figures:
    """Many rows from a saved model, in shards."""
    release = OUT / "stream"
    if not release.exists():
        run([sys.executable, "-c", SMALL_RELEASE, SOME, release])
    known = {(s["rows"], s["format"]): s for s in before.get("stream", [])}
    for rows in asked.rows:
        for ending in asked.formats:
            file = OUT / f"stream.{ending}"
            figures = run([TOOL, "sample", release, "--rows", str(rows), "--out", file])
            size = file.stat().st_size // 2**20
            file.unlink()
            known[rows, ending] = {"rows": rows, "format": ending, "file_mb": size, **figures}
    return {"stream": [known[key] for key in sorted(known)]}


def stays(_: argparse.Namespace, before: Figures) -> Figures:
    """All stays of PhysioNet-2012's set A, from the files to the release."""
    folder = OUT / "stays"
    kind = ["--kind", "cohorts:physionet2012", "--holdout", "0"]
    figures = run([TOOL, "synthesize", STAYS, *kind, "--overwrite", "--out", folder])
    told = json.loads((folder / "scores.json").read_text())
    figures["stages"] = {name: round(s, 1) for name, s in told["timing"].items()}
    shutil.rmtree(folder)
    return {"stays": figures}


def made_up(path: Path) -> None:
    """2,000 patients with about 20 events each, some with numbers, days apart."""
    draw = random.Random(0)
    lines = ["patient,time,code,value"]
    for patient in range(2_000):
        day = 0
        for _ in range(max(1, round(draw.gauss(20, 5)))):
            code = min(39, int(draw.expovariate(0.15)))
            value = f"{draw.gauss(5 + code, 1):.1f}" if code < 8 else ""
            lines.append(f"p{patient:04d},{day},C{code},{value}")
            day += int(draw.expovariate(0.1))
    path.write_text("\n".join(lines) + "\n")


def patients(asked: argparse.Namespace, before: Figures) -> Figures:
    """Many patients from a saved net of events, in shards."""
    release = OUT / "patients"
    if not release.exists():
        made_up(OUT / "patients-made.csv")
        model = ["--model", "events"]
        run([TOOL, "synthesize", OUT / "patients-made.csv", *model, "--out", release])
    known = {s["rows"]: s for s in before.get("patients", [])}
    for rows in asked.rows:
        file = OUT / "patients.csv"
        file.unlink(missing_ok=True)
        figures = run([TOOL, "sample", release, "--rows", str(rows), "--out", file])
        with file.open() as lines:
            events = sum(1 for _ in lines) - 1
        file.unlink()
        known[rows] = {"rows": rows, "events": events, **figures}
    return {"patients": [known[rows] for rows in sorted(known)]}


PARTS: dict[str, Callable[[argparse.Namespace, Figures], Figures]] = {
    "help": helped,
    "stream": streamed,
    "fit": fitted,
    "synthesize": synthesized,
    "stays": stays,
    "patients": patients,
}


def main() -> None:
    """Measure, keep what is not measured anew, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="of a stream")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    asked = parser.parse_args()
    if not SOME.exists():
        raise SystemExit(f"no benchmark sets at {SHARED}; set MEDSYNAI_BENCH")
    OUT.mkdir(exist_ok=True)
    for name in asked.only:
        before = json.loads(SPEED.read_text()) if SPEED.exists() else {}
        found = PARTS[name](asked, before)
        print(json.dumps(found), flush=True)
        SPEED.write_text(json.dumps(before | {"cores": os.cpu_count()} | found, indent=2) + "\n")
        (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
