import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Start
from tests.worker.harness import Sqs, TestQueue
from worker.core.children import TRIES


def _seconds_between(earlier: dict[str, Any], later: dict[str, Any]) -> float:
    return (datetime.fromisoformat(later["time"]) - datetime.fromisoformat(earlier["time"])).total_seconds()


def test_a_job_that_goes_well_is_deleted_and_each_log_line_says_whose_it_is(start: Start, queue: TestQueue) -> None:
    message_id = queue.send({"sleep": 0.2})
    worker = start()
    done = worker.wait_for("job_done")
    assert queue.counts() == (0, 0)
    assert (done["message_id"], done["attempt"]) == (message_id, 1)
    assert 0.2 <= done["duration"] < 2
    hello = [line for line in worker.lines if line.get("logger") == "worker.demo"]
    assert [(line["message"], line["message_id"], line["attempt"]) for line in hello] == [
        (f"Hello from job {message_id}, attempt 1", message_id, 1)
    ]
    names = [line["event"] for line in worker.lines if "event" in line]
    assert names == ["no_protection", "started", "job_started", "job_done"]


def test_a_body_that_is_not_json_is_a_job_too(start: Start, queue: TestQueue) -> None:
    queue.send("good morning")
    start().wait_for("job_done")
    assert queue.counts() == (0, 0)


def test_the_handler_sees_the_whole_job(start: Start, sqs: Sqs) -> None:
    fifo = sqs.queue(FifoQueue="true", ContentBasedDeduplication="true")
    attributes = {
        "colour": {"DataType": "String", "StringValue": "blue"},
        "key": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    message_id = fifo.send({"film": 7}, MessageGroupId="customer-7", MessageAttributes=attributes)
    worker = start(
        """
        from pathlib import Path
        def handle(job):
            Path("seen").write_text(repr((job.id, job.body, job.json(), job.attributes, job.attempt, job.group)))
        """,
        on=fifo,
    )
    done = worker.wait_for("job_done")
    expected = (message_id, '{"film": 7}', {"film": 7}, {"colour": "blue", "key": b"\x00\xff"}, 1, "customer-7")
    assert worker.note("seen") == repr(expected)
    assert done["group"] == "customer-7"


def test_a_body_of_one_mebibyte_reaches_the_handler(start: Start, queue: TestQueue) -> None:
    queue.send("x" * 1_048_576)
    worker = start("from pathlib import Path\ndef handle(job): Path('seen').write_text(str(len(job.body)))")
    worker.wait_for("job_done")
    assert worker.note("seen") == "1048576"


def test_a_failed_job_comes_back_after_its_pause_and_ends_in_the_dead_letter_queue(start: Start, sqs: Sqs) -> None:
    dead = sqs.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3})
    jobs = sqs.queue(RedrivePolicy=policy)
    jobs.send({"fail": True})
    worker = start(on=jobs, EBB_BACKOFF_BASE="2", EBB_BACKOFF_CAP="2")
    assert until(dead.take)["Body"] == '{"fail": true}'
    assert jobs.counts() == (0, 0)
    started, failed = worker.events("job_started"), worker.events("job_failed")
    assert [line["attempt"] for line in failed] == [1, 2, 3] == [line["attempt"] for line in started]
    assert failed[0]["error"] == "RuntimeError: failing on purpose, as the message asks"
    for before, after in zip(failed, started[1:], strict=False):
        assert 0 <= before["retry_in"] <= 2
        assert _seconds_between(before, after) >= before["retry_in"] - 0.1


def test_a_job_that_fails_once_goes_well_at_the_second_attempt(start: Start, queue: TestQueue) -> None:
    queue.send({"fail_times": 1})
    assert start().wait_for("job_done")["attempt"] == 2
    assert queue.counts() == (0, 0)


