"""Terms whose coefficients are compared must each mean something."""

import numpy as np

from medsynai.evaluate.design import LEAST_NEW, _unexplained


def test_a_class_is_told_by_its_groups_though_no_group_repeats_it():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 6, 2000)
    indicators = [(group == g) * 1.0 for g in range(3)]
    whole = (group < 3) * 1.0
    assert max(np.corrcoef(whole, i)[0, 1] for i in indicators) < 0.9
    assert _unexplained(whole, indicators) < LEAST_NEW
    assert _unexplained(rng.normal(size=2000), indicators) > 0.9
    assert _unexplained(np.ones(2000), []) == 0.0
