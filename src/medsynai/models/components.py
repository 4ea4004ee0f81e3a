"""A fitted mixture of codes: kinds of patients, each with its own codes and numbers of codes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from medsynai.codec.sets import CHUNK, Ranges, Repeats, pick_sets
from medsynai.data.codes import CodeMatrix, Counts
from medsynai.data.schema import Schema
from medsynai.generator import SEEDS, check_draw
from medsynai.saved import Saved, write_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Mixture:
    """Components and what they draw; facts about many patients each, never rows.

    Attributes:
        name, settings: of the model that was fitted.
        codes: what may be drawn.
        share: (components,) of the patients.
        chance: (components, codes) that a patient of the component has a code.
        sizes: ranges of numbers of codes; None: codes are drawn independently of each other.
        size_share: (components, ranges).
        repeats: how often a code stands in a row that has it.
    """

    name: str
    settings: Any
    codes: tuple[str, ...]
    share: np.ndarray
    chance: np.ndarray
    sizes: Ranges | None
    size_share: np.ndarray
    repeats: Repeats

    def sample(self, n: int, seeds: Seeds = SEEDS) -> CodeMatrix:
        """Draw exactly `n` rows; see `medsynai.generator.FittedCodes.sample`.

        Raises:
            PlanError: n below 1.
        """
        check_draw(n)
        rng = seeds.of("rows").numpy()
        which = rng.choice(len(self.share), n, p=self.share / self.share.sum())
        parts = [self._sets(which[i : i + CHUNK], rng) for i in range(0, n, CHUNK)]
        counts = self.repeats.fill(sp.csr_array(sp.vstack(parts)), rng)
        return CodeMatrix(counts, self.codes, np.arange(n), "synthetic")

    def _sets(self, which: np.ndarray, rng: np.random.Generator) -> Counts:
        chance = self.chance[which]
        if self.sizes is None:
            return sp.csr_array((rng.random(chance.shape) < chance).astype(np.int32))
        ends = np.cumsum(self.size_share, axis=1)[which]
        place = (rng.random(len(which))[:, None] > ends[:, :-1]).sum(axis=1)
        with np.errstate(divide="ignore"):
            logits = np.log(chance) - np.log1p(-chance)
        return pick_sets(logits, self.sizes.spread(place, rng), rng)

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        arrays = {"share": self.share, "chance": self.chance, "size_share": self.size_share}
        sizes = {} if self.sizes is None else self.sizes.arrays("sizes")
        facts = {"codes": list(self.codes), "sized": self.sizes is not None}
        whole = arrays | sizes | self.repeats.arrays()
        write_model(folder, Saved(self.name, self.settings, Schema(()), facts, whole))

    @staticmethod
    def build(whole: Saved) -> "Mixture":
        """The inverse of `save`."""
        a, codes = whole.arrays, tuple(whole.facts["codes"])
        sizes = Ranges.load(a, "sizes") if whole.facts["sized"] else None
        parts = (a["share"], a["chance"], sizes, a["size_share"], Repeats.load(a))
        if parts[1].shape != (len(parts[0]), len(codes)):
            raise ValueError("the components are not of these codes")
        return Mixture(whole.model, whole.settings, codes, *parts)
