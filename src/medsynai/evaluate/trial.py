"""What every measure is given: the same rows, the same baselines, the same seeds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.encode import Encoding
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Trial:
    """Real and synthetic rows under judgement, learnable columns only, in one schema.

    Attributes:
        train: the real rows that the generator saw.
        holdout: real rows that it never saw, of other patients; None if nobody has any, and then
            what needs them is "not assessed", never guessed.
        synthetic: the rows to judge.
        target: the outcome for utility, or None.
        leaks: columns that tell the outcome afterwards; left out of utility models.
        seeds: all randomness of the measures.
        draw: gives that many further synthetic rows of the same model, for the question how many
            rows to draw; None for a table whose model is not at hand.
        records: (train rows,) which row of the source each train row is, from 1; None where they
            stand as in the source.
        refit: fits the generator to other rows and gives as many released rows as here, for attacks
            with shadow fits; None where the generator is not at hand or this was not asked for.
    """

    train: Table
    holdout: Table | None
    synthetic: Table
    target: str | None
    seeds: Seeds
    leaks: tuple[str, ...] = ()
    draw: Callable[[int], Table] | None = None
    shared: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    records: np.ndarray | None = None
    refit: Callable[[Table, Seeds], Table] | None = None

    @property
    def record_numbers(self) -> np.ndarray:
        """(train rows,) the number of each train row in the source, from 1."""
        return np.arange(1, len(self.train) + 1) if self.records is None else self.records

    @cached_property
    def encoding(self) -> Encoding:
        """How cells become numbers, learnt from the train rows; the levels are everybody's."""
        others = (self.synthetic,) if self.holdout is None else (self.holdout, self.synthetic)
        return Encoding.of(self.train, *others)

    @cached_property
    def shuffled(self) -> Table:
        """Baseline: each train column shuffled on its own; as many rows as the train part."""
        rng = self.seeds.of("shuffled").numpy()
        frame = self.train.frame.copy()
        for name in frame.columns:
            order = rng.permutation(len(frame))
            frame[name] = frame[name].array.take(order)  # type: ignore[call-overload]
        return Table(frame, self.train.schema, "synthetic")

    @cached_property
    def copied(self) -> Table:
        """Positive control: every train row once, in another order; each attack must catch it.

        Not a bootstrap: that lacks a third of the rows, so not even a perfect attack would find
        more than five in six of the pairs, and a weak one could not be told from it.
        """
        order = self.seeds.of("copied").numpy().permutation(len(self.train))
        part = self.train.rows(order)
        return Table(part.frame, part.schema, "synthetic")
