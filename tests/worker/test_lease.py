import time

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Start
from tests.worker.harness import Sqs, TestQueue

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
