"""Training: rules, the choice of a model, and its fit, on train rows only."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from medsynai import store
from medsynai.constraints import Implies, Op, discover, parse
from medsynai.data.schema import Schema
from medsynai.data.source import Source
from medsynai.data.table import Table
from medsynai.errors import ConditionError
from medsynai.flow.arena import Arena
from medsynai.flow.budget import cut_by, within
from medsynai.flow.choice import Choice
from medsynai.flow.choose import candidates_for, choose
from medsynai.flow.conditions import parse_conditions
from medsynai.flow.filling import filled_in
from medsynai.flow.maker import Maker
from medsynai.flow.opening import Parts
from medsynai.flow.plan import Plan
from medsynai.flow.settings import model_of
from medsynai.flow.watch import Watch
from medsynai.flow.withholding import LEAST, withhold
from medsynai.forest.forest import Forest
from medsynai.forest.weighing import MODEL as REFINED
from medsynai.generator import Condition, Generator
from medsynai.learn.clock import OUT_OF_TIME
from medsynai.learn.desk import Desk, at_desk, desk
from medsynai.models.catalog import find_entry
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds

TOLD = {
    "held": "held-out loss",
    "marginals": "marginals off by",
    "coverage": "coverage",
    "near": "close to a train image",
    "critic": "critic's loss",
    "restarts": "restarts",
}
TO_INNER = 0.7  # share of a time budget that is for the model itself where its rows are refined


@dataclass(frozen=True)
class Trained:
    """A maker, and how it came to be.

    Attributes:
        settings: the public settings of the model that was fitted.
        choice: the contest that it won; None where a person named it.
        notes: what of the rows it was not shown, and what the clock cut short.
        training: how a network's training went: why it ended, and the figures of every look.
    """

    maker: Maker
    settings: dict[str, Any]
    choice: Choice | None
    name: str
    notes: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


def train(
    parts: Parts, source: Source, plan: Plan, ledger: Ledger, watch: Watch, work: Path | None = None
) -> Trained:
    """Find the rules and fit the model, on train rows only.

    Args:
        parts: the train rows, which say whose they are: no model tells when to stop by rows of
            a patient that it learnt from.
        source: the form of the real file.
        plan: the model, and how long it may take.
        ledger: charged before a row is read.
        watch: told how training goes.
        work: where networks keep what they need to go on after an interruption.

    Raises:
        PlanError: a time budget in which nothing can be learnt.
        ConditionError: a condition that no train row meets, said before a model is fitted.
    """
    seeds, began = Seeds(plan.seed).of("train"), perf_counter()
    whole, filled = filled_in(parts.train, plan, ledger)
    table = ruled(whole, ledger, watch)
    if plan.tuned:
        ledger.charge(Release("tune the settings", note=plan.tuned))
    name, choice = plan.model, None
    if plan.model == "auto":
        choice = _contest(table, plan, ledger, watch)
        name = choice.name
    model = _in_front(model_of(name, plan.preset, plan.settings), _first(plan, table.schema))
    title = f"Training the {find_entry(name).title.lower()}"
    with watch.stage("train", title):
        held = withhold(table, least_of(plan), seeds.of("withhold"), plan.keep)
        _meets(parse_conditions(plan.conditions, table.schema), held.table)
        asked = model
        if plan.time_budget is not None:
            left = plan.time_budget - (perf_counter() - began)
            left *= TO_INNER if plan.refine else 1.0
            model = within(model, left, held.table, seeds.of("budget"), always=choice is not None)
        given = model
        if plan.refine:
            name, model = REFINED, Refined(inner=name, settings=store.to_plain(model))
        with at_desk(followed(watch, title, work)):
            fitted = model.fit(held.table, ledger, seeds.of(name))
    schema = replace(table.schema, rules=held.table.schema.rules)
    maker = Maker(fitted, schema, parts.recipe, source, held.levels)
    facts = dict(getattr(fitted, "facts", {}))
    cut = cut_by_clock(asked, given, facts)
    notes = (*filled, *held.notes, *((cut,) if cut else ()), *went_wrong(facts, ledger))
    return Trained(maker, store.to_plain(model), choice, name, notes, facts)


def cut_by_clock(before: Any, after: Any, facts: Mapping[str, Any]) -> str:
    """See `cut_by`; `facts` are those of the fit."""
    ended = str(facts.get("ended", ""))
    return cut_by(before, after, ended if ended == OUT_OF_TIME else "")


def went_wrong(facts: Mapping[str, Any], ledger: Ledger) -> tuple[str, ...]:
    """What a person should know of alarms and restarts; restarts are written into the ledger."""
    said, restarts = [], int(facts.get("restarts", 0))
    if restarts:
        times = "once" if restarts == 1 else "twice"
        said.append(f"Training diverged, and began anew {times}, at a tenth of the learning rate.")
        note = f"{times}, within the steps that were planned and charged"
        ledger.charge(Release("restart training", note=note))
    looks = facts.get("losses", ())
    if looks and all(mark.get("copies") for mark in looks):
        said.append(
            "At every look of training more of what was drawn was like one train image than chance "
            "explains: read the scores on near copies before anything else."
        )
    if cut := facts.get("events beyond the longest line"):
        said.append(
            f"{cut:,} events of patients who have far more than others were not learnt from: the "
            "first of each are."
        )
    if facts.get("healthy") is False:
        said.append(
            f"An alarm ended training early ({facts['ended']}). The last good weights draw rows."
        )
    return tuple(said)


def followed(watch: Watch, title: str, work: Path | None) -> Desk:
    """A desk from which a network's looks are told as they come."""

    def hear(done: int, rounds: int, mark: dict[str, Any]) -> None:
        known = [(words, mark.get(key)) for key, words in TOLD.items()]
        said = "".join(f", {words} {x:.3g}" for words, x in known if x and math.isfinite(x))
        watch.tell(f"{title}: round {done:,} of {rounds:,}{said}")

    return replace(desk(), hear=hear, folder=work, began=perf_counter())


