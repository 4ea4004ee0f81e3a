"""More rows from a saved model, in shards: any number of rows in flat memory."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from medsynai.data.table import Table
from medsynai.data.write import Writer
from medsynai.errors import FolderError, ModelError, PlanError
from medsynai.flow import folder as names
from medsynai.flow.conditions import parse_conditions
from medsynai.flow.kinds import kind_of_model
from medsynai.flow.maker import Maker, Shard, open_maker
from medsynai.flow.placing import check, placed
from medsynai.flow.watch import Tell, silent
from medsynai.seeds import Seeds

SHARD = 50_000


@dataclass(frozen=True)
class Order:
    """How many rows of which kind, and from which seed.

    Attributes:
        shard: rows drawn at a time; another number gives other rows.
    """

    rows: int
    conditions: tuple[str, ...] = ()
    seed: int = 0
    shard: int = SHARD

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise PlanError(f"rows must be at least 1, not {self.rows}")
        if self.seed < 0:
            raise PlanError("seed must be 0 or more")
        if self.shard < 1:
            raise PlanError("shard must be at least 1")

    @property
    def shards(self) -> int:
        """Into how many shards the rows are cut."""
        return -(-self.rows // self.shard)


def find_model(folder: Path) -> Path:
    """The model folder in a release, or the folder itself.

    Raises:
        ModelError: neither is there.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; name a release")
    inner = folder / names.MODEL
    if inner.is_dir():
        return inner
    if names.looks_like_release(folder):
        raise ModelError(f"{folder} has no {names.MODEL} folder: its model was not given away")
    return folder


def draw_shard(maker: Maker, order: Order, i: int) -> Table:
    """Shard `i` of an order: it hangs on the model, the order and `i` alone."""
    seeds = Seeds(order.seed).of("shard", i)
    condition = parse_conditions(order.conditions, maker.schema)
    rows = min(order.shard, order.rows - i * order.shard)
    drawn = maker.draw(rows, seeds, condition)
    shard = Shard(i, order.shards, order.shard)
    return maker.finish(drawn.table, seeds.of("finish"), shard)


def draw_shards(folder: Path, order: Order, workers: int) -> Iterator[Table]:
    """All shards in order, drawn by this process or by `workers` others; the rows are the same."""
    count = order.shards
    if workers == 1 or count == 1:
        maker = open_maker(folder)
        yield from (draw_shard(maker, order, i) for i in range(count))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[Table]] = deque()
        try:
            for i in range(count):
                waiting.append(pool.submit(_shard_of, folder, order, i))
                if len(waiting) > 2 * workers:  # no more in memory than that
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@cache
def _maker_of(folder: Path) -> Maker:
    return open_maker(folder)


def _shard_of(folder: Path, order: Order, i: int) -> Table:
    return draw_shard(_maker_of(folder), order, i)


@dataclass(frozen=True)
class Target:
    """Where sampled rows go."""

    path: Path
    overwrite: bool = False


def sample(
    folder: Path, order: Order, target: Target, workers: int = 1, tell: Tell = silent
) -> None:
    """Draw rows from the model of a release into one file or folder, whole or not at all.

    Raises:
        ModelError: no whole model of ours in the folder.
        ConditionError: a condition that cannot be met.
        FolderError: the place is taken, cannot be written to, or has an unknown ending.
    """
    if workers < 1:
        raise PlanError("workers must be at least 1")
    check(target.path, target.overwrite)
    if target.path.exists() and target.path.resolve().is_relative_to(folder.resolve()):
        raise FolderError(
            f"{target.path} is part of the release, and its scores speak of it; write elsewhere"
        )
    model = find_model(folder)
    kind = kind_of_model(model)
    if kind is not None:
        with placed(target.path, target.overwrite) as place:
            kind.sample(model, order, place, tell)
        return
    names.check_file(target.path, target.overwrite)
    maker = open_maker(model)
    parse_conditions(order.conditions, maker.schema)
    source = maker.source.written_to(target.path)
    done = 0
    with names.parents_of(target.path), Writer(target.path, source) as writer:
        tell(f"Drawing {order.rows:,} rows")
        for shard in draw_shards(model, order, workers):
            writer.append(shard)
            done += len(shard)
            tell(f"Drawing rows: {done:,} of {order.rows:,}")
        names.check_file(target.path, target.overwrite)  # another run may have been quicker
