"""A worker with a job table as a caller sees its jobs: progress, result, cancel. What a child says of them."""

import json
from typing import Any

import pytest

from tests.helpers.waiting import until
from tests.worker.conftest import Open, Start
from tests.worker.harness import TestQueue
from tests.worker.place import FOREVER, PRELUDE_FILES
from tests.worker.table_store import Store
from worker.job import Verdict
from worker.progress import Progress

HANDLER = """
    import signal, time
    from pathlib import Path
    def handle(job):
        job.progress(0.4, "half")
        if job.body == "long":
            stopped = job.stopping.wait(600)
            Path("stopped").write_text(f"{stopped} {job.id} {job.message_id}")
            signal.pause()  # it does not want to end
        while not Path("go").exists():
            time.sleep(0.05)
        job.progress(0.9, "nearly")
        return {"frames": 7}
"""


def job_id(name: str) -> dict[str, Any]:
    return {"MessageAttributes": {"EbbJobId": {"DataType": "String", "StringValue": name}}}


def test_a_caller_sees_progress_and_result_and_cancels(start: Start, queue: TestQueue, store: Store) -> None:
    table = {"EBB_JOB_TABLE": store.table, "EBB_KEEP_SECONDS": "1000", "EBB_MAX_RECEIVE_COUNT": "5"}
    worker = start(HANDLER, EBB_CONCURRENCY="2", EBB_SANDBOX_SPEED="10", **table)

    def shows(name: str, **wanted: str) -> bool:
        return wanted.items() <= (store.item(name) or {}).items()

    straight = queue.send("short")
    until(lambda: shows(straight, state="running", progress="0.4", note="half", attempt="1"))
    store.put(state="queued", created=int(store.now), reference="order-17")
    message_id = queue.send("long", **job_id("id"))
    until(lambda: shows("id", state="running", progress="0.4", reference="order-17", message_id=message_id))
    store.cancel()
    until(lambda: shows("id", state="cancelled"))
    assert worker.note("stopped") == f"True id {message_id}"
    (worker.folder / "go").touch()
    until(lambda: shows(straight, state="succeeded", result='{"frames":7}', progress="0.9", note="nearly"))
    assert not {"owner", "until"} & (store.item(straight) or {}).keys()
    cancelled = worker.wait_for("job_cancelled")
    assert (cancelled["message_id"], cancelled["job_id"]) == (message_id, "id")
    until(lambda: queue.counts() == (0, 0))


# -- what a child says, and what is left of it


REPORTS = """
def handle(job):
    job.progress(0.1)
    job.progress(0.7, job.body)
    if job.body == "dies": os._exit(3)
"""


@pytest.mark.parametrize("body", ["ends", "dies"])
def test_the_last_progress_comes_with_the_end_of_a_job_though_its_process_dies(open_place: Open, body: str) -> None:
    place = open_place(PRELUDE_FILES + REPORTS)
    place.ready()
    place.start(body)
    assert place.ended().result.progress == Progress(0.7, body)
    if body == "ends":
        assert place.do("next").progress == Progress(0.7, "next")


def test_the_last_progress_comes_with_the_end_of_its_processs_last_job(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + REPORTS, EBB_MAX_JOBS_PER_CHILD="1")
    for body in ("first", "second"):
        place.ready()
        place.start(body)
        ended = place.ended()
        assert (ended.alive, ended.result.progress) == (False, Progress(0.7, body))


def test_a_command_has_files_for_its_result_and_its_progress(open_place: Open) -> None:
    script = 'cat > "$EBB_RESULT_FILE"; echo "0.5 $EBB_JOB_ID $EBB_JOB_MESSAGE_ID" > "$EBB_PROGRESS_FILE"'
    place = open_place(EBB_COMMAND=json.dumps(["sh", "-c", script]))
    place.ready()
    done = place.do('{ "a": [1] }', id="job", message_id="message")
    assert (done.verdict, done.value, done.progress) == (Verdict.DONE, '{"a":[1]}', Progress(0.5, "job message"))
    dropped = place.do("no json")
    assert (dropped.verdict, dropped.value) == (Verdict.DONE, None)
    assert str(dropped.dropped).startswith("the result was dropped: $EBB_RESULT_FILE is not JSON: ")


def test_a_killed_job_s_progress_is_read_where_it_is(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + f"def handle(job): job.progress(0.25); note('runs', 1); time.sleep({FOREVER})")
    place.ready()
    place.start()
    place.note("runs")
    path = place.slots.progress_path(0)
    assert path is not None
    place.kill()
    assert place.ended().result.progress == Progress(0.25)
    assert place.slots.progress_path(0) is None
