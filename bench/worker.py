"""One measured run in a process of its own: read, fit, draw, write; figures as JSON on stdout.

Usage: python bench/worker.py DATA OUT [--target COL] [--model forest] [--draws 3] [--jobs 1]
           [--timed-rows 100000] [--seed 0] [--settings '{"min_level": 3}']
           [--contract bench/domains/SET.toml --epsilon 1 --delta 1e-5]

Of a refined model the inner one's rows are written as well, as `inner0.csv`. With a contract and
a budget, rows are read, fitted and repaired as the private path does, and a network takes its
`private` settings.
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
from medsynai.data.source import Source
from medsynai.data.table import Table
from medsynai.data.write import write
from medsynai.deidentify import Safe, deidentify, finish
from medsynai.flow import contracted
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch, silent
from medsynai.models.catalog import load_model
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.models.refined import MODEL
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds


def seconds(clock: float) -> float:
    return round(time.process_time() - clock, 2)


def opened(asked: argparse.Namespace) -> tuple[Safe, Source, list[str]]:
    """The learnt columns, what the file was like, and the rules that rows are repaired by."""
    if asked.contract:
        plan = Plan(source=str(asked.data), schema=asked.contract, target=asked.target)
        lawful = contracted.read(plan, Handed(), Watch(silent))
        source = contracted.raw_rows(plan, Handed()).source
        return deidentify(lawful.table, apart=True), source, list(lawful.contract.rules)
    loaded = read(asked.data)
    schema = loaded.table.schema
    if asked.target:
        schema = schema.replacing(replace(schema[asked.target], role=Role.TARGET))
    safe = deidentify(Table(loaded.table.frame, schema))
    rules = discover(safe.table)
    ruled = replace(safe.table, schema=replace(safe.table.schema, rules=rules))
    return replace(safe, table=ruled), loaded.source, list(rules)


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
    parser.add_argument("--contract", help="a public dictionary, for a run under a budget")
    parser.add_argument("--epsilon", type=float)
    parser.add_argument("--delta", type=float, default=1e-5)
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    clock = time.process_time()
    safe, source, texts = opened(asked)
    figures["read_s"] = seconds(clock)  # finding rules included
    rules = tuple(parse(text, safe.table.schema) for text in texts)
    ledger, settings = Ledger(), asked.settings
    if asked.epsilon is not None:
        ledger = Ledger(Budget(asked.epsilon, asked.delta))
        settings = preset_of(asked.model, PRIVATE) | settings
    clock, wall = time.process_time(), time.perf_counter()
    options = {"jobs": asked.jobs or None} if asked.model == "forest" else {}
    seeds = Seeds(asked.seed)
    fitted = load_model(asked.model, settings).fit(safe.table, ledger, seeds.of("fit"), **options)
    figures["fit_s"], figures["fit_wall_s"] = seconds(clock), round(time.perf_counter() - wall, 2)
    asked.out.mkdir(parents=True, exist_ok=True)
    makers = {"draw": fitted} | ({"inner": fitted.inner} if asked.model == MODEL else {})
    for name, maker in makers.items():
        for draw in range(asked.draws):
            drawn = maker.sample(len(safe.table), seeds.of("draw", draw))
            inner = safe.table.schema
            lawful = repair(drawn.only(inner.names), rules, inner).table
            whole = finish(safe.recipe, lawful, seeds.of("finish", draw))
            write(whole, source, asked.out / f"{name}{draw}.csv")
    if asked.timed_rows:
        clock = time.process_time()
        fitted.sample(asked.timed_rows, seeds.of("timed"))
        figures["sample_s"] = seconds(clock)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    figures["rows"], figures["columns"] = safe.table.frame.shape
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
