"""Drawn codes follow their probabilities, and a condition's weights are those of Bayes' rule."""

import pytest
import torch

from medsynai.errors import ConditionError
from medsynai.learn.draw import Asked, begin_under, pick_code


def test_shares_are_those_of_the_logits_with_less_noise_than_lone_draws():
    shares = torch.tensor([0.5, 0.3, 0.0, 0.2])
    drawn = pick_code(shares.log().repeat(1000, 1), torch.Generator().manual_seed(1))
    found = torch.bincount(drawn.long(), minlength=4) / 1000
    assert (found - shares).abs().max() < 0.004  # lone draws would miss by about .015
    assert found[2] == 0


def test_each_row_alone_has_its_own_distribution():
    logits = torch.randn(40, 5, generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(3)
    counts = torch.zeros(40, 5)
    for _ in range(3000):
        counts += torch.nn.functional.one_hot(pick_code(logits, generator).long(), 5)
    assert (counts / 3000 - torch.softmax(logits, 1)).abs().max() < 0.05


class Coin:
    """Rows begin as heads with chance .25; heads meet what is asked at .8, tails at .1."""

    def begin(self, n, asked, generator):
        heads = (torch.rand(n, 1, generator=generator) < 0.25).float()
        return heads, torch.where(heads[:, 0] > 0, 0.8, 0.1)


def test_rows_under_a_condition_follow_bayes_rule():
    asked = Asked(torch.ones(1, dtype=torch.bool), (0,))
    kept = begin_under(Coin(), 4000, asked, torch.Generator().manual_seed(4))
    assert abs(float(kept.mean()) - 0.2 / 0.275) < 0.02


class Never(Coin):
    def begin(self, n, asked, generator):
        return torch.zeros(n, 1), torch.zeros(n)


def test_what_no_row_meets_is_refused():
    with pytest.raises(ConditionError):
        begin_under(Never(), 10, Asked(torch.ones(1, dtype=torch.bool), (0,)), torch.Generator())
