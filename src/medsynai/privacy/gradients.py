"""Sums of gradients in which no patient counts for more than a bound: ghost-norm clipping.

Each use of a weight is written down while the losses are worked out: what went in, and, after one
backward pass, the slope at what came out. From these the norm of each patient's own gradient is
exact, without that gradient ever being formed, and so is the sum of the clipped ones.

| use of a weight W | gradient of row i |
|---|---|
| W a, and g W of a slope g (a penalty on slopes) | sum of outer products, one a use |
| a * W (layer norm), a + W (bias) | sum of g * a, sum of g |
| W[k] (vectors of codes) | sum of g into the lines k |
| clamp(W) | a copy of W for each row, its own slope |

Any other use of a weight is refused, never skipped. A loss must take each row by itself.

Sources: Goodfellow 2015, Efficient per-example gradient computations; Li, Tramer, Liang and
Hashimoto 2022, Large language models can be strong differentially private learners (ghost
clipping); Bu et al. 2023, Differentially private optimization on large model at small cost (one
backward pass); Abadi et al. 2016, Deep learning with differential privacy, algorithm 1.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from medsynai.errors import PlanError
from medsynai.privacy.slopes import Factors, Lines, Slopes, Whole, joined, numbers, together

TINY = 1e-12  # a gradient of no length is not scaled up


class Part(tuple[int, int, int]):
    """A weight by its number, and which of its lines: from `start` to `stop`."""


@dataclass(frozen=True)
class Use:
    """One use of a weight: what came out of it, and how its slope becomes a gradient."""

    part: Part
    out: Tensor
    gradient: Callable[[Tensor], Slopes]


@dataclass
class Ghost(TorchFunctionMode):
    """Writes down every use of the weights while losses are worked out inside it.

    Attributes:
        weights: that are trained.
        rows: of the batch.
    """

    weights: Sequence[Tensor]
    rows: int
    uses: list[Use] = field(default_factory=list)
    known: dict[int, Part] = field(default_factory=dict)
    kept: list[Tensor] = field(default_factory=list)  # parts stay alive, so that an id stays theirs

    def __post_init__(self) -> None:
        super().__init__()
        for number, weight in enumerate(self.weights):
            self.known[id(weight)] = Part((number, 0, len(weight)))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Pass everything through that no weight takes part in; refuse unknown uses of one."""
        kwargs = kwargs or {}
        if func in _HARMLESS or not self._takes_part(args, kwargs.values()):
            return func(*args, **kwargs)
        if func not in _RULES:
            name = getattr(func, "__name__", str(func))
            raise PlanError(
                f"differential privacy: no rule for the gradient of a weight used by {name!r}; "
                "nothing was noised, and nothing is released"
            )
        try:
            return _RULES[func](self, *args, **kwargs)
        except TypeError:
            raise PlanError(f"differential privacy: {func.__name__!r} with other options") from None

    def _takes_part(self, *groups: Iterable[Any]) -> bool:
        """Whether a weight is among what a function was given, however deep."""
        for group in groups:
            for item in group:
                if id(item) in self.known:
                    return True
                if isinstance(item, dict):
                    item = item.values()
                elif not isinstance(item, tuple | list):
                    continue
                if self._takes_part(item):
                    return True
        return False

    def note(self, weight: Tensor, out: Tensor, gradient: Callable[[Tensor], Slopes]) -> Tensor:
        """Write one use down, and hand its result on."""
        if out.size(0) != self.rows:
            raise PlanError("differential privacy: a layer works on something else than rows")
        if torch.is_grad_enabled():
            out = out if out.requires_grad else out.detach().requires_grad_()
            self.uses.append(Use(self.known[id(weight)], out, gradient))
        return out

    def slopes(self, losses: Float[Tensor, " rows"]) -> Iterator[tuple[Part, list[Slopes]]]:
        """The gradients of each part that was used."""
        self._check_all_seen(losses)
        outs = {id(use.out): use.out for use in self.uses}  # that of weight and bias is the same
        ends = list(outs.values())
        found = torch.autograd.grad(losses.sum(), ends, allow_unused=True) if ends else ()
        slopes, parts = dict(zip(outs, found, strict=True)), dict[Part, list[Slopes]]()
        for use in self.uses:
            slope = slopes[id(use.out)]
            if slope is not None:
                parts.setdefault(use.part, []).append(use.gradient(slope.detach()))
        _check_apart(list(parts))
        yield from parts.items()

    def forget(self) -> None:
        """Let go of every use.

        They and the losses hold each other: only a search would free them, a third of a step.
        """
        for held in (self.uses, self.known, self.kept):
            held.clear()

    def _check_all_seen(self, losses: Tensor) -> None:
        """No weight is behind the losses but through the uses that were written down."""
        mine, seen, left = {id(w) for w in self.weights}, set(), [losses.grad_fn]
        while left:
            node = left.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if id(getattr(node, "variable", None)) in mine:
                raise PlanError("differential privacy: a weight is used out of sight of its rules")
            left.extend(after for after, _ in node.next_functions)


