"""Noise from a plan: how much is needed so that all planned releases stay inside a budget."""

import math
from collections.abc import Callable, Sequence

from medsynai.errors import BudgetError
from medsynai.privacy.accounting import Kind, Spend, epsilon_of, gaussian_epsilon, merged

CLOSE = 2e-3  # relative: how near to the budget the search ends, always on the safe side
LEAST = 1e-3  # less noise than this is none


def calibrate(
    planned: Callable[[float], Sequence[Spend]], epsilon: float, delta: float, most: float = 1e4
) -> float:
    """The least noise for which the planned releases keep (epsilon, delta).

    It depends on the plan alone, never on a row.

    Args:
        planned: all releases of the plan, those already made among them, for a noise level.
        epsilon: the budget.
        delta: fixed beforehand.
        most: noise beyond which the plan is refused.

    Raises:
        BudgetError: no noise up to `most` is enough.

    >>> noise = calibrate(lambda s: [Spend(Kind.GAUSSIAN, s)], 1.0, 1e-5)
    >>> 3.73 < noise < 3.74
    True
    """

    def cost(noise: float) -> float:
        spends = merged(planned(noise))
        if len(spends) == 1 and spends[0].rate == 1 and spends[0].kind is Kind.GAUSSIAN:
            own = sum(s.delta * s.steps for s in planned(noise))
            return gaussian_epsilon(spends[0].noise, delta - own)
        return epsilon_of(planned(noise), delta)

    low, high, noise = (0.0, math.inf), (math.inf, 0.0), 1.0  # noise and cost on either side
    while noise <= most:
        found = cost(noise)
        if epsilon * (1 - CLOSE) <= found <= epsilon:
            return noise
        low, high = (low, (noise, found)) if found <= epsilon else ((noise, found), high)
        if high[0] - low[0] <= CLOSE * 0.1 * low[0] or high[0] <= LEAST:
            return high[0]
        noise = _between(low, high, epsilon * (1 - CLOSE / 2))
    raise BudgetError(
        f"epsilon {epsilon:g} at delta {delta:g} is too little for the planned releases; "
        "plan fewer, or allow more"
    )


def _between(low: tuple[float, float], high: tuple[float, float], wanted: float) -> float:
    """The next noise to try: on a line between both sides in logarithms, never next to an end."""
    if high[0] == math.inf:  # epsilon is about one over the noise, or falls faster
        return low[0] * min(10.0, max(2.0, low[1] / wanted))
    if low[0] == 0:
        return high[0] * min(0.5, max(0.1, high[1] / wanted))
    if low[1] == math.inf or high[1] <= 0:
        return math.sqrt(low[0] * high[0])
    share = math.log(low[1] / wanted) / math.log(low[1] / high[1])
    return low[0] * (high[0] / low[0]) ** min(0.95, max(0.05, share))
