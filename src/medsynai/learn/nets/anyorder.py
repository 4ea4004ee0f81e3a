"""A masked autoregressive net: every column from any set of columns known before it.

After NADE's running sum (Larochelle and Murray 2011) in any order (Uria, Murray and Larochelle
2014, A deep and tractable density estimator, eq. 6): a column's state is the sum of one vector for
each known column, then a residual MLP shared by all columns.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places, presence
from medsynai.learn.nets.mlp import linear, residual_mlp, vectors


class AnyOrder(nn.Module):
    """Logits of column j given the columns that `before` marks for it.

    Attributes:
        codes: one vector a code of the layout.
        places: one vector a column, added where that column is the one asked for.
        usual: added to the logits: log shares of the codes, so that training begins at the columns'
            own distributions.
        lean: how far targets lean to their neighbours while it is trained; never saved.
    """

    usual: Tensor
    lean: Tensor

    def __init__(self, layout: Layout, width: int, blocks: int) -> None:
        super().__init__()
        self.layout = layout
        self.codes = vectors(layout.width, width)
        self.places = vectors(len(layout), width)
        self.body = residual_mlp(width, blocks)
        self.heads = linear(width, layout.width)
        self.register_buffer("usual", torch.zeros(layout.width))
        self.register_buffer("lean", torch.zeros(2, layout.width), persistent=False)

    def forward(
        self,
        rows: Float[Tensor, "batch columns"],
        before: Float[Tensor, "batch columns columns"],
    ) -> Float[Tensor, "batch width"]:
        """All columns' logits; `before[b, j, i]` is 1 if column i is known when j is asked."""
        codes = self.codes(places(self.layout, rows)) * presence(rows)[..., None]
        state = torch.bmm(before, codes)  # (B, columns, width)
        state = self.body(state + self.places.weight)
        # split once: a slice of its own for each head has a gradient as large as all heads
        weights = torch.split(self.heads.weight, list(self.layout.sizes))
        biases = torch.split(self.heads.bias, list(self.layout.sizes))
        spans = map(nn.functional.linear, state.unbind(1), weights, biases)
        return torch.cat(list(spans), dim=1) + self.usual

    def learn_more(
        self, known: Float[Tensor, "rows width"], column: int, codes: Int64[Tensor, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """The running sum with one more column known; all zero where none is."""
        more: Tensor = self.codes(self.layout.spans[column].start + codes)
        return known + more

    def ask(self, known: Float[Tensor, "rows width"], column: int) -> Float[Tensor, "rows size"]:
        """One column's logits given the running sum of the known ones."""
        mine = self.layout.spans[column].places
        state = self.body(known + self.places.weight[column])
        logits = nn.functional.linear(state, self.heads.weight[mine], self.heads.bias[mine])
        return logits + self.usual[mine]
