"""Jobs in the slots of a worker: what becomes of them, of crashes and of what they leave running."""

import os
import random
import threading
import time
from typing import Any

import pytest

from tests.helpers.waiting import alive, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, FOREVER, PRELUDE_FILES, failed
from worker.core.events import Ended, NotStarted, Ready
from worker.jobs import slots


def test_one_child_does_job_after_job(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note(job.id, os.getpid())")
    assert place.ready() == Ready(0)
    assert [place.do(id=name) for name in ("a", "b", "c")] == [DONE] * 3
    assert len({place.note(name) for name in ("a", "b", "c")}) == 1


def test_slots_work_at_the_same_time(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    note(job.id, 1)
    while not (notes / job.body).exists(): time.sleep(0.01)
""",
        count=2,
    )
    assert {place.ready().slot, place.ready().slot} == {0, 1}
    place.start("b", slot=0, id="a")
    place.start("a", slot=1, id="b")
    assert {place.ended().slot, place.ended().slot} == {0, 1}


@pytest.mark.parametrize(
    ("crash", "how"),
    [
        ("os._exit(3)", "exited with 3"),
        ("os._exit(0)", "exited with 0"),
        ("import ctypes; ctypes.string_at(0)", "was killed by signal 11 (Segmentation fault)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by signal 9 (Killed)"),
        ("os.closerange(3, 1000); time.sleep(60)", "closed its connection to the worker"),
    ],
)
def test_a_crash_is_a_failed_attempt_and_the_next_job_has_a_new_child(open_place: Open, crash: str, how: str) -> None:
    place = open_place(PRELUDE_FILES + f"def handle(job):\n    if job.body == 'crash': {crash}")
    place.ready()
    place.start("crash")
    assert place.ended() == Ended(0, failed(f"the handler's process {how}"), alive=False)
    assert place.ready() == Ready(0)
    assert place.do() == DONE


def test_a_crash_costs_no_pause(open_place: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    begin = slots._Slot._start_child

    def recorded(slot: slots._Slot, pause: float) -> None:
        pauses.append(pause)
        begin(slot, 0)

    monkeypatch.setattr(slots._Slot, "_start_child", recorded)
    place = open_place(PRELUDE_FILES + "def handle(job): os._exit(1)")
    place.ready()
    for _ in range(3):
        place.start()
        place.ended()
        place.ready()
    assert pauses == [0] * 4


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_crash_is_noticed_though_a_forked_process_holds_the_socket_and_that_process_goes_too(
    open_place: Open, monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    if not pidfd:  # as on macOS
        monkeypatch.delattr(os, "pidfd_open")
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    pid = os.fork()
    if pid:
        note("forked", pid)
        os._exit(1)
    time.sleep(600)
"""
    )
    place.ready()
    place.start()
    assert place.ended().result == failed("the handler's process exited with 1")
    assert not alive(int(place.note("forked")))


def test_what_a_job_leaves_running_lives_on_after_its_verdict(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note('left', subprocess.Popen(['sleep', '600']).pid)")
    place.ready()
    assert place.do() == DONE
    assert place.do() == DONE
    left = int(place.note("left"))
    assert alive(left)
    place.slots.close()
    assert not alive(left)


def test_a_body_of_one_mebibyte_arrives(open_place: Open) -> None:
    place = open_place(PRELUDE_FILES + "def handle(job): note('seen', (len(job.body), set(job.body)))")
    place.ready()
    assert place.do("ä" * 524_288) == DONE
    assert place.note("seen") == "(524288, {'ä'})"


def test_close_ends_every_process_in_any_state_of_the_slots(open_place: Open) -> None:
    place = open_place(
        PRELUDE_FILES + "def handle(job): note(f'pid-{job.id}', os.getpid()); time.sleep(600)", count=3, grace=FOREVER
    )
    for _ in range(3):
        place.ready()
    place.start(slot=1, id="a")
    place.start(slot=2, id="b")
    pids = [int(place.note("pid-a")), int(place.note("pid-b"))]
    place.close()
    assert not any(alive(pid) for pid in pids)


def test_slots_that_have_nothing_to_do_do_not_wake_up(open_place: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    place = open_place(count=3)
    for _ in range(3):
        place.ready()
    assert place.do() == DONE
    until(lambda: not any(thread.name.startswith("slot-") for thread in threading.enumerate()))
    woken: list[list[Any]] = []
    select = place.inbox._selector.select

    def watched(seconds: float) -> list[Any]:
        woken.append(select(seconds))
        return woken[-1]

    monkeypatch.setattr(place.inbox._selector, "select", watched)
    began = time.monotonic()
    assert place.inbox.get(1.5) == []
    assert woken == [[]], "one wait, which nothing ended"
    assert time.monotonic() - began >= 1.5


def test_each_job_ends_once_however_starts_kills_and_crashes_meet(open_place: Open) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    place = open_place(
        PRELUDE_FILES
        + """
def handle(job):
    time.sleep(float(job.attributes["sleep"]))
    if job.body == "crash": os._exit(1)
    raise RuntimeError(job.id)
""",
        count=3,
        grace=0.5,
    )
    for _ in range(3):
        place.ready()
    ready = {0, 1, 2}
    running: dict[int, str] = {}
    doomed: set[int] = set()
    for number in range(150):
        free = [slot for slot in ready if slot not in running]
        for slot in free:
            running[slot] = f"job-{number}-{slot}"
            body = dice.choice(["crash", "job", "job", "job"])
            place.start(body, slot=slot, id=running[slot], attributes={"sleep": str(dice.choice([0, 0.002, 0.05]))})
            if dice.random() < 0.2:
                place.kill(slot)
                doomed.add(slot)
        event = place.next()
        if isinstance(event, Ready):
            assert event.error is None, f"seed {seed}"
            ready.add(event.slot)
            continue
        assert isinstance(event, Ended | NotStarted)
        job = running.pop(event.slot)
        if isinstance(event, NotStarted):
            assert (event.error, event.slot in doomed) == ("the handler's process was stopped", True), f"seed {seed}"
            doomed.discard(event.slot)
            ready.discard(event.slot)
            continue
        if not event.alive:
            ready.discard(event.slot)
        expected = {f"RuntimeError: {job}", "the handler's process exited with 1"}
        if event.slot in doomed:
            expected.add("the handler's process was stopped")
        doomed.discard(event.slot)
        assert event.result.reason in expected, f"seed {seed}"
