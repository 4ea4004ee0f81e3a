"""The policy: which scores a release is held against, and the verdict in one sentence.

Limits live in a file with their sources, never in code. See docs/decisions/0004-gates.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib import resources
from math import isfinite
from pathlib import Path

from medsynai import store
from medsynai.errors import PlanError
from medsynai.evaluate.attacks.heading import INCONCLUSIVE
from medsynai.evaluate.score import Family, Score


class Rule(StrEnum):
    """Which side of the limit is the good one."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


class Proof(StrEnum):
    """How much a breach takes to be a fail."""

    SHOWN = "shown"  # even the favourable end of the interval is past the limit
    MEASURED = "measured"  # the figure itself is
    POSSIBLE = "possible"  # the unfavourable end is: a release must show that it is good


class Severity(StrEnum):
    """What a breach does."""

    FAIL = "fail"
    WARN = "warn"


class Status(StrEnum):
    """How a gate stands."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSED = "not assessed"


@dataclass(frozen=True)
class Gate:
    """A score and its limit.

    Attributes:
        score: the score's name.
        limit: in the score's units, in multiples of its holdout anchor (`of_holdout`), or as a
            share of the way from there to its shuffled anchor (`to_shuffled`).
        source: where the limit comes from.
        rule: which side is good.
        fails_when: how much a breach takes to be a fail.
        warns_when: how much it takes to be a warning.
        severity: "warn" turns a fail into a warning.
        of_holdout: the limit is so many times what fresh real rows score.
        to_shuffled: the limit lies so far on the way from what fresh real rows score, 0, to what
            shuffled columns score, 1.
        needs_control: the positive control must breach the limit too, where the score has one: a
            measure by which even a copy passes says nothing.
        control: what the positive control must reach at least, where that is more than the limit:
            an attack that hardly finds a plain copy is no proof against anything subtler.
        required: without this score there is no pass.
        title: what it is called where its score was not measured; a score has its own.
    """

    score: str
    limit: float
    source: str
    rule: Rule = Rule.AT_MOST
    fails_when: Proof = Proof.SHOWN
    warns_when: Proof = Proof.POSSIBLE
    severity: Severity = Severity.FAIL
    of_holdout: bool = False
    to_shuffled: bool = False
    needs_control: bool = True
    required: bool = True
    control: float | None = None
    title: str = ""


@dataclass(frozen=True)
class Policy:
    """The gates of a release, in the order in which they are read."""

    title: str
    gates: tuple[Gate, ...]

    def __post_init__(self) -> None:
        names = [g.score for g in self.gates]
        for gate in self.gates:
            where = f"policy: gate {gate.score!r}"
            if names.count(gate.score) > 1:
                raise PlanError(f"{where} is listed more than once; keep one")
            if not isfinite(gate.limit):
                raise PlanError(f"{where}: limit must be a finite number")
            if gate.of_holdout and gate.to_shuffled:
                raise PlanError(f"{where}: of_holdout and to_shuffled contradict each other")
            if not gate.source.strip():
                raise PlanError(f"{where}: say in 'source' where its limit comes from")


@dataclass(frozen=True)
class Ruling:
    """One gate, judged.

    Attributes:
        name, title: the score's.
        limit: in the score's own units; None where it hangs on an anchor that is missing.
        value, low, high: the score's; None where it was not assessed.
        status: how it stands.
        severity: what a breach does.
        required: whether it stands in the way of a pass while it is not assessed.
        source: of the limit.
        reason: why it stands so, in plain words.
    """

    name: str
    title: str
    limit: float | None
    value: float | None
    low: float | None
    high: float | None
    status: Status
    severity: Severity
    required: bool
    source: str
    reason: str

    @property
    def passed(self) -> bool:
        """Whether it lets a release pass."""
        if self.status in (Status.PASS, Status.WARN):
            return True
        if self.severity is Severity.WARN:
            return self.status is not Status.FAIL
        return self.status is Status.NOT_ASSESSED and not self.required


@dataclass(frozen=True)
class Verdict:
    """All gates, judged; a release passes if each of them lets it.

    Attributes:
        why: nothing was judged, where there are no gates.
    """

    gates: tuple[Ruling, ...]
    why: str = "Not judged: the policy has no gates."

    @cached_property
    def passed(self) -> bool:
        """Whether nothing stands in the way; warnings do not, an empty policy does."""
        return bool(self.gates) and all(g.passed for g in self.gates)

    @cached_property
    def status(self) -> Status:
        """The worst of what stands in the way, else warn or pass."""
        if not self.gates:
            return Status.NOT_ASSESSED
        blocking = {g.status for g in self.gates if not g.passed}
        for status in (Status.FAIL, Status.INCONCLUSIVE, Status.NOT_ASSESSED):
            if status in blocking:
                return status
        return Status.WARN if self._having(Status.WARN) else Status.PASS

    @cached_property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if not self.gates:
            return self.why
        total = f"{len(self.gates)} gates"
        if failed := self._having(Status.FAIL):
            tail = f"; {_listed(failed)}" if len(failed) > 1 else f": {_listed(failed)}"
            return f"Does not pass: {len(failed)} of {total} {_verb(failed, 'fail')}{tail}."
        blocking = [g for g in self.gates if not g.passed]
        if blocking:
            return (
                f"Cannot be passed: {len(blocking)} of {total} could not be decided, first "
                f"{blocking[0].title} ({blocking[0].reason})."
            )
        if warned := self._having(Status.WARN):
            verb = _verb(warned, "warn")
            return (
                f"Passes with warnings: no gate fails, {len(warned)} of {total} {verb}"
                f"{self._open()}."
            )
        judged = sum(g.status is Status.PASS for g in self.gates)
        return f"Passes: all {judged} gates that apply are kept{self._open()}."

    def _open(self) -> str:
        """What does not stand in the way, and is no pass either."""
        states = (Status.INCONCLUSIVE, Status.NOT_ASSESSED)
        counts = {s.value: len(self._having(s)) for s in states}
        said = [f"{n} {'is' if n == 1 else 'are'} {name}" for name, n in counts.items() if n]
        return f"; {' and '.join(said)}" if said else ""

    def _having(self, status: Status) -> list[Ruling]:
        return [g for g in self.gates if g.status is status]


def _verb(gates: list[Ruling], verb: str) -> str:
    return verb if len(gates) > 1 else verb + "s"


def _listed(gates: list[Ruling]) -> str:
    names = [f"{g.title} ({g.reason})" for g in gates[:2]]
    more = f" and {len(gates) - 2} more" if len(gates) > 2 else ""
    return ", ".join(names) + more


def load_policy(path: Path | None = None, default: str = "policy.toml") -> Policy:
    """A policy file, or a default that comes with the package.

    Args:
        path: the file; None for the default.
        default: which one, below medsynai.evaluate.

    Raises:
        PlanError: a file that cannot be read, is not TOML, or does not describe gates.

    >>> load_policy().title
    'Default release policy'
    """
    if path is None:
        text = resources.files("medsynai.evaluate").joinpath(default).read_text("utf-8")
        return store.from_toml(Policy, text, "the default policy")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlanError(f"policy {path.name}: cannot be read as a UTF-8 text file") from None
    return store.from_toml(Policy, text, f"policy {path.name}")


def judge_gates(scores: Sequence[Score], policy: Policy) -> Verdict:
    """Hold the scores of all rows (not those of subgroups) against the policy's limits.

    A gate whose score is missing or has no value is "not assessed", and one whose attack does not
    catch the positive control is "inconclusive": neither is a pass.
    """
    known = {s.name: s for s in scores if not s.group}
    return Verdict(tuple(_rule(g, known.get(g.score)) for g in policy.gates))


def _rule(gate: Gate, score: Score | None) -> Ruling:
    limit = _limit(gate, score)
    status, reason = _stand(gate, score, limit)
    return Ruling(
        name=gate.score,
        title=score.title if score else gate.title or gate.score.replace("_", " "),
        limit=limit,
        value=score.value if score else None,
        low=score.low if score else None,
        high=score.high if score else None,
        status=status,
        severity=gate.severity,
        required=gate.required,
        source=gate.source,
        reason=reason,
    )


def _limit(gate: Gate, score: Score | None) -> float | None:
    if not (gate.of_holdout or gate.to_shuffled):
        return gate.limit
    if score is None or score.holdout is None:
        return None
    if gate.of_holdout:
        return gate.limit * score.holdout
    if score.shuffled is None or not _past(gate, score.shuffled, score.holdout):
        return None  # where shuffling does no harm there is no way to go
    return score.holdout + gate.limit * (score.shuffled - score.holdout)


def _stand(gate: Gate, score: Score | None, limit: float | None) -> tuple[Status, str]:
    """The status of one gate, and why."""
    if score is None:
        return Status.NOT_ASSESSED, "this score was not measured"
    if score.value is None or not isfinite(score.value):
        return Status.NOT_ASSESSED, score.note.removeprefix("not assessed: ") or "no figure"
    if score.information:
        return Status.NOT_ASSESSED, "shown as information only, so it cannot carry a gate"
    if limit is None:
        if gate.to_shuffled and score.holdout is not None:
            return Status.NOT_ASSESSED, "shuffled columns score no worse than real rows here"
        return Status.NOT_ASSESSED, "the limit hangs on the holdout's figure, which is missing"
    worst, best = _ends(gate, score)
    ends = {Proof.SHOWN: best, Proof.MEASURED: score.value, Proof.POSSIBLE: worst}
    said = f"{score.value:.3g}, limit {gate.rule} {limit:.3g}"
    if _past(gate, ends[gate.fails_when], limit):
        if gate.needs_control and score.note.startswith(INCONCLUSIVE):
            return Status.INCONCLUSIVE, f"{said}: past it, but {_why(score)}"
        return (Status.WARN if gate.severity is Severity.WARN else Status.FAIL), said
    if gate.needs_control and _missed(gate, score, limit):
        missed = "the attack lets a plain copy of the train rows pass"
        return Status.INCONCLUSIVE, _why(score) or missed
    if gate.control is not None and (score.control is None or score.control < gate.control):
        reached = "was not tried on" if score.control is None else f"scores {score.control:.3g} on"
        return Status.INCONCLUSIVE, (
            f"the attack {reached} a plain copy of the train rows, where {gate.control:g} is asked"
        )
    if _past(gate, ends[gate.warns_when], limit):
        if _past(gate, score.value, limit):
            return Status.WARN, f"{said}: past it, but its interval begins at {best:.3g}"
        return Status.WARN, f"{said}, but its interval reaches {worst:.3g}"
    return Status.PASS, said


def _ends(gate: Gate, score: Score) -> tuple[float, float]:
    """The unfavourable and the favourable end; the figure itself where there is no interval."""
    value = score.value if score.value is not None else float("nan")
    low = value if score.low is None else score.low
    high = value if score.high is None else score.high
    return (high, low) if gate.rule is Rule.AT_MOST else (low, high)


def _past(gate: Gate, figure: float, limit: float) -> bool:
    return figure > limit if gate.rule is Rule.AT_MOST else figure < limit


def _why(score: Score) -> str:
    """Why a score is inconclusive; "" where it is not."""
    begin = f"{INCONCLUSIVE}: "
    return score.note.removeprefix(begin) if score.note.startswith(begin) else ""


def _missed(gate: Gate, score: Score, limit: float) -> bool:
    """Whether the positive control would have passed this gate too."""
    if score.note.startswith(INCONCLUSIVE):
        return True
    attack = score.family is Family.PRIVACY  # a copy may well be as good as real rows are
    return attack and score.control is not None and not _past(gate, score.control, limit)
