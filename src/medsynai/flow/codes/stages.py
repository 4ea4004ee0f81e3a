"""The stages of a run on codes, one function each; `kind.make` tells them in order."""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.data.codefiles import Declared, read_codes
from medsynai.data.codes import CodeMatrix, LoadedCodes
from medsynai.data.schema import Schema
from medsynai.data.split import split_patients
from medsynai.data.vocabulary import LEAST, Vocabulary, learn_vocabulary
from medsynai.errors import PlanError
from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.flow import judging
from medsynai.flow.codes.judging import panel_of
from medsynai.flow.codes.maker import CodeMaker, CodeRecipe
from medsynai.flow.codes.release import CodeRelease
from medsynai.flow.judging import Judged
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.plan import Plan
from medsynai.flow.stages import MODEL_INSIDE, risks
from medsynai.flow.training import followed, went_wrong
from medsynai.flow.watch import Watch
from medsynai.learn.desk import at_desk
from medsynai.models.catalog import find_entry, load_code_model
from medsynai.models.entries import CODES
from medsynai.models.presets import preset_of
from medsynai.privacy.ledger import Ledger, Release
from medsynai.report.evidence import DataFacts, Evidence, ModelFacts
from medsynai.seeds import Seeds

DEFAULT = "code-mixture"
CHOSEN = f"{DEFAULT}, the default of `auto` for codes: docs/codes.md says what it was measured to"
# Options of a plan that speak of a table's columns, or of forms that codes do not have.
TABLES_ONLY = ("schema", "target", "leaks", "conditions", "keep", "mix_real", "form")
COLUMNS = ("patient", "code", "visit")


def read(plan: Plan, ledger: Ledger, watch: Watch) -> LoadedCodes:
    """The real codes.

    Raises:
        PlanError: options that only a table has.
        ReadError: a file that cannot be read as codes.
    """
    defaults = {f.name: f.default for f in fields(Plan)}
    for name in TABLES_ONLY:
        if getattr(plan, name) not in (defaults[name], ()):
            raise PlanError(
                f"codes have no columns, so {name.replace('_', '-')} is for tables only"
            )
    if plan.source is None:
        raise PlanError("no data: name a file of codes")
    with watch.stage("read", "Reading the codes"):
        note = f"codes of {LEAST} train patients or more, listed in the synthetic file"
        ledger.charge(Release("list the codes", note=note))
        return read_codes(Path(plan.source), declared(plan.kind))


def declared(kind: str) -> Declared | None:
    """What `--kind codes:PATIENT,CODE[,VISIT]` says of a long file's columns; None: nothing.

    Raises:
        PlanError: one column, or more than three.

    >>> declared("codes:subject_id,drug").columns
    {'patient': 'subject_id', 'code': 'drug'}
    """
    said = kind.partition(":")[2]
    if not kind:
        return None
    names = [n.strip() for n in said.split(",")] if said else []
    if said and (not 2 <= len(names) <= len(COLUMNS) or not all(names)):
        raise PlanError(f"kind {kind!r}: name the columns as codes:PATIENT,CODE or ...,VISIT")
    return Declared(dict(zip(COLUMNS, names, strict=False)))


@dataclass(frozen=True)
class CodeParts:
    """Real rows of different patients, in the codes that may be learnt.

    Attributes:
        rows: rows of the source, from which neither part has left any out yet.
        notes: what became of rare codes, in plain words.
    """

    train: CodeMatrix
    holdout: CodeMatrix | None
    vocabulary: Vocabulary
    rows: int
    notes: tuple[str, ...]


def divide(loaded: LoadedCodes, plan: Plan, watch: Watch) -> CodeParts:
    """Train and holdout by patient; rare codes, by train patients, are rolled up or withheld.

    Raises:
        PlanError: too few patients, or no code of enough patients.
    """
    panel_of(plan).load()
    load_code_model(DEFAULT if plan.model == "auto" else plan.model, plan.settings)
    with watch.stage("split", "Splitting by patient"):
        matrix = loaded.matrix
        people = len(np.unique(matrix.patients))
        if people < FEWEST:
            raise PlanError(f"{people} patients are too few; at least {FEWEST} are needed")
        inside, outside = split_patients(
            matrix.patients, plan.holdout, Seeds(plan.seed).of("split")
        )
        least = 1 if plan.positive_control else LEAST  # a copy of real rows has all their codes
        words = learn_vocabulary(matrix.rows(inside), loaded.source.named, least)
        if not words.codes:
            raise PlanError(f"no code has {LEAST} train patients, so there is nothing to learn")
        train, held = (words.apply(matrix.rows(x)) for x in (inside, outside))
        notes = words.notes
        if not loaded.source.empty:
            lost = int((train.widths == 0).sum())
            train, held = (m.rows(m.widths > 0) for m in (train, held))
            said = f"codes: {lost:,} train patients have none but withheld ones, and are left out"
            notes += (said,) if lost else ()
    return CodeParts(train, held if len(held) else None, words, len(matrix), notes)


