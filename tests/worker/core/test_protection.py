"""When protection is requested, relied on and released: each time exactly. The jitter is always the longest pause."""

import math

import pytest

from tests.worker.simulation import settings
from worker.core.events import Denial, Protect, Protected
from worker.core.protection import BLOCKED_SECONDS, HOLD_SECONDS, RELEASE_AFTER_SECONDS, RELEASED_SECONDS, Protection

ON = Protect(12)  # twice the longest job of a minute, and ten


def protection() -> Protection:
    return Protection(settings(job_timeout=60), lambda _, high: high)


def ask(one: Protection, now: float, *, active: bool, denial: Denial | None = None, asked: float = 0.0) -> Protect:
    """The request that is made now, and its answer, `asked` seconds later."""
    request = one.request(now, active=active)
    assert request
    one.answered(now + asked, Protected(request, now, denial, denial and denial.name))
    return request


def test_nothing_is_received_before_protection_is_granted() -> None:
    one = protection()
    assert not one.may_receive(0.0, active=False)
    request = one.request(0.0, active=False)
    assert request == Protect(1)
    assert not one.may_receive(0.0, active=False)
    one.answered(1.0, Protected(request, 0.0))
    assert one.may_receive(1.0, active=False)


def test_protection_covers_a_job_that_ends_a_minute_before_it_counted_from_before_the_request() -> None:
    one = protection()
    assert ask(one, 100.0, active=True, asked=5) == ON
    last = 100.0 + 12 * 60 - 60 - 60
    assert [one.covers(last), one.covers(last + 0.001)] == [True, False]
    assert one.request(last, active=True) is None
    assert one.request(last + 0.001, active=True) == ON


def test_protection_is_kept_for_a_minute_after_the_last_job() -> None:
    one = protection()
    ask(one, 0.0, active=True)
    assert one.request(100.0, active=False) is None
    assert one.request(100.0 + HOLD_SECONDS - 0.001, active=False) is None
    assert one.request(100.0 + HOLD_SECONDS, active=False) == Protect(0)


def test_a_blocked_task_asks_again_after_a_minute_and_is_not_failing() -> None:
    one = protection()
    ask(one, 0.0, active=False, denial=Denial.BLOCKED)
    assert (one.blocked, one.failing_since) == (True, math.inf)
    assert one.request(BLOCKED_SECONDS - 0.001, active=False) is None
    assert ask(one, BLOCKED_SECONDS, active=False) == Protect(1)
    assert (one.blocked, one.may_receive(BLOCKED_SECONDS, active=False)) == (False, True)


@pytest.mark.parametrize("denial", [Denial.REFUSED, Denial.UNAVAILABLE])
def test_a_request_that_fails_is_made_again_after_pauses_that_grow(denial: Denial) -> None:
    one, now, pauses = protection(), 10.0, list[float]()
    for _ in range(7):
        ask(one, now, active=False, denial=denial)
        later = one.times()[0]
        assert one.request(later - 0.001, active=False) is None
        pauses.append(later - now)
        now = later
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert (one.failing_since, one.error) == (10, denial.name)


def test_protection_counts_for_nothing_after_a_request_to_end_it_that_failed() -> None:
    one = protection()
    ask(one, 0.0, active=True)
    one.request(10.0, active=False)
    assert one.covers(69.0)
    ask(one, 10.0 + HOLD_SECONDS, active=False, denial=Denial.UNAVAILABLE)
    assert not one.covers(10.0 + HOLD_SECONDS)


def test_a_busy_task_lets_go_between_two_jobs_and_waits_until_ecs_has_had_its_turn() -> None:
    one, at = protection(), float(RELEASE_AFTER_SECONDS)
    ask(one, 0.0, active=True)
    assert one.may_receive(at - 1, active=False)
    assert one.request(at, active=True) is None  # a job runs: it is protected to its end
    assert not one.may_receive(at, active=False)
    assert ask(one, at + 10, active=False) == Protect(0)
    again = at + 10 + 1.5 * RELEASED_SECONDS
    assert one.request(again - 0.001, active=False) is None
    assert not one.may_receive(again - 0.001, active=False)
    assert ask(one, again, active=False) == Protect(1)
    assert one.may_receive(again, active=False)


def test_a_task_that_is_to_let_go_does_not_renew_its_protection() -> None:
    one, at = protection(), float(RELEASE_AFTER_SECONDS)
    ask(one, 0.0, active=True)
    assert not one.covers(at + 1)
    assert one.request(at + 1, active=True) is None
