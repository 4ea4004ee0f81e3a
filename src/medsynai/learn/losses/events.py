"""The likelihood of patients' steps: gaps, what happens, and numbers; one figure a patient.

Every step is told the real ones before it (teacher forcing), all patients of a batch at once.
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional

from medsynai.codec.moments import AIMS
from medsynai.codec.steps import LINES, PLAIN
from medsynai.learn.core import Batch, Modules, PerRow
from medsynai.learn.habits import habits_of
from medsynai.learn.nets.events import EventNet, Numbers, told_of, told_table, unaimed
from medsynai.learn.nets.gaps import Past
from medsynai.learn.nets.kin import FAR

BIG = 1e9


PART = 50  # patients looked at together


class Happened(NamedTuple):
    """A batch taken apart. Events (E,) and steps (N,) of all patients stand in order.

    Attributes:
        codes: (B, columns) of what is told.
        steps, span, regular, counts, wanted: (B, ...) see `Past`.
        patient, row: (E,) whose each event is, and which of the patient's steps.
        step: (E,) the same, counted through all patients.
        lines: by the names of `LINES`, each (E,).
    """

    codes: Tensor
    steps: Tensor
    span: Tensor
    regular: Tensor
    counts: Tensor
    wanted: Tensor
    patient: Tensor
    row: Tensor
    step: Tensor
    lines: dict[str, Tensor]

    @property
    def starts(self) -> Tensor:
        """(E,) which are the first of their step."""
        return self.lines["starts"] > 0


def likelihood(modules: Modules, batch: Batch) -> PerRow:
    """(B,) minus log-likelihood of each patient, over the events that a patient has in the mean."""
    net = cast(Any, modules["net"])
    seen = taken_apart(net, batch.real)
    loss = torch.zeros(len(seen.codes))
    if not len(seen.patient):
        return loss + 0 * net.heads.bias.sum()
    past, read = history(net, seen)
    owner = seen.patient[seen.starts]  # (N,)
    token = seen.lines["token"].long()
    before, after = beside(net, seen, token)
    state, always = told_states(net, seen, read, after)
    ready = net.ready(state, past, always[owner])
    gap = seen.lines["gap"][seen.starts].long()
    waited = net.waited(gap.clamp_min(0)) * (gap >= 0)[:, None]
    later = torch.nonzero(gap >= 0).squeeze(1)
    some = Past(*(x[later] for x in past))
    scores = net.gaps(ready[later], some)
    loss = loss.index_add(
        0, owner[later], functional.cross_entropy(scores, gap[later], reduction="none")
    )
    since = past.since + seen.lines["ticks"][seen.starts][:, None]
    usually = net.usually(past, since, read.habit, read.ago)
    who = torch.cat([owner, seen.patient])
    ahead = net.ahead(ready) + waited
    loss = loss.index_add(0, who, _presence(net, seen, (ahead, usually), (read, after)))
    upto = net.rank[token] - (net.place[token] >= 0).long()
    so_far = net.so_far(read.present[seen.step], read.places[seen.step], upto, before)[1]
    about = net.about(ready)[seen.step] + so_far
    table = told_table(net, past)
    known = (read.valued[seen.step] > 0) & (torch.arange(len(net.watched)) < upto[:, None])
    given = net.values.kin.given(
        net.values.channel[token].clamp_min(0), read.level[seen.step], known
    )
    given = torch.where((net.place[token] >= 0) & (net.values.channel[token] >= 0), given, FAR)
    for numbers, name in ((net.values, "value"), (net.lengths, "length")):
        rows = torch.nonzero(seen.lines[name] >= 0).squeeze(1)
        told = told_of(net, table, seen.step[rows], token[rows])
        told[:, -1] = given[rows]
        each = _numbers(
            numbers, name, {k: v[rows] for k, v in seen.lines.items()}, about[rows], told
        )
        loss = loss.index_add(0, seen.patient[rows], each)
    result: Tensor = loss / net.scale
    return result


def in_parts(modules: Modules, batch: Batch) -> PerRow:
    """(B,) the same, a few patients at a time: for many of them at once, without gradients."""
    starts = range(0, max(1, len(batch.real)), PART)
    parts = (Batch(*(x[i : i + PART] for x in batch)) for i in starts)
    return torch.cat([likelihood(modules, part) for part in parts])


def taken_apart(net: EventNet, real: Tensor) -> Happened:
    """The columns of patients' lines as `StepCodec` wrote them; as wide as the longest needs."""
    counted = len(net.counted)
    sizes = [len(net.layout), len(PLAIN), counted, len(AIMS) * counted]
    codes, plain, counts, wanted = torch.split(real[:, : sum(sizes)], sizes, dim=1)
    steps, span, regular = plain.unbind(1)
    lines = real[:, sum(sizes) :].view(len(real), -1, len(LINES))
    there = lines[..., 0] >= 0
    longest = int(there.sum(1).max())
    lines, there = lines[:, :longest], there[:, :longest]
    row = (lines[..., 1] > 0).cumsum(1) - 1
    patient = torch.arange(len(real))[:, None].expand_as(row)[there]
    named = dict(zip(LINES, lines[there].unbind(1), strict=True))
    return Happened(
        codes.long(),
        steps,
        span,
        regular,
        counts,
        wanted.view(len(real), counted, len(AIMS)),
        patient,
        row[there],
        (named["starts"] > 0).cumsum(0) - 1,
        named,
    )