@dataclass(frozen=True)
class CodeTrained:
    """A maker, and how it came to be; see `medsynai.flow.training.Trained`."""

    maker: CodeMaker
    settings: dict[str, Any]
    name: str
    chosen: str
    notes: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


def train(
    parts: CodeParts,
    loaded: LoadedCodes,
    plan: Plan,
    ledger: Ledger,
    watch: Watch,
    work: Path | None = None,
) -> CodeTrained:
    """Fit the model, on train rows only; an interrupted network is gone on with from `work`."""
    name = DEFAULT if plan.model == "auto" else plan.model
    model = load_code_model(name, timed(name, plan))
    title = f"Training the {find_entry(name).title.lower()}"
    with watch.stage("train", title), at_desk(followed(watch, title, work)):
        fitted = model.fit(parts.train, ledger, Seeds(plan.seed).of("train", name))
    maker = CodeMaker(fitted, CodeRecipe.of(loaded))
    chosen = CHOSEN if plan.model == "auto" else ""
    facts = dict(getattr(fitted, "facts", {}))
    notes = went_wrong(facts, ledger)
    return CodeTrained(maker, store.to_plain(model), name, chosen, notes, facts)


def timed(name: str, plan: Plan) -> dict[str, Any]:
    """The settings of a model under the plan's time budget, where it has a pace to be hurried."""
    settings: Any = load_code_model(name)
    paced = "pace" in {one.name for one in fields(settings)}
    clock = {"pace": {"seconds": plan.time_budget}} if plan.time_budget and paced else {}
    return store.laid_over(store.laid_over(preset_of(name, plan.preset), plan.settings), clock)


@dataclass(frozen=True)
class CodeMade:
    """The rows of a release, and fresh keys for them."""

    matrix: CodeMatrix
    keys: dict[str, np.ndarray]


def draw(trained: CodeTrained, parts: CodeParts, plan: Plan, watch: Watch) -> CodeMade:
    """Draw as many rows as are asked for, or as the source has."""
    rows = parts.rows if plan.rows is None else plan.rows
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    with watch.stage("draw", f"Drawing {rows:,} rows"):
        matrix = trained.maker.draw(rows, seeds)
        return CodeMade(matrix, trained.maker.keys(rows, seeds))


def judge(made: CodeMade, parts: CodeParts, plan: Plan, watch: Watch) -> Judged:
    """Score the rows against train and holdout, and hold the scores against the policy."""
    trial = CodeTrial(parts.train, parts.holdout, made.matrix, Seeds(plan.seed).of("judge"))
    with watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(plan), watch)


@dataclass(frozen=True)
class Findings:
    """All that the report is made from."""

    loaded: LoadedCodes
    parts: CodeParts
    trained: CodeTrained
    made: CodeMade
    judged: Judged


def report(found: Findings, plan: Plan, ledger: Ledger, watch: Watch) -> CodeRelease:
    """Gather the evidence; the files are written when the release is saved."""
    ledger.charge(Release("judge and report", note="scores and pictures, cells below 11 withheld"))
    matrix, parts, entry = found.loaded.matrix, found.parts, find_entry(found.trained.name)
    facts = DataFacts(
        name_source(plan.source),
        rows=len(matrix),
        columns=len(parts.vocabulary.codes),
        synthetic=len(found.made.matrix),
        train=len(parts.train),
        holdout=None if parts.holdout is None else len(parts.holdout),
        patients=len(np.unique(matrix.patients)),
        credit=plan.credit,
        licence=plan.licence,
        contact=plan.contact,
        across=CODES,
    )
    evidence = Evidence(
        f"Synthetic {facts.source}",
        facts,
        Schema(()),
        found.judged.panel.scores,
        found.judged.verdict,
        model=ModelFacts(
            entry.name,
            entry.title,
            entry.paper,
            entry.about,
            settings=found.trained.settings,
            chosen=found.trained.chosen,
            training=found.trained.training,
        ),
        ledger=ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        exhibits=found.judged.panel.exhibits,
        absent=found.judged.panel.skipped,
        notes=(
            *found.loaded.notes,
            *parts.notes,
            *found.trained.notes,
            *((MODEL_INSIDE,) if not entry.copies else ()),
            *risks(plan),
            *judging.faults(found.judged.panel),
        ),
        timing=dict(watch.seconds),
        versions=judging.versions(),
    )
    maker = None if entry.copies else found.trained.maker
    rows = replace(found.made.matrix, origin="synthetic")
    return CodeRelease(rows, found.made.keys, found.loaded.source, plan, evidence, maker)
