"""Slots: each runs one job at a time in a child process (worker.jobs.child). The main thread never waits for a child.

Starting and ending a child take time, so threads do that. Each does one such step and hands its result over.
"""

import selectors
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from worker.core.backoff import doubled
from worker.core.events import Ended, Lost, NotStarted, Ready, Starting
from worker.inbox import Inbox
from worker.job import Job, Result, Verdict
from worker.jobs.process import Child, ChildGoneError

#: Time between two checks whether a child is alive, where the kernel does not report its death.
POLL_SECONDS = 1
#: Pause before the next start after a child that never took a job. It doubles with each.
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 20
#: A sound child takes a job within milliseconds. After so long it hangs: it is stopped, or a thread of an earlier job
#: holds the interpreter's lock.
TAKE_SECONDS = 10.0
STOPPED = Result(verdict=Verdict.FAILED, reason="the handler's process was stopped")
NOT_TAKEN = Result(verdict=Verdict.FAILED, reason="the handler's process hangs: it did not take the job")


class Slots:
    """Runs jobs, one per slot. For the main thread only, which gets the results from its inbox."""

    def __init__(self, count: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        """`command` starts a child; `grace`: seconds between SIGTERM and SIGKILL for a child without a job."""
        self._slots = [_Slot(index, command, grace, inbox) for index in range(count)]

    def open(self) -> None:
        """Start the children: one Starting and one Ready each. A child that dies while idle is Lost, and replaced."""
        for slot in self._slots:
            slot.open()

    def start(self, slot: int, job: Job) -> None:
        """Run the job in the slot's child -> Ended; or NotStarted, if that child cannot take it. Returns at once."""
        self._slots[slot].start(job)

    def check(self) -> None:
        """End each child that has not taken its job in time -> NotStarted. Call it every few seconds."""
        for slot in self._slots:
            slot.check()

    def request_stop(self, slot: int) -> None:
        """Set `job.stopping` for the slot's job, if it still runs. Returns at once."""
        self._slots[slot].request_stop()

    def progress_path(self, slot: int) -> str | None:
        """The file with the progress of the slot's job, if it still runs."""
        return self._slots[slot].progress_path

    def kill(self, slot: int, grace: float) -> None:
        """End the slot's child and all that it started: SIGTERM, SIGKILL after `grace` seconds. Returns at once.

        The child's job has failed, unless its verdict is here already. When all of them are gone, Ended follows, or
        NotStarted if the child had not taken it. Without a job nothing is reported of this child. Starting and Ready of
        a new child follow. If the job has ended before, nothing happens.
        """
        self._slots[slot].kill(grace)

    def close(self) -> None:
        """End all children and wait for that. No job can be started afterwards."""
        for slot in self._slots:
            slot.close()
        for slot in self._slots:
            slot.join()


class _Phase(Enum):
    #: A thread starts a child, perhaps after a pause.
    STARTING = auto()
    IMPORTING = auto()
    IDLE = auto()
    #: The child has a job, or a part of its bytes.
    BUSY = auto()
    ENDING = auto()
    CLOSED = auto()


@dataclass(frozen=True, kw_only=True)
class _End:
    """Why a child ends: its phase until then, whether we asked for it, and its last result."""

    phase: _Phase
    asked: bool
    #: Its verdict, or why it is not usable. None: how the process exited says it.
    result: Result | None


class _Slot:
    """The methods run in the main thread, except those given to `_in_thread`, of which one runs at a time."""

    def __init__(self, index: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        self._index, self._command, self._grace, self._inbox = index, command, grace, inbox
        self._phase = _Phase.STARTING
        #: The child (IMPORTING, IDLE, BUSY, ENDING), and whether it ever took a job.
        self._child: Child | None = None
        self._used = False
        self._failures = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        #: A child that the thread has started, until the main thread takes it.
        self._new: Child | None = None

    def open(self) -> None:
        self._in_thread(partial(self._start_child, 0))

    def start(self, job: Job) -> None:
        if self._phase is _Phase.CLOSED:
            return
        child = self._child
        if self._phase is _Phase.IDLE and child and child.process.poll() is None:
            try:
                rest = child.send(job)
            except ChildGoneError:
                pass
            else:
                self._phase = _Phase.BUSY
                if rest:  # what the socket does not take now follows later
                    both = selectors.EVENT_READ | selectors.EVENT_WRITE
                    self._inbox.register(child.descriptor, both, partial(self._on_socket, child))
                return
        self._inbox.add(NotStarted(self._index, "the handler's process is gone"))
        if self._phase is _Phase.IDLE:  # its death has not been noticed before
            self._end()

    def check(self) -> None:
        child = self._child
        if self._phase is not _Phase.BUSY or child is None or time.monotonic() < child.sent_at + TAKE_SECONDS:
            return
        if not child.taken():
            self._end(NOT_TAKEN, asked=True, grace=0)  # it must not begin now

    @property
    def progress_path(self) -> str | None:
        return self._child.progress_path if self._phase is _Phase.BUSY and self._child else None

    def request_stop(self) -> None:
        if self._phase is _Phase.BUSY and self._child:
            self._child.request_stop()

    def kill(self, grace: float) -> None:
        child = self._child
        if child is None:
            return
        if self._phase is _Phase.ENDING:
            child.kill_within(grace)
        elif self._phase is _Phase.IMPORTING:
            self._end(asked=True, grace=grace)
        elif self._phase is _Phase.BUSY:
            # Only what the job has said before the signal counts: afterwards it may end cleanly without being done.
            self._on_socket(child, selectors.EVENT_READ)
            if self._phase is _Phase.BUSY:
                self._end(STOPPED, asked=True, grace=grace)

    def close(self) -> None:
        if self._phase in {_Phase.IMPORTING, _Phase.IDLE, _Phase.BUSY}:
            self._end(STOPPED, asked=True)
        self._phase = _Phase.CLOSED
        self._closed.set()

    def join(self) -> None:
        if self._thread:
            self._thread.join()
        if self._new:
            self._new.end(self._grace)
            self._new = None

    def _in_thread(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name=f"slot-{self._index}", daemon=True)
        self._thread.start()

    def _start_child(self, pause: float) -> None:
        """In a thread."""
        if self._closed.wait(pause):
            return
        try:
            self._new = Child(self._command)
        except OSError as error:
            reason = f"the handler's process cannot be started: {error}"
            self._inbox.call(partial(self._broken, Result(verdict=Verdict.FAILED, reason=reason)))
        else:
            self._inbox.call(self._on_started)

    def _on_started(self) -> None:
        child, self._new = self._new, None
        if child is None:  # the slot was closed since
            return
        self._phase, self._child, self._used = _Phase.IMPORTING, child, False
        self._inbox.add(Starting(self._index))
        self._inbox.register(child.descriptor, selectors.EVENT_READ, partial(self._on_socket, child))
        if child.pidfd is not None:
            self._inbox.register(child.pidfd, selectors.EVENT_READ, partial(self._on_death, child))
        else:
            threading.Thread(target=self._poll, args=(child,), daemon=True).start()

    def _poll(self, child: Child) -> None:
        """In a thread, where the kernel does not report the child's death: wait for it."""
        while child.process.poll() is None:
            time.sleep(POLL_SECONDS)
        self._inbox.call(partial(self._on_death, child))

    def _end(self, result: Result | None = None, *, asked: bool = False, grace: float | None = None) -> None:
        """End the child: because we asked, because it reported why (`result`), or because it is gone."""
        child = self._child
        if child is None:
            return
        self._inbox.unregister(child.descriptor)
        if child.pidfd is not None:
            self._inbox.unregister(child.pidfd)
        end = _End(phase=self._phase, asked=asked, result=result)
        self._phase = _Phase.ENDING
        self._in_thread(partial(self._reap, child, end, self._grace if grace is None else grace))

    def _reap(self, child: Child, end: _End, grace: float) -> None:
        """In a thread: end the child and all that it started."""
        reason = f"the handler's process {child.exit_reason()}" if end.result is None and not end.asked else None
        result = end.result or Result(verdict=Verdict.FAILED, reason=reason)
        taken = child.end(grace)
        result = replace(result, progress=result.progress or child.last_progress)
        self._inbox.call(partial(self._on_gone, end, result, taken))

    def _on_gone(self, end: _End, result: Result, taken: bool) -> None:
        self._child = None
        if self._phase is _Phase.CLOSED:
            return
        unable = result.verdict is Verdict.UNABLE
        if end.phase is _Phase.BUSY and not taken:
            self._inbox.add(NotStarted(self._index, str(result.reason)))
        elif end.phase is _Phase.BUSY:
            self._used = True
            self._inbox.add(Ended(self._index, result, alive=False))
        elif end.phase is _Phase.IDLE:
            self._inbox.add(Lost(self._index, str(result.reason)))
        elif not end.asked:
            self._broken(result)
            return
        self._restart(failed=unable or not self._used)

    def _broken(self, result: Result) -> None:
        """No child could be had."""
        if self._phase is _Phase.CLOSED:
            return
        self._inbox.add(Ready(self._index, result.reason, result.traceback))
        self._restart(failed=True)

    def _restart(self, *, failed: bool) -> None:
        """Start the next child, after a pause if the last ones never took a job."""
        self._phase = _Phase.STARTING
        self._failures = self._failures + 1 if failed else 0
        pause = doubled(self._failures, FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS) if failed else 0
        self._in_thread(partial(self._start_child, pause))

    def _on_socket(self, child: Child, ready: int) -> None:
        """The child has sent something or closed the connection, or its socket takes more of the job."""
        if child is not self._child or self._phase is _Phase.ENDING:
            return  # its socket and its death were reported together
        try:
            if ready & selectors.EVENT_WRITE and not child.flush():
                self._inbox.register(child.descriptor, selectors.EVENT_READ, partial(self._on_socket, child))
            result = child.read() if ready & selectors.EVENT_READ else None
        except ChildGoneError:
            self._end()
            return
        if result is not None:
            self._on_result(result)

    def _on_result(self, result: Result) -> None:
        if self._phase is _Phase.BUSY and not result.last:
            self._phase, self._used = _Phase.IDLE, True
            self._inbox.add(Ended(self._index, result, alive=True))
        elif self._phase is _Phase.BUSY:
            self._end(result)
        elif self._phase is _Phase.IDLE:
            self._end()
        elif result.verdict is not Verdict.DONE:
            self._end(result)
        else:
            self._phase = _Phase.IDLE
            self._inbox.add(Ready(self._index))

    def _on_death(self, child: Child, _ready: int = 0) -> None:
        """The child is dead, even if another process still has its socket. What it said before counts."""
        if child is self._child and self._phase is not _Phase.ENDING:
            self._on_socket(child, selectors.EVENT_READ)
        if child is self._child and self._phase is not _Phase.ENDING:
            self._end()
