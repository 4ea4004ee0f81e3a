"""Poisson sampling by patient: every patient takes part in a step by a coin of their own."""

from dataclasses import dataclass

import numpy as np

from medsynai.errors import PlanError
from medsynai.privacy.noise import uniform


@dataclass(frozen=True)
class PoissonSampler:
    """Which rows a step sees; coins come from the system's entropy, so nobody can repeat them.

    **Guarantee:** each patient is in with chance `rate`, independently of everybody else and of
    every other step; a step may be empty and is then noised like any other.

    Attributes:
        patients: (n,) whose row each is, as numbers.
        rate: public.
    """

    patients: np.ndarray
    rate: float

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise PlanError("the sampling rate must lie above 0 and at most 1")

    def draw(self) -> np.ndarray:
        """Positions of the rows of one step."""
        count = int(self.patients.max(initial=-1)) + 1
        inside = uniform(count) < self.rate
        return np.flatnonzero(inside[self.patients])


def capped(patients: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most `most` rows of each patient, in the order of the rows.

    Which rows of a patient are kept depends on that patient alone.
    """
    order = np.argsort(patients, kind="stable")
    sorted_ = patients[order]
    starts = np.flatnonzero(np.r_[True, sorted_[1:] != sorted_[:-1]]) if len(order) else order
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.sort(order[place < most])
