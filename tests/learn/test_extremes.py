"""Extremes of a patient's numbers come as late in drawn courses as in real ones."""

import numpy as np
from tests.learn.test_events import QUICK, levels

from medsynai.learn.extremes import _late, _of_drawn, _of_lines, time_extremes
from medsynai.learn.walking import walked
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def test_extremes_that_waited_for_the_end_come_earlier():
    people = levels(400)
    fitted = load_cohort_model("events", QUICK).fit(people, Ledger(), Seeds(1))
    codec, net = fitted.codec, fitted.net
    lines, _ = codec.lines(fitted.courses.encode(people))
    told = fitted.lives.sample(400, Seeds(2))

    def share() -> float:
        made = walked(net, codec, codec.heads(told), Seeds(3), np.random.default_rng(0))
        late, many = _late(net, *_of_drawn(made))
        return float(late.sum() / many.sum())

    late, many = _late(net, *_of_lines(lines))
    real = float(late.sum() / many.sum())
    assert abs(share() - real) < 0.05
    net.values.eager.fill_(-4.0)  # as if training had left extremes to the last reading
    waited = share()
    assert waited > real + 0.15
    time_extremes(net, codec, lines, told, Seeds(4))
    assert abs(share() - real) < (waited - real) / 3


def test_the_late_are_counted():
    fitted = load_cohort_model("events", QUICK | {"steps": 1}).fit(levels(60), Ledger(), Seeds(1))
    token = int(np.flatnonzero(fitted.net.values.channel.numpy() >= 0)[0])
    codes = np.array([3, 1, 2, 2, 5, 4, 4, 4, 4, 6])  # the greatest is the last of ten
    patient, what = np.zeros(10, int), np.full(10, token)
    late, many = _late(fitted.net, patient, what, codes)
    assert late.sum() == 1 and many.sum() == 2
    late, many = _late(fitted.net, patient, what, np.full(10, 2))  # no least beside a greatest
    assert many.sum() == 0
