"""A fitted chain of tokens: what happens next hangs on what happened last, and on nothing else."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.codec.choices import Choices
from medsynai.codec.counted import FORGET
from medsynai.codec.course import Course, CourseCodec
from medsynai.codec.lives import EVENTS
from medsynai.codec.marks import Marks
from medsynai.codec.numbers import NumberCodec
from medsynai.data.cohort import Cohort
from medsynai.data.schema import Schema
from medsynai.errors import ModelError
from medsynai.generator import FREE, SEEDS, Condition, Fitted, check_draw
from medsynai.models.catalog import open_model
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

LIVES = "lives"  # in the model folder: the table model of what is told of a patient once


@dataclass(frozen=True)
class FittedChain:
    """Counts of tokens in turn, each of several train patients; never a row.

    Attributes:
        lives: draws a row a patient, with the number of events.
        codec: the tokens.
        moves: a group for each token, the last for the beginning; items are 2 * token + 1 for a
            token at a later time and 2 * token for one at the same, or `FORGET`.
        common: one group: the same items over all tokens.
        waits: a group for each token and one for all of them; items are bins of `gaps`, or
            `FORGET`.
        gaps: bins of ticks above 0.
    """

    name: str
    settings: Any
    lives: Fitted
    codec: CourseCodec
    moves: Choices
    common: Choices
    waits: Choices
    gaps: NumberCodec
    values: Marks
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
        counts = np.maximum(np.rint(statics.frame[EVENTS].to_numpy("float64")), 0).astype(np.int64)
        patient = np.repeat(np.arange(n), counts)
        token, later = self._walk(counts, rng)
        gap = self._gaps(token, later, rng)
        gap[np.diff(patient, prepend=-1) != 0] = 0
        value, length = self.values.draw(token, rng), self.lengths.draw(token, rng)
        course = Course(statics, patient, token, gap, value, length)
        return self.codec.decode(course, rng)

    def _walk(self, counts: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(events,) tokens and whether each comes at a later time than the one before."""
        total = int(counts.sum())
        token, later = np.zeros(total, np.int64), np.zeros(total, bool)
        busy = np.argsort(-counts, kind="stable")  # those who have most to come stand first
        start, most = (np.cumsum(counts) - counts)[busy], counts[busy]
        state = np.full(len(counts), len(self.codec.tokens))
        for step in range(int(counts.max(initial=0)) if self.codec.tokens else 0):
            alive = int(np.searchsorted(-most, -step))
            move = self.moves.draw(state[:alive], rng.random(alive))
            lost = np.flatnonzero(move == FORGET)
            if len(lost):
                move[lost] = self.common.draw(np.zeros(len(lost), np.int64), rng.random(len(lost)))
            token[start[:alive] + step], later[start[:alive] + step] = move >> 1, move & 1
            state[:alive] = move >> 1
        return token, later

    def _gaps(self, token: np.ndarray, later: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(events,) ticks since the event before."""
        gap, rows = np.zeros(len(token)), np.flatnonzero(later)
        rows = rows[rows > 0]
        if not len(rows) or not self.gaps.bins:
            return gap
        code = self.waits.draw(token[rows - 1], rng.random(len(rows)))
        lost = np.flatnonzero(code == FORGET)
        pooled = np.full(len(lost), len(self.codec.tokens))
        if len(lost):
            code[lost] = self.waits.draw(pooled, rng.random(len(lost)))
        gap[rows] = np.maximum(np.rint(self.gaps.decode(code, rng)), 1)
        return gap

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors, schema.toml and the folder `lives`."""
        arrays = self.gaps.arrays("gaps")
        for name in ("moves", "common", "waits", "values", "lengths"):
            arrays |= getattr(self, name).arrays(name)
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
    moves, common, waits = (Choices.load(whole.arrays, n) for n in ("moves", "common", "waits"))
    gaps = NumberCodec.load(whole.arrays, "gaps")
    values, lengths = (Marks.load(whole.arrays, n) for n in ("values", "lengths"))
    parts = (lives, codec, moves, common, waits, gaps, values, lengths)
    fitted = FittedChain(whole.model, whole.settings, *parts)
    if len(fitted.moves.starts) != len(codec.tokens) + 2:
        raise ModelError("the moves are not of these tokens")
    return fitted
