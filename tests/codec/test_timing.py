"""Gaps leave room for what is to come, and never leave their lattice for it."""

import numpy as np

from medsynai.codec.numbers import NumberCodec
from medsynai.codec.timing import Timing


def timing(gaps: np.ndarray) -> Timing:
    return Timing.of(NumberCodec.fit(gaps.astype(float), 20, 6, 3, np.arange(len(gaps))))


def test_an_hourly_lattice_is_kept_even_where_the_span_is_not():
    hourly = timing(np.full(200, 60.0))
    room, final = np.array([60.0, 180.0, 7.0]), np.array([True, True, False])
    assert hourly.able(room, final).all()
    ticks = hourly.ticks(np.zeros(3, int), room, final, np.random.default_rng(0))
    assert (ticks == 60).all()


def test_a_last_gap_fills_its_room_and_others_stay_within():
    any_minute = timing(np.random.default_rng(0).integers(1, 300, 5000))
    rng, n = np.random.default_rng(1), 500
    room, final = rng.integers(5, 290, n).astype(float), rng.random(n) < 0.5
    able = any_minute.able(room, final)
    assert able.any(1).all()
    code = (able * rng.random(able.shape)).argmax(1)
    ticks = any_minute.ticks(code, room, final, rng)
    assert (ticks[final] == room[final]).mean() > 0.8  # what lies between two bins cannot be hit
    assert (ticks <= room).all() and (ticks >= 1).all()
