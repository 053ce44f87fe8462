"""Whether a share differs by more than chance: Fisher's exact test, for samples of any size."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma

# Tables as likely as the one seen count as such in spite of rounding.
_SLACK = 1e-7
_NEGLIGIBLE = 1e-18


def fisher(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Return the two-sided p-value of `hits` in `tries` against `other_hits` in `other_tries`.

    It is the chance of a table no more likely than this one, when hits fall on all tries alike.
    """
    total, drawn = tries + other_tries, hits + other_hits
    low, high = max(0, drawn - other_tries), min(tries, drawn)
    whole = _choose(total, drawn)

    def likelihood(count: int) -> float:
        return exp(_choose(tries, count) + _choose(other_tries, drawn - count) - whole)

    limit = likelihood(hits) * (1 + _SLACK)
    mode = min(max((drawn + 1) * (tries + 1) // (total + 2), low), high)
    if likelihood(mode) <= limit:
        return 1.0
    below = _tail(likelihood, mode, low, -1, limit)
    return min(below + _tail(likelihood, mode, high, 1, limit), 1.0)


def _tail(likelihood: Callable[[int], float], mode: int, end: int, step: int, limit: float) -> float:
    """Return the chance of all counts from the mode to an end that are no more likely than `limit`."""
    # Away from the mode counts only get less likely: the first that is unlikely enough is found by halving.
    near, far = 0, abs(end - mode) + 1
    while far - near > 1:
        middle = (near + far) // 2
        near, far = (near, middle) if likelihood(mode + step * middle) <= limit else (middle, far)
    chance = 0.0
    for distance in range(far, abs(end - mode) + 1):
        part = likelihood(mode + step * distance)
        chance += part
        if part <= chance * _NEGLIGIBLE:
            break
    return chance


def _choose(n: int, k: int) -> float:
    """Return the logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
