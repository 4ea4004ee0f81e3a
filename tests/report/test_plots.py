"""Pictures: things lie where their numbers say, inside the frame, whatever the numbers."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.evaluate.score import Family, Score
from medsynai.report import plots
from medsynai.report.svg import Scale, shade
from medsynai.report.words import ends, way

SHARES = st.none() | st.floats(0, 1)
WIDE = st.floats(-1e9, 1e9, allow_nan=False)


def dot(picture: object) -> float:
    """Where the figure's diamond stands: its topmost corner."""
    found = re.search(r'd="M([\d.]+) [^"]*" class="dot"', str(picture))
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize(
    ("value", "anchors", "x"),
    [
        (0.75, (0.5, 1.0), 100.0),
        (0.5, (0.5, 1.0), 7.0),
        (1.0, (0.5, 1.0), 193.0),
        (0.2, (0.4, 0.0), 100.0),  # lower is better: the good end is still on the right
        (0.0, (0.4, 0.0), 193.0),
        (0.6, (0.4, 0.0), 7.0),  # worse than the poor anchor
    ],
)
def test_a_figure_lies_between_its_anchors(
    value: float, anchors: tuple[float, float], x: float
) -> None:
    assert dot(plots.range_bar(value, anchors, ("poor", "good"))) == pytest.approx(x, abs=0.06)


def score(better: str, **anchors: float) -> Score:
    family = Family.PRIVACY if "control" in anchors else Family.FIDELITY
    return Score("s", "s", family, 0.6, better, 100, "", **anchors)  # type: ignore[arg-type]


def test_anchors_are_poor_then_good() -> None:
    assert ends(score("low", holdout=0.5, shuffled=0.9)) == (
        (0.9, 0.5),
        ("shuffled", "holdout"),
    )
    attack = score("low", holdout=0.5, shuffled=0.51, control=0.97)
    assert ends(attack) == ((0.97, 0.5), ("copy", "holdout"))
    assert way(attack) == pytest.approx(0.37 / 0.47, abs=1e-5)


@pytest.mark.parametrize(
    "odd",
    [
        score("low", holdout=0.5),
        score("low", holdout=0.5, shuffled=0.5),
        score("low", holdout=0.9, shuffled=0.5),
        score("info", holdout=0.5, shuffled=0.9),
    ],
)
def test_no_bar_where_anchors_are_missing_equal_or_the_wrong_way_round(odd: Score) -> None:
    assert ends(odd) is None


def test_histogram_heights_are_densities() -> None:
    picture = str(plots.histogram("c", [0, 1, 3], [0.5, 0.5], [0.5, 0.5]))
    bars = re.findall(
        r'<rect class="real" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"', picture
    )
    (w1, h1), (w2, h2) = ((float(w), float(h)) for w, h in bars)
    assert w2 == pytest.approx(2 * w1, abs=0.2) and h1 == pytest.approx(2 * h2, abs=0.2)


def test_withheld_bins_are_marked_and_not_drawn_as_zero() -> None:
    picture = str(plots.histogram("c", [0, 1, 2], [None, 0.9], [0.1, 0.9]))
    assert picture.count('class="held"') == 1 and "withheld" in picture
    assert "real withheld" in str(plots.levels("c", ["a"], [None], [0.1]))


def test_the_darkest_cell_is_the_largest() -> None:
    assert [shade(v, 1.0) for v in (-1.0, -0.5, 0.0, 0.5, 2.0)] == ["m9", "m4", None, "q4", "q9"]
    picture = str(plots.heatmap("h", ["a", "b"], [[1.0, -1.0], [None, 0.0]]))
    assert picture.count('class="q9"') == picture.count('class="m9"') == 1


@given(WIDE, WIDE)
def test_ticks_are_few_and_inside(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    ticks = Scale(low, high, 0, 100).ticks()
    slack = 1e-6 * max(abs(low), abs(high), high - low)
    assert 1 <= len(ticks) <= 7
    assert all(low - slack <= t <= high + slack for t in ticks)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_picture_stays_in_its_frame(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 9))
    edges = sorted(data.draw(st.lists(WIDE, min_size=n + 1, max_size=n + 1)))
    parts = [data.draw(st.lists(SHARES, min_size=n, max_size=n)) for _ in range(2)]
    grid = [data.draw(st.lists(st.none() | st.floats(-2, 2), min_size=n, max_size=n))] * n
    falling = [sorted((v or 0.0 for v in p), reverse=True) for p in parts]
    pictures = [
        plots.histogram("t", edges, *parts),
        plots.levels("t", ["x" * 40] * n, *parts),
        plots.heatmap("t", ["x" * 40] * n, grid),
        plots.density("t", [[abs(v) if v else v for v in row] for row in grid], 1.0),
        plots.curves("t", (edges[:-1], falling[0]), (edges[:-1], falling[1])),
        plots.bars("t", ["x"] * n, falling[0]),
        plots.range_bar(edges[0], (edges[-1], 0.5), ("p", "g"), (edges[0], edges[-1])),
    ]
    for picture in pictures:
        drawn = str(picture)
        assert not re.search(r"nan|inf\b", drawn.split("<desc>")[0] + drawn.split("</desc>")[1])
        found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
        assert found is not None
        for axis, limit in (("x", float(found[1])), ("y", float(found[2]))):
            places = re.findall(rf' {axis}[12]?="(-?[\d.]+)"', drawn)
            assert all(-0.1 <= float(p) <= limit + 0.1 for p in places)


def test_the_gap_of_two_curves_is_the_largest_and_where_both_are_known() -> None:
    real = ([0.0, 1.0, 2.0, 9.0], [1.0, 0.8, 0.6, 0.0])
    assert plots.max_gap(real, ([0.0, 1.5, 3.0], [1.0, 0.9, 0.5])) == pytest.approx(0.3)
    assert plots.max_gap(real, real) == 0
