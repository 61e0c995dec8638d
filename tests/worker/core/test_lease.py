from hypothesis import given
from hypothesis import strategies as st

from worker.core.events import Message
from worker.core.in_flight import InFlight
from worker.core.lease import END_MARGIN_SECONDS, Lease
from worker.job import Job

times = st.floats(min_value=0, max_value=1e7, allow_nan=False)
timeouts = st.integers(min_value=30, max_value=43_200)


@given(asked_at=times, timeout=timeouts, late=st.lists(st.tuples(st.floats(0, 60), st.booleans()), max_size=60))
def test_no_extension_reaches_beyond_12_hours_from_the_receive_and_none_shortens_the_lease(
    asked_at: float, timeout: int, late: list[tuple[float, bool]]
) -> None:
    lease, now = Lease(asked_at, timeout), asked_at
    for lateness, granted in late:
        now = max(now, lease.due) + lateness
        seconds = lease.extension(now)
        assert 0 <= seconds <= timeout
        assert seconds == 0 or now + seconds <= asked_at + 43_200
        before = lease.deadline
        if seconds and granted:
            lease.extend(now, seconds)
            assert lease.deadline > before
        assert lease.deadline <= asked_at + 43_200
        assert lease.stop_at < lease.deadline


@given(asked_at=times, timeout=timeouts)
def test_a_heartbeat_that_is_answered_holds_the_lease_without_a_gap_to_the_end_of_12_hours(
    asked_at: float, timeout: int
) -> None:
    lease, now = Lease(asked_at, timeout), asked_at
    while (now := max(now, lease.due)) < lease.stop_at:
        assert lease.held(now)
        if not (seconds := lease.extension(now)):
            break
        lease.extend(now, seconds)
    assert lease.last
    assert 43_200 - END_MARGIN_SECONDS - 1.01 <= lease.deadline - asked_at <= 43_200


@given(asked_at=times, timeout=timeouts, elapsed=st.floats(0, 50_000), wish=st.floats(0, 43_200))
def test_a_pause_is_a_visibility_that_sqs_still_accepts(
    asked_at: float, timeout: int, elapsed: float, wish: float
) -> None:
    pause = Lease(asked_at, timeout).allowed(asked_at + elapsed, wish)
    assert 0 <= pause <= round(wish)
    assert pause == 0 or elapsed + pause <= 43_200


def test_a_lease_is_held_until_its_deadline_and_short_when_a_call_may_outlast_it() -> None:
    lease = Lease(100.0, 30)
    assert [lease.held(now) for now in (100, 129.999, 130)] == [True, True, False]
    assert [lease.short(now) for now in (100, 121, 121.001)] == [False, False, True]
    assert (lease.due, lease.stop_at) == (110, 127)


def test_a_message_received_anew_keeps_the_end_of_its_12_hours() -> None:
    first, second = (Message(job=Job(id="1", body="x"), handle=handle) for handle in ("a", "b"))
    item = InFlight(message=first, lease=Lease(0.0, 30), received_at=0.0)
    item.newer = (second, Lease(40_000.0, 30))
    item.renew()
    assert (item.message, item.lease.deadline) == (second, 40_030)
    assert item.lease.end == 43_200 - END_MARGIN_SECONDS
