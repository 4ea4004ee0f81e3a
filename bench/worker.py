"""One measured run in a process of its own: read, fit, draw, write; figures as JSON on stdout.

Usage: python bench/worker.py DATA OUT [--target COL] [--model forest] [--draws 3] [--jobs 1]
           [--timed-rows 100000] [--seed 0] [--settings '{"min_level": 3}']
"""

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path

from medsynai.constraints import discover, parse, repair
from medsynai.data.read import read
from medsynai.data.schema import Role
from medsynai.data.table import Table
from medsynai.data.write import write
from medsynai.deidentify import deidentify, finish
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def seconds(clock: float) -> float:
    return round(time.process_time() - clock, 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--model", default="forest")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="0: one a core")
    parser.add_argument("--timed-rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="the model's, as JSON")
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    clock, wall = time.process_time(), time.perf_counter()
    loaded = read(asked.data)
    figures["read_s"] = seconds(clock)
    schema = loaded.table.schema
    if asked.target:
        schema = schema.replacing(replace(schema[asked.target], role=Role.TARGET))
    safe = deidentify(Table(loaded.table.frame, schema))
    clock, wall = time.process_time(), time.perf_counter()
    rules = tuple(parse(text, safe.table.schema) for text in discover(safe.table))
    figures["rules_s"] = seconds(clock)
    clock, wall = time.process_time(), time.perf_counter()
    options = {"jobs": asked.jobs or None} if asked.model == "forest" else {}
    seeds = Seeds(asked.seed)
    fitted = load_model(asked.model, asked.settings).fit(
        safe.table, Ledger(), seeds.of("fit"), **options
    )
    figures["fit_s"], figures["fit_wall_s"] = seconds(clock), round(time.perf_counter() - wall, 2)
    asked.out.mkdir(parents=True, exist_ok=True)
    for draw in range(asked.draws):
        drawn = fitted.sample(len(safe.table), seeds.of("draw", draw))
        inner = safe.table.schema
        lawful = repair(drawn.only(inner.names), rules, inner).table
        whole = finish(safe.recipe, lawful, seeds.of("finish", draw))
        write(whole, loaded.source, asked.out / f"draw{draw}.csv")
    if asked.timed_rows:
        clock = time.process_time()
        fitted.sample(asked.timed_rows, seeds.of("timed"))
        figures["sample_s"] = seconds(clock)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    figures["rows"], figures["columns"] = safe.table.frame.shape
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
