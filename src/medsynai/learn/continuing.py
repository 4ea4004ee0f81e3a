"""Going on with histories: the walk of a fitted net of events from where each one ends.

What is drawn goes on from real people's own records, and is as sensitive as those are.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medsynai.codec.course import followed
from medsynai.codec.histories import Histories, rest_of
from medsynai.codec.moments import STEPS, Drawn
from medsynai.codec.steps import LINES, course_of
from medsynai.codec.timing import Timing
from medsynai.data.cohort import Cohort
from medsynai.errors import PlanError
from medsynai.generator import SEEDS
from medsynai.learn.events import FittedEvents
from medsynai.learn.habits import Habits
from medsynai.learn.losses.events import Happened, beside, history, taken_apart, told_states
from medsynai.learn.nets.events import EventNet
from medsynai.learn.nets.gaps import Past
from medsynai.learn.nets.lodging import Lodging
from medsynai.learn.threads import one_thread
from medsynai.learn.walk import GapsOf, Plain, Walk
from medsynai.learn.walking import gap_drawer, joined
from medsynai.seeds import Seeds

POOL = 8192  # patients drawn of whom some lend what is told of the rest
AT_ONCE = 256  # histories read at once

# Of an event behind the last, as in `LINES`: nothing of it is read, it only shows where that is.
BEHIND = (0.0, 1.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, -1.0)
NONE = np.zeros(0, np.int64)
NOBODY = Drawn(NONE, NONE, NONE, NONE, NONE, NONE.astype(bool), NONE)


@torch.inference_mode()
@one_thread()
def continued(
    fitted: FittedEvents, histories: Cohort, times: int = 1, seeds: Seeds = SEEDS
) -> Cohort:
    """What comes after each history, `times` times: events behind the last one alone.

    Statics that a history does not say, and how much is still to come, are lent by drawn patients
    who are like it until then. Nothing is drawn for the dead, and for those of whom the model knows
    no event.

    Args:
        fitted: a net of events.
        histories: real or synthetic patients until some time, each until a time of its own.
        times: continuations of each.
        seeds: all randomness.

    Returns:
        Subjects under the histories' keys; of several continuations `KEY-1`, `KEY-2`, ..., without
        the dash where all keys are digits.

    Raises:
        PlanError: `times` below 1, nobody, or times of another clock.
    """
    if times < 1 or not len(histories):
        raise PlanError("continuations: at least one patient, and at least one of each")
    codec, known = fitted.codec, Histories.of(fitted.courses, histories)
    rng = seeds.of("rest").numpy()
    pool = fitted.lives.sample(POOL, seeds.of("lives"))
    told = rest_of(codec, known, pool, times, rng)
    size = np.bincount(known.course.patient, minlength=len(histories))
    heads, lines = codec.heads(told), codec.lines(known.course, int(size.max()))[0]
    whose = np.repeat(np.arange(len(histories)), times)
    left = told.frame[STEPS].to_numpy() - np.repeat((lines[..., 1] > 0).sum(1), times)
    busy = np.argsort(-left, kind="stable")
    busy = busy[left[busy] > 0]
    timing, parts = Timing.of(codec.gaps), []
    for start in range(0, len(busy), AT_ONCE):
        mine = busy[start : start + AT_ONCE]
        longest = int(size[whose[mine]].max())
        generator = torch.Generator().manual_seed(seeds.of("walk", start).integer())
        walk = resumed(
            fitted.net,
            torch.from_numpy(heads[mine]),
            torch.from_numpy(lines[whose[mine], :longest]),
            gap_drawer(timing, generator, rng),
            generator,
        )
        parts.append((mine, walk.run()))
    before = known.numbers(codec.tokens)[whose]
    course = course_of(codec, told, joined(parts) if parts else NOBODY, rng, before)
    begin, last = known.begin[whose], known.last[whose]
    since = np.cumsum(course.gap)
    new = np.diff(course.patient, prepend=-1) != 0
    size = np.diff(np.r_[np.flatnonzero(new), len(since)])
    ticks = last[course.patient] + since - np.repeat((since - course.gap)[new], size)
    ticks = followed(fitted.courses, course, begin, ticks)
    made = fitted.courses.placed(course, begin, ticks, rng, last)
    return _named(made, histories, times)


def _named(made: Cohort, histories: Cohort, times: int) -> Cohort:
    """The continuations under the keys of those whom they go on from."""
    keys = histories.subjects["subject_id"]
    numbers = np.char.zfill(np.arange(1, times + 1).astype(str), len(str(times)))
    between = "" if keys.str.isdigit().all() else "-"  # some formats take whole numbers only
    tail = [f"{between}{n}" for n in numbers.tolist()] if times > 1 else [""]
    fresh = [f"{key}{t}" for key in keys for t in tail]
    named = dict(enumerate(fresh, start=1))

    def under(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(subject_id=frame["subject_id"].astype(int).map(named).astype(object))

    people, events, visits = map(under, (made.subjects, made.events, made.visits))
    whole = Cohort.of(people, events, visits, made.codes, clock=made.clock)
    return replace(whole, origin="synthetic")


def resumed(
    net: EventNet, heads: Tensor, lines: Tensor, gaps_of: GapsOf, generator: torch.Generator
) -> Walk:
    """The walk behind the last step of each history.

    Args:
        net: trained.
        heads: (n, k) what is told of each patient in all, see `StepCodec.heads`; those with most
            steps to come stand first.
        lines: (n, events, 9) what happened so far, one event at least.
        gaps_of: see `Walk.of`.
        generator: all randomness but that of `gaps_of`.
    """
    n, wide = len(lines), len(net.watched)
    size = (lines[..., 0] >= 0).sum(1)
    longer = torch.cat([lines, lines.new_full((n, 1, len(LINES)), -1.0)], dim=1)
    longer[torch.arange(n), size] = torch.tensor(BEHIND)
    seen = taken_apart(net, torch.cat([heads, longer.flatten(1)], dim=1))
    past, read = history(net, seen)
    token, value = seen.lines["token"].long(), seen.lines["value"].long()
    state, always = told_states(net, seen, read, beside(net, seen, token)[1])
    ends = torch.bincount(seen.patient[seen.starts], minlength=n).cumsum(0) - 1
    behind = torch.ones(len(token), dtype=torch.bool)
    behind[torch.bincount(seen.patient, minlength=n).cumsum(0) - 1] = False
    ahead = Past(*(x[ends] for x in past))
    channel = net.values.channel[token]
    told = behind & (channel >= 0)
    last = np.full((n, net.tokens), -1)  # of several the last: NumPy sets them in order
    last[seen.patient[told].numpy(), token[told].numpy()] = value[told].numpy()
    number = told & (value >= 0) & (value < net.values.bins[channel.clamp_min(0)])
    place = net.place[token]
    many = torch.zeros(n, wide)
    cells = (number & (place >= 0)).nonzero().squeeze(1)
    many.index_put_((seen.patient[cells], place[cells]), torch.ones(len(cells)), accumulate=True)
    return Walk(
        net,
        ahead,
        state[ends],
        always,
        torch.from_numpy(last),
        ahead.mean * many,
        many,
        _habits(net, seen, behind),
        generator,
        gaps_of,
        _lodging(net, seen, behind),
        Plain.of(net),
    )


def _lodging(net: EventNet, seen: Happened, behind: Tensor) -> Lodging:
    """The visits that the histories leave open, as far as their ends are known."""
    lodging, token = net.lodging(len(seen.codes)), seen.lines["token"].long()
    role = torch.from_numpy(lodging.rooms.roles)[token] * behind
    lodging.since[seen.patient[role > 0]] = 0.0
    ends, length = torch.zeros(len(token)), seen.lines["length"].long()
    for kind, least in lodging.least.items():
        mine = (token == kind) & (length >= 0)
        ends[mine] = least[length[mine]]
    visits = role == 2
    still = lodging.open.numpy()  # of several the last: NumPy sets them in order
    still[seen.patient[visits].numpy()] = ends[visits].numpy()
    return lodging


def _habits(net: EventNet, seen: Happened, behind: Tensor) -> Habits:
    """When tokens came so far."""
    n, slots = len(seen.codes), net.gaps.slots
    passed = torch.zeros(n, int(seen.row.max()) + 1)
    first = seen.starts
    passed[seen.patient[first], seen.row[first]] = seen.lines["ticks"][first]
    time = passed.cumsum(1)[seen.patient, seen.row]
    place = net.place[seen.lines["token"].long()]
    habits, kept = Habits.none(n, slots, len(net.watched)), behind & (place >= 0)
    who, slot, place = seen.patient[kept], net.gaps.slot_of(time[kept]), place[kept]
    ones, laps = torch.ones(len(who)), net.gaps.lap_of(time[kept])
    habits.lain.index_put_((who, slot, place), ones, accumulate=True)
    flat = (who * slots + slot) * len(net.watched) + place
    habits.laps.view(-1).scatter_reduce_(0, flat, laps, "amax")
    habits.came.index_put_((who, place), ones, accumulate=True)
    return habits
