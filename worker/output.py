"""The worker's standard output: log lines, and what its child processes print. A thread writes it.

The log's reader may be slow, or read nothing at all. Leases must still be extended and signals handled. So only this
thread waits for the reader. Only whole lines are written.
"""

import atexit
import fcntl
import os
import select
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

#: A pipe that is ready takes so much without a wait (pipe(7), PIPE_BUF).
WRITE_BYTES = select.PIPE_BUF
READ_BYTES = 65_536
#: A longer line is written in parts. The awslogs driver's own limit is 256 KiB.
MAX_LINE_BYTES = 262_144
#: Children are not read while more than this waits to be written: they wait for the reader then.
MAX_WAITING_BYTES = 2 * 2**20
#: The worker's own lines may use so much more.
MAX_OWN_BYTES = 2 * MAX_WAITING_BYTES
#: A reader that takes nothing for so long stands still: the children go on, and their lines are dropped and counted.
STALL_SECONDS = 10.0
#: At the end of the process the thread has so long to write the rest.
LAST_SECONDS = 1.0


class Source:
    """A child's output: the reading end of its pipe, and what of it is not written yet.

    Bytes are counted, because a pipe does not say which job printed them. All that is in the pipe when a job begins is
    older than the job.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        #: Held while bytes leave the pipe and are counted; no call under it waits.
        self._lock = threading.Lock()
        self._read_bytes = 0
        #: For each job that has begun, and whose begin the thread has not come to: the bytes before its own.
        self.begins: deque[int] = deque()
        # for the thread only: what belongs to jobs of `begins`, and the line that has not ended yet
        self.held = b""
        self.rest = b""

    @property
    def closed(self) -> bool:
        """Whether all that had the other end are gone."""
        return self.descriptor < 0

    def read(self) -> None:
        """In the thread: take what is in the pipe."""
        with self._lock:
            try:
                data = os.read(self.descriptor, READ_BYTES)
            except BlockingIOError:
                return
            self._read_bytes += len(data)
            self.held += data
            if not data:
                os.close(self.descriptor)
                self.descriptor = -1

    def begin(self) -> None:
        """A job begins: what its child prints from now on is the job's."""
        with self._lock:
            left = b"" if self.closed else fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
            self.begins.append(self._read_bytes + int.from_bytes(left, sys.byteorder))

    def older(self) -> bytes:
        """In the thread: take what no job of `begins` has printed."""
        count = self.begins[0] - (self._read_bytes - len(self.held)) if self.begins else len(self.held)
        found, self.held = self.held[:count], self.held[count:]
        return found


