"""Judging codes: how a run's own rows are judged, and anybody's synthetic file."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from medsynai.data.codefiles import read_codes
from medsynai.data.codes import CodeMatrix
from medsynai.data.vocabulary import Vocabulary, learn_vocabulary
from medsynai.errors import PlanError
from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.evaluate.panel import CODE_PANEL
from medsynai.flow import judging, kind_stages
from medsynai.flow.judging import Assessment, Files, Panel
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell, Watch
from medsynai.report.evidence import DataFacts
from medsynai.seeds import Seeds

POLICY = "codes/policy.toml"


def panel_of(plan: Plan) -> Panel:
    """How a plan's codes are judged."""
    return Panel(plan.measures, plan.policy, CODE_PANEL, POLICY)


def assess(files: Files, panel: Panel, seed: int, tell: Tell) -> Assessment:
    """Judge anybody's synthetic codes; the making wing is not touched.

    Real codes of fewer than three patients are rolled up or withheld, in the synthetic rows as
    well; a synthetic code that no real row has counts as invented.

    Raises:
        ReadError: a file that cannot be read as codes.
        PlanError: a schema, which codes do not have.
    """
    from medsynai.flow.codes.stages import declared

    watch, said = Watch(tell), declared(files.kind)
    if files.schema is not None:
        raise PlanError("codes have no columns, so schema is for tables only")
    with watch.stage("read", "Reading the codes"):
        given = (files.real, files.synthetic, files.holdout)
        loaded = [None if f is None else read_codes(Path(str(f)), said) for f in given]
        real, made, held = loaded
        if real is None or made is None:
            raise PlanError("name the real and the synthetic file")
        words = learn_vocabulary(real.matrix, real.source.named)
        known = {*real.matrix.codes, *words.codes, *(held.matrix.codes if held else ())}
        used = np.unique(made.matrix.counts.indices)
        invented = sum(made.matrix.codes[i] not in known for i in used) / max(len(used), 1)
        rows = [None if x is None else _in(words, x.matrix) for x in loaded]
    train, synthetic, holdout = rows
    assert train is not None and synthetic is not None
    trial = CodeTrial(train, holdout, synthetic, Seeds(seed).of("judge"), invented)
    codes = Panel(panel.measures, panel.policy, CODE_PANEL, POLICY)
    with watch.stage("judge", "Judging"):
        judged = judging.judge(trial, codes, watch)
    facts = DataFacts(
        name_source(files.real),
        rows=len(train),
        columns=len(words.codes),
        synthetic=len(synthetic),
        train=len(train),
        holdout=None if holdout is None else len(holdout),
        patients=len(np.unique(train.patients)),
        across="codes",
    )
    return kind_stages.assessment(files, facts, judged, (*real.notes, *words.notes), watch)


def _in(words: Vocabulary, matrix: CodeMatrix) -> CodeMatrix:
    """In the codes that are judged."""
    return replace(words.apply(matrix), origin=matrix.origin)