@pytest.mark.parametrize(
    ("crash", "error"),
    [
        ("os._exit(3)", "the handler's process exited with 3"),
        ("os.kill(os.getpid(), 11)", "the handler's process was killed by signal 11 (Segmentation fault)"),
        ("sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_crash_is_a_failed_attempt_and_not_a_dead_worker(
    start: Start, queue: TestQueue, crash: str, error: str
) -> None:
    queue.send("job")
    worker = start(f"import os, sys\ndef handle(job):\n    if job.attempt == 1: {crash}")
    assert worker.wait_for("job_done")["attempt"] == 2
    assert [line["error"] for line in worker.events("job_failed")] == [error]
    assert queue.counts() == (0, 0)
    assert worker.process.poll() is None


def test_a_crash_is_noticed_though_a_forked_process_holds_the_pipe_and_that_process_goes_too(
    start: Start, queue: TestQueue
) -> None:
    queue.send("job")
    worker = start("""
        import os, time
        from pathlib import Path
        def handle(job):
            if job.attempt > 1:
                return
            if pid := os.fork():
                Path("forked").write_text(str(pid))
                os._exit(1)
            time.sleep(60)
    """)
    assert worker.wait_for("job_done")["attempt"] == 2
    forked = int(worker.note("forked"))
    until(lambda: not alive(forked))


def test_one_child_that_is_not_the_worker_does_job_after_job_until_it_crashes(start: Start, queue: TestQueue) -> None:
    for order in ("one", "two", "crash", "four"):
        queue.send(order)
    worker = start("""
        import os
        from pathlib import Path
        def handle(job):
            with Path("pids").open("a") as pids: pids.write(f"{os.getpid()}\\n")
            if job.body == "crash" and job.attempt == 1: os._exit(1)
    """)
    worker.wait_for("job_done", 4)
    pids = [int(line) for line in worker.note("pids").split()]
    assert len(pids) == 5  # the crash was tried again
    assert len(set(pids)) == 2
    assert worker.process.pid not in pids


def test_a_log_line_of_the_handler_names_the_job_that_it_came_from(start: Start, queue: TestQueue) -> None:
    ids = [queue.send(text) for text in ("a", "b")]
    worker = start("import logging\ndef handle(job): logging.getLogger('mine').warning('doing %s', job.body)")
    worker.wait_for("job_done", 2)
    lines = {line["message"]: line["message_id"] for line in worker.lines if line.get("logger") == "mine"}
    assert lines == {"doing a": ids[0], "doing b": ids[1]}


def test_a_handler_that_cannot_be_imported_takes_no_job_and_exits_78(start: Start, queue: TestQueue) -> None:
    queue.send("job")
    worker = start("import no_such_module\ndef handle(job): pass", EBB_START_TIMEOUT="5")
    assert worker.exit_code() == os.EX_CONFIG
    errors = [line["error"] for line in worker.events("handler_broken")]
    assert len(errors) >= TRIES
    assert set(errors) == {"ModuleNotFoundError: No module named 'no_such_module'"}
    assert queue.receives() == 0


def test_when_the_worker_is_killed_its_child_and_what_that_started_go_too(start: Start, queue: TestQueue) -> None:
    queue.send("job")
    worker = start("""
        import os, subprocess
        from pathlib import Path
        def handle(job):
            sleep = subprocess.Popen(["sleep", "60"])
            Path("pids.new").write_text(f"{os.getpid()} {sleep.pid}")
            Path("pids.new").rename("pids")
            sleep.wait()
    """)
    pids = [int(pid) for pid in worker.note("pids").split()]
    assert all(map(alive, pids))
    worker.process.kill()
    until(lambda: not any(map(alive, pids)))


def test_an_idle_worker_stays(start: Start, queue: TestQueue, tmp_path: Path) -> None:
    worker = start(EBB_STOP_TIMEOUT="2")  # waits one second at a time, so that idle polls pass quickly
    worker.wait_for("started")
    with pytest.raises(AssertionError):
        until(lambda: worker.process.poll() is not None, limit=3.5)
    queue.send("late")
    worker.wait_for("job_done")


def test_while_sqs_does_not_answer_the_worker_stays_and_works_on_when_it_does(start: Start, queue: TestQueue) -> None:
    missing = TestQueue(queue.client, queue.url + "-not-yet")
    worker = start(on=missing)
    assert "NonExistentQueue" in worker.wait_for("receive_failed")["error"]
    queue.client.create_queue(QueueName=missing.url.rpartition("/")[2])
    missing.send("job")
    worker.wait_for("job_done")


def test_clients_that_cannot_be_made_are_bad_settings_and_no_stack_trace(start: Start, queue: TestQueue) -> None:
    worker = start(EBB_AWS_ENDPOINT_URL="here")
    assert worker.exit_code() == os.EX_CONFIG
    assert [line.get("error") for line in worker.lines] == ["the sqs client cannot be made: Invalid endpoint: here"]
