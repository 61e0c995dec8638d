"""The start of a slot's child: it is late, fails, or dies before it has a job."""

import os
import queue
import signal

import pytest

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, PRELUDE_FILES
from worker.core.events import Ended, Lost, NotStarted, Ready
from worker.jobs import slots


def test_a_job_for_a_slot_without_a_child_is_not_started(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "note('importing', 1)\ntime.sleep(60)\ndef handle(job): pass")
    place.note("importing")
    place.start()
    assert place.next() == NotStarted(0, "the handler's process is gone")


def test_a_handler_that_cannot_be_imported_is_reported_and_tried_again(open_place: Open) -> None:
    place = open_place("import no_such_module")
    broken = place.ready()
    assert broken.error == "ModuleNotFoundError: No module named 'no_such_module'"
    assert 'jobs.py", line 1' in (broken.traceback or "")
    (place.folder / "jobs.py").write_text("def handle(job): pass  # fixed")
    assert place.ready() == Ready(0)
    assert place.do() == DONE


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"handler": "import os; os._exit(3)"}, "the handler's process exited with 3"),
        ({"handler": "x = 1"}, "AttributeError: module 'jobs' has no attribute 'handle'"),
        ({"handler": "handle = 1"}, "TypeError: jobs:handle is not callable"),
        ({"handler": "def handle(): pass"}, "TypeError: jobs:handle must take one argument, the job"),
        ({"handler": "def f(:"}, "SyntaxError: invalid syntax"),
        (
            {"command": ["/no/such/python"]},
            "the handler's process cannot be started: [Errno 2] No such file or directory: '/no/such/python'",
        ),
    ],
)
def test_why_no_child_can_be_had_is_said(open_place: Open, options: dict[str, str], error: str) -> None:
    assert (open_place(**options).ready().error or "").endswith(error)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before starts of children, which are not waited for."""
    found: list[float] = []
    start = slots._Slot._start_child

    def at_once(slot: slots._Slot, pause: float) -> None:
        found.append(pause)
        start(slot, 0)

    monkeypatch.setattr(slots._Slot, "_start_child", at_once)
    return found


def test_a_child_that_cannot_be_started_is_started_again_after_pauses_that_grow(
    open_place: Open, pauses: list[float]
) -> None:
    place = open_place(command=["/no/such/python"])
    for _ in range(8):
        assert place.ready().error
    assert pauses[:8] == [0, 0.5, 1, 2, 4, 8, 16, 20]


def test_a_child_that_dies_while_idle_is_replaced_and_no_attempt_is_spent(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note(job.id, os.getpid())")
    place.ready()
    assert place.do(id="a") == DONE
    os.kill(int(place.note("a")), signal.SIGKILL)
    assert place.next() == Lost(0, "the handler's process was killed by signal 9 (Killed)")
    assert place.ready() == Ready(0)
    assert place.do(id="b") == DONE


def test_an_idle_death_that_a_forked_process_hides_spends_no_attempt_either(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    if job.id == "a":
        note("child", os.getpid())
        if not os.fork():
            time.sleep(60)
"""
    )
    place.ready()
    assert place.do(id="a") == DONE
    child = int(place.note("child"))
    os.kill(child, signal.SIGKILL)
    until(lambda: not alive(child))
    place.start(id="b")
    assert isinstance(place.next(), NotStarted)
    assert isinstance(place.next(), Lost)
    assert place.ready() == Ready(0)
    assert place.do(id="b") == DONE


HANGS = {
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "with the interpreter's lock": "re.match(r'(a+)+$', 'a' * 60 + 'b')",
}


@pytest.mark.parametrize("hang", HANGS)
def test_an_idle_child_that_hangs_is_replaced_and_its_next_job_has_not_been_tried(
    open_place: Open, monkeypatch: pytest.MonkeyPatch, hang: str
) -> None:
    place = open_place(
        PRELUDE_FILES
        + f"""
import re, threading
def later():
    while not (notes / "go").exists(): time.sleep(0.01)
    note("hangs", 1)
    {HANGS[hang]}
def handle(job):
    note(job.id, os.getpid())
    if job.body == "leaves a thread": threading.Thread(target=later).start()
"""
    )
    place.ready()
    assert place.do("leaves a thread", id="a") == DONE
    place.slots.check()  # an idle child is no concern
    (place.folder / "go").touch()
    place.note("hangs")
    place.start(id="b")
    place.slots.check()  # it has some time for it
    with pytest.raises(queue.Empty):
        place.next(limit=0.1)
    monkeypatch.setattr(slots, "TAKE_SECONDS", 0)
    place.slots.check()
    assert place.next() == NotStarted(0, "the handler's process hangs: it did not take the job")
    assert place.ready() == Ready(0)
    assert not (place.folder / "b").exists()
    place.start(id="b")
    assert place.note("b") != place.note("a")
    place.slots.check()  # it runs, or has ended
    assert place.ended() == Ended(0, DONE, alive=True)


def test_a_child_killed_before_it_has_read_a_long_body_is_no_attempt(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note('pid', os.getpid())")
    place.ready()
    assert place.do() == DONE
    child = int(place.note("pid"))
    os.kill(child, signal.SIGSTOP)
    place.start("x" * 1_048_576)
    with pytest.raises(queue.Empty):
        place.next(limit=0.3)
    os.kill(child, signal.SIGKILL)
    assert place.next() == NotStarted(0, "the handler's process was killed by signal 9 (Killed)")


def test_processes_that_never_take_a_job_are_started_with_pauses_that_grow(
    open_place: Open, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "TAKE_SECONDS", 0)
    place = open_place(
        PRELUDE_FILES
        + """
import threading
def later():
    while not (notes / "go").exists(): time.sleep(0.01)
    note("hangs", 1)
    os.kill(os.getpid(), signal.SIGSTOP)
threading.Thread(target=later).start()
def handle(job): pass
"""
    )
    for _ in range(3):
        place.ready()
        (place.folder / "go").touch()
        place.note("hangs")
        for name in ("go", "hangs"):
            (place.folder / name).unlink()
        place.start()
        place.slots.check()
        assert isinstance(place.next(), NotStarted)
    place.ready()
    assert pauses == [0, 0.5, 1, 2]