def ruled(train: Table, ledger: Ledger, watch: Watch) -> Table:
    """The train rows with the rules that a person gave, or else those found."""
    with watch.stage("rules", "Finding rules between columns"):
        rules = train.schema.rules
        if not rules:
            note = "relations that every train row keeps, published in schema.toml"
            ledger.charge(Release("find rules", note=note))
            rules = discover(train)
    return replace(train, schema=replace(train.schema, rules=rules))


def _contest(table: Table, plan: Plan, ledger: Ledger, watch: Watch) -> Choice:
    """Let the candidates meet on inner splits of the train rows."""
    first = _first(plan, table.schema)
    names = candidates_for(len(table), table.schema, timed=plan.time_budget is not None)
    rivals = {name: _in_front(model_of(name, plan.preset, {}), first) for name in names}
    leaks = (*plan.leaks, *tied_to_target(table.schema))
    condition = parse_conditions(plan.conditions, table.schema)
    arena = Arena(table, leaks, condition, plan.keep)
    with watch.stage("choose", "Choosing a model"):
        seeds = Seeds(plan.seed).of("train")
        return choose(rivals, arena, ledger, seeds, plan.time_budget, watch.tell)


def _first(plan: Plan, schema: Schema) -> tuple[str, ...]:
    """The columns that are kept or asked for."""
    return (*plan.keep, *parse_conditions(plan.conditions, schema).columns)


def _meets(condition: Condition, table: Table) -> None:
    for wanted in condition.wanted:
        if not wanted.met_by(table.frame[wanted.column]).any():
            raise ConditionError(
                f"what is asked of {wanted.column!r} never occurs among the train rows (levels of "
                "a few rows are withheld): ask for something else"
            )


def least_of(plan: Plan) -> int:
    """Train patients that a level must have, unless the release holds real rows, which have it."""
    if plan.mix_real is not None or plan.positive_control:
        return 1
    model = None if plan.model == "auto" else model_of(plan.model, plan.preset, plan.settings)
    return model.min_level if isinstance(model, Forest) else LEAST


def _in_front(model: Generator, columns: tuple[str, ...]) -> Generator:
    """A forest draws what is kept or asked for first: only so are both met exactly."""
    if isinstance(model, Forest) and columns and not model.first:
        return replace(model, first=tuple(dict.fromkeys(columns)))
    return model


def tied_to_target(schema: Schema) -> tuple[str, ...]:
    """Columns that the outcome decides, by a rule: they tell it afterwards, so no model uses them.

    In flchain the chapter of the cause of death is missing exactly where nobody died.
    """
    rules = [parse(text, schema) for text in schema.rules]
    tied = []
    for rule in rules:
        if isinstance(rule, Implies) and rule.when.column == schema.target:
            tied.append(rule.then.column)
        filled = isinstance(rule, Implies) and rule.when.op in (Op.MISSING, Op.PRESENT)
        if isinstance(rule, Implies) and filled and rule.then.column == schema.target:
            tied.append(rule.when.column)
    return tuple(dict.fromkeys(tied))
