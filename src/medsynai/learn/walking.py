"""What a net of events draws of patients that it is told of, lot by lot."""

from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.moments import AIMS, Drawn
from medsynai.codec.steps import PLAIN, StepCodec
from medsynai.codec.timing import Timing
from medsynai.learn.nets.events import NEVER, EventNet
from medsynai.learn.walk import GapsOf, Heads, Walk, pick
from medsynai.seeds import Seeds

CHUNK = 2048  # patients drawn at once


def walked(
    net: EventNet, codec: StepCodec, heads: np.ndarray, seeds: Seeds, rng: np.random.Generator
) -> Drawn:
    """The events of patients of whom so much is told.

    Args:
        net: trained.
        codec: its steps.
        heads: (patients, k) see `StepCodec.heads`.
        seeds: of the walks.
        rng: of ticks inside bins of gaps.
    """
    steps = heads[:, len(net.layout)]  # the first of `PLAIN`
    busy = np.argsort(-steps, kind="stable")  # those who have most to come stand first
    timing, parts = Timing.of(codec.gaps), []
    for start in range(0, len(heads), CHUNK):
        mine = busy[start : start + CHUNK]
        generator = torch.Generator().manual_seed(seeds.of(start).integer())
        gaps_of = gap_drawer(timing, generator, rng)
        walk = Walk.of(net, parted(net, heads[mine]), generator, gaps_of)
        parts.append((mine, walk.run()))
    return joined(parts)


def parted(net: EventNet, heads: np.ndarray) -> Heads:
    """Codes of what is told, steps, span and hours, counts and aims, apart; see `Heads`."""
    counted = len(net.counted)
    sizes = [len(net.layout), len(PLAIN), counted, len(AIMS) * counted]
    codes, plain, counts, aims = torch.split(torch.from_numpy(heads), sizes, dim=1)
    steps, span, regular = plain.unbind(1)
    return (
        codes,
        (steps.round(), span, regular),
        counts,
        aims.view(len(heads), counted, len(AIMS)),
    )


def gap_drawer(timing: Timing, generator: torch.Generator, rng: np.random.Generator) -> GapsOf:
    """Draws bins of gaps that leave room for the steps to come, and ticks inside them."""

    def gaps_of(scores: Tensor, room: Tensor, final: Tensor) -> tuple[Tensor, Tensor]:
        left, last = room.numpy().astype("float64"), final.numpy()
        able = torch.from_numpy(timing.able(left, last))
        code = pick(torch.where(able, scores, scores + NEVER), generator)
        ticks = timing.ticks(code.numpy(), left, last, rng)
        return code, torch.from_numpy(ticks.astype(np.float32))

    return gaps_of


def joined(parts: list[tuple[np.ndarray, Drawn]]) -> Drawn:
    """What was drawn of several lots, each with the places of its patients, as one."""
    made = [replace(drawn, patient=mine[drawn.patient]) for mine, drawn in parts]
    names = [f.name for f in fields(Drawn)]
    return Drawn(*(np.concatenate([getattr(d, n) for d in made]) for n in names))
