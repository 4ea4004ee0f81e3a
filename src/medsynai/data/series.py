"""Regular series of one length: what each one records, whose it is, and how it lies in files."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from medsynai.data.cohortfiles.layout import Layout
from medsynai.errors import SchemaError


@dataclass(frozen=True)
class SeriesSet:
    """Recordings of one length and the same channels, sampled at equal distances.

    Attributes:
        values: (n, steps, channels) float64 in physical units; nothing is missing.
        labels: (n,) the place of each one's class in `classes`; zeros where there are none.
        classes: names of the classes, at least one.
        patients: (n,) whose recording it is, as numbers from 0; the unit of privacy.

    >>> two = SeriesSet.of(np.zeros((2, 24, 3)))
    >>> len(two), two.steps, two.channels, two.classes
    (2, 24, 3, ('all',))
    """

    values: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    patients: np.ndarray
    origin: Literal["real", "synthetic"] = "real"

    def __post_init__(self) -> None:
        n = len(self.values)
        if self.values.ndim != 3 or len(self.labels) != n or len(self.patients) != n:
            raise SchemaError("series need a label and a patient each, and (n, steps, channels)")
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise SchemaError("a series' label is none of the classes")
        if not np.isfinite(self.values).all():
            raise SchemaError("regular series are whole: a value is missing or infinite")

    @staticmethod
    def of(
        values: np.ndarray,
        labels: np.ndarray | None = None,
        classes: tuple[str, ...] = ("all",),
        patients: np.ndarray | None = None,
    ) -> "SeriesSet":
        """Without `patients` every series is a patient of its own."""
        n = len(values)
        own = np.arange(n) if patients is None else np.unique(patients, return_inverse=True)[1]
        which = np.zeros(n, np.int64) if labels is None else np.asarray(labels, np.int64)
        return SeriesSet(values.astype(np.float64), which, classes, own)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def steps(self) -> int:
        """Samples a channel."""
        return int(self.values.shape[1])

    @property
    def channels(self) -> int:
        """Numbers a step."""
        return int(self.values.shape[2])

    @property
    def counts(self) -> np.ndarray:
        """(classes,) how many series each class has."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @property
    def people(self) -> np.ndarray:
        """(classes,) how many patients each class has."""
        pairs = np.unique(np.stack([self.labels, self.patients]), axis=1)
        return np.bincount(pairs[0], minlength=len(self.classes))

    def rows(self, index: np.ndarray) -> "SeriesSet":
        """The series at these positions (integers or a mask)."""
        return replace(
            self,
            values=self.values[index],
            labels=self.labels[index],
            patients=self.patients[index],
        )


@dataclass(frozen=True)
class SeriesSource:
    """What the files looked like. Public: it may be printed, hashed and saved; no value is in it.

    Attributes:
        layout: of the cohort's files that held the series.
        suffix: of the file; "" for a folder.
        label: the column of the classes; "" where there is none.
        channels, units: names and physical units.
        rate: samples a second, or for a panel one over the distance of its rows.
        begin: where a panel's time begins, in its clock's unit.
        gains, offsets, widths: of the digital form; see `medsynai.data.cohort.Signal`.
    """

    layout: Layout
    suffix: str
    label: str
    channels: tuple[str, ...]
    units: tuple[str, ...] = ()
    rate: float = 1.0
    begin: float = 0.0
    gains: tuple[float, ...] = ()
    offsets: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class LoadedSeries:
    """Series as they were read.

    Attributes:
        series: all of them.
        source: what the files looked like, for the writer.
        notes: what a person should know about the reading.
    """

    series: SeriesSet
    source: SeriesSource
    notes: tuple[str, ...] = ()
