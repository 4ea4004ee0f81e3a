"""Numbers to bins and back: quantile bins, heavy values, and the lattice they are written on.

What a classifier sees first in synthetic numbers is their form: how many decimals, which values
are heaped. So each bin remembers the values that several rows share, and for the rest a coarse
quantile function and how many decimals were written. A bin stands for at least `min_bin` rows
(`min_shared` where it is hemmed in between heavy values).

No value of fewer than `min_shared` patients is kept, but for the two between which all draws lie:
they are order statistics with that many patients at or beyond them. Borders and knots are means, of
different patients' values.
Where a patient has several rows, a value counts once for each patient who has it: codes say how
often a bin comes, so what is lost is only how often one comes within its bin.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from medsynai.codec.choices import Choices
from medsynai.data.levels import patients_of_levels
from medsynai.store import Arrays

NO_ROUNDING = 12  # decimals: beyond it a number is taken as unrounded
Floats = Float[np.ndarray, " n"]
Codes = Integer[np.ndarray, " n"]
_Knots = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class NumberCodec:
    """Bins of one column, in ascending order; the code `bins` means missing.

    Attributes:
        low: (bins,) where each bin begins: a value belongs to the last bin at or below. The first
            is the least value that is ever drawn.
        top: the greatest value that is ever drawn.
        centre: (bins,) the mean value of each bin.
        heavy_share: (bins,) how much of a bin is values that several rows share.
        heavy: those values, chosen by their counts.
        knots, knot_start: coarse quantiles of the rest: bin b owns knots[start[b]:start[b + 1]].
        decimals: how many decimals the rest was written with.
    """

    low: np.ndarray
    top: float
    centre: np.ndarray
    heavy_share: np.ndarray
    heavy: Choices
    knots: np.ndarray
    knot_start: np.ndarray
    decimals: Choices

    @property
    def bins(self) -> int:
        """How many bins; also the code of a missing value."""
        return len(self.low)

    @staticmethod
    def fit(
        values: Floats, max_bins: int, min_bin: int, min_shared: int, whose: Codes | None = None
    ) -> "NumberCodec":
        """Learn bins from values, NaN where missing.

        A column filled for fewer than `min_shared` patients and missing for others is learnt as
        missing.

        Args:
            values: (n,) the column.
            max_bins: about how many quantile bins at most.
            min_bin: rows that a bin stands for at least (fewer only if the column has fewer).
            min_shared: patients who must share a value before it is drawn as it is.
            whose: (n,) whose row each is, by number; None: every row is another patient's.
        """
        present, owner, (bottom, top) = _present(values, min_shared, whose)
        unique, counts = _without_strays(*np.unique(present, return_counts=True), min_shared)
        bin_of = _pack(counts, max(float(min_bin), len(present) / max_bins), min_shared, owner)
        bins = int(bin_of[-1]) + 1 if len(bin_of) else 0
        total = np.bincount(bin_of, weights=counts, minlength=bins)
        mass = np.bincount(bin_of, weights=counts * unique, minlength=bins)
        shared = counts >= min_shared
        heavy = Choices.of(bin_of[shared], unique[shared], counts[shared].astype(float), bins)
        light = np.repeat(unique[~shared], counts[~shared])
        light_bin = np.repeat(bin_of[~shared], counts[~shared])
        low = _borders(unique, shared, bin_of, bins)
        low[:1] = bottom
        smoothed = light, light_bin
        if owner is not None and len(light):
            smoothed = _one_each(light, light_bin, owner[np.repeat(~shared, counts)])
        knots, knot_start = _knots(*smoothed, np.append(low, top), (min_bin, min_shared))
        return NumberCodec(
            low=low,
            top=top,
            centre=mass / np.maximum(total, 1),
            heavy_share=heavy.total(np.arange(bins)) / np.maximum(total, 1),
            heavy=heavy,
            knots=knots,
            knot_start=knot_start,
            decimals=_decimal_choices(light, light_bin, bins),
        )

    def encode(self, values: Floats) -> Codes:
        """The bin of each value; values outside the learnt range go to the nearest bin."""
        if not self.bins:
            return np.zeros(len(values), dtype=np.int64)
        place = np.clip(np.searchsorted(self.low, values, side="right") - 1, 0, self.bins - 1)
        return np.where(np.isnan(values), self.bins, place).astype(np.int64)

    def decode(self, codes: Codes, rng: np.random.Generator) -> Floats:
        """A value inside each bin, on the lattice of the bin; NaN for the code of missing."""
        values = np.full(len(codes), np.nan)
        present = codes < self.bins
        if present.any():
            values[present] = self._draw(codes[present], rng)
        return values

    def _draw(self, codes: Codes, rng: np.random.Generator) -> Floats:
        u = rng.random((3, len(codes)))
        heavy = u[0] < self.heavy_share[codes]
        drawn = np.empty(len(codes))
        if heavy.any():
            drawn[heavy] = self.heavy.draw(codes[heavy], u[1, heavy])
        light = ~heavy
        if light.any():
            of, place = codes[light], u[1, light]
            start = self.knot_start[of]
            position = place * (self.knot_start[of + 1] - start - 1)
            left = position.astype(np.int64)
            low, high = self.knots[start + left], self.knots[start + left + 1]
            between = low + (position - left) * (high - low)
            decimals = self.decimals.draw(of, u[2, light])
            drawn[light] = rounded(between, decimals)
        return np.clip(drawn, self.low[0], self.top)

    def allowed(
        self, low: float | int | None, high: float | int | None
    ) -> Bool[np.ndarray, " codes"]:
        """(bins + 1,) which codes can give a value in [low, high]; missing never can."""
        least, most = self.edge(np.minimum, np.inf), self.edge(np.maximum, -np.inf)
        inside = np.ones(self.bins, dtype=bool)
        if low is not None:
            inside &= most >= low
        if high is not None:
            inside &= least <= high
        return np.append(inside, False)

    def edge(self, pick: np.ufunc, start: float) -> Floats:
        """The least or the greatest value that each bin can give, rounding included."""
        end, edge = np.full(self.bins, start), np.full(self.bins, start)
        pick.at(end, np.repeat(np.arange(self.bins), np.diff(self.knot_start)), self.knots)
        owner, places = self.decimals.groups(), self.decimals.items
        light = self.heavy_share[owner] < 1
        pick.at(edge, owner[light], rounded(end[owner[light]], places[light]))
        pick.at(edge, self.heavy.groups(), self.heavy.items)
        return np.clip(edge, self.low[:1], self.top)

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        names = ("low", "centre", "heavy_share", "knots", "knot_start")
        own = {f"{prefix}.{name}": getattr(self, name) for name in names}
        own[f"{prefix}.top"] = np.array([self.top])
        return (
            own | self.heavy.arrays(f"{prefix}.heavy") | self.decimals.arrays(f"{prefix}.decimals")
        )

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "NumberCodec":
        """The inverse of `arrays`."""
        return NumberCodec(
            low=arrays[f"{prefix}.low"],
            top=float(arrays[f"{prefix}.top"][0]),
            centre=arrays[f"{prefix}.centre"],
            heavy_share=arrays[f"{prefix}.heavy_share"],
            heavy=Choices.load(arrays, f"{prefix}.heavy"),
            knots=arrays[f"{prefix}.knots"],
            knot_start=arrays[f"{prefix}.knot_start"],
            decimals=Choices.load(arrays, f"{prefix}.decimals"),
        )


def decimal_places(values: Floats) -> Codes:
    """How many decimals each value is written with; NO_ROUNDING if more than fit a float.

    >>> decimal_places(np.array([3.0, 0.25, 1 / 3])).tolist()
    [0, 2, 12]
    """
    places = np.full(len(values), NO_ROUNDING)
    for digits in reversed(range(NO_ROUNDING)):
        close = np.abs(np.round(values, digits) - values) <= 1e-12 * np.maximum(1, np.abs(values))
        places[close] = digits
    return places


def rounded(values: Floats, places: Codes) -> Floats:
    """Each value rounded to its own number of decimals."""
    out = values.copy()
    for digits in np.unique(places):
        if digits < NO_ROUNDING:
            mine = places == digits
            out[mine] = np.round(values[mine], int(digits))
    return out


def _without_strays(
    unique: Float[np.ndarray, " unique"], counts: Integer[np.ndarray, " unique"], min_shared: int
) -> tuple[np.ndarray, np.ndarray]:
    """A handful of values of their own among shared ones goes to the nearest shared value.

    So few cannot be smoothed into anything but themselves.
    """
    shared = counts >= min_shared
    if not shared.any() or counts[~shared].sum() >= min_shared:
        return unique, counts
    kept, rows = unique[shared], counts[shared].copy()
    place = np.searchsorted((kept[1:] + kept[:-1]) / 2, unique[~shared])
    np.add.at(rows, place, counts[~shared])
    return kept, rows


def _present(
    values: Floats, min_shared: int, whose: Codes | None
) -> tuple[np.ndarray, np.ndarray | None, tuple[float, float]]:
    """The values to learn from, whose each is, and the least and the greatest ever drawn.

    With `whose` the values ascend, and each stands once for each patient who has it.
    """
    there = ~np.isnan(values)
    present = values[there]
    lowest, highest = (present, present) if whose is None else _extremes(present, whose[there])
    if len(lowest) < min_shared and not there.all():
        present = lowest = highest = present[:0]  # any drawn would be these patients' own
    ends = _ends(lowest, highest, min_shared)
    if whose is None or not len(present):
        return present, None, ends
    return *_once(np.clip(present, *ends), whose[there]), ends


def _extremes(present: Floats, whose: Codes) -> tuple[np.ndarray, np.ndarray]:
    """(patients,) the least and the greatest value of each patient."""
    people, place = np.unique(whose, return_inverse=True)
    lowest, highest = np.full(len(people), np.inf), np.full(len(people), -np.inf)
    np.minimum.at(lowest, place, present)
    np.maximum.at(highest, place, present)
    return lowest, highest


def _once(present: Floats, whose: Codes) -> tuple[np.ndarray, np.ndarray]:
    """The values less those that the same patient has in another row: a count is of patients."""
    order = np.lexsort((whose, present))
    value, patient = present[order], whose[order]
    again = (value[1:] == value[:-1]) & (patient[1:] == patient[:-1])
    once = np.append(True, ~again)
    return value[once], patient[once]


def _one_each(
    light: Floats, light_bin: Codes, owner: Codes
) -> tuple[Float[np.ndarray, " m"], Integer[np.ndarray, " m"]]:
    """In each bin one value of each patient, the mean of the patient's own; ascending.

    Neighbours are then of different patients, and a mean of three is of three.
    """
    people = int(owner.max()) + 1
    pairs, place = np.unique(light_bin.astype(np.int64) * people + owner, return_inverse=True)
    mean = np.bincount(place, weights=light) / np.bincount(place)
    order = np.lexsort((mean, pairs // people))
    return mean[order], (pairs // people)[order]


def _ends(
    lowest: Float[np.ndarray, " patients"], highest: Float[np.ndarray, " patients"], min_shared: int
) -> tuple[float, float]:
    """The values at or beyond which `min_shared` patients lie, or half of them if they are few."""
    total = len(lowest)
    if not total:
        return np.nan, np.nan
    rank = min(min_shared, (total + 1) // 2)
    first, last = np.partition(lowest, rank - 1), np.partition(highest, total - rank)
    return float(first[rank - 1]), float(last[total - rank])


def _borders(
    unique: Float[np.ndarray, " unique"],
    shared: Bool[np.ndarray, " unique"],
    bin_of: Integer[np.ndarray, " unique"],
    bins: int,
) -> Float[np.ndarray, " bins"]:
    """Where each bin begins: at its first value if that is shared, else halfway to it."""
    first = np.searchsorted(bin_of, np.arange(bins))
    before = np.maximum(first - 1, 0)
    middle = unique[before] + (unique[first] - unique[before]) / 2
    # of two neighbouring floats the middle is one of them: the lower would take its rows along
    return np.where(shared[first] | (middle <= unique[before]), unique[first], middle)


def _pack(
    counts: Integer[np.ndarray, " unique"],
    target: float,
    least: int,
    owner: np.ndarray | None = None,
) -> Integer[np.ndarray, " unique"]:
    """A bin for each unique value, so that bins hold about `target` rows and heavy values stand
    alone. A bin of fewer than `least` rows joins a neighbour, one that is no heavy value if it can,
    and so does a last one of less than half the target. With `owner`, whose each of the ascending
    values is, one of fewer than `least` patients joins.
    """
    bin_of = np.empty(len(counts), dtype=np.int64)
    current, held = 0, 0
    for i, count in enumerate(counts.tolist()):
        if held and (count >= target or held >= target):
            current, held = current + 1, 0
        bin_of[i] = current
        held += count
    if len(counts) and held < target / 2 and current:
        bin_of[bin_of == current] = current - 1
    rows = np.bincount(bin_of, weights=counts)
    if owner is not None and len(owner):
        rows = patients_of_levels(np.repeat(bin_of, counts), owner, len(rows))
    heavy = np.bincount(bin_of, weights=counts >= target) > 0
    to = np.arange(len(rows))
    for b in np.flatnonzero(rows < least).tolist():
        after = b + 1 < len(rows) and (b == 0 or (heavy[b - 1] and not heavy[b + 1]))
        to[b] = b + 1 if after else max(b - 1, 0)
    for b in range(1, len(to)):  # a bin joined to one that was joined itself goes where that went
        to[b] = to[to[b]] if to[b] < b else to[b]
    return np.unique(to[bin_of], return_inverse=True)[1].astype(np.int64)


def _knots(
    light: Float[np.ndarray, " light"],
    light_bin: Integer[np.ndarray, " light"],
    borders: Float[np.ndarray, " borders"],
    settings: tuple[int, int],
) -> _Knots:
    """Coarse quantiles of each bin's light values, one step for every `min_bin` rows.

    Each is the mean of three neighbours, of the bin if it has so many, and the outermost are means
    of `min_shared` rows: an order statistic belongs to one patient.
    """
    min_bin, min_shared = settings
    bins = len(borders) - 1
    edge = np.searchsorted(light_bin, np.arange(bins + 1))
    rows = np.diff(edge)
    steps = np.where(rows > 0, np.maximum(2, rows // min_bin + 1), 2)
    start = np.concatenate(([0], np.cumsum(steps)))
    owner = np.repeat(np.arange(bins), steps)
    if not len(light):
        return borders[owner], start
    share = (np.arange(len(owner)) - start[owner]) / (steps[owner] - 1)
    at = np.rint(edge[owner] + share * np.maximum(rows[owner] - 1, 0)).astype(np.int64)
    full = rows[owner] >= 3
    first = np.where(full, edge[owner], 0)
    last = np.where(full, edge[owner + 1], len(light)) - 1
    near = [light[np.clip(at + step, first, last)] for step in (-1, 0, 1)]
    knots = np.clip(np.mean(near, axis=0), borders[owner], borders[owner + 1])
    if len(light) >= min_shared:
        knots = np.clip(knots, light[:min_shared].mean(), light[-min_shared:].mean())
    return np.where(rows[owner] > 0, knots, borders[owner]), start


def _decimal_choices(light: Floats, light_bin: Codes, bins: int) -> Choices:
    """The decimals patterns of each bin's light values; a bin without any gets no decimals."""
    places = decimal_places(light)
    pairs, counts = np.unique(light_bin * (NO_ROUNDING + 1) + places, return_counts=True)
    group, items = np.divmod(pairs, NO_ROUNDING + 1)
    empty = np.setdiff1d(np.arange(bins), group)
    return Choices.of(
        np.concatenate((group, empty)),
        np.concatenate((items, np.zeros(len(empty), dtype=items.dtype))),
        np.concatenate((counts, np.ones(len(empty)))),
        bins,
    )
