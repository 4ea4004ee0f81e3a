"""When the least and the greatest numbers come: set by what a trained net draws.

A net that is told real steps learns how near to its extremes a patient's numbers go by themselves.
Drawn numbers go there less often, so that their extremes waited for the last reading, which must
have those that have not come (exposure bias: Ranzato et al. 2016, Sequence level training with
recurrent neural networks). So patients are drawn, and extremes that come late too often are made
likelier at every reading.
"""

import numpy as np
import torch

from medsynai.codec.moments import Drawn
from medsynai.codec.steps import LINES, StepCodec
from medsynai.data.table import Table
from medsynai.learn.nets.events import EventNet
from medsynai.learn.walking import walked
from medsynai.seeds import Seeds

LOOKED, ROUNDS = 400, 3  # patients drawn a round
READINGS = 4  # fewest readings of a patient
LATE = 0.8  # an extreme that first comes behind this share of them is late
FEWEST = 30  # patients on both sides, or a token is left as it is
SLOWEST, FASTEST = -1.0, 3.0  # log-odds that may be added


@torch.no_grad()
def time_extremes(
    net: EventNet, codec: StepCodec, lines: np.ndarray, told: Table, seeds: Seeds
) -> None:
    """Set `net.values.eager` so that drawn extremes come as late as real ones.

    Args:
        net: trained.
        codec: its steps.
        lines: (patients, events, 9) real ones, see `StepCodec.lines`.
        told: drawn rows of what is told once, as those of patients to come will be.
        seeds: all randomness.
    """
    eager, heads = net.values.eager, codec.heads(told.rows(np.arange(min(LOOKED, len(told)))))
    real = _late(net, *_of_lines(lines[:LOOKED]))
    for turn in range(ROUNDS):
        own = seeds.of(turn)
        made = walked(net, codec, heads, own.of("walk"), own.of("gaps").numpy())
        found = _late(net, *_of_drawn(made))
        enough = (real[1] >= FEWEST) & (found[1] >= FEWEST)
        odds = [np.log((late + 1) / (many + 2)) for late, many in (found, real)]
        step = torch.from_numpy(np.where(enough, odds[0] - odds[1], 0.0)).float()
        eager.add_(step).clamp_(SLOWEST, FASTEST)


Events = tuple[np.ndarray, np.ndarray, np.ndarray]  # patient, token, code; in order of time


def _of_lines(lines: np.ndarray) -> Events:
    token, value = (lines[..., LINES.index(name)].astype(int) for name in ("token", "value"))
    patient, place = np.nonzero(token >= 0)
    return patient, token[patient, place], value[patient, place]


def _of_drawn(drawn: Drawn) -> Events:
    order = np.lexsort((drawn.step, drawn.token, drawn.patient))
    return drawn.patient[order], drawn.token[order], drawn.value[order]


def _late(
    net: EventNet, patient: np.ndarray, token: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(channels,) how many extremes came late, and of how many; a patient has two of a token."""
    channel = net.values.channel.numpy()[token]
    bins = net.values.bins.numpy()
    told = (channel >= 0) & (value >= 0) & (value < bins[channel])
    order = np.lexsort((np.arange(told.sum()), channel[told], patient[told]))
    whose, channel, value = (x[told][order] for x in (patient, channel, value))
    starts = np.flatnonzero((np.diff(whose, prepend=-1) != 0) | (np.diff(channel, prepend=-1) != 0))
    size = np.diff(np.append(starts, len(whose)))
    late, many = np.zeros(len(bins)), np.zeros(len(bins))
    for start, length in zip(starts.tolist(), size.tolist(), strict=True):
        codes = value[start : start + length]
        if length >= READINGS and codes.min() < codes.max():
            first = np.array([codes.argmin(), codes.argmax()])
            late[channel[start]] += (first >= LATE * length).sum()
            many[channel[start]] += 2
    return late, many
