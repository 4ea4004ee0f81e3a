"""The same story under a budget: what is read is paid for first, and what is not stays inside.

**Guarantee:** everything that `Release.save` writes outside of `internal/` is the contract, the
plan, or computed from charged releases alone. What was computed on real rows goes to `internal/`.
What remains (time, memory, whether the source can be read at all): docs/threat-model.md.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.data.schema import Origin
from medsynai.data.source import Format, Source
from medsynai.errors import PlanError
from medsynai.evaluate.policy import Verdict
from medsynai.flow import judging, opening, stages
from medsynai.flow.conditions import parse_conditions
from medsynai.flow.contracted import Divided, Opened, divide, read
from medsynai.flow.judging import Judged
from medsynai.flow.maker import Maker
from medsynai.flow.opening import FEWEST, Handed
from medsynai.flow.pick import Picked, pick
from medsynai.flow.plan import STANDARD, Plan
from medsynai.flow.release import Release
from medsynai.flow.settings import model_of
from medsynai.flow.stages import Made
from medsynai.flow.training import Trained
from medsynai.flow.warming import check_warm, warm_rows
from medsynai.flow.watch import Tell, Watch, silent
from medsynai.learn.desk import Desk, at_desk
from medsynai.learn.devices import CUDA
from medsynai.learn.warm import Warm
from medsynai.models.catalog import find_entry
from medsynai.models.entries import CATALOG
from medsynai.models.entry import TABLE
from medsynai.models.presets import BALANCED, PRIVATE
from medsynai.privacy.accounting import Kind as Mechanism
from medsynai.privacy.accounting import Spend
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.carried import LedgerFile
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.privacy.ledger import Release as Charge
from medsynai.privacy.noise import noisy_counts
from medsynai.report.evidence import DataFacts, Evidence
from medsynai.seeds import Seeds

DELTA = 1e-6  # where nobody says another; said in the release
COUNTING = 0.05  # share of epsilon that the number of rows costs where nobody gives it
UNPAID: Mapping[str, str] = {
    "keep": "kept columns are real values",
    "mix_real": "real rows would be in the release",
    "positive_control": "its rows are real ones",
    "impute": "what is filled in is learnt from all rows",
    "time_budget": "a clock tells how long real rows took; set the model's steps instead",
    "refine": "the discriminators read the real rows unpaid",
    "tuned": "the settings were found on real rows; tune on public or simulated data",
    "attacks": "thorough attacks fit the model again, unpaid; take the standard ones",
}


def make(plan: Plan, handed: Handed, tell: Tell = silent) -> Release:
    """Make a release in memory; see `medsynai.flow.run.make`.

    Raises:
        InputError: whatever the user can mend.
        BudgetError: what this run, or all runs of its ledger, would spend is more than allowed.
    """
    refuse_unpaid(plan)
    ledger, watch = open_ledger(plan), Watch(tell)
    opened = read(plan, handed, watch)
    divided = divide(opened, plan, watch)
    check(plan, opened, divided)
    picked = choose(plan, divided)  # before anything is bought: what a plan costs is proven for one
    counting = None if plan.rows else counted_for(ledger)
    warm = warm_rows(plan, opened.contract, Watch())
    trained = train(divided, picked.name, plan, ledger, watch, warm)
    ledger.charge()  # what was intended and not yet written down: nothing, if the fit was paid for
    sized = replace(plan, rows=count(divided, counting) if counting else plan.rows)
    made = stages.draw(trained, divided.parts, sized, watch)
    inside = judge(made, trained, divided, sized, watch)
    return report(Findings(opened, divided, picked, trained, made, inside), plan, ledger, watch)


def refuse_unpaid(plan: Plan) -> None:
    """Refuse what would read real rows beside the ledger.

    Raises:
        PlanError: which option, and why.
    """
    for name, why in UNPAID.items():
        if getattr(plan, name) not in (None, False, (), "", STANDARD):
            option = name.replace("_", "-")
            raise PlanError(f"{option} does not go with epsilon: {why}")
    if plan.device == CUDA:
        raise PlanError("device cuda does not go with epsilon: clipping and noise are on the CPU")


def check(plan: Plan, opened: Opened, divided: Divided) -> None:
    """Refuse what cannot be done before anything is spent on it.

    Raises:
        InputError: a measure, policy, condition or column that there is not.
    """
    judging.Panel(plan.measures, plan.policy).load()
    parse_conditions(plan.conditions, divided.parts.train.schema)
    for name in plan.leaks:
        opening.known(name, opened.contract, "leak")


def open_ledger(plan: Plan) -> Ledger:
    """This run's ledger, behind which stands that of all runs, if one is carried.

    Raises:
        PlanError: a budget that protects nobody, or a ledger file that is none.
    """
    own = Budget(plan.epsilon or 0.0, delta_for(plan))
    if plan.ledger is None:
        if plan.total_epsilon is not None:
            raise PlanError("total-epsilon is about a ledger that is carried: name its --ledger")
        return Ledger(own)
    path = Path(plan.ledger)
    total = None if plan.total_epsilon is None else Budget(plan.total_epsilon, own.delta)
    file = LedgerFile(path, total if path.exists() or total else own)
    file.open()
    return Ledger(own, carried=file)


def delta_for(plan: Plan) -> float:
    """The plan's delta; a zero is nobody's default, and refused as a budget."""
    return DELTA if plan.delta is None else plan.delta


def counted_for(
    ledger: Ledger,
    purpose: str = "count the rows",
    note: str = "one noisy number: as many rows are made",
) -> Spend:
    """The price of the number of rows, a fact about the patients; charged with the training.

    So a run that is refused has neither counted nor spent.
    """
    budget = ledger.budget
    assert budget is not None  # `open_ledger` gives one
    noise = calibrate(
        lambda s: [Spend(Mechanism.GAUSSIAN, s)], COUNTING * budget.epsilon, budget.delta
    )
    spend = Spend(Mechanism.GAUSSIAN, noise)
    ledger.intend(Charge(purpose, "gaussian", note=note, spends=(spend,)))
    return spend


def count(divided: Divided, spend: Spend) -> int:
    """How many rows there are, with the noise that was paid for."""
    return noisy_number(divided.counted, divided.parts.train.schema.max_rows, spend)


def noisy_number(true: int, most: int, spend: Spend) -> int:
    """A number, at least 1, that a patient moves by `most` at most; the caller paid for it."""
    return max(1, round(float(noisy_counts(np.array([true]), spend, most)[0])))


def choose(plan: Plan, divided: Divided) -> Picked:
    """The model that a person named, or that the contract's width asks for.

    Raises:
        ModelError: an unknown model.
        PlanError: a model that cannot be private.
    """
    picked = Picked(plan.model)
    if plan.model == "auto":
        if plan.settings:
            raise PlanError("settings belong to one model: name it instead of `auto`")
        columns = len(divided.parts.train.schema.columns)
        picked = pick(columns, plan.rows, plan.epsilon or 0.0)
    if not find_entry(picked.name).private:
        able = ", ".join(e.name for e in CATALOG if e.private and TABLE in e.data)
        raise PlanError(
            f"{picked.name} has no differentially private form: {why_not(picked.name)}; those with "
            f"one: {able}"
        )
    check_warm(plan, picked.name)
    return picked


def why_not(name: str) -> str:
    """Why a model cannot be private: what its losses say of themselves, or that it has none.

    >>> why_not("cgan")
    'packs of 4 rows share one score'
    """
    model: Any = model_of(name, BALANCED, {})
    phases = model.phases() if callable(getattr(model, "phases", None)) else ()
    read = (u.batchwise for p in phases for u in p.updates if u.reads_real)
    return next((why for why in read if why), "it reads real rows as they are, without noise")


def train(
    divided: Divided,
    name: str,
    plan: Plan,
    ledger: Ledger,
    watch: Watch,
    warm: Warm | None = None,
) -> Trained:
    """Fit a private model; it charges the ledger before it reads a row. Some begin `warm`.

    Raises:
        ModelError: settings that the model does not have.
    """
    preset = PRIVATE if plan.preset == BALANCED else plan.preset
    model: Any = model_of(name, preset, plan.settings)
    more = {} if warm is None else {"warm": warm}
    title = f"Training: {find_entry(name).title}"

    def hear(done: int, rounds: int, mark: dict[str, Any]) -> None:
        watch.tell(f"{title}: round {done:,} of {rounds:,}")  # no loss: it tells of real rows

    with watch.stage("train", title), at_desk(Desk(hear)):
        seeds = Seeds(plan.seed).of("train").of(name)
        fitted = model.fit(divided.parts.train, ledger, seeds, **more)
    recipe = divided.parts.recipe
    source = Source(Format.CSV, recipe.schema.names)
    maker = Maker(fitted, divided.parts.train.schema, recipe, source)
    facts = dict(getattr(fitted, "facts", {}))
    return Trained(maker, store.to_plain(model), None, name, (), facts)


@dataclass(frozen=True)
class Inside:
    """Scores on real rows, for `internal/` alone; None, and why, where there are none."""

    judged: Judged | None
    why: str = ""


def judge(made: Made, trained: Trained, divided: Divided, plan: Plan, watch: Watch) -> Inside:
    """Score the rows. Whether that succeeds hangs on real rows, so the release must not."""
    watch.tell("Judging")
    unseen = Watch(
        seconds=watch.seconds
    )  # how far it gets hangs on the rows, so the screen must not
    if len(divided.parts.train) < FEWEST:
        return Inside(None, "Not judged: there are too few real rows.")
    try:
        return Inside(stages.judge(made, trained, divided.parts, plan, unseen))
    except Exception as error:
        return Inside(None, f"Judging broke ({type(error).__name__}): nothing is scored.")


@dataclass(frozen=True)
class Findings:
    """All that the report is made from."""

    opened: Opened
    divided: Divided
    picked: Picked
    trained: Trained
    made: Made
    inside: Inside


def report(found: Findings, plan: Plan, ledger: Ledger, watch: Watch) -> Release:
    """Two evidences: what may leave, and what stays beside the real rows."""
    contract, synthetic = found.opened.contract, len(found.made.learnt)
    model = stages.model_facts(found.trained, plan)
    data = DataFacts(
        opening.name_source(plan.source),
        rows=None,
        columns=len(contract.columns),
        synthetic=synthetic,
        credit=plan.credit,
        licence=plan.licence,
        contact=plan.contact,
    )
    outside = Evidence(
        f"Synthetic {data.source}",
        data,
        contract,
        (),
        Verdict(()),
        model=replace(model, training={}, chosen=found.picked.sentence),
        ledger=ledger.record(
            bought=any(c.origin is Origin.BOUGHT for c in contract.columns),
            unit="row" if contract.subject is None else "patient",
        ),
        plan=tomllib.loads(plan.to_toml()),
        notes=(*said(plan, synthetic), *found.divided.parts.notes),
        repairs=found.made.repairs,
        versions=judging.versions(),
    )
    inside, internal = _inside(found, outside, watch), {}
    if found.inside.judged is not None:
        internal = found.inside.judged.panel.internal
    misfits = [{"column": m.column, "rows": m.rows, "what": m.what} for m in found.opened.misfits]
    internal = {**internal, "misfits": misfits}
    source = found.trained.maker.source
    return Release(
        found.made.whole, source, contract, plan, outside, found.trained.maker, internal, inside
    )


def _inside(found: Findings, outside: Evidence, watch: Watch) -> Evidence:
    parts, judged = found.divided.parts, found.inside.judged
    table = found.opened.table
    data = replace(
        outside.data,
        rows=len(table),
        train=len(parts.train),
        holdout=None if parts.holdout is None else len(parts.holdout),
        missing=float(table.frame.isna().to_numpy().mean()) if len(table) else None,
        patients=judging.count_patients(table),
    )
    model = outside.model and replace(outside.model, training=found.trained.training)
    shown = replace(outside, data=data, model=model, timing=dict(watch.seconds))
    if judged is None:
        why = found.inside.why
        return replace(shown, notes=(*outside.notes, why), verdict=Verdict((), why))
    return replace(
        shown,
        scores=judged.panel.scores,
        verdict=judged.verdict,
        exhibits=judged.panel.exhibits,
        notes=(*outside.notes, *judging.faults(judged.panel)),
    )


def said(plan: Plan, synthetic: int) -> tuple[str, ...]:
    """What a reader of a private release must know, all of it public."""
    delta, told = delta_for(plan), []
    if plan.delta is None:
        told.append(f"Nobody named a delta: {DELTA:g} was taken.")
    if delta > 1 / synthetic:
        told.append(
            f"Delta {delta:g} is more than one over the {synthetic:,} rows: epsilon could fail for "
            "somebody. Take a smaller one."
        )
    if plan.ledger is None:
        told.append(
            "No ledger was carried: the guarantee is that of this release alone. Others made from "
            "the same data, and whatever was learnt of them to write the contract, add to it."
        )
    return tuple(told)
