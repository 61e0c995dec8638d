"""Slots: each runs one job at a time in a child process (worker.jobs.child). The main thread never waits for a child.

Starting and ending a child take time, so threads do that. Each does one such step and hands its result over.
"""

import selectors
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from worker.core.events import Ended, Ready
from worker.inbox import Inbox
from worker.job import Job, Result, Verdict
from worker.jobs.process import Child, ChildGoneError

#: Time between two checks whether a child is alive, where the kernel does not report its death.
POLL_SECONDS = 1
#: Maximum pause between starts of children that never ran a job.
MAX_PAUSE_SECONDS = 20
STOPPED = Result(verdict=Verdict.FAILED, reason="the handler's process was stopped")


class Slots:
    """Runs jobs, one per slot. For the main thread only, which gets the results from its inbox."""

    def __init__(self, count: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        """`command` starts a child; `grace` is the time between SIGTERM and SIGKILL, in seconds."""
        self._slots = [_Slot(index, command, grace, inbox) for index in range(count)]

    def open(self) -> None:
        """Start the children -> one Ready each. A child that dies while idle is replaced -> Ready again."""
        for slot in self._slots:
            slot.open()

    def start(self, slot: int, job: Job) -> None:
        """Run the job in the slot's child -> Ended. Returns at once. The job waits if the child is not ready yet."""
        self._slots[slot].start(job)

    def kill(self, slot: int) -> None:
        """Stop the slot's job: SIGTERM to the child and all that it started, SIGKILL after the grace. Returns at once.

        Ended follows when they are gone, with the child's own verdict if it still sent one; then Ready of a new child.
        If the job has ended before, nothing happens.
        """
        self._slots[slot].kill()

    def close(self) -> None:
        """End all children and wait for that. No job can be started afterwards."""
        for slot in self._slots:
            slot.close()
        for slot in self._slots:
            slot.join()


class _Phase(Enum):
    #: A thread starts a child, perhaps after a pause.
    STARTING = auto()
    #: The child imports the handler.
    IMPORTING = auto()
    #: The child waits for a job.
    IDLE = auto()
    #: The child has a job, or a part of its bytes.
    BUSY = auto()
    #: A thread ends the child.
    ENDING = auto()
    #: No further child is started.
    CLOSED = auto()


@dataclass(frozen=True, kw_only=True)
class _End:
    """Why a child ends: its phase until then, whether we asked for it, and what the job's result is if it sent none."""

    phase: _Phase
    asked: bool
    #: None: how the process exited.
    result: Result | None
    #: Whether the child ever got a job.
    used: bool


class _Slot:
    """The methods run in the main thread, except those given to `_in_thread`, of which one runs at a time."""

    def __init__(self, index: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        self._index, self._command, self._grace, self._inbox = index, command, grace, inbox
        self._phase = _Phase.STARTING
        #: A job that no child has got yet (STARTING, IMPORTING, ENDING).
        self._waiting: Job | None = None
        #: The child (IMPORTING, IDLE, BUSY), and whether it ever got a job.
        self._child: Child | None = None
        self._used = False
        #: Children in a row that never got a job.
        self._failures = 0
        #: Ends the pause before a start.
        self._cancel_pause = threading.Event()
        self._thread: threading.Thread | None = None
        #: A child that the thread has started, until the main thread takes it.
        self._new: Child | None = None

    def open(self) -> None:
        self._in_thread(partial(self._start_child, 0))

    def start(self, job: Job) -> None:
        if self._phase is _Phase.CLOSED:
            return
        self._waiting = job
        self._cancel_pause.set()
        if self._phase is _Phase.IDLE:
            self._send()

    def kill(self) -> None:
        if self._phase is _Phase.BUSY or (self._phase is _Phase.IMPORTING and self._waiting):
            self._end(STOPPED, asked=True)
        elif self._waiting:
            self._ended(STOPPED, alive=False)

    def close(self) -> None:
        if self._child:
            self._end(STOPPED, asked=True)
        self._phase = _Phase.CLOSED
        self._cancel_pause.set()

    def join(self) -> None:
        if self._thread:
            self._thread.join()
        if self._new:
            self._new.end(self._grace)
            self._new = None

    # -- the child, from its start to its end

    def _in_thread(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name=f"slot-{self._index}", daemon=True)
        self._thread.start()

    def _start_child(self, pause: float) -> None:
        """In a thread."""
        self._cancel_pause.wait(pause)
        if self._phase is _Phase.CLOSED:
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

    def _end(self, result: Result | None = None, *, asked: bool = False) -> None:
        """End the child: because we asked, because it reported why (`result`), or because it is gone."""
        child, self._child = self._child, None
        if child is None:
            return
        self._inbox.unregister(child.descriptor)
        if child.pidfd is not None:
            self._inbox.unregister(child.pidfd)
        end = _End(phase=self._phase, asked=asked, result=result, used=self._used)
        self._phase = _Phase.ENDING
        self._in_thread(partial(self._reap, child, end))

    def _reap(self, child: Child, end: _End) -> None:
        """In a thread: end the child and all that it started."""
        reason = f"the handler's process {child.exit_reason()}" if end.result is None else None
        result = end.result or Result(verdict=Verdict.FAILED, reason=reason)
        late = child.end(self._grace)
        self._inbox.call(partial(self._on_gone, end, result, late))

    def _on_gone(self, end: _End, result: Result, late: Result | None) -> None:
        if self._phase is _Phase.CLOSED:
            return
        if end.phase is _Phase.BUSY:
            self._ended(late or result, alive=False)
        elif end.asked and self._waiting:
            self._ended(result, alive=False)
        if end.phase is _Phase.IMPORTING and not end.asked:
            self._broken(result)
        else:
            self._restart(failed=not (end.used or end.asked))

    def _broken(self, result: Result) -> None:
        """No child can run a job now: a job that waits for one has failed."""
        if self._phase is _Phase.CLOSED:
            return
        if self._waiting:
            self._ended(result, alive=False)
        self._inbox.add(Ready(self._index, result.reason, result.traceback))
        self._restart(failed=True)

    def _restart(self, *, failed: bool) -> None:
        """Start the next child, after a pause if the last ones never got a job."""
        self._phase = _Phase.STARTING
        self._failures = self._failures + 1 if failed else 0
        if self._waiting:
            self._cancel_pause.set()
        else:
            self._cancel_pause.clear()
        pause = min(2.0 ** (self._failures - 1), MAX_PAUSE_SECONDS) if failed else 0
        self._in_thread(partial(self._start_child, pause))

    # -- the job, from its start to its end

    def _send(self) -> None:
        """Send the waiting job to the idle child. What the socket does not take now follows later."""
        child, job = self._child, self._waiting
        if child is None or job is None:
            return
        if child.process.poll() is not None:  # not noticed before: the next child gets the job
            self._end()
            return
        try:
            rest = child.send(job)
        except ChildGoneError:
            self._end()
            return
        self._phase, self._used, self._waiting = _Phase.BUSY, True, None
        if rest:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._inbox.register(child.descriptor, both, partial(self._on_socket, child))

    def _on_socket(self, child: Child, ready: int) -> None:
        """The child has sent something or closed the connection, or its socket takes more of the job."""
        if child is not self._child:
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
        if self._phase is _Phase.BUSY:
            self._phase = _Phase.IDLE
            self._ended(result, alive=True)
        elif self._phase is _Phase.IDLE:
            self._end()  # nothing was asked of it
        elif result.verdict is not Verdict.DONE:
            self._end(result)
        else:
            self._phase = _Phase.IDLE
            self._inbox.add(Ready(self._index))
            self._send()

    def _on_death(self, child: Child, _ready: int = 0) -> None:
        """The child is dead, even if another process still has its socket."""
        if child is self._child:
            self._end()

    def _ended(self, result: Result, *, alive: bool) -> None:
        self._waiting = None
        self._inbox.add(Ended(self._index, result, alive))
