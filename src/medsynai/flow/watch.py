"""Which stage of a run is on, and how long each took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Tell = Callable[[str], None]


def silent(stage: str) -> None:
    """Tell nobody."""


@dataclass
class Watch:
    """Tells each stage's name when it starts, and adds up its seconds."""

    tell: Tell = silent
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, told: str) -> Iterator[None]:
        """Time what runs inside under `name`; `told` is what a person reads."""
        self.tell(told)
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
