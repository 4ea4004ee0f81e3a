"""The sequential forest: columns drawn one after another, each from a small forest of trees.

After synthpop's sequential CART (Nowok, Raab and Dibben 2016) and adversarial-free random-forest
synthesis, with five changes that measurements asked for: leaves hold histograms over bins, never
rows; trees also split on linear predictions of the target (oblique splits), and draws lean on them
within a leaf; a whole sample is drawn as a low-discrepancy set; and numbers return on the lattice
they were written on.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsynai.codec.table import CodeMatrix, TableCodec
from medsynai.data.table import Table
from medsynai.errors import ModelError, PlanError
from medsynai.forest.design import Ridge, design_of
from medsynai.forest.order import order_of, withhold
from medsynai.forest.rarity import weights_of
from medsynai.forest.sampling import FittedForest
from medsynai.forest.step import Fitting, Step, fit_step
from medsynai.forest.trees import Grower
from medsynai.generator import SEEDS, check_settings
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds

LARGE = 20_000  # rows from which fewer features are tried at each split
FEW, MANY = 2, 6  # oblique splits a column: for few rows a column, and for many
MOST_ROWS = 200_000  # more train rows than these are sampled: memory stays bounded


@dataclass(frozen=True)
class Forest:
    """Settings of a sequential forest; all public.

    Attributes:
        min_leaf: patients a tree must have on each side of a split: the dial between fidelity and
            membership risk, larger is safer. None: by the table's size (see `leaf_of`).
        trees: trees a column; one is picked for each synthetic row. Half as many again where two
            oblique splits at most leave the time for them.
        fraction: share of the train rows that each tree is given.
        max_rows: rows that a tree is grown on at most; its leaves are filled from all it is given.
        candidates: share of the features tried at each split. None: by the table's size (see
            `tried_of`).
        best: the best threshold of each feature tried; otherwise a random one each (extra-trees:
            Geurts, Ernst and Wehenkel 2006), which is quicker and a little less faithful.
        bins: about how many bins a number has at most.
        min_level: levels of fewer train patients are never drawn.
        linear: directions of oblique splits a column may have at most. None: by the table's size
            (see `oblique_of`).
        penalty: strength of the ridge behind the oblique splits.
        alike: so many columns say about what one says, so that leaves are as small as in a table of
            so many times the columns.
        first: columns to draw first, so that they can be conditioned on or given exactly.
    """

    min_leaf: int | None = None
    trees: int = 6
    fraction: float = 1.0
    max_rows: int = 50_000
    candidates: float | None = None
    best: bool = True
    bins: int = 200
    min_level: int = 3
    linear: int | None = None
    penalty: float = 3.0
    alike: int = 1
    first: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        least = {"trees": 1, "max_rows": 2, "bins": 2, "min_level": 1, "alike": 1}
        check_settings("forest", self, least)
        if self.linear is not None and self.linear < 0:
            raise PlanError("forest: linear must be at least 0")
        if self.min_leaf is not None and self.min_leaf < 1:
            raise PlanError("forest: min_leaf must be at least 1")
        for name in ("fraction", "candidates"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise PlanError(f"forest: {name} must lie above 0 and not above 1")

    def fit(
        self,
        table: Table,
        ledger: Ledger | None = None,
        seeds: Seeds = SEEDS,
        jobs: int | None = None,
    ) -> FittedForest:
        """Learn from train rows. Cost grows with columns squared and, past `max_rows`, little.

        Args:
            table: train rows; only learnable columns are used.
            ledger: charged "unprotected" before a row is read.
            seeds: the same seeds give the same model, whatever `jobs`.
            jobs: threads; None for one a core.

        Raises:
            ModelError: no rows, or no column that can be learnt.
            SchemaError: `first` names a column that is not there.
        """
        note = "exact counts of the train rows in leaves and bins: the model is not for release"
        (ledger or Ledger()).charge(Release("train a sequential forest", note=note))
        table = table.learnt()
        if not len(table) or not table.schema.columns:
            raise ModelError("the forest needs at least one row and one column that it may learn")
        for name in self.first:
            table.schema[name]
        if len(table) > MOST_ROWS:
            few = seeds.of("rows").numpy().permutation(len(table))[:MOST_ROWS]
            table = table.rows(np.sort(few))
        schema = table.schema
        table = table.only(order_of(schema, self.first))
        codec = TableCodec.fit(table, self.bins)
        codes, withheld = withhold(
            codec.encode(table),
            codec,
            self.min_level,
            table.whose(),
            seeds.of("withhold").numpy(),
        )
        steps = self._steps(codec, codes, table.repeated(), seeds, jobs or cores())
        return FittedForest(self, schema, codec, steps, withheld)

    def _steps(
        self,
        codec: TableCodec,
        codes: CodeMatrix,
        whose: np.ndarray | None,
        seeds: Seeds,
        jobs: int,
    ) -> tuple[Step, ...]:
        """One step a column; columns are independent given the real rows, so in parallel."""
        counts = [
            np.bincount(codes[:, j], minlength=column.size)
            for j, column in enumerate(codec.columns)
        ]
        design = [design_of(c, n) for c, n in zip(codec.columns, counts, strict=True)]
        seen = np.hstack([table[codes[:, j]] for j, table in enumerate(design)])
        patients = len(codes) if whose is None else len(np.unique(whose))
        oblique = oblique_of(*codes.shape) if self.linear is None else self.linear
        min_leaf = self.min_leaf or leaf_of(patients, self.alike * codes.shape[1], oblique)
        fitting = Fitting(
            grower=Grower(
                min_leaf,
                self.trees * 3 // 2 if oblique <= FEW else self.trees,
                self.fraction,
                self.max_rows,
                self.candidates or tried_of(*codes.shape),
                self.best,
            ),
            linear=oblique,
            codec=codec,
            codes=codes,
            whose=whose,
            weights=weights_of(codes, codec, min_leaf),
            counts=counts,
            design=design,
            ridge=Ridge.of(seen, self.penalty) if oblique and seen.shape[1] else None,
            seeds=seeds,
        )
        columns = range(len(counts))
        if jobs == 1:  # a thread of its own for all of the work would only be switched to and from
            return tuple(fit_step(fitting, j) for j in columns)
        with ThreadPoolExecutor(max_workers=min(jobs, len(counts))) as pool:
            return tuple(pool.map(lambda j: fit_step(fitting, j), columns))


def cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    from joblib import cpu_count

    return int(cpu_count())


def leaf_of(patients: int, columns: int, oblique: int = MANY) -> int:
    """Patients a leaf has at least, where no one says.

    In a narrow table each drawn column tells more of a row, and in a small one each row stands
    further from others, so leaves must be larger for the same membership risk. The larger of two
    laws: 1650 / columns, and 8700 / sqrt(columns) / cbrt(patients), which is the larger up to
    about 150 columns^1.5 patients. Measured on three tables (docs/models/forest.md). A small table
    is left at least four leaves. Where few splits are oblique, which tell most of single rows,
    leaves are a quarter smaller.

    >>> leaf_of(3_937, 11), leaf_of(4_552, 47), leaf_of(50_883, 46), leaf_of(300, 10)
    (166, 77, 36, 75)
    >>> leaf_of(4_552, 47, 2)
    57
    """
    few = 8700 / (np.sqrt(columns) * np.cbrt(max(patients, 1)))
    usual = max(1650 / columns, few) * (1.0 if oblique > FEW else 0.75)
    return max(2, min(max(20, round(usual)), patients // 4))


def tried_of(rows: int, columns: int) -> float:
    """Share of the features that each split tries, where no one says.

    Two in five; where a table has rows to spare, eight features at least, and three in five as long
    as it is not so large that the time counts for more.

    >>> tried_of(300, 10), tried_of(4_000, 10), tried_of(4_000, 50), tried_of(50_000, 50)
    (0.4, 0.8, 0.6, 0.4)
    """
    share = 0.6 if 1_000 <= rows <= LARGE else 0.4
    return min(max(share, 8 / columns if rows >= 1_000 else 0.0), 1.0)


def oblique_of(rows: int, columns: int) -> int:
    """Directions of oblique splits a column may have at most, where no one says.

    What a linear guess at a column has learnt from few rows of many columns is in part these rows
    themselves, and a split along it tells of them: on SUPPORT2 six directions give the strongest
    attack an AUC of .541, two .535, none .528. So two below 200 rows a column, else six.

    >>> oblique_of(3_937, 11), oblique_of(4_552, 47), oblique_of(50_883, 46)
    (6, 2, 6)
    """
    return FEW if rows < 200 * columns else MANY


def load(folder: Path) -> FittedForest:
    """A forest saved by `FittedForest.save`.

    Raises:
        ModelError: not a forest's folder, or a corrupt one.
    """
    return FittedForest.load(folder, Forest)
