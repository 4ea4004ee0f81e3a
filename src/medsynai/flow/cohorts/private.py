"""A run on a cohort under a budget: by a contract, each patient by themselves.

**Guarantee:** everything that the release writes outside of `internal/` is the contract, the
layout, the plan, or computed from charged releases alone: see `flow.private`, which says the same
of tables, and `learn.private_events`.
"""

import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.codec.contracted import course_under
from medsynai.data.cohort import Cohort
from medsynai.data.cohort_contract import HOW, CohortContract
from medsynai.data.cohortfiles.apart import Apart, read_apart
from medsynai.data.schema import Schema
from medsynai.data.split import check_share, held_apart
from medsynai.deidentify.recipe import Pattern
from medsynai.errors import PlanError
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.policy import Verdict
from medsynai.flow import folder as names
from medsynai.flow import judging, kind_stages
from medsynai.flow.cohorts.facts import declared
from medsynai.flow.cohorts.judging import facts_of, panel_of
from medsynai.flow.cohorts.maker import CohortMaker, CohortRecipe
from medsynai.flow.cohorts.release import look, write
from medsynai.flow.cohorts.stages import TABLES_ONLY
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.plan import Plan
from medsynai.flow.private import counted_for, noisy_number, open_ledger, refuse_unpaid, said
from medsynai.flow.watch import Tell, Watch
from medsynai.learn.desk import Desk, at_desk
from medsynai.models.catalog import find_entry, load_cohort_model
from medsynai.models.presets import BALANCED, PRIVATE, preset_of
from medsynai.privacy.ledger import Ledger
from medsynai.report.evidence import DataFacts, Evidence, ModelFacts
from medsynai.seeds import Seeds

MODEL = "events"  # the one model of cohorts that has a private form
NOBODY = np.zeros(0, np.int64)
KEYS = Pattern("counter", start=0)  # fresh keys count from 1, whatever the real ones look like


def make(plan: Plan, tell: Tell) -> KindRelease:
    """Make a release in memory; see `flow.private.make`.

    Raises:
        InputError: whatever the user can mend; nothing that stands below a header is such a thing.
        BudgetError: what this run, or all runs of its ledger, would spend is more than allowed.
    """
    contract = checked(plan)
    ledger, watch = open_ledger(plan), Watch(tell)
    with watch.stage("read", "Reading the cohort"):
        read = read_apart(Path(str(plan.source)), contract.clock)
        course_under(
            read.cohort.only(np.zeros(0, np.int64)), contract
        )  # whether the subjects have its columns
    keys = read.cohort.subjects["subject_id"]
    outside = held_apart(keys, plan.holdout, plan.seed)
    train, held = read.cohort.only(~outside), read.cohort.only(outside)
    note = "one noisy number: as many patients are made"
    counting = None if plan.rows else counted_for(ledger, "count the patients", note)
    maker, settings, training = fitted(train, contract, read, plan, ledger, watch)
    ledger.charge()  # what was intended and not yet written down: nothing, if the fit was paid for
    n = noisy_number(len(read.cohort), 1, counting) if counting else plan.rows or 1
    with watch.stage("draw", f"Drawing {n:,} patients"):
        seeds = Seeds(plan.seed).of("draw", plan.draw)
        made = maker.draw(n, seeds, maker.asked(plan.conditions))
    judged, why = judge(made, train, held, plan, watch)
    promised = outside_evidence(plan, contract, ledger, settings, n)
    inside = replace(promised, timing=dict(watch.seconds), notes=(*promised.notes, why))
    facts = facts_of(name_source(plan.source), train, held, made)
    inside = replace(inside, data=facts, schema=Schema(()))
    if promised.model is not None:
        inside = replace(inside, model=replace(promised.model, training=training))
    internal: dict[str, Any] = {}
    if judged is None:
        inside = replace(inside, verdict=Verdict((), why))
    else:
        panel = judged.panel
        inside = replace(
            inside, scores=panel.scores, verdict=judged.verdict, exhibits=panel.exhibits
        )
        internal = dict(panel.internal)
    left = len(read.cohort.events) - len(course_under(read.cohort, contract).token)
    internal["misfits"] = [{"column": "events", "rows": left, "what": "not counted: " + LEFT_OUT}]
    written, shown = partial(_write, contract, maker.recipe, made), partial(look, made)
    return KindRelease(made, shown, written, plan, promised, maker, internal, inside=inside)


