import math

from hypothesis import given
from hypothesis import strategies as st

from worker.core.backoff import backoff, doubled


@given(attempt=st.integers(1, 100_000), base=st.floats(0.001, 43_200), cap=st.floats(0.001, 43_200))
def test_the_backoff_lies_between_nothing_and_the_doubled_base_and_never_above_the_cap(
    attempt: int, base: float, cap: float
) -> None:
    most = doubled(attempt, base, cap)
    assert most == min(cap, base * 2.0 ** min(attempt - 1, 900))
    assert backoff(attempt, base, cap, jitter=lambda low, _: low) == 0
    assert backoff(attempt, base, cap, jitter=lambda _, high: high) == most
    assert 0 <= backoff(attempt, base, cap) <= most
    assert math.isfinite(most)


def test_the_backoff_doubles_by_attempt() -> None:
    most = [doubled(attempt, 10, 900) for attempt in range(1, 10)]
    assert most == [10, 20, 40, 80, 160, 320, 640, 900, 900]
