import signal
import time

import pytest

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Start
from tests.worker.harness import TestQueue

#: Notes its own process and one that it starts, shrugs SIGTERM off, and works for a minute.
STUBBORN = """
    import os, signal, subprocess
    from pathlib import Path
    def handle(job):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleep = subprocess.Popen(["sleep", "60"])
        Path("pids.new").write_text(f"{os.getpid()} {sleep.pid}")
        Path("pids.new").rename("pids")
        while sleep.wait():
            sleep = subprocess.Popen(["sleep", "60"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_the_job_that_runs_is_finished_and_no_other_is_received(
    start: Start, queue: TestQueue, number: int
) -> None:
    queue.send({"sleep": 1})
    worker = start()
    worker.wait_for("job_started")
    queue.send("next")
    worker.signal(number)
    assert worker.exit_code() == 0
    assert len(worker.events("job_started")) == len(worker.events("job_done")) == 1
    assert queue.counts() == (1, 0)
    assert queue.receives() == 0


def test_a_job_that_does_not_fit_into_the_stop_timeout_is_stopped_and_given_back(
    start: Start, queue: TestQueue
) -> None:
    queue.send("long")
    worker = start(STUBBORN, EBB_STOP_TIMEOUT="8")
    pids = [int(pid) for pid in worker.note("pids").split()]
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    message = until(queue.take)  # given back, not come back after its visibility timeout
    assert not any(map(alive, pids))  # no other worker can get it before
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert worker.exit_code() == 0
    assert time.monotonic() - began >= 4  # it had its half of the stop timeout
    assert [line["attempt"] for line in worker.events("job_given_back")] == [1]


def test_a_second_signal_hurries(start: Start, queue: TestQueue) -> None:
    queue.send({"sleep": 60})
    worker = start(EBB_STOP_TIMEOUT="120")
    worker.wait_for("job_started")
    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGINT)
    assert worker.exit_code() == 0
    assert len(worker.events("job_given_back")) == 1
    assert queue.counts() == (1, 0)


def test_what_a_receive_in_flight_brings_after_the_signal_is_given_back_unworked(
    start: Start, queue: TestQueue
) -> None:
    worker = start(EBB_STOP_TIMEOUT="20")  # receives wait for 10 seconds
    worker.wait_for("started")
    time.sleep(0.5)  # the receive is on its way; were it not, no message would come, and the log below be empty
    worker.signal(signal.SIGTERM)
    queue.send("late")
    assert worker.exit_code() == 0
    assert [line["event"] for line in worker.lines] == [
        "no_protection",
        "started",
        "stopping",
        "job_given_back",
        "stopped",
    ]
    assert queue.counts() == (1, 0)


def test_an_idle_worker_stops_at_sigterm(start: Start) -> None:
    worker = start(EBB_STOP_TIMEOUT="4")
    worker.wait_for("started")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0
    assert worker.events("stopped")


def test_the_shortest_stop_timeout_leaves_time_to_give_a_job_back(start: Start, queue: TestQueue) -> None:
    queue.send({"sleep": 60})
    worker = start(EBB_STOP_TIMEOUT="2")
    worker.wait_for("job_started")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0
    assert len(worker.events("job_given_back")) == 1
    assert queue.counts() == (1, 0)
