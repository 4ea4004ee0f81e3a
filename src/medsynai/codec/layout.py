"""Where each column's codes lie in one long vector: the only home of offsets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from medsynai.codec.table import TableCodec
from medsynai.errors import SchemaError

Places = Integer[np.ndarray, " width"]


@dataclass(frozen=True)
class Span:
    """One column's places: `start` to `stop`, the last one for a missing value.

    Attributes:
        ordered: whether neighbouring places mean neighbouring values.
    """

    name: str
    start: int
    size: int
    ordered: bool = False

    @property
    def stop(self) -> int:
        """One past the last place."""
        return self.start + self.size

    @property
    def places(self) -> slice:
        """To index the long vector with."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Layout:
    """Spans that tile `0 .. width` without gap or overlap, one a column.

    >>> layout = Layout.of(("sex", "age"), (3, 61), (False, True))
    >>> layout.width, layout["age"].start, layout.sizes
    (64, 3, (3, 61))
    """

    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        end = 0
        for span in self.spans:
            if span.start != end or span.size < 1:
                raise SchemaError(f"layout: the span of {span.name!r} does not follow the last")
            end = span.stop

    @staticmethod
    def of(names: tuple[str, ...], sizes: tuple[int, ...], ordered: tuple[bool, ...]) -> "Layout":
        """Spans one behind the other."""
        starts = np.cumsum((0, *sizes))[:-1].tolist()
        lines = zip(names, starts, sizes, ordered, strict=True)
        return Layout(tuple(Span(*line) for line in lines))

    @staticmethod
    def of_codec(codec: TableCodec) -> "Layout":
        """A span for each column of a table, as wide as the column has codes."""
        columns = [c.column for c in codec.columns]
        return Layout.of(
            tuple(c.name for c in columns),
            codec.sizes,
            tuple(c.kind.is_number or c.kind == "ordinal" for c in columns),
        )

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def __getitem__(self, name: str) -> Span:
        return next(s for s in self.spans if s.name == name)

    @property
    def width(self) -> int:
        """How long the vector is."""
        return self.spans[-1].stop if self.spans else 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many places each column has."""
        return tuple(s.size for s in self.spans)

    @property
    def starts(self) -> tuple[int, ...]:
        """Each column's first place."""
        return tuple(s.start for s in self.spans)

    def neighbours(self) -> tuple[Places, Places]:
        """The place below and above each place in its own column; itself where there is none.

        Levels without order and missing values have no neighbours, and are nobody's.
        """
        below, above = np.arange(self.width), np.arange(self.width)
        for span in self.spans:
            if span.ordered and span.size > 2:  # two values beside the code of missing
                below[span.start + 1 : span.stop - 1] -= 1
                above[span.start : span.stop - 2] += 1
        return below, above