def _check_apart(parts: list[Part]) -> None:
    ordered = sorted(parts)
    for one, two in pairwise(ordered):
        if one[0] == two[0] and two[1] < one[2]:
            raise PlanError("differential privacy: overlapping parts of a weight are used apart")


@dataclass(frozen=True)
class _Layer:
    """A weight in use: hidden from autograd, which would only add up over the rows."""

    ghost: Ghost
    weight: Tensor
    bias: Tensor | None = None
    turned: bool = False


class _Product(torch.autograd.Function):
    """x W^T + b, or x W if `turned`; its slope is the same the other way round, and noted too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _Layer) -> Tensor:
        ctx.layer = layer
        with torch._C.DisableTorchFunction():  # one call for product and bias: a pass less
            if layer.turned:
                return x @ layer.weight
            return functional.linear(x, layer.weight, layer.bias)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Any:  # type: ignore[override]
        layer: _Layer = ctx.layer
        with torch._C.DisableTorchFunction():
            if torch.is_grad_enabled():  # a slope that a loss is about: one more use of the weight
                turned = _Layer(layer.ghost, layer.weight, turned=not layer.turned)
                return _product(slope, turned), None
            return slope @ (layer.weight.T if layer.turned else layer.weight), None


def _product(x: Tensor, layer: _Layer) -> Tensor:
    seen = x.detach()

    def gradient(slope: Tensor) -> Factors:
        left, right = (seen, slope) if layer.turned else (slope, seen)
        return Factors(_flat(left), _flat(right))

    out: Tensor = _Product.apply(x, layer)  # type: ignore[no-untyped-call]
    return layer.ghost.note(layer.weight, out, gradient)


class _Scaled(torch.autograd.Function):
    """x * w, and so is its slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _Layer) -> Tensor:
        ctx.layer = layer
        with torch._C.DisableTorchFunction():
            return x * layer.weight

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Any:  # type: ignore[override]
        with torch._C.DisableTorchFunction():
            if torch.is_grad_enabled():
                return _scaled(slope, ctx.layer), None
            return slope * ctx.layer.weight, None


def _scaled(x: Tensor, layer: _Layer) -> Tensor:
    seen = x.detach()
    gradient = lambda slope: Whole(_over_uses(slope * seen, 1))  # noqa: E731
    out: Tensor = _Scaled.apply(x, layer)  # type: ignore[no-untyped-call]
    return layer.ghost.note(layer.weight, out, gradient)


def _over_uses(x: Tensor, axes: int) -> Tensor:
    """Summed over all axes between the first and the last ones."""
    between = tuple(range(1, x.ndim - axes))
    return x.sum(between) if between else x


def _flat(x: Tensor) -> Tensor:
    """(rows, uses, width)."""
    return x.reshape(len(x), -1, x.shape[-1])


