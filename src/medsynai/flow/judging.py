"""Judging: a run's own rows, and by `evaluate` anybody's synthetic file against the real one."""

import platform
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from medsynai import store
from medsynai.data.infer import infer
from medsynai.data.read import Loaded, judge_beside, judge_by, read_raw, with_schema
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.deidentify import deidentify
from medsynai.errors import PlanError, SchemaError
from medsynai.evaluate.panel import PANEL, Measure, Scorecard
from medsynai.evaluate.panel import judge as judge_trial
from medsynai.evaluate.policy import Policy, Verdict, judge_gates, load_policy
from medsynai.evaluate.score import Score
from medsynai.evaluate.trial import Trial
from medsynai.flow import folder as names
from medsynai.flow.internal import write_internal
from medsynai.flow.kinds import kind_of
from medsynai.flow.opening import aiming, name_source
from medsynai.flow.watch import Tell, Watch, silent
from medsynai.flow.withholding import LEAST, listable
from medsynai.generator import Condition
from medsynai.report.card import card
from medsynai.report.evidence import DataFacts, Evidence
from medsynai.report.html import render
from medsynai.report.promise import promise_card, promise_page
from medsynai.seeds import Seeds

if TYPE_CHECKING:
    from medsynai.evaluate.codes.trial import CodeTrial
    from medsynai.evaluate.cohorts.trial import CohortTrial
    from medsynai.evaluate.images.trial import ImageTrial
    from medsynai.evaluate.series.trial import SeriesTrial

