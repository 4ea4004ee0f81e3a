"""The stages of a run on codes, one function each; `kind_stages.make` tells them in order."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from medsynai.data.codefiles import Declared, read_codes
from medsynai.data.codes import CodeMatrix, LoadedCodes
from medsynai.data.split import split_patients
from medsynai.data.vocabulary import LEAST, Vocabulary, learn_vocabulary
from medsynai.errors import PlanError
from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.flow import judging, kind_stages
from medsynai.flow.codes.judging import panel_of
from medsynai.flow.codes.maker import CodeMaker, CodeRecipe
from medsynai.flow.codes.release import look, write
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.kind_stages import Findings, Models, Run, Trained
from medsynai.flow.opening import FEWEST, name_source
from medsynai.models.catalog import find_entry, load_code_model
from medsynai.models.entry import CODES
from medsynai.privacy.ledger import Release
from medsynai.report.evidence import DataFacts
from medsynai.seeds import Seeds

MODELS = Models(load_code_model, "code-mixture")
CHOSEN = "the default of `auto` for codes: docs/codes.md says what it was measured to"
# Options of a plan that speak of a table's columns, or of forms that codes do not have.
TABLES_ONLY = ("schema", "target", "leaks", "conditions", "keep", "mix_real", "form")
COLUMNS = ("patient", "code", "visit")


def read(run: Run) -> LoadedCodes:
    """The real codes.

    Raises:
        PlanError: options that only a table has.
        ReadError: a file that cannot be read as codes.
    """
    plan = run.plan
    kind_stages.refuse_options(plan, TABLES_ONLY, "codes have no columns")
    if plan.source is None:
        raise PlanError("no data: name a file of codes")
    with run.watch.stage("read", "Reading the codes"):
        note = f"codes of {LEAST} train patients or more, listed in the synthetic file"
        run.ledger.charge(Release("list the codes", note=note))
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
        notes: what became of rare codes, in plain words.
    """

    train: CodeMatrix
    holdout: CodeMatrix | None
    vocabulary: Vocabulary
    notes: tuple[str, ...]


def divide(loaded: LoadedCodes, run: Run) -> CodeParts:
    """Train and holdout by patient; rare codes, by train patients, are rolled up or withheld.

    Raises:
        PlanError: too few patients, or no code of enough patients.
    """
    plan = run.plan
    panel_of(plan).load()
    MODELS.check(plan)
    with run.watch.stage("split", "Splitting by patient"):
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
    return CodeParts(train, held if len(held) else None, words, notes)


def train(parts: CodeParts, loaded: LoadedCodes, run: Run) -> Trained[CodeMaker]:
    """Fit the model, on train rows only."""
    recipe = CodeRecipe.of(loaded)
    return kind_stages.train(
        MODELS, parts.train, lambda fitted: CodeMaker(fitted, recipe), CHOSEN, run
    )


@dataclass(frozen=True)
class CodeMade:
    """The rows of a release, and fresh keys for them."""

    matrix: CodeMatrix
    keys: dict[str, np.ndarray]


def draw(trained: Trained[CodeMaker], loaded: LoadedCodes, parts: CodeParts, run: Run) -> CodeMade:
    """Draw as many rows as are asked for, or as the source has."""
    plan = run.plan
    rows = len(loaded.matrix) if plan.rows is None else plan.rows
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    with run.watch.stage("draw", f"Drawing {rows:,} rows"):
        matrix = trained.maker.draw(rows, seeds)
        return CodeMade(matrix, trained.maker.keys(rows, seeds))


def judge(made: CodeMade, parts: CodeParts, run: Run) -> Judged:
    """Score the rows against train and holdout, and hold the scores against the policy."""
    seeds = Seeds(run.plan.seed).of("judge")
    trial = CodeTrial(parts.train, parts.holdout, made.matrix, seeds)
    with run.watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(run.plan), run.watch)


def report(found: Findings, run: Run) -> KindRelease:
    """Gather the evidence; the files are written when the release is saved."""
    loaded, parts, trained = found.loaded, found.parts, found.trained
    facts = DataFacts(
        name_source(run.plan.source),
        rows=len(loaded.matrix),
        columns=len(parts.vocabulary.codes),
        synthetic=len(found.made.matrix),
        train=len(parts.train),
        holdout=None if parts.holdout is None else len(parts.holdout),
        patients=len(np.unique(loaded.matrix.patients)),
        across=CODES,
    )
    evidence = kind_stages.evidence(found, facts, run)
    maker = None if find_entry(trained.name).copies else trained.maker
    rows = replace(found.made.matrix, origin="synthetic")
    keys = found.made.keys
    written = partial(write, rows, keys, loaded.source)
    return KindRelease(rows, partial(look, rows, keys), written, run.plan, evidence, maker)
