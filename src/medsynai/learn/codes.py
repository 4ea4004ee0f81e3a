"""From a composition of networks to a fitted model of codes: fit, settle, sample, save and load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.padded import to_padded
from medsynai.codec.sets import Ranges, Repeats, pick_sets
from medsynai.data.codes import CodeMatrix
from medsynai.data.schema import Schema
from medsynai.errors import ModelError
from medsynai.generator import SEEDS, check_draw
from medsynai.learn.core import Modules, Phase
from medsynai.learn.desk import desk
from medsynai.learn.fitted import key_of, shorten
from medsynai.learn.job import Job, Pace, halves
from medsynai.learn.loop import train
from medsynai.learn.mechanism import Plain
from medsynai.learn.threads import one_thread
from medsynai.privacy.ledger import Ledger
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

CHUNK = 4096  # rows drawn at once
TRIAL = 8_192  # rows drawn to settle shares and numbers of codes
TURNS = 6  # corrections of the shares
STEP = 2.0  # the most that a code's log-odds are moved in one of them
MARKS = 512  # quantiles of the drawn numbers of codes


class CodeComposition(Protocol):
    """A model: its catalogue name, its public settings, and what they put together.

    To add one: a frozen dataclass in `models/<name>.py` with what stands below and
    `fit = fit_codes`, `load = partial(load_codes, kind=<Class>)` beside it, a row of `CATALOG` and
    a page in `docs/models/`.
    """

    name: ClassVar[str]

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when; known before a row is read."""
        ...

    def modules(self, codes: int) -> Modules:
        """The networks for so many codes, without values yet; their decoders have a `base`."""
        ...

    def job(self, modules: Modules, codes: int) -> Job:
        """What is trained of them."""
        ...

    def draws(self, modules: Modules) -> nn.Module:
        """The part that draws: `logits(noise)` from `latent` standard normal numbers."""
        ...


class CodeDrawer(nn.Module):
    """What is kept of a trained model: log-odds from noise, corrected to the train rows' shares.

    Attributes:
        shift: (codes,) added to all log-odds; -inf for a code that never occurred.
        marks: quantiles of the numbers of codes that these log-odds alone would give.
    """

    shift: Tensor
    marks: Tensor

    def __init__(self, draws: nn.Module, codes: int) -> None:
        super().__init__()
        self.draws = draws
        self.register_buffer("shift", torch.zeros(codes))
        self.register_buffer("marks", torch.zeros(MARKS))

    def logits(self, n: int, generator: torch.Generator) -> Float[Tensor, "n codes"]:
        """(n, codes) log-odds of new rows."""
        draws: Any = self.draws
        noise = torch.randn(n, draws.latent, generator=generator)
        found: Tensor = draws.logits(noise) + self.shift
        return found


