"""Randomness is an argument: a tree of named seeds, nothing seeded globally."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seeds:
    """A node in a tree of seeds. The same root and path give the same numbers on every machine.

    >>> a, b = Seeds(7).of("fit"), Seeds(7).of("fit")
    >>> bool(a.numpy().random() == b.numpy().random())
    True
    >>> bool(Seeds(7).of("fit").numpy().random() == Seeds(7).of("sample").numpy().random())
    False
    """

    root: int
    path: tuple[str, ...] = ()

    def of(self, *names: object) -> "Seeds":
        """The child with these names, e.g. `seeds.of("column", 3)`."""
        return Seeds(self.root, self.path + tuple(str(n) for n in names))

    def entropy(self) -> int:
        """A 128-bit number for this node."""
        words = "\x1f".join((str(self.root), *self.path)).encode()
        return int.from_bytes(hashlib.sha256(words).digest()[:16], "big")

    def numpy(self) -> np.random.Generator:
        """A fresh generator at this node: two calls give the same stream."""
        return np.random.Generator(np.random.PCG64(self.entropy()))

    def integer(self) -> int:
        """A 31-bit seed for libraries that want one (scikit-learn's random_state)."""
        return self.entropy() & 0x7FFFFFFF
