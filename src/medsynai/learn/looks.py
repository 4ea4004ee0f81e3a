"""Looks at a run: the same rows and the same noise every time."""

from dataclasses import replace

import torch
from torch import Tensor

from medsynai.learn.core import Batch, Modules
from medsynai.learn.devices import CPU
from medsynai.learn.job import Job
from medsynai.learn.mechanism import some_batch
from medsynai.learn.monitor import BATCH, Figures, critic_loss
from medsynai.seeds import Seeds

NUMBERS = 2**25  # in the rows of a look and their noise: fewer rows where images are large


class Looks:
    """What a run is measured on at every look.

    Args:
        job: what it watches and monitors; with neither, no real row is looked at.
        rows: (n, columns) train rows.
        held: (m, columns) rows held out; may be empty.
        seeds: of the rows and the noise.
        device: where the living networks are; averaged ones are on the processor.
    """

    def __init__(
        self, job: Job, rows: Tensor, held: Tensor, seeds: Seeds, device: str = CPU
    ) -> None:
        self.job, self.held, self.device = job, held, device
        fixed = torch.Generator().manual_seed(seeds.of("look").integer())
        none = torch.zeros(len(held), 0)
        noise = torch.randn(len(held), job.noise, generator=fixed)
        self.held_batch = Batch(held, none, none, noise)
        many = max(job.pace.batch, min(BATCH, NUMBERS // (rows.shape[1] + job.noise)))
        sizes = (many, job.pace.batch) if job.monitor is not None else ()
        fair = replace(job, asking=job.asking.fair)
        self.fixed = [some_batch(fair, rows, n, fixed) for n in sizes]

    @torch.no_grad()
    def at(self, done: int, averaged: Modules, living: Modules) -> Figures:
        """What the monitor measures after so many rounds, the critic's loss, and "held", if any.

        "held" is the loss or distance on held-out rows. Averaged networks are judged, but for the
        critic: it is the living one whose loss tells first that a run diverges.
        """
        job, figures = self.job, Figures()
        if job.monitor is not None:
            many, few = self.fixed
            figures = job.monitor(averaged, many, self.held[:BATCH])
            phase = job.phase_at(done - 1)[1]
            figures |= critic_loss(phase, living, few.to(self.device))
        held = self.loss(averaged)
        return figures if held is None else figures | {"held": held}

    @torch.no_grad()
    def loss(self, averaged: Modules) -> float | None:
        """The loss on held-out rows; None where it is not watched, or no row is held out."""
        if self.job.watched is None or not len(self.held):
            return None
        return float(self.job.watched(averaged, self.held_batch).mean())