@dataclass(frozen=True)
class FittedCodeNetwork:
    """A trained network of codes. Holds weights and facts; never rows, never a critic.

    Attributes:
        settings: the composition that was fitted.
        sizes: numbers of codes of the train rows, in ranges of three patients or more.
        facts: how training went.
    """

    settings: Any
    codes: tuple[str, ...]
    drawer: CodeDrawer
    sizes: Ranges
    repeats: Repeats
    facts: dict[str, Any]

    @torch.no_grad()
    @one_thread()
    def sample(self, n: int, seeds: Seeds = SEEDS) -> CodeMatrix:
        """Draw exactly `n` rows; see `medsynai.generator.FittedCodes.sample`.

        Raises:
            PlanError: n below 1.
        """
        check_draw(n)
        generator = torch.Generator().manual_seed(seeds.of("latent").integer())
        rng, parts = seeds.of("rows").numpy(), []
        for start in range(0, n, CHUNK):
            logits = self.drawer.logits(min(CHUNK, n - start), generator)
            alone = tossed(logits, generator).numpy()
            parts.append(pick_sets(logits.numpy(), self._sizes(alone, rng), rng))
        counts = self.repeats.fill(sp.csr_array(sp.vstack(parts)), rng)
        return CodeMatrix(counts, self.codes, np.arange(n), "synthetic")

    def _sizes(self, alone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The train rows' numbers of codes, rank by rank of what coins would have given."""
        jittered = alone + rng.random(len(alone))
        rank = np.interp(jittered, self.drawer.marks.numpy(), np.linspace(0, 1, MARKS))
        place = np.searchsorted(np.cumsum(self.sizes.share)[:-1], rank, side="right")
        return self.sizes.spread(place, rng)

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        arrays = {f"net.{k}": v.numpy() for k, v in self.drawer.state_dict().items()}
        whole = arrays | self.sizes.arrays("sizes") | self.repeats.arrays()
        facts = {"codes": list(self.codes), **self.facts}
        write_model(folder, Saved(self.settings.name, self.settings, Schema(()), facts, whole))


def tossed(logits: Float[Tensor, "n codes"], generator: torch.Generator) -> Tensor:
    """(n,) how many codes coins of these log-odds give."""
    chance = torch.sigmoid(logits)
    return (torch.rand(logits.shape, generator=generator) < chance).sum(1).float()


@one_thread()
def fit_codes(
    settings: CodeComposition,
    matrix: CodeMatrix,
    ledger: Ledger | None = None,
    seeds: Seeds = SEEDS,
) -> FittedCodeNetwork:
    """Train a composition on codes, the ledger charged first; see `CodeGenerator.fit`.

    Raises:
        ModelError: no rows or no codes, or training that failed.
        PlanError: a budget too small to train in.
    """
    charge = Plain().charge(f"train the {settings.name} model", settings.phases())
    (ledger or Ledger()).charge(charge)
    if not len(matrix) or not matrix.codes:
        raise ModelError("a network of codes needs at least one row and one code")
    codes, rows = len(matrix.codes), to_padded(matrix)
    inside, outside = halves(matrix.patients, settings.pace.held, seeds)
    share = np.asarray(matrix.present.mean(axis=0)).ravel()
    modules = settings.modules(codes)
    set_base(modules, share, len(matrix))
    job = settings.job(modules, codes)
    if not len(outside) and settings.pace.held:
        job = shorten(job, len(rows))
    place = desk().place(key_of(settings, seeds, rows))
    trained = train(job, rows[inside], rows[outside], seeds, place)
    drawer = CodeDrawer(settings.draws(trained.modules), codes).requires_grad_(False)
    sizes = Ranges.of(matrix.widths)
    fitted = FittedCodeNetwork(
        settings, matrix.codes, drawer, sizes, Repeats.of(matrix), trained.facts
    )
    settle(fitted, share, len(matrix), seeds)
    return fitted


def set_base(modules: Modules, share: np.ndarray, rows: int) -> None:
    """Log-odds of the codes' shares, half a row added to both sides, for every decoder."""
    base = np.log((share * rows + 0.5) / ((1 - share) * rows + 0.5))
    for module in modules.modules():
        place = dict(module.named_buffers(recurse=False)).get("base")
        if place is not None:
            place.copy_(torch.from_numpy(base))


@torch.no_grad()
def settle(fitted: FittedCodeNetwork, share: np.ndarray, rows: int, seeds: Seeds) -> None:
    """Correct the log-odds until drawn shares are the train rows', numbers of codes as drawn.

    A few numbers a code, so that a network need not learn every share to the last digit: what it is
    for is which codes go together.
    """
    drawer, n = fitted.drawer, min(TRIAL, max(10 * rows, 256))
    never = torch.from_numpy(share == 0)
    drawer.shift[never] = -torch.inf
    wanted = np.log((share * n + 0.5) / ((1 - share) * n + 0.5))
    for turn in range(TURNS + 1):
        generator = torch.Generator().manual_seed(seeds.of("settle", turn).integer())
        parts = [
            tossed(drawer.logits(min(CHUNK, n - start), generator), generator)
            for start in range(0, n, CHUNK)
        ]
        alone = torch.cat(parts) + torch.rand(n, generator=generator)
        drawer.marks.copy_(torch.quantile(alone, torch.linspace(0, 1, MARKS)))
        if turn == TURNS:
            return  # these are the marks of the last correction
        made = np.asarray(fitted.sample(n, seeds.of("trial", turn)).present.mean(axis=0)).ravel()
        found = np.log((made * n + 0.5) / ((1 - made) * n + 0.5))
        move = torch.from_numpy(np.clip(wanted - found, -STEP, STEP)).float()
        drawer.shift += torch.where(never, torch.zeros_like(move), move / (1 + turn / 4))


def load_codes(folder: Path, kind: Any) -> FittedCodeNetwork:
    """A network saved by `FittedCodeNetwork.save`, rebuilt from its settings.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """

    def build(whole: Saved) -> FittedCodeNetwork:
        facts = dict(whole.facts)
        codes = tuple(facts.pop("codes"))
        draws = whole.settings.draws(whole.settings.modules(len(codes)))
        drawer = CodeDrawer(draws, len(codes)).requires_grad_(False)
        named = {k[4:]: torch.from_numpy(v) for k, v in whole.arrays.items() if k[:4] == "net."}
        drawer.load_state_dict(named)
        sizes, repeats = Ranges.load(whole.arrays, "sizes"), Repeats.load(whole.arrays)
        return FittedCodeNetwork(whole.settings, codes, drawer, sizes, repeats, facts)

    return read_model(folder, kind.name, kind, build)