class Read(NamedTuple):
    """What steps are: (N, watched) six times, see `habits_of`; (N,), and where they stand."""

    present: Tensor
    valued: Tensor
    places: Tensor
    level: Tensor
    habit: Tensor
    ago: Tensor
    waited: Tensor
    there: Tensor


def history(net: EventNet, seen: Happened) -> tuple[Past, Read]:
    """What is known ahead of each step (N, ...), and what is read of it."""
    people, long, wide = len(seen.codes), int(seen.row.max()) + 1, len(net.watched)
    gaps, there = torch.zeros(people, long), torch.zeros(people, long, dtype=torch.bool)
    first = seen.starts
    gaps[seen.patient[first], seen.row[first]] = seen.lines["ticks"][first]
    there[seen.patient[first], seen.row[first]] = True
    time = gaps.cumsum(1)
    token, value = seen.lines["token"].long(), seen.lines["value"].long()
    channel = net.values.channel[token].clamp_min(0)
    number = (value >= 0) & (value < net.values.bins[channel])
    place = net.place[token]
    at = tuple(x[place >= 0] for x in (seen.patient, seen.row, place))
    present, valued, places, level = (torch.zeros(people, long, wide) for _ in range(4))
    present[at] = 1.0
    valued[at] = number[place >= 0].float()
    places[at] = (net.values.place[channel, value.clamp_min(0)] * number)[place >= 0]
    code = value.clamp(0, net.values.kin.level.shape[1] - 1)
    level[at] = (net.values.kin.level[channel, code] * number)[place >= 0]
    last, known = _latest(present), _latest(valued)
    latest, second, third = _three(places, known)
    before = _shifted(time)
    moments = time[:, :, None].expand(-1, -1, wide).gather(1, last.clamp_min(0))
    many = _shifted(valued.cumsum(1))
    low = _shifted(torch.where(valued > 0, places, BIG).cummin(1).values)
    high = _shifted(torch.where(valued > 0, places, -BIG).cummax(1).values)
    slots = functional.one_hot(net.gaps.slot_of(time), net.gaps.slots).float()
    laps = net.gaps.lap_of(time)
    last_lap = _shifted((slots * (1 + laps)[..., None]).cummax(1).values) - 1
    regular = ((last_lap * slots).sum(2) == laps - 1) & (laps > 0) & there
    lain = _latest(slots)
    signs = net.gaps.sign(present)[:, :, None].expand_as(slots).gather(1, lain.clamp_min(0))
    gone = _shifted(present[:, :, net.counted].cumsum(1))
    seen_it = (last >= 0).float()
    whole = Past(
        seen_it,
        latest,
        _shifted((places * valued).cumsum(1)) / many.clamp_min(1),
        torch.where(many > 0, low, 1.0),
        torch.where(many > 0, high, -1.0),
        second,
        third,
        (before[:, :, None] - moments) * seen_it,
        seen.counts[:, None] - gone,
        seen.wanted[:, None].expand(-1, long, -1, -1),
        before,
        seen.span[:, None].expand(-1, long),
        torch.arange(long).float()[None].expand(people, -1),
        seen.steps[:, None].expand(-1, long),
        seen.regular[:, None] - _shifted(regular.float().cumsum(1)),
        _shifted(slots.cumsum(1)),
        last_lap,
        signs * (lain >= 0),
    )
    past = Past(*(x[there] for x in whole))
    habit, ago = (x[there] for x in habits_of(slots, laps, present))
    present, valued, places, level, waited = (
        x[there] for x in (present, valued, places, level, gaps)
    )
    return past, Read(present, valued, places, level, habit, ago, waited, there)


def _shifted(x: Tensor) -> Tensor:
    """One step later; 0 at the first."""
    return torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)