Data = str | Path | pd.DataFrame
PACKAGES = ("medsynai", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Judged:
    """The panel's scores and exhibits, and what the policy says of them."""

    panel: Scorecard
    verdict: Verdict


@dataclass(frozen=True)
class Panel:
    """How to judge: which measures (() for all), and the policy's file (None for the default).

    Attributes:
        known: all measures of this kind of data.
        default: the policy where no file is named, below medsynai.evaluate.
    """

    measures: tuple[str, ...] = ()
    policy: str | None = None
    known: tuple[Measure, ...] = PANEL
    default: str = "policy.toml"

    def __post_init__(self) -> None:
        names = [m.name for m in self.known]
        for name in self.measures:
            if name not in names:
                near = get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"measures: {', '.join(names)}"
                raise PlanError(f"no measure {name!r}; {hint}")

    def load(self) -> Policy:
        """The policy.

        Raises:
            PlanError: a file that cannot be understood.
        """
        return load_policy(Path(self.policy) if self.policy else None, self.default)


def judge(
    trial: "Trial | CodeTrial | CohortTrial | ImageTrial | SeriesTrial", panel: Panel, watch: Watch
) -> Judged:
    """Take the measures, note how long each took, then hold them against the policy.

    Raises:
        PlanError: a policy that cannot be understood, or an unknown measure.
    """
    policy = panel.load()

    def progress(name: str, done: int, total: int) -> None:
        if name:
            watch.tell(f"Judging: {name.replace('_', ' ')} ({done + 1} of {total})")

    scores = judge_trial(trial, panel.measures or None, progress, panel=panel.known)
    watch.seconds.update({f"judge: {name}": taken for name, taken in scores.seconds.items()})
    return Judged(scores, judge_gates(scores.scores, policy))


def narrowed(trial: Trial, condition: Condition) -> Trial:
    """Under a condition: the real rows that meet it, beside which the synthetic ones stand.

    Beside all real rows, every difference that was asked for would count as a fault.
    """
    if not condition:
        return trial
    held, met = trial.holdout, condition.met_by(trial.train)
    return replace(
        trial,
        train=trial.train.rows(met),
        records=trial.record_numbers[met],
        holdout=None if held is None else held.rows(condition.met_by(held)),
    )


@dataclass(frozen=True)
class Assessment:
    """What was found about somebody's synthetic file.

    Attributes:
        schema: of the real data, without levels of one or two rows.
        internal: for the owner of the real data alone: worst-off records and groups.
    """

    evidence: Evidence
    schema: Schema
    internal: dict[str, Any] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every score, in the panel's order."""
        return self.evidence.scores

    @property
    def verdict(self) -> Verdict:
        """What the policy says of the scores."""
        verdict: Verdict = self.evidence.verdict
        return verdict

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write report.html, scores.json, card.md, schema.toml and internal/; returns the folder.

        Raises:
            FolderError: the folder exists (and is not to be overwritten), or cannot be written.
        """
        target = Path(folder)
        with names.staged(target, overwrite) as place:
            (place / names.SCHEMA).write_text(self.schema.to_toml(), encoding="utf-8")
            write_documents(place, self.evidence)
            write_internal(place / names.INTERNAL, self.internal)
        return target


@dataclass(frozen=True)
class Files:
    """What `evaluate` is given: real rows, the synthetic ones, and real rows nobody trained on.

    Attributes:
        kind: of data, as `medsynai.flow.kinds.kind_of` takes it; "" to look.
    """

    real: Data
    synthetic: Data
    holdout: Data | None = None
    schema: Schema | None = None
    kind: str = ""


def assess(
    files: Files, target: str | None, panel: Panel, seed: int = 0, tell: Tell = silent
) -> Assessment:
    """Judge anybody's synthetic rows; the making wing is not touched.

    Raises:
        ReadError: a source that cannot be read as a table.
        SchemaError: data that do not fit the schema.
        PlanError: an unknown target, policy or measure.
    """
    kind = kind_of(files.real, files.kind)
    if kind is not None:
        found: Assessment = kind.assess(files, panel, seed, tell)
        return found
    watch = Watch(tell)
    with watch.stage("read", "Reading the tables"):
        real, held = _read_real(files)
        table = aiming(real.table, target)
        drawn = judge_by(files.synthetic, real.table.schema, real.source)
    with watch.stage("deidentify", "Leaving out identifiers"):
        safe = deidentify(table)
        schema = safe.table.schema
        unseen = None if held is None else _in(schema, held.table)
        rows = _in(schema, drawn.table)
    trial = Trial(safe.table, unseen, rows, schema.target, Seeds(seed).of("judge"))
    with watch.stage("judge", "Judging"):
        judged = judge(trial, panel, watch)
    listed = listable(table, LEAST)
    notes = (
        *real.notes,
        *(f"real {m}; judged as they are" for m in real.misfits),
        *(f"holdout {m}; judged as they are" for m in (held.misfits if held else ())),
        *safe.log,
        *drawn.notes,
        *(f"synthetic {m}" for m in drawn.misfits),
        *faults(judged.panel),
    )
    facts = DataFacts(
        name_source(files.real),
        rows=len(table),
        columns=len(table.schema.columns),
        synthetic=len(drawn.table),
        train=len(table),
        holdout=None if held is None else len(held.table),
        missing=float(table.frame.isna().to_numpy().mean()),
        patients=count_patients(table),
    )
    evidence = Evidence(
        f"Evaluation of {name_source(files.synthetic)}",
        facts,
        listed,
        judged.panel.scores,
        judged.verdict,
        exhibits=judged.panel.exhibits,
        notes=notes,
        timing=watch.seconds,
        versions=versions(),
    )
    return Assessment(evidence, listed, judged.panel.internal)


def _read_real(files: Files) -> tuple[Loaded, Loaded | None]:
    """The real rows and the holdout; what is inferred is inferred from both, as both are real."""
    raw = read_raw(files.real)
    other = None if files.holdout is None else read_raw(files.holdout, raw.source)
    if files.schema is not None:
        both = judge_beside([raw] if other is None else [raw, other], files.schema)
        return both[0], None if other is None else both[1]
    if other is None:
        return with_schema(raw, infer(raw.frame, raw.source.format.is_text)), None
    if set(raw.source.names) != set(other.source.names):
        differ = sorted(set(raw.source.names) ^ set(other.source.names))
        raise SchemaError(f"real and holdout rows differ in the column {differ[0]!r}")
    if raw.source.format.is_text != other.source.format.is_text:
        raise SchemaError(
            "real and holdout rows are in different kinds of files: give a schema "
            "(medsynai inspect REAL --out schema.toml)"
        )
    both_rows = pd.concat([raw.frame, other.frame[raw.frame.columns]], ignore_index=True)
    schema = infer(both_rows, raw.source.format.is_text)
    return with_schema(raw, schema), with_schema(other, schema)


def faults(panel: Scorecard) -> tuple[str, ...]:
    """Measures that broke, in words."""
    return tuple(f"the measure {n} broke ({kind})" for n, kind in panel.failed.items())


def _in(schema: Schema, table: Table) -> Table:
    """The learnt form of another table of the same source, in the first one's schema."""
    safe = deidentify(table).table
    return Table(safe.frame, schema, table.origin)


def count_patients(table: Table) -> int | None:
    """How many people the rows are about; None where no column names them."""
    subject = table.schema.subject
    return None if subject is None else int(table.frame[subject].nunique())


def versions() -> dict[str, str]:
    """Of Python and the packages that the figures rest on."""
    return {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}


def write_promise(place: Path, evidence: Evidence) -> None:
    """Write card.md and report.html of a private release, which hold no score on real rows."""
    whole = _hashed(place, evidence)
    (place / names.CARD).write_text(promise_card(whole), encoding="utf-8")
    (place / names.REPORT).write_text(promise_page(whole), encoding="utf-8")


def _hashed(place: Path, evidence: Evidence) -> Evidence:
    """With the hashes of what stands in the folder already."""
    files = sorted(p for p in place.rglob("*") if p.is_file())
    return replace(
        evidence, hashes={p.relative_to(place).as_posix(): store.sha256(p) for p in files}
    )


def write_documents(place: Path, evidence: Evidence) -> None:
    """Write scores.json, card.md and report.html, with the hashes of what stands there already."""
    whole = _hashed(place, evidence)
    (place / names.SCORES).write_text(whole.to_json(), encoding="utf-8")
    (place / names.CARD).write_text(card(whole), encoding="utf-8")
    (place / names.REPORT).write_text(render(whole), encoding="utf-8")
