"""One loop for every network: updates in turn, real rows only to those that say so.

Early stopping watches rows held out of the train rows, never the holdout of the evaluation.
"""

import math
from copy import deepcopy
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from medsynai.errors import ModelError, PlanError
from medsynai.learn.clock import OUT_OF_TIME, Clock
from medsynai.learn.core import Batch, Loss, Modules, Update
from medsynai.learn.desk import Desk, desk
from medsynai.learn.devices import CPU, device_of
from medsynai.learn.job import Job, Trained
from medsynai.learn.looks import Looks
from medsynai.learn.mechanism import Mechanism, Plain
from medsynai.learn.monitor import alarm
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.precision import brisk_products
from medsynai.learn.state import Progress
from medsynai.seeds import Seeds

RESTARTS, SLOWER = 2, 0.1  # begun anew at most so often, each time at a tenth of the rate
GROWN = 3.0  # a held-out loss this many times the best one seen is taken as divergence


def train(
    job: Job,
    rows: Tensor,
    held: Tensor,
    seeds: Seeds,
    folder: Path | None = None,
    first: Modules | None = None,
) -> Trained:
    """Train until the rounds or the time are over, or held-out rows stop gaining.

    Args:
        job: networks and phases.
        rows: (n, columns) train rows; under a budget there may be none.
        held: (m, columns) rows held out of them, of other patients; may be empty.
        seeds: all randomness.
        folder: where progress is saved at every look, and resumed from if there is any; an
            interrupted run ends with the same bytes as one that was not.
        first: networks of the same form whose weights it begins with, in place of random ones.

    Raises:
        PlanError: no rounds, or a time budget too small for one pass over the rows.
        ModelError: an update that reads real rows without saying so, or a foreign folder.
    """
    if job.rounds < 1:
        raise PlanError("training needs at least one round: raise `steps`")
    if not len(rows) and isinstance(job.mechanism, Plain):  # under a budget that would tell of it
        raise ModelError("a network needs at least one train row")
    job = job.sized(rows.numel())
    around = desk().begun
    run = _Run(job, rows, held, seeds, around, first)
    if folder is not None:
        run.progress.resume(folder)
    saved = -math.inf
    while not run.progress.ended:
        with brisk_products(job.brisk and run.bare):
            run.round()
        if not run.looks_now():
            continue
        run.look()
        if run.progress.marks:
            told = run.progress.marks[-1].flat() | {"restarts": run.progress.restarts}
            around.hear(run.progress.done, job.rounds, told)
        due = run.progress.ended or perf_counter() - saved >= around.every
        if folder is not None and due:
            run.progress.save(folder)
            saved = perf_counter()
    return run.finish()


