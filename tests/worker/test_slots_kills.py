"""Killing the job of a slot: what counts afterwards, and that nothing is left of it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.waiting import LIMIT, alive, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, FOREVER, PRELUDE_FILES, SETTINGS, failed
from worker.core.events import Ended, NotStarted, Ready


def test_a_killed_job_ends_when_its_child_and_all_that_it_started_are_gone(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    sleeper = subprocess.Popen(["sleep", "60"])
    note("pids", f"[{os.getpid()}, {sleeper.pid}]")
    sleeper.wait()
""",
        grace=FOREVER,
    )
    place.ready()
    place.start()
    pids = json.loads(place.note("pids"))
    place.kill()
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)
    assert [alive(pid) for pid in pids] == [False, False]
    assert place.ready() == Ready(0)


def test_a_killed_jobs_temporary_files_go_with_it(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES + "import tempfile\ndef handle(job): note('folder', tempfile.mkdtemp()), time.sleep(600)",
        grace=0.2,
    )
    place.ready()
    place.start()
    folder = Path(place.note("folder"))
    assert folder.is_dir()
    place.kill()
    assert place.ended().alive is False
    assert not folder.parent.parent.exists()  # the child's, with the job's in it


def test_who_ignores_sigterm_is_killed_after_the_grace_while_other_slots_work_on(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    if job.body == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleeper = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60"])
        note("pids", f"[{os.getpid()}, {sleeper.pid}]")
        sleeper.wait()
""",
        count=2,
        grace=10,
    )
    place.ready()
    place.ready()
    place.start("deaf", slot=0)
    pids = json.loads(place.note("pids"))
    began = time.monotonic()
    place.kill()
    assert place.do(slot=1) == DONE
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)
    assert time.monotonic() - began >= 10
    assert [alive(pid) for pid in pids] == [False, False]


def test_a_child_that_holds_the_interpreters_lock_is_killed_all_the_same(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
import re
def handle(job):
    signal.signal(signal.SIGTERM, lambda *_: None)
    note("began", 1)
    re.match(r"(a+)+$", "a" * 60 + "b")
""",
        grace=0.5,
    )
    place.ready()
    place.start()
    place.note("began")
    began = time.monotonic()
    place.kill()
    assert place.ended().alive is False
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("end", ["return", "os._exit(0)"])
def test_a_job_that_ends_cleanly_on_sigterm_is_not_done(open_place: Open, end: str) -> None:
    place = open_place(
        PRELUDE_FILES
        + f"""
def handle(job):
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    note("began", 1)
    while not asked: time.sleep(0.01)
    {end}
""",
        grace=FOREVER,
    )
    place.ready()
    place.start()
    place.note("began")
    place.kill()
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)


def test_a_verdict_that_was_there_before_the_kill_counts_and_the_child_stays(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note(job.id, os.getpid())")
    place.ready()
    place.start(id="a")
    child = place.slots._slots[0]._child
    assert child
    assert select.select([child.descriptor], [], [], LIMIT)[
        0
    ]  # the verdict is in the socket, and the main thread has not read it
    place.kill()
    assert place.ended() == Ended(0, DONE, alive=True)
    assert place.do(id="b") == DONE
    assert place.note("b") == place.note("a")


def test_a_child_that_hangs_in_its_import_can_be_ended_and_the_next_one_is_ready(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
if not (notes / "go").exists():
    note("importing", 1)
    time.sleep(60)
def handle(job): note(job.id, 1)
"""
    )
    place.note("importing")
    (place.folder / "go").touch()
    place.kill()
    assert place.ready() == Ready(0)
    assert place.do(id="second") == DONE


def test_a_second_kill_shortens_the_grace_of_the_first(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + "def handle(job): signal.signal(signal.SIGTERM, signal.SIG_IGN), note('began', 1), time.sleep(600)",
        grace=FOREVER,
    )
    place.ready()
    place.start()
    place.note("began")
    place.kill()
    place.slots.kill(0, 0)
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)


def test_a_kill_that_comes_after_the_jobs_end_does_nothing_to_the_next(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note(job.id, os.getpid())")
    place.ready()
    assert place.do(id="a") == DONE
    place.kill()
    assert place.do(id="b") == DONE
    assert place.note("a") == place.note("b")


def test_a_child_that_does_not_read_a_long_body_blocks_nothing_and_can_be_killed(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note(f'pid-{job.id}', os.getpid())", count=2, grace=0.3)
    place.ready()
    place.ready()
    assert place.do(slot=0, id="a") == DONE
    os.kill(int(place.note("pid-a")), signal.SIGSTOP)
    place.start("x" * 1_048_576, slot=0)
    assert place.do(slot=1, id="b") == DONE
    place.kill()
    assert place.next() == NotStarted(0, "the handler's process was stopped")
    assert place.ready() == Ready(0)


PARENT = """
import sys
from worker.core.events import Ready
from worker.inbox import Inbox
from worker.job import Job
from worker.jobs.slots import Slots
inbox = Inbox()
slots = Slots(1, [sys.executable, "-m", "worker.jobs.child"], 2, inbox)
slots.open()
while not any(isinstance(event, Ready) for event in inbox.get(60)):
    pass
slots.start(0, Job(id="a", body="job"))
while True:
    inbox.get(60)
"""


@pytest.mark.parametrize("doing", ["time.sleep(600)", "re.match(r'(a+)+$', 'a' * 60 + 'b')"])
def test_when_the_worker_is_killed_the_child_and_what_it_started_are_gone_at_once(tmp_path: Path, doing: str) -> None:
    handler = f"""
import re
def handle(job):
    note("pids", f"[{{os.getpid()}}, {{subprocess.Popen(['sleep', '600']).pid}}]")
    {doing}
"""
    (tmp_path / "jobs.py").write_text(PRELUDE_FILES + handler)
    environment = SETTINGS | {"EBB_HANDLER": "jobs:handle", "PYTHONPATH": str(tmp_path), "NOTES": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=os.environ | environment)
    until((tmp_path / "pids").exists)
    pids = json.loads((tmp_path / "pids").read_text())
    assert [alive(pid) for pid in pids] == [True, True]
    parent.kill()
    parent.wait()
    until(lambda: not any(alive(pid) for pid in pids))
