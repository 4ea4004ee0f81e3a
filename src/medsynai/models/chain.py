"""A fitted chain of tokens: what happens next hangs on what happened last, and on what is told."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.codec.course import Course, CourseCodec
from medsynai.codec.marks import Marks
from medsynai.codec.means import Means
from medsynai.codec.moments import SPAN, counts_in, means_in
from medsynai.codec.turns import Turns
from medsynai.codec.waits import Waits
from medsynai.data.cohort import Cohort
from medsynai.data.schema import Schema
from medsynai.errors import ModelError
from medsynai.generator import FREE, SEEDS, Condition, Fitted, check_draw
from medsynai.models.catalog import open_model
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

LIVES = "lives"  # in the model folder: the table model of what is told of a patient once
PARTS: dict[str, Any] = {"turns": Turns, "waits": Waits, "values": Means, "lengths": Marks}


@dataclass(frozen=True)
class FittedChain:
    """Counts of tokens in turn, each of several train patients; never a row.

    Attributes:
        lives: draws a row a patient: statics, how many events, how many of the commonest, and
            over how long.
        codec: the tokens.
        turns: what follows what.
        waits: after how long.
        values, lengths: the numbers of each token.
    """

    name: str
    settings: Any
    lives: Fitted
    codec: CourseCodec
    turns: Turns
    waits: Waits
    values: Means
    lengths: Marks

    @property
    def schema(self) -> Schema:
        """What may be asked for."""
        return self.codec.lives.schema

    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> Cohort:
        """Draw exactly `n` patients; see `medsynai.generator.FittedCohort.sample`.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition that cannot be met exactly.
        """
        check_draw(n)
        statics = self.lives.sample(n, seeds.of("lives"), condition)
        rng = seeds.of("chain").numpy()
        counts = counts_in(statics, len(self.turns.usual) - 1)
        patient = np.repeat(np.arange(n), counts.sum(axis=1))
        token, later = self.turns.walk(counts, rng)
        later &= np.diff(patient, prepend=-1) == 0
        span = self.codec.lives.number(statics, SPAN)
        span[np.isnan(span)] = np.inf  # nobody said
        gap = self.waits.draw((patient, token, later), span, rng)
        mean = means_in(statics, len(self.codec.tokens))[patient, token]
        value, length = self.values.draw(token, mean, rng), self.lengths.draw(token, rng)
        course = Course(statics, patient, token, gap, value, length)
        return self.codec.decode(course, rng)

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors, schema.toml and the folder `lives`."""
        arrays = {k: v for name in PARTS for k, v in getattr(self, name).arrays(name).items()}
        facts = {"cohort": store.to_plain(self.codec)}
        write_model(folder, Saved(self.name, self.settings, self.schema, facts, arrays))
        (folder / LIVES).mkdir(mode=0o700)
        self.lives.save(folder / LIVES)


def load(folder: Path, model: str, settings: type) -> FittedChain:
    """Open a saved chain.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """
    return read_model(folder, model, settings, partial(_build, folder))


def _build(folder: Path, whole: Saved) -> FittedChain:
    codec = store.from_plain(CourseCodec, whole.facts["cohort"])
    lives: Any = open_model(folder / LIVES)  # of a table, as `fit` asked for
    parts: Any = [kind.load(whole.arrays, name) for name, kind in PARTS.items()]
    fitted = FittedChain(whole.model, whole.settings, lives, codec, *parts)
    if len(fitted.turns.sides) != len(codec.tokens) + 1:
        raise ModelError("the moves are not of these tokens")
    return fitted
