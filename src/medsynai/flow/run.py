"""The story of a run: from real rows to a synthetic release with its evidence."""

from pathlib import Path

from medsynai.flow import private, stages, training
from medsynai.flow.folder import check_apart, check_target
from medsynai.flow.kinds import kind_of
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.progress import kept_beside
from medsynai.flow.release import Released
from medsynai.flow.watch import Tell, Watch, silent
from medsynai.learn.desk import trained_on
from medsynai.privacy.carried import told_if_charged
from medsynai.privacy.ledger import Ledger


def make(
    plan: Plan, handed: Handed | None = None, tell: Tell = silent, work: Path | None = None
) -> Released:
    """Make a release in memory.

    Args:
        plan: what to make; the same plan and data give the same release.
        handed: a frame or a schema that Python hands over beside the plan.
        tell: hears the name of each stage as it starts.
        work: where networks keep their progress while they train.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    with trained_on(plan.device):  # before a row is read: a device that is not there is refused
        return _made(plan, handed or Handed(), tell, work)


def _made(plan: Plan, handed: Handed, tell: Tell, work: Path | None) -> Released:
    kind = kind_of(plan.source if handed.frame is None else None, plan.kind)
    if kind is not None:  # not a table: its own `make` tells the same story
        made_there: Released = kind.make(plan, tell, work)
        return made_there
    if plan.epsilon is not None:  # the same story, in which everything read is paid for
        return private.make(plan, handed, tell)
    ledger, watch = Ledger(), Watch(tell)
    loaded = stages.read(plan, handed, ledger, watch)
    parts = stages.divide(loaded, plan, watch)  # by patient, before anything is fitted
    trained = training.train(parts, loaded.source, plan, ledger, watch, work)
    made = stages.draw(trained, parts, plan, watch)
    judged = stages.judge(made, trained, parts, plan, watch)
    found = stages.Findings(loaded, parts, trained, made, judged)
    return stages.report(found, plan, ledger, watch)


def run(
    plan: Plan,
    folder: Path,
    overwrite: bool = False,
    tell: Tell = silent,
    resume: bool = False,
) -> Released:
    """Make a release and write it to a folder, whole or not at all.

    Args:
        plan: what to make.
        folder: the release.
        overwrite: replace an earlier one.
        tell: hears the name of each stage as it starts.
        resume: go on from the progress that an interrupted run of the same plan left beside it.

    Raises:
        InputError: as `make`.
        FolderError: the folder exists already, holds the source, or cannot be written.
    """
    check_target(folder, overwrite)
    check_apart(folder, plan.source, plan.policy, plan.ledger)
    with kept_beside(folder, resume, overwrite) as work, told_if_charged(plan.ledger):
        release = make(plan, tell=tell, work=work)
        tell("Writing the release")
        release.save(folder, overwrite)
    return release
