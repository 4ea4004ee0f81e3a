"""A masked autoregressive net: every column from any set of columns known before it.

After NADE's running sum (Larochelle and Murray 2011) in any order (Uria, Murray and Larochelle
2014, A deep and tractable density estimator, eq. 6): a column's state is the sum of one vector for
each known column, then a residual MLP shared by all columns. Numbers are read and answered by
their grades as well, see `medsynai.learn.nets.graded`.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.learn.losses.likelihood import usual
from medsynai.learn.nets.graded import CodeReader, Tilted, each, grades_of, one_of
from medsynai.learn.nets.mlp import residual_mlp, vectors

CALM = 0.2  # a fifth of the rate for what bins say of their own: it overfits first


class AnyOrder(nn.Module):
    """Logits of column j given the columns that `before` marks for it.

    Attributes:
        reader: one vector a code of the layout.
        places: one vector a column, added where that column is the one asked for.
        usual: added to the logits: log shares of the codes, so that training begins at the columns'
            own distributions.
        lean: how far targets lean to their neighbours while it is trained; never saved.
    """

    usual: Tensor
    lean: Tensor

    def __init__(self, layout: Layout, width: int, blocks: int, graded: bool = True) -> None:
        super().__init__()
        self.layout = layout
        self.reader = CodeReader(layout, width, CALM, graded)
        self.places = vectors(len(layout), width)
        self.body = residual_mlp(width, blocks)
        self.tilted = Tilted(layout, CALM, graded)
        self.heads = self.tilted.heads(width)
        self.register_buffer("usual", torch.zeros(layout.width))
        self.register_buffer("lean", torch.zeros(2, layout.width), persistent=False)

    def forward(
        self,
        rows: Float[Tensor, "batch columns"],
        before: Float[Tensor, "batch columns columns"],
    ) -> Float[Tensor, "batch width"]:
        """All columns' logits; `before[b, j, i]` is 1 if column i is known when j is asked."""
        state = torch.bmm(before, self.reader(rows))  # (B, columns, width)
        state = self.body(state + self.places.weight)
        logits: Tensor = self.tilted(each(self.heads, state, self.tilted.sizes))
        return logits + self.usual

    def prepare(self, rows: Float[Tensor, "rows columns"]) -> None:
        """Set the columns' own shares and grades to those of the train rows."""
        self.usual.copy_(usual(self.layout, rows))
        grades = grades_of(self.layout, rows)
        self.reader.grades.copy_(grades)
        self.tilted.grades.copy_(grades)

    def learn_more(
        self, known: Float[Tensor, "rows width"], column: int, codes: Int64[Tensor, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """The running sum with one more column known; all zero where none is."""
        return known + self.reader.one(column, codes)

    def ask(self, known: Float[Tensor, "rows width"], column: int) -> Float[Tensor, "rows size"]:
        """One column's logits given the running sum of the known ones."""
        state = self.body(known + self.places.weight[column])
        answers = one_of(self.heads, column, state, self.tilted.sizes)
        logits: Tensor = self.tilted.one(column, answers)
        return logits + self.usual[self.layout.spans[column].places]
