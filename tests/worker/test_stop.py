import signal
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.waiting import LIMIT, alive, until
from tests.worker.conftest import Start
from tests.worker.harness import Process, Sqs, TestQueue

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


def test_a_job_hears_of_sigterm_saves_its_work_and_goes_back_without_a_failure(start: Start, queue: TestQueue) -> None:
    queue.send("long")
    worker = start(
        """
        from pathlib import Path
        from worker.job import Retry
        def handle(job):
            stopping = job.stopping
            Path("began").write_text("x")
            if stopping.wait(600):
                Path("saved").write_text("x")
                raise Retry("saved")
        """,
        EBB_STOP_TIMEOUT="120",
    )
    worker.note("began")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0
    assert worker.note("saved") == "x"
    (given_back,) = worker.events("job_given_back", "job_retried", "job_failed", "job_timed_out")
    assert (given_back["event"], given_back["reason"]) == ("job_given_back", "saved")
    assert sum(queue.counts()) == 1


class Deaf(Process):
    """A worker whose log has no reader from its first job on."""

    hear = threading.Event()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append({"event": line})
            if "job_started" in line:
                self.hear.wait(LIMIT)


def test_a_job_that_waits_for_the_logs_reader_is_stopped_and_given_back_all_the_same(
    tmp_path: Path, sqs: Sqs, queue: TestQueue
) -> None:
    queue.send("chatty")
    handler = """
        from pathlib import Path
        def handle(job):
            for number in range(10_000):
                print("x" * 1000)
                if number == 2000: Path("began").write_text("x")
        """
    worker = Deaf(tmp_path, sqs, queue, handler, EBB_STOP_TIMEOUT="4")
    try:
        worker.note("began")
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(LIMIT) == 0
        assert sum(queue.counts()) == 1
    finally:
        worker.hear.set()
        worker.close()


def test_a_second_signal_hurries(start: Start, queue: TestQueue) -> None:
    queue.send({"sleep": 60})
    worker = start(EBB_STOP_TIMEOUT="120")
    worker.wait_for("job_started")
    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGINT)
    assert worker.exit_code() == 0
    assert len(worker.events("job_given_back")) == 1
    assert sum(queue.counts()) == 1


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
    assert sum(queue.counts()) == 1


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
    assert sum(queue.counts()) == 1


def test_processes_that_left_the_group_and_the_session_of_a_job_end_with_it(start: Start, queue: TestQueue) -> None:
    queue.send("job")
    worker = start(
        """
        import os, subprocess, time
        from pathlib import Path
        pids = Path("pids")
        def lives(pid):
            try: return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except OSError: return False
        def handle(job):
            before = [int(pid) for pid in pids.read_text().split()] if pids.exists() else []
            with Path("seen").open("a") as seen: seen.write(f"{[lives(pid) for pid in before]} ")
            if job.attempt == 3: return
            apart = subprocess.Popen(["sleep", "600"], start_new_session=True)
            if not os.fork():  # a daemon: its parent has ended
                os.setsid()
                if os.fork(): os._exit(0)
                Path("daemon.new").write_text(str(os.getpid()))
                Path("daemon.new").rename(f"daemon-{job.attempt}")
                time.sleep(600)
            while not Path(f"daemon-{job.attempt}").exists(): time.sleep(0.01)
            daemon = Path(f"daemon-{job.attempt}").read_text()
            with pids.open("a") as file: file.write(f"{os.getpid()} {apart.pid} {daemon} ")
            if job.attempt == 1: os._exit(1)
            time.sleep(600)
        """,
        EBB_JOB_TIMEOUT="2",
    )
    worker.wait_for("job_done")
    names = [line["event"] for line in worker.lines if str(line.get("event")).startswith("job_")]
    assert names == ["job_started", "job_failed", "job_started", "job_timed_out", "job_started", "job_done"]
    assert worker.note("seen") == f"[] {[False] * 3} {[False] * 6} "


def test_a_crash_does_not_end_the_processes_of_another_job(start: Start, queue: TestQueue) -> None:
    queue.send("works")
    worker = start(
        """
        import os, time
        from pathlib import Path
        def handle(job):
            if job.body == "crashes":
                if job.attempt == 1: os._exit(1)
                return
            if not os.fork():  # a daemon: its parent has ended
                os.setsid()
                if os.fork(): os._exit(0)
                Path("daemon.new").write_text(str(os.getpid()))
                Path("daemon.new").rename("daemon")
                time.sleep(600)
            while not Path("go").exists(): time.sleep(0.01)
            os.kill(int(Path("daemon").read_text()), 0)  # fails when it has gone
        """,
        EBB_CONCURRENCY="2",
    )
    daemon = int(worker.note("daemon"))
    queue.send("crashes")
    worker.wait_for("job_done")
    assert alive(daemon)
    (worker.folder / "go").touch()
    assert worker.wait_for("job_done", 2)["attempt"] == 1