class _Run:
    """One training run: the job's fixed parts, and the progress that a checkpoint holds."""

    def __init__(
        self,
        job: Job,
        rows: Tensor,
        held: Tensor,
        seeds: Seeds,
        around: Desk,
        first: Modules | None = None,
    ) -> None:
        self.job, self.rows, self.held = job, rows, held
        # clipping and noise are worked out, and tested, on the processor
        self.bare = isinstance(job.mechanism, Plain)
        self.device = device_of(around.device) if self.bare else CPU
        # Under a budget what reads no row is not told either how many there are, or whether any.
        self.unread = rows if self.bare else rows.new_full((1, rows.shape[1]), torch.nan)
        self.clock = Clock(job, len(rows), around.began or 0.0)
        generator = torch.Generator().manual_seed(seeds.of("train").integer())
        initialise(job.modules, generator)
        if first is not None:
            job.modules.load_state_dict(first.state_dict())
        averaged = deepcopy(job.modules).requires_grad_(False)
        job.modules.to(self.device)
        # One optimiser for the same networks in a phase: its moments span all their updates.
        updates = {(k, u.trains): u for k, p in enumerate(job.phases) for u in p.updates}
        self.steppers = {key: _optimiser(job.modules, u) for key, u in updates.items()}
        self.progress = Progress(
            modules=job.modules,
            averaged=averaged,
            best=deepcopy(averaged),
            steppers=tuple(self.steppers.values()),
            generator=generator,
        )
        self.looks = Looks(job, rows, held, seeds, self.device)
        self.untrained = self.looks.loss(averaged)

    def round(self) -> None:
        """Every update of the phase at hand, as often as it repeats."""
        number, phase, before = self.job.phase_at(self.progress.done)
        for update in phase.updates:
            for _ in range(update.repeats):
                if not self.progress.ended:
                    self._step(number, update, first=not before)
        if not self.progress.ended:
            self.progress.done = self.clock.after(self.progress.done)
            self._average()

    def _step(self, number: int, update: Update, first: bool) -> None:
        progress, modules = self.progress, self.job.modules
        how: Mechanism = self.job.mechanism if update.reads_real else Plain()
        rows = self.rows if update.reads_real else self.unread
        batch = how.batch(self.job, rows, progress.generator).to(self.device)
        if not update.reads_real:
            batch = batch.blind()
        told = how.gradients(update.at(progress.done), modules, update.trains, batch)
        loss = 0.0 if told is None else float(told)
        weights = [p for name in update.trains for p in modules[name].parameters()]
        norm = float(torch.nn.utils.clip_grad_norm_(weights, self.job.pace.clip))
        if not math.isfinite(loss) or not math.isfinite(norm):
            if not update.reads_real and first and _peeks(update.at(progress.done), modules, batch):
                raise ModelError(
                    f"the update of {', '.join(update.trains)} gives no number without real rows;"
                    " it must say reads_real"
                )
            self._alarm("the loss was no longer a number: lower the learning rate")
            return
        stepper = self.steppers[number, update.trains]
        left = self.job.pace.rate(self.clock.behind(progress.done))
        stepper.param_groups[0]["lr"] = update.lr * left * SLOWER**progress.restarts
        stepper.step()
        if update.reads_real and told is not None:
            progress.losses.append(loss)

    def _average(self) -> None:
        done = self.progress.done
        keep = min(self.job.pace.average, done / (done + 9))  # early weights are soon forgotten
        pairs = zip(self.progress.averaged.parameters(), self.job.modules.parameters(), strict=True)
        with torch.no_grad():
            for mean, now in pairs:
                mean.lerp_(now.to(mean.device), 1 - keep)

    def looks_now(self) -> bool:
        """Whether it is time to look at the held-out rows."""
        progress = self.progress
        over = progress.done in (0, self.job.rounds) or self.clock.over
        at_end = over or bool(progress.ended)
        return at_end or progress.done % self.job.pace.check == 0

    def look(self) -> None:
        """Measure, keep the best weights, and decide whether to go on."""
        progress = self.progress
        if progress.ended:
            return
        if self.job.paints is not None:
            progress.film.take(progress.done, self.job.paints, progress.averaged)
        figures = self.looks.at(progress.done, progress.averaged, self.job.modules)
        held = figures.pop("held", None)
        progress.mark(math.nan if held is None else held, figures)
        wrong = alarm([m.figures for m in progress.marks])
        if wrong:
            self._alarm(wrong)
        elif held is not None:
            self._compare(held)
        else:
            progress.keep()
        if not progress.ended:
            self._ends()

    def _compare(self, held: float) -> None:
        progress = self.progress
        best = min((m.held for m in progress.marks[:-1]), default=math.inf)
        start = math.inf if self.untrained is None else self.untrained
        if not math.isfinite(held) or held > GROWN * max(min(best, start), 1.0):
            self._alarm("the loss on held-out rows grew without end: lower the learning rate")
        elif progress.gained:
            progress.keep()
            progress.stale = 0
        else:
            progress.stale += 1
            if progress.stale >= self.job.pace.patience:
                progress.ended = "held-out rows stopped gaining"

    def _ends(self) -> None:
        progress = self.progress
        if progress.done >= self.job.rounds:
            progress.ended = "all rounds were run"
        elif self.clock.over:
            self.clock.check(progress.done)
            progress.ended = OUT_OF_TIME

    def _alarm(self, what: str) -> None:
        """End with the last good weights; where there are none yet, begin anew and slower."""
        looks = self.job.watched is not None or self.job.monitor is not None
        if looks and not self.progress.kept and self.progress.restarts < RESTARTS:
            self.progress.restart()
        else:
            self.progress.ended, self.progress.healthy = what, False

    def finish(self) -> Trained:
        """The best weights; an alarm before the first look leaves none that can be used."""
        progress = self.progress
        if not progress.healthy and not progress.kept:
            raise ModelError(
                f"training failed before its first look at held-out rows: {progress.ended}"
            )
        marks, restarts = tuple(progress.marks), progress.restarts
        how = progress.ended, progress.healthy, restarts
        return Trained(progress.best, marks, *how, tuple(progress.film.shots))


def _peeks(loss: Loss, modules: Modules, blind: Batch) -> bool:
    """Whether a loss that is no number becomes one where rows of nobody stand for real ones."""
    seen = blind._replace(real=torch.zeros_like(blind.real), labels=torch.zeros_like(blind.labels))
    found = [loss(modules, batch).isfinite().all() for batch in (blind, seen)]
    return not found[0] and bool(found[1])


def _optimiser(modules: Modules, update: Update) -> torch.optim.Adam:
    weights = [p for name in update.trains for p in modules[name].parameters()]
    return torch.optim.Adam(weights, lr=update.lr, betas=update.betas, fused=True)
