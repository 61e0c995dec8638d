import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.harness import LIMIT, Sqs, until
from worker import lease as leases
from worker.config import Config
from worker.job import Job
from worker.lease import Heartbeat, Lease, backoff
from worker.loop import Worker
from worker.protection import Protection
from worker.runner import Runner
from worker.sqs import LeaseLostError, Message, Queue
from worker.stop import Stop

#: Seconds: shorter than a deployed worker's, so that three thirds of it pass in a test.
VISIBILITY = 9


class Watched(Queue):
    """The real queue, which notes the messages that it gave and what was asked for them."""

    messages: list[Message]
    calls: list[str]

    def receive(self, wait: int) -> Message | None:
        message = super().receive(wait)
        if message:
            self.messages.append(message)
        return message

    def hide(self, message: Message, seconds: int) -> None:
        self.calls.append(f"hide {seconds}")
        super().hide(message, seconds)

    def delete(self, message: Message) -> None:
        self.calls.append("delete")
        super().delete(message)


class Scene:
    """A worker in a thread of this process, on a queue of an emulator of its own that can be frozen."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.sqs, self.events = Sqs(), events
        self.jobs = self.sqs.queue()
        self.stop, self.runner = Stop(), Runner(grace=1)
        self.queue = Watched(self.jobs.url, VISIBILITY, self._client(), self._client())
        self.queue.messages, self.queue.calls = [], []
        settings = Config(
            queue_url=self.jobs.url,
            region="us-east-1",
            visibility_timeout=VISIBILITY,
            stop_timeout=2,
            backoff_base=0,
            backoff_cap=0,
        )
        worker = Worker(settings, self.queue, Protection(None), self.runner, self.stop)
        self.thread = threading.Thread(target=worker.run)

    def _client(self) -> Any:
        options = BotoConfig(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client("sqs", endpoint_url=self.sqs.endpoint, config=options, **keys)

    def wait_for(self, event: str) -> dict[str, Any]:
        return until(lambda: next((line for line in self.events if line["event"] == event), None))

    def close(self) -> None:
        self.stop.request()
        self.stop.request()
        self.thread.join(LIMIT)
        self.sqs.close()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "worker.logs.event", lambda name, _level=0, /, **fields: events.append({"event": name} | fields)
    )
    scene = Scene(events)
    scene.thread.start()
    yield scene
    scene.close()
    assert not scene.thread.is_alive()


def test_a_job_longer_than_the_visibility_timeout_is_done_once_and_then_deleted(scene: Scene) -> None:
    scene.jobs.send({"sleep": VISIBILITY + 2})
    scene.wait_for("job_started")
    while not any(line["event"] == "job_done" for line in scene.events):
        assert scene.jobs.take() is None
        assert [line["event"] for line in scene.events if line["event"] == "lease_lost"] == []
        time.sleep(0.1)
    assert scene.jobs.counts() == (0, 0)
    assert scene.queue.calls == [f"hide {VISIBILITY}"] * 3 + ["delete"]


def test_a_lease_that_another_consumer_has_stops_the_job_and_leaves_the_message_alone(scene: Scene) -> None:
    scene.jobs.send({"sleep": 60})
    scene.wait_for("job_started")
    (message,) = scene.queue.messages
    Queue.hide(scene.queue, message, 0)
    theirs = until(scene.jobs.take)
    assert theirs is not None
    scene.wait_for("lease_lost")
    assert time.monotonic() < message.asked_at + VISIBILITY * 2 / 3  # by the extension's answer, not by the clock
    assert not [line for line in scene.events if line["event"] in {"job_done", "job_failed", "job_given_back"}]
    assert scene.queue.calls == [f"hide {VISIBILITY}"]  # the extension that told; no delete, and nothing given back
    assert scene.jobs.counts() == (0, 1)
    scene.jobs.client.delete_message(QueueUrl=scene.jobs.url, ReceiptHandle=theirs["ReceiptHandle"])


def test_a_job_is_stopped_before_its_lease_runs_out_when_sqs_no_longer_answers(scene: Scene) -> None:
    scene.jobs.send({"sleep": 60})
    scene.wait_for("job_started")
    (message,) = scene.queue.messages
    child = scene.runner.process_id
    assert child is not None
    scene.sqs.freeze()
    until(lambda: scene.runner.process_id is None)
    assert time.monotonic() < message.asked_at + VISIBILITY
    assert not Path(f"/proc/{child}").exists()
    scene.wait_for("lease_lost")
    assert "delete" not in scene.queue.calls
    assert len([line for line in scene.events if line["event"] == "extension_failed"]) >= 1


def test_a_job_is_stopped_at_its_12_hours_and_its_message_left_to_come_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LONGEST_JOB", 6 + leases.END_MARGIN)
    scene.jobs.send({"sleep": 60})
    assert 1 < scene.wait_for("job_limit")["duration"] < 6
    assert scene.runner.process_id is None
    assert scene.queue.calls == []
    assert scene.jobs.counts() == (0, 1)


def test_a_message_is_hidden_for_the_workers_visibility_timeout_and_not_the_queues(sqs: Sqs) -> None:
    jobs = sqs.queue(VisibilityTimeout="300")
    message_id = jobs.send("job")
    message = Queue(jobs.url, 1, sqs.client, sqs.client).receive(0)
    assert message is not None
    assert message.job.id == message_id
    assert jobs.counts() == (0, 1)
    until(jobs.take)


class Slow:
    """A queue whose extension answers only when it is let go."""

    def __init__(self) -> None:
        self.asked, self.go, self.answered = threading.Event(), threading.Event(), False

    def hide(self, _message: object, _seconds: int) -> None:
        self.asked.set()
        self.go.wait(LIMIT)
        self.answered = True


def test_the_heartbeat_ends_only_when_its_call_in_flight_has_and_makes_none_after() -> None:
    queue: Any = Slow()
    lease = Lease(time.monotonic() - 20, 30)  # due by now
    with Heartbeat(queue, None, lease, Stop()):  # type: ignore[arg-type]
        assert queue.asked.wait(LIMIT)
        threading.Timer(0.2, queue.go.set).start()
    assert queue.answered
    queue.asked.clear()
    lease.due = time.monotonic()
    assert not queue.asked.wait(0.2)


LOST = [
    ("MessageNotInflight", ""),
    ("AWS.SimpleQueueService.MessageNotInflight", ""),
    ("ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
    ("InvalidParameterValue", "Message does not exist or is not available for visibility timeout change."),
    ("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"),
]


class Refusing:
    """A client that answers with an error."""

    def __init__(self, code: str, text: str) -> None:
        self.error = ClientError({"Error": {"Code": code, "Message": text}}, "ChangeMessageVisibility")

    def change_message_visibility(self, **_: Any) -> None:
        raise self.error


@pytest.mark.parametrize(("code", "text"), LOST)
def test_every_error_that_says_that_the_lease_is_lost_is_one_class(code: str, text: str) -> None:
    with pytest.raises(LeaseLostError):
        Queue("url", 30, None, Refusing(code, text)).hide(_message(), 30)


@pytest.mark.parametrize("code", ["RequestThrottled", "AWS.SimpleQueueService.NonExistentQueue", "InternalError"])
def test_any_other_error_does_not_say_that_the_lease_is_lost(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        Queue("url", 30, None, Refusing(code, "")).hide(_message(), 30)


def _message() -> Message:
    return Message(job=Job(id="1", body=""), handle="h", asked_at=0)


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
    assert 43_200 - leases.END_MARGIN - 1.01 <= lease.deadline - asked_at <= 43_200


@given(asked_at=times, timeout=timeouts, elapsed=st.floats(0, 50_000), wish=st.floats(0, 43_200))
def test_a_pause_is_a_visibility_that_sqs_still_accepts(
    asked_at: float, timeout: int, elapsed: float, wish: float
) -> None:
    pause = Lease(asked_at, timeout).pause(asked_at + elapsed, wish)
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
