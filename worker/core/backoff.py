"""The pauses before a next try: doubled each time, up to a limit. Times: seconds."""

import random
from collections.abc import Callable


def doubled(attempt: int, base: float, cap: float) -> float:
    """The pause after so many failed attempts: the base doubled at each, at most `cap`."""
    doublings = min(attempt - 1, 32)  # above any cap, and within a float's range
    return min(cap, base * 2.0**doublings)


def backoff(attempt: int, base: float, cap: float, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """A random pause from 0 to the doubled one, so that not all workers try again at the same time."""
    return jitter(0, doubled(attempt, base, cap))
