"""What the augmentation study asks of a kind of data."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from medsynai.evaluate.arms import Arm
from medsynai.evaluate.encode import Floats
from medsynai.seeds import Seeds


class Bench(Protocol):
    """Real records of one draw of patients, a generator fitted to them, and the judge's model.

    Records are whatever the kind of data makes of them; only the bench looks inside.
    """

    @property
    def real(self) -> Any:
        """The real records that models and generator learn from."""
        ...

    def added(self, arm: Arm, n: int, seeds: Seeds) -> Any:
        """`n` records to add: duplicates, classic ones, or synthetic ones."""
        ...

    def evened(self, seeds: Seeds) -> tuple[Any, Any] | None:
        """What makes the classes even: real records of the rarer ones repeated, and drawn ones.

        None where they are even, or where the model cannot be asked for a class.
        """
        ...

    def joined(self, parts: Sequence[Any]) -> Any:
        """Records one after another."""
        ...

    def tried(self, stages: Sequence[Any], seeds: Seeds) -> tuple[Floats, Floats]:
        """A model trained on the stages in turn: stacks of the validation and holdout records.

        A stage of twice the records is trained on for twice as long.
        """
        ...


class Lab(Protocol):
    """A kind of data with its train part and its holdout."""

    @property
    def unit(self) -> str:
        """What a record is called."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """(train records,) class of each, from 0."""
        ...

    @property
    def patients(self) -> np.ndarray:
        """(train records,) whose it is, from 0 on."""
        ...

    def bench(self, learn: np.ndarray, held: np.ndarray, seeds: Seeds) -> Bench:
        """Fit the generator to some train records, and set others aside to choose the ratio by."""
        ...


def duplicates(n: int, wanted: int, seeds: Seeds) -> np.ndarray:
    """Places of records to repeat: whole rounds of all of them, then some, in random order.

    >>> np.bincount(duplicates(3, 6, Seeds(0))).tolist()
    [2, 2, 2]
    """
    order = seeds.of("duplicates").numpy().permutation(n)
    return np.resize(order, wanted)
