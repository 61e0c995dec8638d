import math
import time

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Start
from tests.worker.harness import Sqs, TestQueue
from worker.core.lease import END_MARGIN_SECONDS, Lease, backoff

#: Seconds: the least that a worker takes.
VISIBILITY = 30


def test_a_job_longer_than_the_visibility_timeout_is_done_once_and_then_deleted(start: Start, queue: TestQueue) -> None:
    queue.send({"sleep": VISIBILITY + 3})
    worker = start()
    worker.wait_for("job_started")
    while not worker.events("job_done"):
        assert queue.take() is None
        assert worker.events("lease_lost", "extension_failed") == []
        time.sleep(0.1)
    assert queue.counts() == (0, 0)


def test_a_lease_that_another_consumer_has_stops_the_job_and_leaves_the_message_alone(
    start: Start, sqs: Sqs, queue: TestQueue
) -> None:
    queue.send({"sleep": 60})
    worker = start(
        """
        import os, time
        from pathlib import Path
        def handle(job):
            Path("pid").write_text(str(os.getpid()))
            time.sleep(600)
        """,
        EBB_VISIBILITY_TIMEOUT="45",
    )
    worker.wait_for("job_started")
    pid = int(worker.note("pid"))
    # a purge and the same job anew: what the worker holds is no lease any longer
    queue.client.purge_queue(QueueUrl=queue.url)
    (lost,) = until(lambda: worker.events("lease_lost"))
    assert lost["duration"] < 42  # by the extension's answer after 15 seconds, not by the clock after 42
    assert not alive(pid)
    assert worker.events("job_done", "job_failed", "job_given_back") == []


def test_a_job_is_stopped_before_its_lease_runs_out_when_sqs_no_longer_answers(start: Start) -> None:
    sqs = Sqs()
    try:
        jobs = sqs.queue()
        jobs.send({"sleep": 60})
        worker = start(
            """
            import os, time
            from pathlib import Path
            def handle(job):
                Path("pid").write_text(str(os.getpid()))
                time.sleep(600)
            """,
            on=jobs,
            EBB_AWS_ENDPOINT_URL=sqs.endpoint,
        )
        worker.wait_for("job_started")
        child = int(worker.note("pid"))
        sqs.freeze()
        until(lambda: not alive(child))
        until(lambda: worker.events("lease_lost"))
        assert worker.events("extension_failed")
        assert worker.events("job_done", "job_failed", "job_given_back") == []
    finally:
        sqs.close()


def test_a_message_is_hidden_for_the_workers_visibility_timeout_and_not_the_queues(start: Start, sqs: Sqs) -> None:
    jobs = sqs.queue(VisibilityTimeout="0")
    jobs.send({"sleep": 1})
    worker = start(on=jobs)
    worker.wait_for("job_started")
    assert jobs.take() is None
    worker.wait_for("job_done")
    assert jobs.counts() == (0, 0)


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


@given(attempt=st.integers(1, 100_000), base=st.floats(0.001, 43_200), cap=st.floats(0.001, 43_200))
def test_the_backoff_lies_between_nothing_and_the_doubled_base_and_never_above_the_cap(
    attempt: int, base: float, cap: float
) -> None:
    most = backoff(attempt, base, cap, jitter=lambda _, high: high)
    assert most == min(cap, base * 2.0 ** min(attempt - 1, 900))
    assert backoff(attempt, base, cap, jitter=lambda low, _: low) == 0
    assert 0 <= backoff(attempt, base, cap) <= most
    assert math.isfinite(most)


def test_the_backoff_doubles_by_attempt() -> None:
    most = [backoff(attempt, 10, 900, jitter=lambda _, high: high) for attempt in range(1, 10)]
    assert most == [10, 20, 40, 80, 160, 320, 640, 900, 900]