class Output:
    """Lines for the descriptor, in the order in which they came. `dropped` gives the line that reports lost lines."""

    def __init__(self, descriptor: int, dropped: Callable[[int], str]) -> None:
        self._descriptor, self._dropped = descriptor, dropped
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: What the thread has to do, in the order of its coming. A byte in the pipe ends its wait.
        self._work: deque[Callable[[], None]] = deque()
        self._wake_reader = self._wake_writer = -1
        # for the thread only:
        self._sources: dict[int, Source] = {}
        self._waiting = bytearray()
        self._lost = 0
        self._flushes: list[threading.Event] = []
        self._progress_at = 0.0
        self._broken = False

    # -- from any thread

    def write(self, lines: Iterable[str]) -> None:
        """Write lines of the worker. Returns at once."""
        data = "".join(line + "\n" for line in lines).encode(errors="backslashreplace")
        if data:
            self._do(lambda: self._add(data, MAX_OWN_BYTES))

    def follow(self, descriptor: int) -> Source:
        """Write what comes out of this pipe, until all processes that have its other end are gone."""
        source = Source(descriptor)
        os.set_blocking(descriptor, False)
        self._do(lambda: self._followed(source))
        return source

    def begin(self, source: Source) -> None:
        """A job begins in this child: what it prints is written after all that was given to `write` before."""
        source.begin()
        self._do(lambda: self._begun(source))

    def end_line(self, source: Source) -> None:
        """A job has ended: a line that it left open ends here."""
        self._do(lambda: self._end(source))

    def flush(self, seconds: float = LAST_SECONDS) -> None:
        """Wait until all that came before is written, but not longer than this."""
        if self._thread is None:
            return
        written = threading.Event()
        self._do(lambda: self._flushes.append(written))
        written.wait(seconds)

    def _do(self, work: Callable[[], None]) -> None:
        self._work.append(work)
        if self._thread is None:
            self._start()
        with suppress(BlockingIOError):  # the pipe is full: the thread wakes up in any case
            os.write(self._wake_writer, b"!")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._wake_reader, self._wake_writer = os.pipe()
                for descriptor in (self._wake_reader, self._wake_writer):
                    os.set_blocking(descriptor, False)
                self._thread = threading.Thread(target=self._run, name="output", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    # -- in the thread

    def _run(self) -> None:
        while True:
            work = [self._work.popleft() for _ in range(len(self._work))]
            self._read()  # first what children printed before that: a job's last lines come before its end
            for step in work:
                step()
            self._write()
            if not self._waiting:
                while self._flushes:
                    self._flushes.pop().set()
            self._wait()

    @property
    def _full(self) -> bool:
        """Whether the children have to wait for the reader."""
        stalled = time.monotonic() >= self._progress_at + STALL_SECONDS
        return len(self._waiting) >= MAX_WAITING_BYTES and not stalled

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if self._waiting:
            poll.register(self._descriptor, select.POLLOUT)
        full = self._full
        if not full:
            for descriptor in self._sources:
                poll.register(descriptor, select.POLLIN)
        poll.poll(STALL_SECONDS * 1000 if full else None)
        with suppress(BlockingIOError):
            os.read(self._wake_reader, READ_BYTES)

    def _read(self) -> None:
        if not self._sources:
            return
        poll = select.poll()
        for descriptor in self._sources:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            if self._full:
                return
            self._receive(self._sources[descriptor])

    def _followed(self, source: Source) -> None:
        self._sources[source.descriptor] = source
        self._receive(source)

    def _receive(self, source: Source) -> None:
        descriptor = source.descriptor
        source.read()
        if source.closed:
            del self._sources[descriptor]
        self._take(source)

    def _begun(self, source: Source) -> None:
        source.begins.popleft()
        self._take(source)

    def _take(self, source: Source) -> None:
        whole, newline, source.rest = (source.rest + source.older()).rpartition(b"\n")
        if newline:
            self._add(whole + newline, MAX_WAITING_BYTES + READ_BYTES)
        if len(source.rest) >= MAX_LINE_BYTES or source.closed:
            self._end(source)

    def _end(self, source: Source) -> None:
        if source.rest:
            self._add(source.rest + b"\n", MAX_WAITING_BYTES + READ_BYTES)
            source.rest = b""

    def _add(self, data: bytes, limit: int) -> None:
        """Add lines to what waits, or count them as lost."""
        if self._broken:
            return
        if not self._waiting:
            self._progress_at = time.monotonic()
        if len(self._waiting) + len(data) > limit:
            self._lost += data.count(b"\n")
            return
        self._waiting += data

    def _write(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while self._waiting:
            ready = poll.poll(0)
            if not ready:
                return
            try:
                written = os.write(self._descriptor, self._waiting[:WRITE_BYTES])
            except BlockingIOError:
                return
            except OSError:  # nothing reads the log any more; that must not stop the worker
                self._broken = True
                self._waiting.clear()
                return
            del self._waiting[:written]
            self._progress_at = time.monotonic()
            if self._lost and len(self._waiting) < MAX_WAITING_BYTES // 2:
                lost, self._lost = self._lost, 0
                self._waiting += self._dropped(lost).encode() + b"\n"


def setup_child() -> None:
    """In a child process: a printed line leaves at once, with any value of PYTHONUNBUFFERED, and in one piece."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]