LEFT_OUT = "of no code of the contract, out of its span, without a number, or too many"


def _write(contract: CohortContract, recipe: CohortRecipe, made: Cohort, place: Path) -> None:
    write(made, recipe, place)
    place.with_name(names.SCHEMA).write_text(store.to_toml(contract), encoding="utf-8")


def checked(plan: Plan) -> CohortContract:
    """The contract, after all that can be refused before a row is read.

    Raises:
        PlanError: options that do not go with a budget, or with cohorts.
        SchemaError: no contract, or one that says too little.
    """
    refuse_unpaid(plan)
    kind_stages.refuse_options(plan, TABLES_ONLY, "a cohort is made of several tables")
    if plan.warm_start is not None:
        raise PlanError("warm-start is for tables only")
    if plan.schema is None:
        raise PlanError(f"differential privacy needs a contract: --schema contract.toml; {HOW}")
    if declared(plan.kind)[0] not in ("", "long", "tables"):
        raise PlanError(
            "a private cohort is a long CSV file, or a folder of CSV files with a cohort.toml: the "
            "readers of other formats look at all patients together"
        )
    if not plan.kind and not Path(str(plan.source)).is_dir():
        raise PlanError(
            "say --kind cohorts:long: to see by itself what a file holds, its lines are looked at"
        )
    if plan.model not in ("auto", MODEL):
        raise PlanError(
            f"{plan.model} has no differentially private form for cohorts: take {MODEL}"
        )
    check_share(plan.holdout)
    panel_of(plan).load()
    _model(plan)
    return CohortContract.read(Path(plan.schema))


def _model(plan: Plan) -> Any:
    preset = PRIVATE if plan.preset == BALANCED else plan.preset
    return load_cohort_model(MODEL, store.laid_over(preset_of(MODEL, preset), plan.settings))


def fitted(
    train: Cohort,
    contract: CohortContract,
    read: Apart,
    plan: Plan,
    ledger: Ledger,
    watch: Watch,
) -> tuple[CohortMaker, dict[str, Any], dict[str, Any]]:
    """What draws patients, its settings, and how training went, which stays inside."""
    model, title = _model(plan), f"Training: {find_entry(MODEL).title}"

    def hear(done: int, rounds: int, mark: dict[str, Any]) -> None:
        watch.tell(f"{title}: round {done:,} of {rounds:,}")  # no loss: it tells of real rows

    with watch.stage("train", title), at_desk(Desk(hear)):
        seeds = Seeds(plan.seed).of("train", MODEL)
        found = model.fit(train, ledger, seeds, contract=contract)
    recipe = CohortRecipe(read.layout, read.suffix, KEYS, KEYS)
    return CohortMaker(found, recipe), store.to_plain(model), dict(found.facts)


def judge(
    made: Cohort, train: Cohort, held: Cohort, plan: Plan, watch: Watch
) -> tuple[Judged | None, str]:
    """Scores for `internal/`. Whether there are any hangs on real rows, so the release must not."""
    watch.tell("Judging")
    unseen = Watch(seconds=watch.seconds)
    if len(train) < FEWEST:
        return None, "Not judged: there are too few real patients."
    try:
        trial = CohortTrial(train, held if len(held) else None, made, Seeds(plan.seed).of("judge"))
        return judging.judge(trial, panel_of(plan), unseen), "Judged on real patients."
    except Exception as error:
        return None, f"Judging broke ({type(error).__name__}): nothing is scored."


def outside_evidence(
    plan: Plan, contract: CohortContract, ledger: Ledger, settings: dict[str, Any], n: int
) -> Evidence:
    """What may leave: the contract, the plan and the ledger."""
    entry = find_entry(MODEL)
    data = DataFacts(
        name_source(plan.source),
        rows=None,
        columns=len(contract.told.columns),
        synthetic=n,
        across="codes",
        unit="patients",
        credit=plan.credit,
        licence=plan.licence,
        contact=plan.contact,
    )
    return Evidence(
        f"Synthetic {data.source}",
        data,
        contract.told,
        (),
        Verdict(()),
        model=ModelFacts(
            entry.name,
            entry.title,
            entry.paper,
            entry.about,
            settings=settings,
            conditions=plan.conditions,
        ),
        ledger=ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        notes=said(plan, n),
        versions=judging.versions(),
    )
