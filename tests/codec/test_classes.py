"""Classes that are too small are named, with how many patients they have."""

import numpy as np
import pytest

from medsynai.codec.classes import shares_of
from medsynai.errors import ModelError


def test_small_classes_are_named_with_their_patients_and_not_by_the_hundred():
    labels = np.r_[np.zeros(10, int), np.repeat(np.arange(1, 9), 3)]
    with pytest.raises(ModelError, match=r"class b \(3\), c \(3\), .* and 3 more: fewer than 8"):
        shares_of(labels, np.arange(len(labels)), tuple("abcdefghi"), "images")