def _linear(ghost: Ghost, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if id(weight) not in ghost.known:
        out = functional.linear(x, weight)
        return out if bias is None else _added(ghost, out, bias)
    out = _product(x, _Layer(ghost, weight, bias))
    if bias is not None and id(bias) in ghost.known:
        ghost.note(bias, out, lambda slope: Whole(_over_uses(slope, 1)))
    return out


def _added(ghost: Ghost, one: Tensor, two: Tensor, **more: Any) -> Tensor:
    x, weight = (two, one) if id(one) in ghost.known else (one, two)
    if more or id(x) in ghost.known:
        raise PlanError("differential privacy: a weight is added in a way of its own")
    out, axes = x + weight.detach(), weight.ndim
    if out.ndim <= axes or out.shape[out.ndim - axes :] != weight.shape:
        raise PlanError("differential privacy: a weight is stretched to be added")
    gradient = lambda slope: Whole(_over_uses(slope, axes))  # noqa: E731
    return ghost.note(weight, out, gradient)


def _normed(
    ghost: Ghost,
    x: Tensor,
    shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    out = functional.layer_norm(x, shape, None, None, eps)
    if weight is not None:
        known = id(weight) in ghost.known
        out = _scaled(out, _Layer(ghost, weight)) if known else out * weight
    if bias is not None:
        out = _added(ghost, out, bias) if id(bias) in ghost.known else out + bias
    return out


def _is_usual(named: dict[str, Any]) -> bool:
    """Whether no option of a look-up is set; the norm of vectors matters only with `max_norm`."""
    return all(v is None or v is False for k, v in named.items() if k != "norm_type")


def _looked_up(ghost: Ghost, places: Tensor, weight: Tensor, **named: Any) -> Tensor:
    if not _is_usual(named):
        raise PlanError("differential privacy: vectors are looked up in a way of their own")
    flat = places.reshape(len(places), -1)
    gradient = lambda slope: Lines(flat, slope.reshape(*flat.shape, -1))  # noqa: E731
    return ghost.note(weight, functional.embedding(places, weight.detach()), gradient)


def _summed_up(
    ghost: Ghost,
    places: Tensor,
    weight: Tensor,
    mode: str = "mean",
    per_sample_weights: Tensor | None = None,
    **named: Any,
) -> Tensor:
    shares = torch.ones(places.shape) if per_sample_weights is None else per_sample_weights
    if mode != "sum" or not _is_usual(named) or shares.requires_grad:
        raise PlanError("differential privacy: vectors are summed in a way of their own")
    out = functional.embedding_bag(
        places, weight.detach(), mode="sum", per_sample_weights=per_sample_weights
    )
    gradient = lambda slope: Lines(places, shares[:, :, None] * slope[:, None])  # noqa: E731
    return ghost.note(weight, out, gradient)


def _clamped(ghost: Ghost, weight: Tensor, *more: Any, **named: Any) -> Tensor:
    own = ghost.note(weight, weight.detach().expand(ghost.rows, *weight.shape), Whole)
    return torch.clamp(own, *more, **named)


def _split(ghost: Ghost, weight: Tensor, sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    if dim != 0:
        raise PlanError("differential privacy: a weight is split across its lines")
    pieces = torch.split(weight, sizes)
    number, start, _ = ghost.known[id(weight)]
    for piece in pieces:
        ghost.known[id(piece)] = Part((number, start, start + len(piece)))
        start += len(piece)
    ghost.kept.extend(pieces)
    return pieces


_RULES: dict[Any, Callable[..., Any]] = {
    functional.linear: _linear,
    functional.layer_norm: _normed,
    functional.embedding: _looked_up,
    functional.embedding_bag: _summed_up,
    torch.Tensor.add: _added,
    torch.Tensor.__add__: _added,
    torch.Tensor.__radd__: _added,
    torch.add: _added,
    torch.Tensor.clamp: _clamped,
    torch.clamp: _clamped,
    torch.split: _split,
    torch.Tensor.split: _split,
}
_HARMLESS = {
    getattr(torch.Tensor, name).__get__
    for name in ("shape", "ndim", "dtype", "device", "requires_grad", "is_leaf")
} | {torch.Tensor.size, torch.Tensor.dim, torch.Tensor.__len__}


def clipped_sum(
    losses: Callable[[], Float[Tensor, " rows"]],
    weights: Sequence[Tensor],
    groups: Int64[Tensor, " rows"],
    clip: float,
    into: Sequence[Tensor] | None = None,
) -> Sequence[Tensor]:
    """The sum over patients of each one's gradient, scaled down to a norm of at most `clip`.

    **Guarantee:** adding or removing all rows of one patient moves the sum by at most `clip` in L2
    (over all weights together), whatever those rows are, as long as losses take each row by itself.

    | patient | counts |
    |---|---|
    | several rows | with the sum of their gradients, clipped once |
    | a gradient that is no number | with nothing |
    | none at all | zeros |

    Args:
        losses: works out one number a row.
        weights: that are trained.
        groups: (rows,) the patient of each row, from 0.
        clip: the most that a patient counts for.
        into: what the sums are added to, of the weights' shapes; else zeros.
    """
    rows, total = len(groups), into
    if total is None:
        total = [torch.zeros_like(w, requires_grad=False) for w in weights]
    if not rows:
        return total
    with torch.enable_grad(), Ghost(weights, rows) as ghost:
        found = losses()
    each_alone = torch.equal(groups, torch.arange(rows))
    found_parts = [(part, together(slopes)) for part, slopes in ghost.slopes(found)]
    if not each_alone:
        found_parts = [(part, joined(slopes, groups)) for part, slopes in found_parts]
    ghost.forget()
    square = torch.zeros(rows if each_alone else int(groups.max()) + 1)
    for _, slopes in found_parts:
        square += slopes.squares()
    share = clip / square.sqrt().clamp_min(clip)
    sound = bool(torch.isfinite(square.sum()))
    if not sound:
        share = torch.where(torch.isfinite(square), share, 0.0)
    for (number, start, stop), slopes in found_parts:
        kept = slopes if sound else numbers(slopes)
        kept.add_to(total[number][start:stop], share)
    return total
