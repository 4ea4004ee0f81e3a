"""Sealed teachers: networks that each saw other patients, and answer by a noised vote alone.

Papernot et al. 2017, Semi-supervised knowledge transfer for deep learning from private training
data (PATE); Jordon, Yoon and van der Schaar 2019, PATE-GAN, section 4.2 (teachers that tell
generated from real rows).

A patient is in the part of one teacher, so one patient changes one teacher, and each count of votes
by at most 1, however long the teachers learn. What a vote costs hangs on the plan alone: a bound
that falls where teachers agree would itself tell of the patients.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import softplus

from medsynai.errors import BudgetError, PlanError
from medsynai.privacy.accounting import Spend
from medsynai.privacy.noise import noisy_counts, uniform


def by_coins(patients: np.ndarray, teachers: int) -> np.ndarray:
    """(rows,) the teacher of each row: all rows of a patient have one.

    Every patient draws a coin of their own from the system's entropy: one more patient moves nobody
    else, which a cut into equal parts, or any order, would.

    Args:
        patients: (rows,) whose row each is, from 0.
        teachers: how many.
    """
    count = int(patients.max(initial=-1)) + 1
    coins = np.floor(uniform(count) * teachers).astype(np.int64)
    return coins[patients]


class Teachers:
    """So many critics side by side; they learn from their own patients and answer with noise.

    **Guarantee:** that of `spend`, for all answers together, whatever rows are asked about and
    however they hang on earlier answers.

    | case | what happens |
    |---|---|
    | a teacher without a patient | learns from generated rows alone, and votes like the others |
    | more votes than were paid for | refused before one is counted |
    | a copy, or a file of them | refused |

    Args:
        form: of all of them, with `view(real)` and a score `(x, asked)`, above 0 for real.
        first: the weights that each begins with, by name.
        rows: (n, columns) codes of real rows.
        whose: (n,) the teacher of each row; see `by_coins`.
        spend: Laplace noise of one count of votes, and how many are paid for.
        batch: real rows a lesson, of each teacher's own.
        lr: learning rate.
    """

    def __init__(
        self,
        form: nn.Module,
        first: Sequence[dict[str, Tensor]],
        rows: Float[Tensor, "n columns"],
        whose: Int64[np.ndarray, " n"],
        spend: Spend,
        batch: int,
        lr: float,
    ) -> None:
        self._form, self._batch, self._spend, self._left = form, batch, spend, spend.steps
        self._rows = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])  # the last: nobody's
        together = {k: torch.stack([each[k] for each in first]) for k in first[0]}
        self._weights = {k: w.detach().requires_grad_() for k, w in together.items()}
        weights = list(self._weights.values())
        self._adam = torch.optim.Adam(weights, lr=lr, betas=(0.5, 0.9), fused=True)
        parts = [np.flatnonzero(whose == t) for t in range(len(first))]
        self._sizes = torch.tensor([len(p) for p in parts])
        most = max(1, int(self._sizes.max()))
        filled = [np.pad(p, (0, most - len(p)), constant_values=len(rows)) for p in parts]
        self._parts = torch.from_numpy(np.stack(filled).astype(np.int64))

    def __len__(self) -> int:
        return len(self._sizes)

    def __repr__(self) -> str:
        return f"Teachers({len(self)}, sealed)"

    def __getstate__(self) -> NoReturn:
        raise PlanError("teachers are sealed: they are neither saved nor copied")

    def learn(self, fake: Float[Tensor, "batch seen"], generator: torch.Generator) -> None:
        """One step of every teacher: its own real rows against generated ones (equation 2).

        The generator gives as many numbers whatever the parts hold: so no teacher's draw hangs on
        another's patients.
        """
        u = torch.rand((len(self), self._batch), generator=generator)
        places = self._parts.gather(1, (u * self._sizes[:, None]).long())
        form: Any = self._form
        real = form.view(self._rows[places.flatten()])
        has = (self._sizes > 0).float()[:, None]
        with torch.enable_grad():
            told = softplus(-self._scores(real, own=True)) * has
            loss = (softplus(self._scores(fake)).mean(1) + told.mean(1)).sum()
            found = torch.autograd.grad(loss, list(self._weights.values()))
        for weight, slope in zip(self._weights.values(), found, strict=True):
            weight.grad = slope
        self._adam.step()

    def answer(self, rows: Float[Tensor, "asked seen"]) -> Bool[np.ndarray, " asked"]:
        """Whether most teachers take each row for a real one, but for the noise (equation 3)."""
        found: np.ndarray = self.count(rows) > len(self) / 2
        return found

    @torch.no_grad()
    def count(self, rows: Float[Tensor, "asked seen"]) -> Float[np.ndarray, " asked"]:
        """How many teachers take each row for a real one, with noise of its own.

        One count is noised where the paper noises both sides: the other is the rest of the
        teachers, whose number is public.

        Raises:
            BudgetError: more votes than were paid for.
        """
        if len(rows) > self._left:
            raise BudgetError("the teachers were asked for more votes than were paid for")
        self._left -= len(rows)
        votes = (self._scores(rows) > 0).sum(0).numpy()
        return noisy_counts(votes, self._spend)

    def _scores(self, x: Tensor, own: bool = False) -> Float[Tensor, "teachers asked"]:
        """Of the same rows, or of each teacher's own."""
        seen = x.reshape(len(self), -1, x.shape[-1]) if own else x

        def one(weights: dict[str, Tensor], x: Tensor) -> Tensor:
            score: Tensor = functional_call(self._form, weights, (x, x[:, :0]))
            return score

        scores: Tensor = vmap(one, in_dims=(0, 0 if own else None))(self._weights, seen)
        return scores