def _latest(present: Tensor) -> Tensor:
    """(B, T, D) the last step before each in which a token was there; -1 for none."""
    steps = torch.arange(present.shape[1])[None, :, None]
    found = torch.where(present > 0, steps, -1).cummax(1).values
    return torch.cat([torch.full_like(found[:, :1], -1), found[:, :-1]], dim=1)


def _three(places: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, D) the last number before each step and the two before that; without, the one behind.

    Args:
        places: of the numbers of each step.
        known: the last step before each that has one; -1 for none.
    """
    earlier = torch.where(known >= 0, known.gather(1, known.clamp_min(0)), -1)
    earliest = torch.where(earlier >= 0, known.gather(1, earlier.clamp_min(0)), -1)
    last = places.gather(1, known.clamp_min(0)) * (known >= 0)
    second = torch.where(earlier >= 0, places.gather(1, earlier.clamp_min(0)), last)
    return last, second, torch.where(earliest >= 0, places.gather(1, earliest.clamp_min(0)), second)


def beside(net: EventNet, seen: Happened, token: Tensor) -> tuple[Tensor, Tensor]:
    """(E, 2 * width): sums over unwatched tokens in the step before each event, and with it."""
    if net.tokens == len(net.watched):
        none = torch.zeros(1, 1).expand(len(token), 2 * net.heads.in_features)
        return none, none
    marks = net.others(token) * (net.place[token] < 0)[:, None]
    total = marks.t().contiguous().cumsum(1).t()  # along rows it is several times slower
    base = (total - marks)[seen.starts][seen.step]
    return total - marks - base, total - base


def told_states(net: EventNet, seen: Happened, read: Read, after: Tensor) -> tuple[Tensor, Tensor]:
    """(N, width) the state ahead of each step; (B, width) what is told of each patient."""
    ends = torch.cat([seen.starts[1:], torch.ones(1, dtype=torch.bool)])
    steps = net.steps_read(read.present, read.places, read.waited, after[ends])
    always, first = net.begin(seen.codes)
    table = torch.zeros(*read.there.shape, steps.shape[1])
    table[read.there] = steps
    states, _ = net.unit(table, first[None])
    states = torch.cat([first[:, None], states[:, :-1]], dim=1)
    return states[read.there], always


def _presence(
    net: EventNet,
    seen: Happened,
    ready: tuple[Tensor, Tensor],
    read: tuple[Read, Tensor],
) -> Tensor:
    """(N + E,) minus log-likelihood of what comes next in the step: at its start, and behind each.

    A token that is passed over is absent; behind the last, all the rest are.

    Args:
        net: whose heads are asked.
        seen: the events.
        ready: (N, width) what is known ahead of each step; (N, tokens) see `EventNet.usually`.
        read: what each step has; what of its unwatched tokens came up to each event.
    """
    token, (ahead, usually), (steps, after) = seen.lines["token"].long(), ready, read
    start, none = seen.starts, net.tokens
    ends = torch.cat([start[1:], torch.ones(1, dtype=torch.bool)])
    follows = torch.where(ends, none, torch.roll(token, -1))
    low = torch.cat([torch.full((len(ahead),), -1), token])
    high = torch.cat([token[start], follows])
    rows = torch.cat([torch.arange(len(ahead)), seen.step])
    upto = torch.cat([torch.zeros(len(ahead), dtype=torch.long), net.rank[token]])
    rest = torch.cat([after.new_zeros(len(ahead), after.shape[1]), after])
    so_far = net.so_far(steps.present[rows], steps.places[rows], upto, rest)[0]
    scores = net.heads(functional.silu(ahead[rows] + so_far)) + usually[rows]
    places = torch.arange(none)
    looked = (places > low[:, None]) & (places <= high[:, None])
    passed = (functional.softplus(scores) * looked).sum(1)
    hit = scores.gather(1, high.clamp_max(none - 1)[:, None]).squeeze(1)
    result: Tensor = passed - torch.where(high < none, hit, 0.0)
    return result


def _numbers(
    numbers: Numbers, name: str, lines: dict[str, Tensor], about: Tensor, told: Tensor
) -> Tensor:
    """(n,) minus log-likelihood of each number."""
    channel = numbers.channel[lines["token"].long()]
    of_value = name == "value"
    last = lines["last"].long() if of_value else torch.full_like(channel, -1)
    told = told if of_value else unaimed(told)
    target = lines[name].long()
    if of_value:
        target = torch.where(lines["same"] > 0, numbers.bins[channel] + 1, target)
    loss = torch.zeros(len(channel))
    for rows, scores in numbers(about, channel, last, told):
        each = functional.cross_entropy(scores, target[rows], reduction="none")
        loss = loss.index_add(0, rows, each)
    return loss
