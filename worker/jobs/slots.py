"""The places where jobs run: each a child process (worker.jobs.child) with which the main thread speaks, never waiting.

To start a child and to end one takes time, so threads do that; each does one such thing and hands back what it has.
"""

import selectors
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from worker.core.events import Ended, Ready
from worker.inbox import Inbox
from worker.job import Job, Result, Verdict
from worker.jobs.process import Child, GoneError

#: Seconds between looks whether a child lives, where the kernel does not tell.
GLANCE = 1
#: Seconds between starts of a child that does not get as far as a job, at the most.
LONGEST_PAUSE = 20
STOPPED = Result(verdict=Verdict.FAILED, reason="the handler's process was stopped")


class Slots:
    """Does jobs, one per slot. For the main thread, which learns what becomes of them from its inbox."""

    def __init__(self, count: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        """`command` starts a child; `grace` are its seconds between SIGTERM and SIGKILL."""
        self._slots = [_Slot(index, command, grace, inbox) for index in range(count)]

    def open(self) -> None:
        """Start the children: a Ready each. One that dies while idle is replaced, and Ready comes once more."""
        for slot in self._slots:
            slot.open()

    def start(self, slot: int, job: Job) -> None:
        """Have the slot's child do the job -> Ended. Returns at once; a child that is not ready yet does it then."""
        self._slots[slot].start(job)

    def kill(self, slot: int) -> None:
        """Stop the job: SIGTERM to the child and all that it started, SIGKILL after the grace. Returns at once.

        Ended comes when they are gone, with the child's own verdict if it still gave one; then Ready, of a new child.
        When the job has ended by itself before, nothing happens.
        """
        self._slots[slot].kill()

    def close(self) -> None:
        """End all children, and wait until they are gone. From then on nothing can be started."""
        for slot in self._slots:
            slot.close()
        for slot in self._slots:
            slot.join()


class _Slot:
    """Its methods are the main thread's; what `_apart` is given runs in a thread of its own, one at a time."""

    def __init__(self, index: int, command: Sequence[str], grace: float, inbox: Inbox) -> None:
        self._index, self._command, self._grace, self._inbox = index, command, grace, inbox
        #: The job that was taken on and has not ended, and whether a child got any of it.
        self._job: Job | None = None
        self._sent = False
        #: The child, unless one is being started or ended; whether it has imported the handler, and got a job since.
        self._child: Child | None = None
        self._imported = self._worked = False
        #: Children in a row that did not get as far as a job.
        self._failures = 0
        self._closed = False
        #: Set when a pause between two starts is to end: a job waits, or all is over.
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        #: The child that the thread has started, until the main thread takes it over.
        self._new: Child | None = None

    def open(self) -> None:
        self._apart(partial(self._begin, 0))

    def start(self, job: Job) -> None:
        if self._closed:
            return
        self._job = job
        if self._child is None:
            self._hurry.set()
        elif self._imported:
            self._send(self._child, job)

    def kill(self) -> None:
        if self._job and self._child:
            self._end(self._child, STOPPED, asked=True)
        elif self._job and not self._sent:  # there is no child that could have it
            self._over(STOPPED, alive=False)

    def close(self) -> None:
        self._closed = True
        self._hurry.set()
        if self._child:
            self._end(self._child, STOPPED, asked=True)

    def join(self) -> None:
        if self._thread:
            self._thread.join()
        if self._new:
            self._new.end(self._grace)
            self._new = None

    # -- a child's life, from start to end

    def _apart(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name=f"slot-{self._index}", daemon=True)
        self._thread.start()

    def _begin(self, pause: float) -> None:
        """In a thread: start a child."""
        self._hurry.wait(pause)
        if self._closed:
            return
        try:
            self._new = Child(self._command)
        except OSError as error:
            reason = f"the handler's process cannot be started: {error}"
            self._inbox.call(partial(self._broken, Result(verdict=Verdict.FAILED, reason=reason)))
        else:
            self._inbox.call(self._stands)

    def _stands(self) -> None:
        child, self._new = self._new, None
        if child is None:  # it was closed in the meantime
            return
        self._child, self._imported, self._worked = child, False, False
        self._inbox.watch(child.descriptor, selectors.EVENT_READ, partial(self._on_socket, child))
        if child.pidfd is not None:
            self._inbox.watch(child.pidfd, selectors.EVENT_READ, partial(self._on_death, child))
        else:
            threading.Thread(target=self._glance, args=(child,), daemon=True).start()

    def _glance(self, child: Child) -> None:
        """In a thread, where the kernel does not tell: wait for the child's death."""
        while child.process.poll() is None:
            time.sleep(GLANCE)
        self._inbox.call(partial(self._on_death, child))

    def _end(self, child: Child, ending: Result | None = None, *, asked: bool = False) -> None:
        """The child is of no more use: it is to be ended (`asked`), or has told why (`ending`), or hung up."""
        self._child = None
        self._inbox.forget(child.descriptor)
        if child.pidfd is not None:
            self._inbox.forget(child.pidfd)
        self._apart(partial(self._bury, child, ending, asked))

    def _bury(self, child: Child, ending: Result | None, asked: bool) -> None:
        """In a thread: end the child and all that it started."""
        ending = ending or Result(verdict=Verdict.FAILED, reason=f"the handler's process {child.how()}")
        late = child.end(self._grace)
        self._inbox.call(partial(self._gone, ending, late, asked))

    def _gone(self, ending: Result, late: Result | None, asked: bool) -> None:
        if self._sent or asked:
            self._worked = True
            self._over(late if self._sent and late else ending, alive=False)
        if self._worked or self._imported:
            self._again(failed=not self._worked)
        else:
            self._broken(ending)

    def _broken(self, result: Result) -> None:
        """No child can be had for now: a job that waited for one has failed."""
        self._over(result, alive=False)
        if not self._closed:
            self._inbox.add(Ready(self._index, result.reason, result.traceback))
        self._again(failed=True)

    def _again(self, *, failed: bool) -> None:
        """Start the next child, after a pause if those before were of no use."""
        if self._closed:
            return
        self._failures = self._failures + 1 if failed else 0
        if self._job:
            self._hurry.set()
        else:
            self._hurry.clear()
        self._apart(partial(self._begin, min(2.0 ** (self._failures - 1), LONGEST_PAUSE) if failed else 0))

    # -- a job's life

    def _send(self, child: Child, job: Job) -> None:
        """Hand the job over; what the socket does not take now follows when it does."""
        if child.process.poll() is not None:  # unnoticed as yet: the job goes to the next child
            self._end(child)
            return
        try:
            rest = child.send(job)
        except GoneError:
            self._end(child)
            return
        self._sent = self._worked = True
        if rest:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._inbox.watch(child.descriptor, both, partial(self._on_socket, child))

    def _on_socket(self, child: Child, ready: int) -> None:
        """The child has said something or hung up, or it takes more of the job."""
        if child is not self._child:
            return  # both its socket and its death were heard of at once
        try:
            if ready & selectors.EVENT_WRITE and not child.flush():
                self._inbox.watch(child.descriptor, selectors.EVENT_READ, partial(self._on_socket, child))
            result = child.read() if ready & selectors.EVENT_READ else None
        except GoneError:
            self._end(child)
            return
        if result is None:
            return
        if self._sent:
            self._over(result, alive=True)
        elif self._imported:
            self._end(child)  # it has nothing to say now: it is out of step
        elif result.verdict is not Verdict.DONE:
            self._end(child, result)
        else:
            self._imported = True
            self._inbox.add(Ready(self._index))
            if self._job:
                self._send(child, self._job)

    def _on_death(self, child: Child, _ready: int = 0) -> None:
        """The child is dead, whoever still holds its socket."""
        if child is self._child:
            self._end(child)

    def _over(self, result: Result, *, alive: bool) -> None:
        if self._job:
            self._job, self._sent = None, False
            if not self._closed:
                self._inbox.add(Ended(self._index, result, alive))
