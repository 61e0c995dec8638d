"""The places where jobs run: each a child process (worker.child) and a thread of this process that deals with it alone.

No thread waits for anything but its own child and its own orders, so a child that hangs delays nothing else.
"""

import os
import pickle
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from worker.events import Ended, Event, Ready
from worker.job import Job, Result, Verdict
from worker.process import READ, Child, GoneError

#: Seconds after which a wait for a result looks whether the child lives: its own children may hold its socket open.
GLANCE = 1
#: Seconds between starts of a child that does not get as far as a job, at the most.
LONGEST_PAUSE = 20


class Slots:
    """Does jobs, one per slot; what becomes of them is reported, from threads of its own."""

    def __init__(self, count: int, command: Sequence[str], grace: float, report: Callable[[Event], None]) -> None:
        """`command` starts a child; `grace` are its seconds between SIGTERM and SIGKILL; `report` must not block."""
        self._slots = [_Slot(index, command, grace, report) for index in range(count)]

    def open(self) -> None:
        """Start the children: a Ready each. One that dies while idle is replaced, and Ready comes once more."""
        for slot in self._slots:
            slot.thread.start()

    def start(self, slot: int, job: Job) -> None:
        """Have the slot's child do the job -> Ended. Returns at once; a child that is not ready yet does it then."""
        self._slots[slot].tell(job)

    def kill(self, slot: int) -> None:
        """Stop the job: SIGTERM to the child and all that it started, SIGKILL after the grace. Returns at once.

        Ended comes when they are gone, with the child's own verdict if it still gave one; then Ready, of a new child.
        When the job has ended by itself before, nothing happens.
        """
        self._slots[slot].tell(None)

    def close(self) -> None:
        """End all children, and wait until they are gone. From then on nothing can be started."""
        slots = [slot for slot in self._slots if not slot.closed]
        for slot in slots:
            slot.close()
        for slot in slots:
            slot.join()


class _Slot:
    def __init__(self, index: int, command: Sequence[str], grace: float, report: Callable[[Event], None]) -> None:
        self._index, self._command, self._grace, self._report = index, command, grace, report
        #: Jobs to do; None: stop the one before.
        self._orders: deque[Job | None] = deque()
        self._bell, self._hammer = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._hammer, False)
        #: The job that was taken on and has not ended, and whether the child has it.
        self._job: Job | None = None
        self._sent = False
        self.closed = False
        self.thread = threading.Thread(target=self._run, name=f"slot-{index}", daemon=True)

    def tell(self, order: Job | None) -> None:
        """From the worker's thread."""
        if not self.closed:
            self._orders.append(order)
            self._ring()

    def close(self) -> None:
        """From the worker's thread."""
        self.closed = True
        self._ring()

    def join(self) -> None:
        if self.thread.ident:
            self.thread.join()
        os.close(self._bell)
        os.close(self._hammer)

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it has rung often enough
            os.write(self._hammer, b"!")

    def _run(self) -> None:
        failures = 0
        while not self.closed:
            failures = 0 if self._life() else failures + 1
            if failures:
                self._pause(min(2.0 ** (failures - 1), LONGEST_PAUSE))

    def _pause(self, seconds: float) -> None:
        """Wait, but not when there is something to do."""
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        if not self._orders:
            poller.poll(seconds * 1000)
        self._hush()

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._bell, READ)

    def _life(self) -> bool:
        """One child, from its start to its end; whether it got as far as a job."""
        try:
            child = Child(self._command, self._bell)
        except OSError as error:
            self._broken(Result(verdict=Verdict.FAILED, reason=f"the handler's process cannot be started: {error}"))
            return False
        imported: Result | None = None
        worked = False
        try:
            imported = self._receive(child)
            if imported.verdict is Verdict.DONE:
                self._report(Ready(self._index))
                while True:
                    job = self._next(child)
                    worked = self._sent = True
                    self._send(child, job)
                    del job
                    result = self._receive(child)
                    self._job, self._sent = None, False
                    self._report(Ended(self._index, result, alive=True))
        except GoneError as gone:
            reason = "the handler's process was stopped" if gone.asked else f"the handler's process {child.how()}"
            ending, asked = Result(verdict=Verdict.FAILED, reason=reason), gone.asked
        else:
            ending, asked = imported, False
        late = child.end(self._grace)
        if self._job and (self._sent or asked):
            self._job, sent, self._sent = None, self._sent, False
            self._report(Ended(self._index, late if sent and late else ending, alive=False))
            return True
        if not asked and (imported is None or imported.verdict is not Verdict.DONE):
            self._broken(ending)
        return worked or asked

    def _broken(self, result: Result) -> None:
        """No child can be had for now: a job that waited for one has failed."""
        if self._job:
            self._job = None
            self._report(Ended(self._index, result, alive=False))
        self._report(Ready(self._index, result.reason, result.traceback))

    def _next(self, child: Child) -> Job:
        """The next job, as soon as there is one."""
        while not self._job:
            if self._wait(child.poller, child, None):
                raise GoneError  # it has nothing to say now, so it has hung up or is out of step
        if child.process.poll() is not None:
            raise GoneError  # unnoticed as its own children hold the socket: the job goes to a new child
        return self._job

    def _send(self, child: Child, job: Job) -> None:
        rest = memoryview(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
        if rest := child.write(rest):  # longer than the socket's buffer
            poller = select.poll()
            poller.register(self._bell, select.POLLIN)
            poller.register(child.socket, select.POLLOUT)
            while rest := child.write(rest):
                self._wait(poller, child, GLANCE)

    def _receive(self, child: Child) -> Result:
        while True:
            if self._wait(child.poller, child, GLANCE) and (result := child.read()):
                return result

    def _wait(self, poller: select.poll, child: Child, seconds: float | None) -> bool:
        """Wait for the child's socket, an order, or the time to be over; whether it was the socket."""
        timeout = 0 if self._orders or self.closed else None if seconds is None else seconds * 1000
        ready = poller.poll(timeout)
        if any(descriptor == child.descriptor for descriptor, _ in ready):
            return True
        if not ready and seconds is not None and not self._orders and child.process.poll() is not None:
            raise GoneError
        self._attend()
        return False

    def _attend(self) -> None:
        self._hush()
        if self.closed:
            raise GoneError(asked=True)
        while self._orders:
            order = self._orders.popleft()
            if order:
                self._job = order
            elif self._job:  # else its job has ended before
                raise GoneError(asked=True)
