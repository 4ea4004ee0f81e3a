"""Bins beside the numbers they stand for: what a network reads of a code, and answers for it.

A bin holds few rows, too few to learn from alone what it says of other columns. So numbers have
grades: Hermite polynomials of the normal score, and whether it is missing. A network reads each
grade through one vector, and answers with one tilt of the column's own shares along each (an
exponential family, Efron and Tibshirani 1996, Using specially designed exponential families for
density estimation). What a bin says beyond that begins at nothing, and may be learnt more
slowly.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places, presence
from medsynai.learn.nets.mlp import linear, quiet, vectors

GRADES = 4  # three polynomials, and missing
SOFT = 0.3  # of the usual first values: sums over many columns begin small

Rows = Float[Tensor, "batch columns"]
Vectors = Float[Tensor, "batch columns width"]
Grades = Float[Tensor, "codes grades"]
Pieces = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


def with_grades(layout: Layout, graded: bool = True) -> list[int]:
    """The columns whose codes have grades, if any: ordered ones of two values and more."""
    return [j for j, span in enumerate(layout) if graded and span.ordered and span.size > 2]


def grades_of(layout: Layout, rows: Float[Tensor, "rows columns"]) -> Grades:
    """Grades of every code, of mean 0 and spread 1 over these rows; 0 for levels."""
    counts = torch.bincount(places(layout, rows).flatten(), minlength=layout.width).double()
    found = torch.zeros(layout.width, GRADES)
    for column in with_grades(layout):
        mine = layout.spans[column].places
        found[mine] = _grades(counts[mine]).float()
    return found


def _grades(counts: Float[Tensor, " size"]) -> Float[Tensor, "size grades"]:
    total = counts[:-1].sum().clamp_min(1)
    share = counts[:-1] / total
    middle = share.cumsum(0) - share / 2
    score = torch.special.ndtri(middle.clamp(0.5 / total, 1 - 0.5 / total))
    table = torch.stack([score, score**2, score**3 - 3 * score], dim=1)
    table = table - share @ table
    found = torch.zeros(len(counts), GRADES, dtype=torch.double)
    found[:-1, :-1] = table / (share @ table**2).sqrt().clamp_min(1e-6)
    absent = counts[-1] / counts.sum().clamp_min(1)
    spread = (absent * (1 - absent)).sqrt()
    if spread > 0:
        found[:, -1] = -absent / spread
        found[-1, -1] += 1 / spread
    return found


class CodeReader(nn.Module):
    """A vector for each code: what its grades say, and what it says itself.

    Args:
        layout: of the codes.
        width: of the vectors.
        calm: how much slower than its grades a code's own vector is learnt.
        graded: without, a vector for each code is all there is.

    Attributes:
        grades: see `grades_of`; set before training.
    """

    grades: Tensor

    def __init__(self, layout: Layout, width: int, calm: float, graded: bool = True) -> None:
        super().__init__()
        self.layout, self.width, self.graded = layout, width, with_grades(layout, graded)
        self.calm, codes = calm if graded else 1.0, vectors(layout.width, width)
        self.codes = quiet(codes) if graded else codes
        if self.graded:
            self.slopes = quiet(linear(GRADES, len(self.graded) * width), SOFT)
        self.register_buffer("grades", torch.zeros(layout.width, GRADES))

    def forward(self, rows: Rows) -> Vectors:
        """The vector of every column's code; NaN for a blinded row."""
        here = places(self.layout, rows)
        known = self.calm * self.codes(here)
        if self.graded:
            grades = self.grades[here[:, self.graded]].unbind(1)
            told = torch.stack([*map(nn.functional.linear, grades, *self._pieces())], dim=1)
            known = known.index_add(1, torch.tensor(self.graded, device=rows.device), told)
        return known * presence(rows)[..., None]

    def one(self, column: int, codes: Int64[Tensor, " rows"]) -> Float[Tensor, "rows width"]:
        """The vectors of one column's codes."""
        here = self.layout.spans[column].start + codes
        known: Tensor = self.calm * self.codes(here)
        if column not in self.graded:
            return known
        weight, bias = (part[self.graded.index(column)] for part in self._pieces())
        return known + nn.functional.linear(self.grades[here], weight, bias)

    def _pieces(self) -> Pieces:
        each = [self.width] * len(self.graded)
        return torch.split(self.slopes.weight, each), torch.split(self.slopes.bias, each)


class Tilted(nn.Module):
    """Logits of codes from a network's answers: along the grades of each column, and their own.

    Args:
        layout: of the codes.
        calm: how much slower than its tilts a bin's own logit is learnt; 0: it has none.
        graded: without, the answers are the logits.

    Attributes:
        grades: see `grades_of`; set before training.
        sizes: how many answers each column has: one a code if any, then one a grade.
    """

    grades: Tensor

    def __init__(self, layout: Layout, calm: float, graded: bool = True) -> None:
        super().__init__()
        self.layout, self.calm, self.quiet = layout, calm, graded
        self.graded = with_grades(layout, graded)
        self.sizes = [
            GRADES + s.size * (calm > 0) if j in self.graded else s.size
            for j, s in enumerate(layout)
        ]
        self.register_buffer("grades", torch.zeros(layout.width, GRADES))

    def heads(self, width: int) -> nn.Linear:
        """A layer that answers; of graded columns where graded, it begins with nothing to say."""
        heads = linear(width, sum(self.sizes))
        return quiet(heads) if self.quiet else heads

    def forward(self, answers: Float[Tensor, "batch answers"]) -> Float[Tensor, "batch codes"]:
        """The logits of all columns."""
        spans = torch.split(answers, self.sizes, dim=1)
        return torch.cat([self.one(j, answer) for j, answer in enumerate(spans)], dim=1)

    def one(
        self, column: int, answers: Float[Tensor, "rows answers"]
    ) -> Float[Tensor, "rows size"]:
        """The logits of one column from its answers."""
        if column not in self.graded:
            return answers
        span = self.layout.spans[column]
        if not self.calm:
            return answers @ self.grades[span.places].T
        own = self.calm * torch.eye(span.size, device=answers.device)
        return answers @ torch.cat([own, self.grades[span.places].T])


def each(heads: nn.Linear, state: Vectors, sizes: list[int]) -> Float[Tensor, "batch answers"]:
    """What every column's head answers to that column's own state."""
    # split once: a slice of its own for each head has a gradient as large as all heads
    weights, biases = torch.split(heads.weight, sizes), torch.split(heads.bias, sizes)
    spans = map(nn.functional.linear, state.unbind(1), weights, biases)
    return torch.cat(list(spans), dim=1)


def one_of(
    heads: nn.Linear, column: int, state: Float[Tensor, "rows width"], sizes: list[int]
) -> Float[Tensor, "rows answers"]:
    """What one column's head answers."""
    mine = slice(sum(sizes[:column]), sum(sizes[: column + 1]))
    return nn.functional.linear(state, heads.weight[mine], heads.bias[mine])
