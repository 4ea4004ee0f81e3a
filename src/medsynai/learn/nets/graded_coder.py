"""A decoder of bins that reads and answers numbers by their grades; see `graded`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.learn.losses.likelihood import surprise, usual
from medsynai.learn.nets.graded import CodeReader, Tilted, each, grades_of, one_of
from medsynai.learn.nets.mlp import linear, vectors

Rows = Float[Tensor, "batch columns"]


class GradedDecoder(nn.Module):
    """Latent numbers to logits of every column's codes, each told of the columns before it.

    The face is that of `medsynai.learn.nets.coder.Decoder`.

    Attributes:
        usual: added to the logits: log shares of the codes, so that training begins at the
            columns' own distributions.
    """

    usual: Tensor

    def __init__(self, space: Space, width: int, latent: int, ties: int) -> None:
        super().__init__()
        self.layout, self.ties = space.codes, ties
        self.body = nn.Sequential(linear(latent, width), nn.SiLU(), linear(width, width), nn.SiLU())
        self.tilted = Tilted(space.codes, 1.0)
        self.ends = self.tilted.heads(width)
        self.reader = CodeReader(space.codes, ties, 1.0)
        self.bias = linear(width, ties)
        self.places = vectors(len(space.codes), ties)
        self.heads = self.tilted.heads(ties)
        self.register_buffer("usual", torch.zeros(space.codes.width))

    def prepare(self, rows: Float[Tensor, "rows columns"]) -> None:
        """Set the columns' own shares and grades to those of the train rows."""
        self.usual.copy_(usual(self.layout, rows))
        grades = grades_of(self.layout, rows)
        self.reader.grades.copy_(grades)
        self.tilted.grades.copy_(grades)

    def forward(self, z: Float[Tensor, "batch latent"], rows: Rows) -> Float[Tensor, "batch codes"]:
        """Logits of all columns; each has seen the columns before it in `rows`."""
        answers, bias = self.open(z)
        columns = len(self.layout)
        before = torch.ones(columns, columns, device=rows.device).tril(-1)
        state = bias[:, None] + self.places.weight + before @ self.reader(rows)
        tied = each(self.heads, nn.functional.silu(state), self.tilted.sizes)
        logits: Tensor = self.tilted(answers + tied)
        return logits + self.usual

    def surprise(self, z: Float[Tensor, "batch latent"], rows: Rows) -> Rows:
        """-log p of each column's code given the latent and the columns before it."""
        return surprise(self.layout, self(z, rows), rows)

    def open(self, z: Float[Tensor, "batch latent"]) -> tuple[Tensor, Tensor]:
        """(B, answers) what the latent says, and (B, ties) what it tells the tied columns."""
        state = self.body(z)
        return self.ends(state), self.bias(state)

    def ask(
        self, column: int, outs: Tensor, bias: Tensor, known: Tensor
    ) -> Float[Tensor, "rows size"]:
        """Log-probabilities of one column's codes, given the sum of the known ones' vectors."""
        sizes = self.tilted.sizes
        state = nn.functional.silu(bias + self.places.weight[column] + known)
        answers = torch.split(outs, sizes, dim=1)[column] + one_of(self.heads, column, state, sizes)
        logits = self.tilted.one(column, answers) + self.usual[self.layout.spans[column].places]
        return torch.log_softmax(logits, dim=1)

    def tell(self, column: int, codes: Tensor, known: Tensor) -> Tensor:
        """`known` with one more column."""
        return known + self.reader.one(column, codes.long())
