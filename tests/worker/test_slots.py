import json
import os
import queue
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.waiting import LIMIT, alive, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, FOREVER, SETTINGS
from worker.core.events import Ended, Lost, NotStarted, Ready
from worker.job import Result, Verdict
from worker.jobs import slots

PID = """
import os, time, signal, subprocess
from pathlib import Path
notes = Path(os.environ["NOTES"])
def note(name, value):
    (notes / f"{name}.new").write_text(str(value))
    (notes / f"{name}.new").rename(notes / name)
"""


def failed(reason: str) -> Result:
    return Result(verdict=Verdict.FAILED, reason=reason)


def test_one_child_does_job_after_job(open_place: Open) -> None:
    place = open_place(PID + "def handle(job): note(job.id, os.getpid())")
    assert place.ready() == Ready(0)
    assert [place.do(id=name) for name in ("a", "b", "c")] == [DONE] * 3
    assert len({place.note(name) for name in ("a", "b", "c")}) == 1


def test_slots_work_at_the_same_time(open_place: Open) -> None:
    place = open_place(
        PID
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
    place = open_place(PID + f"def handle(job):\n    if job.body == 'crash': {crash}")
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
    place = open_place(PID + "def handle(job): os._exit(1)")
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
        PID
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
    place = open_place(PID + "def handle(job): note('left', subprocess.Popen(['sleep', '600']).pid)")
    place.ready()
    assert place.do() == DONE
    assert place.do() == DONE
    left = int(place.note("left"))
    assert alive(left)
    place.slots.close()
    assert not alive(left)


def test_a_killed_job_ends_when_its_child_and_all_that_it_started_are_gone(open_place: Open) -> None:
    place = open_place(
        PID
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
        PID + "import tempfile\ndef handle(job): note('folder', tempfile.mkdtemp()), time.sleep(600)", grace=0.2
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
        PID
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
        PID
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
        PID
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
    place = open_place(PID + "def handle(job): note(job.id, os.getpid())")
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
        PID
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


def test_a_job_for_a_slot_without_a_child_is_not_started(open_place: Open) -> None:
    place = open_place(PID + "note('importing', 1)\ntime.sleep(60)\ndef handle(job): pass")
    place.note("importing")
    place.start()
    assert place.next() == NotStarted(0, "the handler's process is gone")


def test_a_second_kill_shortens_the_grace_of_the_first(open_place: Open) -> None:
    place = open_place(
        PID + "def handle(job): signal.signal(signal.SIGTERM, signal.SIG_IGN), note('began', 1), time.sleep(600)",
        grace=FOREVER,
    )
    place.ready()
    place.start()
    place.note("began")
    place.kill()
    place.slots.kill(0, 0)
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)


def test_a_kill_that_comes_after_the_jobs_end_does_nothing_to_the_next(open_place: Open) -> None:
    place = open_place(PID + "def handle(job): note(job.id, os.getpid())")
    place.ready()
    assert place.do(id="a") == DONE
    place.kill()
    assert place.do(id="b") == DONE
    assert place.note("a") == place.note("b")


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


def test_a_child_that_cannot_be_started_is_started_again_after_pauses_that_grow(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    start = slots._Slot._start_child

    def at_once(slot: slots._Slot, pause: float) -> None:
        pauses.append(pause)
        start(slot, 0)

    monkeypatch.setattr(slots._Slot, "_start_child", at_once)
    place = open_place(command=["/no/such/python"])
    for _ in range(8):
        assert place.ready().error
    assert pauses[:8] == [0, 0.5, 1, 2, 4, 8, 16, 20]


def test_a_child_that_dies_while_idle_is_replaced_and_no_attempt_is_spent(open_place: Open) -> None:
    place = open_place(PID + "def handle(job): note(job.id, os.getpid())")
    place.ready()
    assert place.do(id="a") == DONE
    os.kill(int(place.note("a")), signal.SIGKILL)
    assert place.next() == Lost(0, "the handler's process was killed by signal 9 (Killed)")
    assert place.ready() == Ready(0)
    assert place.do(id="b") == DONE


def test_an_idle_death_that_a_forked_process_hides_spends_no_attempt_either(open_place: Open) -> None:
    place = open_place(
        PID
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


def test_a_body_of_one_mebibyte_arrives(open_place: Open) -> None:
    place = open_place(PID + "def handle(job): note('seen', (len(job.body), set(job.body)))")
    place.ready()
    assert place.do("ä" * 524_288) == DONE
    assert place.note("seen") == "(524288, {'ä'})"


def test_a_child_that_does_not_read_a_long_body_blocks_nothing_and_can_be_killed(open_place: Open) -> None:
    place = open_place(PID + "def handle(job): note(f'pid-{job.id}', os.getpid())", count=2, grace=0.3)
    place.ready()
    place.ready()
    assert place.do(slot=0, id="a") == DONE
    os.kill(int(place.note("pid-a")), signal.SIGSTOP)
    place.start("x" * 1_048_576, slot=0)
    assert place.do(slot=1, id="b") == DONE
    place.kill()
    assert place.next() == NotStarted(0, "the handler's process was stopped")
    assert place.ready() == Ready(0)


HANGS = {
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "with the interpreter's lock": "re.match(r'(a+)+$', 'a' * 60 + 'b')",
}


@pytest.mark.parametrize("hang", HANGS)
def test_an_idle_child_that_hangs_is_replaced_and_its_next_job_has_not_been_tried(
    open_place: Open, monkeypatch: pytest.MonkeyPatch, hang: str
) -> None:
    place = open_place(
        PID
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
    place = open_place(PID + "def handle(job): note('pid', os.getpid())")
    place.ready()
    assert place.do() == DONE
    child = int(place.note("pid"))
    os.kill(child, signal.SIGSTOP)
    place.start("x" * 1_048_576)
    with pytest.raises(queue.Empty):
        place.next(limit=0.3)
    os.kill(child, signal.SIGKILL)
    assert place.next() == NotStarted(0, "the handler's process was killed by signal 9 (Killed)")


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
    (tmp_path / "jobs.py").write_text(PID + handler)
    environment = SETTINGS | {"EBB_HANDLER": "jobs:handle", "PYTHONPATH": str(tmp_path), "NOTES": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=os.environ | environment)
    until((tmp_path / "pids").exists)
    pids = json.loads((tmp_path / "pids").read_text())
    assert [alive(pid) for pid in pids] == [True, True]
    parent.kill()
    parent.wait()
    until(lambda: not any(alive(pid) for pid in pids))


def test_close_ends_every_process_in_any_state_of_the_slots(open_place: Open) -> None:
    place = open_place(
        PID + "def handle(job): note(f'pid-{job.id}', os.getpid()); time.sleep(600)", count=3, grace=FOREVER
    )
    for _ in range(3):
        place.ready()
    place.start(slot=1, id="a")
    place.start(slot=2, id="b")
    pids = [int(place.note("pid-a")), int(place.note("pid-b"))]
    place.close()
    assert not any(alive(pid) for pid in pids)


def _switches() -> int:
    """How often the main thread, the only one that slots have while nothing happens, has given up the processor."""
    status = Path(f"/proc/self/task/{threading.get_native_id()}/status").read_text()
    return int(re.findall(r"voluntary_ctxt_switches:\s*(\d+)", status)[0])


def test_slots_that_have_nothing_to_do_do_not_wake_up(open_place: Open) -> None:
    place = open_place(count=3)
    for _ in range(3):
        place.ready()
    assert place.do() == DONE
    until(lambda: not any(thread.name.startswith("slot-") for thread in threading.enumerate()))
    before, began = _switches(), time.monotonic()
    assert place.inbox.get(1.5) == []
    assert time.monotonic() - began >= 1.5  # it was one wait
    assert _switches() - before < 5  # one, and what the system adds; a wait that looks again and again has hundreds


def test_each_job_ends_once_however_starts_kills_and_crashes_meet(open_place: Open) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    place = open_place(
        PID
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
