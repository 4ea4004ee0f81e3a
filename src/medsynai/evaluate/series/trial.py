"""What every measure of series is given: the same series, baselines and ways of looking."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from medsynai.data.pixels import PixelScale
from medsynai.data.series import SeriesSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.trial import LEAST, Numbers, matched
from medsynai.seeds import Seeds

NO_HOLDOUT = "needs a holdout: real series that the generator never saw"


@dataclass(frozen=True)
class SeriesSides:
    """Candidates and the reference that each is compared with, in equal numbers of each class."""

    reference: SeriesSet
    real: SeriesSet
    synthetic: SeriesSet
    shuffled: SeriesSet

    @property
    def candidates(self) -> dict[str, SeriesSet]:
        """By name."""
        return {"synthetic": self.synthetic, "real": self.real, "shuffled": self.shuffled}


@dataclass(frozen=True)
class SeriesTrial:
    """Real and synthetic series of one length, the same channels and list of classes.

    Attributes:
        train: the real series that the generator saw.
        holdout: real series of other patients; None if nobody has any.
        synthetic: the series to judge.
    """

    train: SeriesSet
    holdout: SeriesSet | None
    synthetic: SeriesSet
    seeds: Seeds

    @cached_property
    def scales(self) -> tuple[PixelScale, ...]:
        """The range of each channel, by the train series."""
        return tuple(PixelScale.of(self.train.values[:, :, c]) for c in range(self.train.channels))

    def look(self, series: SeriesSet) -> Numbers:
        """(n, steps, channels) float32 in [0, 1]; what lies out of the range goes to its end."""
        channels = [s.forward(series.values[:, :, c]) for c, s in enumerate(self.scales)]
        return (np.stack(channels, 2) + 1) / 2

    @cached_property
    def shuffled(self) -> SeriesSet:
        """Baseline: the steps of each channel of each train series dealt anew in time."""
        rng, train = self.seeds.of("shuffled").numpy(), self.train
        values = rng.permuted(train.values, axis=1)
        return replace(train, values=values, patients=np.arange(len(train)), origin="synthetic")

    @cached_property
    def copied(self) -> SeriesSet:
        """Positive control: train series drawn with replacement."""
        pick = self.seeds.of("copied").numpy().integers(0, len(self.train), len(self.train))
        part = self.train.rows(pick)
        return replace(part, patients=np.arange(len(part)), origin="synthetic")

    @cached_property
    def sides(self) -> SeriesSides:
        """Who stands against whom, in the holdout's shares of the classes that train has.

        Raises:
            AssessmentError: no holdout, or fewer than 40 series on a side.
        """
        if self.holdout is None:
            raise AssessmentError(NO_HOLDOUT)
        wanted = self.holdout.counts * (self.train.counts > 0)
        candidates = (self.train, self.synthetic, self.shuffled)
        n = matched(wanted, [c.counts for c in candidates])
        if n.sum() < LEAST:
            raise AssessmentError(f"needs at least {LEAST} series of its classes on every side")
        seeds = self.seeds.of("sides")
        reference = some(self.holdout, n, seeds.of("reference"))
        named = zip(("real", "synthetic", "shuffled"), candidates, strict=True)
        return SeriesSides(reference, **{k: some(x, n, seeds.of(k)) for k, x in named})


def some(series: SeriesSet, counts: Numbers, seeds: Seeds) -> SeriesSet:
    """So many series of each class, drawn at random and in random order."""
    rng = seeds.numpy()
    order = rng.permutation(len(series))
    picks = [order[series.labels[order] == k][:n] for k, n in enumerate(counts)]
    return series.rows(rng.permutation(np.concatenate(picks)))
