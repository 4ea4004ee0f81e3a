"""From a composition to a `Fitted`: fit, sample under conditions, save and load."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from medsynai import store
from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.table import TableCodec
from medsynai.codec.tokens import seen_in, to_codes, to_rows
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError, ModelError
from medsynai.forest.order import order_of, withhold
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.learn.core import Modules, Phase
from medsynai.learn.desk import at_desk, desk, own_desk
from medsynai.learn.draw import Asked, Drawer, begin_under
from medsynai.learn.job import Job, Pace, halves
from medsynai.learn.loop import train
from medsynai.learn.mechanism import Plain, Way
from medsynai.learn.private import Ready, ready_privately
from medsynai.learn.threads import one_thread
from medsynai.learn.warm import Warm
from medsynai.privacy.ledger import Ledger
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

CHUNK = 8192  # rows drawn at once: memory stays flat
MIN_LEVEL = 3  # levels of fewer train rows are never drawn
PASSES = 30  # over the rows at most where too few are left to hold some out


class Composition(Protocol):
    """A model: its catalogue name, its public settings, and what they put together.

    To add one: a frozen dataclass of its settings in `models/<name>.py` with what stands below,
    `fit = fit_network` in its body, and `load = partial(load_network, kind=<Class>)` beside it;
    a row of `CATALOG`, a page in `docs/models/`, and toy settings for the contract tests.
    Everything else (ledger, codec, rare levels, held-out rows, conditions, files) happens here.
    """

    name: ClassVar[str]

    @property
    def bins(self) -> int:
        """About how many bins a number gets: the lattice that it returns on."""
        ...

    @property
    def space(self) -> str:
        """What its networks see of a code: one of `medsynai.codec.spaces.SPACES`."""
        ...

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when; known before a row is read."""
        ...

    def job(self, space: Space, rows: Tensor) -> Job:
        """The networks for tables of this space, with the phases; `rows` are codes."""
        ...

    def drawer(self, space: Space) -> Drawer:
        """What draws codes, without values yet."""
        ...

    def settle(self, drawer: Any, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Fill the drawer from the trained networks and, at most, facts about the rows."""
        ...


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network of a table. Holds weights and facts; never rows, never a critic.

    Attributes:
        settings: the composition that was fitted.
        schema: the learnt columns, in the order of the table.
        codec: bins and lattices, in the network's order of columns.
        space: what the network saw of their codes.
        drawer: the network that draws; its buffer `seen` says which codes occurred.
        facts: how training went.
    """

    settings: Any
    schema: Schema
    codec: TableCodec
    space: Space
    drawer: Any
    facts: dict[str, Any]

    @property
    def order(self) -> tuple[str, ...]:
        """Columns in the network's order."""
        return tuple(c.column.name for c in self.codec.columns)

    @one_thread()
    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` rows; see `medsynai.generator.Fitted.sample`.

        Under a condition its columns are drawn first, each from the codes that meet it; rows are
        kept in proportion to those codes' shares (likelihood weighting, Fung and Chang 1990).

        Raises:
            ConditionError: a condition or given columns that cannot be met exactly.
            PlanError: n below 1.
        """
        check_draw(n, condition, given)
        asked = self._asked(condition)
        generator = torch.Generator().manual_seed(seeds.of("codes").integer())
        with torch.no_grad():
            state = self._begin(n, asked, given, generator)
            parts = [
                self.drawer.complete(part, asked, generator) for part in torch.split(state, CHUNK)
            ]
        codes, rng = to_codes(torch.cat(parts)), seeds.of("values").numpy()
        frame = self.codec.decode(codes, condition, given, rng)
        return Table(frame[list(self.schema.names)], self.schema, "synthetic")

    def _begin(
        self, n: int, asked: Asked, given: Table | None, generator: torch.Generator
    ) -> Tensor:
        if asked.columns:
            return begin_under(self.drawer, n, asked, generator)
        if given is None:
            state: Tensor = self.drawer.begin(n, asked, generator)[0]
            return state
        rows = torch.full((n, len(self.order)), torch.nan)
        for name in given.schema.names:
            self.schema[name]
            codes = self.codec[name].encode(given.frame[name])
            rows[:, self.order.index(name)] = torch.from_numpy(codes.astype(np.float32))
        kept: Tensor = self.drawer.given(rows)
        return kept

    def _asked(self, condition: Condition) -> Asked:
        able = self.drawer.seen.clone()
        layout = self.space.codes
        for wanted in condition.wanted:
            self.schema[wanted.column]
            place = layout[wanted.column].places
            able[place] &= torch.from_numpy(self.codec[wanted.column].allowed(wanted))
            if not able[place].any():
                raise ConditionError(self._never(wanted.column))
        columns = sorted(self.order.index(name) for name in condition.columns)
        return Asked(able, tuple(columns))

    def _never(self, name: str) -> str:
        seen = self.drawer.seen[self.space.codes[name].places].tolist()
        levels = self.schema[name].categories
        known = [x for x, s in zip(levels, seen, strict=False) if s] if levels else []
        allowed = f"; one of {', '.join(known[:30])}" if known else ""
        return f"what is asked of {name!r} never occurs among the train rows{allowed}"

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        arrays = {f"net.{k}": v.numpy() for k, v in self.drawer.state_dict().items()}
        facts = {"order": list(self.order), **self.facts}
        whole = self.codec.arrays() | self.space.arrays() | arrays
        write_model(folder, Saved(self.settings.name, self.settings, self.schema, facts, whole))


@own_desk()
@one_thread()
def fit_network(
    settings: Composition,
    table: Table,
    ledger: Ledger | None = None,
    seeds: Seeds = SEEDS,
    look: Callable[[Any, Table], Any] | None = None,
    way: Way | None = None,
    warm: Warm | None = None,
) -> FittedNetwork:
    """Train a composition on a table, the ledger charged first; see `Generator.fit`.

    `look` gives the settings that hang on the rows; it is asked once they are charged for, and not
    under a budget. With one in the ledger, real rows are seen by way of `way` alone; without it by
    noised gradients, see `DpSgd`; and the networks may begin `warm`, from rows of nobody.

    Raises:
        ModelError: no rows or no column to learn, or training that failed.
        PlanError: a budget too small to train in, or a model that cannot be private.
        SchemaError: under a budget: a schema that was inferred from the rows.
        BudgetError: the ledger's budget is spent.
    """
    ledger = Ledger() if ledger is None else ledger
    if warm is not None:
        warm.charge(settings.name, ledger)
    if ledger.budget is None:
        ready = _ready(settings, table, ledger, seeds)
        settings = look(settings, table) if look else settings
    else:
        ready = ready_privately(settings, ledger.budget, table, ledger, seeds, way)
    codec, known = ready.codec, ready.known
    space = Space.fit(settings.space, codec, to_codes(known), seeds.of("space").integer())
    make = partial(settings.job, space, ready.open)
    first = None if warm is None else warm.weights(make, codec, seeds.of("warm"))
    job = ready.adapted(make())
    trained = train(job, ready.rows, ready.held, seeds, ready.place, first)
    drawer: Any = settings.drawer(space)
    drawer.seen.copy_(seen_in(space.codes, known))
    with at_desk(desk().after_training(job.pace.seconds)):
        settings.settle(drawer, trained.modules, known, seeds)
    drawn, facts = drawer.requires_grad_(False), trained.facts
    return FittedNetwork(settings, ready.schema, codec, space, drawn, facts)


def _ready(settings: Composition, table: Table, ledger: Ledger, seeds: Seeds) -> Ready:
    """Charge, learn the bins, withhold rare levels, hold some rows out: without protection."""
    ledger.charge(Plain().charge(f"train the {settings.name} model", settings.phases()))
    table = table.learnt()
    if not len(table) or not table.schema.columns:
        raise ModelError("a network needs at least one row and one column that it may learn")
    schema = table.schema
    table = table.only(order_of(schema, ()))
    codec = TableCodec.fit(table, settings.bins)
    rng = seeds.of("withhold").numpy()
    rows = to_rows(withhold(codec.encode(table), codec, MIN_LEVEL, table.whose(), rng)[0])
    inside, outside = halves(table.whose(), settings.pace.held, seeds)
    place = desk().place(key_of(settings, seeds, rows))
    few = bool(settings.pace.held) and not len(outside)
    change = partial(shorten, rows=len(rows)) if few else _as_it_is
    return Ready(schema, codec, rows[inside], rows[outside], rows, rows[inside], change, place)


def _as_it_is(job: Job) -> Job:
    return job


def shorten(job: Job, rows: int, passes: int = PASSES) -> Job:
    """The job with at most so many passes over the rows; 30 where none can be held out."""
    return job.shortened(passes * rows // job.pace.batch)


def key_of(settings: Any, seeds: Seeds, rows: Tensor) -> str:
    """What a run must share with unfinished progress to go on from it, but the time it has."""
    public = replace(settings, pace=replace(settings.pace, seconds=None))
    told = store.to_json([settings.name, public, seeds]).encode()
    return hashlib.sha256(told + rows.numpy().tobytes()).hexdigest()[:16]


def load_network(folder: Path, kind: Any) -> FittedNetwork:
    """A network saved by `FittedNetwork.save`, rebuilt from its settings.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """

    def build(whole: Saved) -> FittedNetwork:
        facts = dict(whole.facts)
        codec = TableCodec.load(whole.schema.only(tuple(facts.pop("order"))), whole.arrays)
        space = Space.load(Layout.of_codec(codec), whole.arrays)
        drawer: nn.Module = whole.settings.drawer(space)
        named = {k[4:]: v for k, v in whole.arrays.items() if k.startswith("net.")}
        drawer.load_state_dict({k: torch.from_numpy(v) for k, v in named.items()})
        return FittedNetwork(
            whole.settings, whole.schema, codec, space, drawer.requires_grad_(False), facts
        )

    return read_model(folder, kind.name, kind, build)
