"""A small proxy between a worker and an SQS emulator that spoils exchanges by a plan, and notes what came when."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.helpers.waiting import LIMIT


class Fault(StrEnum):
    """What may happen to one exchange: a request and its answer."""

    #: The request reaches SQS late, but in time.
    DELAY = "delay"
    #: The request reaches SQS after the client has given it up, and takes effect then.
    LATE = "late"
    #: The request is taken and never reaches SQS; nothing is answered.
    BLACK_HOLE = "black hole"
    #: The request takes effect; nothing is answered.
    SWALLOW = "swallow"
    #: The request takes effect; the connection is reset within the answer, or before its first byte.
    CUT = "cut"
    #: The answer comes in pieces, over seconds.
    TRICKLE = "trickle"


#: Seconds of each fault that lasts, from and to. LATE is above the time-outs that the worker has for its quick calls.
LASTS = {Fault.DELAY: (0.05, 1.5), Fault.LATE: (6.0, 9.0), Fault.TRICKLE: (1.0, 12.0)}
#: Pieces that a trickling answer comes in.
PIECES = 20
#: Connections that may wait until they are accepted.
BACKLOG = 100
#: Seconds after which a connection without an answer is closed, if the client does not close it before.
MAX_SILENCE_SECONDS = 120.0

Plan = Callable[[int], Fault | None]


def calm(_: int) -> Fault | None:
    """The plan without any fault."""
    return None


def rates(seed: int, share: Mapping[Fault, float]) -> Plan:
    """The plan that spoils this share of the exchanges; exchange `n` of a seed always has the same fault."""

    def plan(number: int) -> Fault | None:
        drawn = random.Random(f"{seed} {number}").random()
        for fault, probability in share.items():
            drawn -= probability
            if drawn < 0:
                return fault
        return None

    return plan


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it arrived: when (time.monotonic), its SQS action, and its body."""

    at: float
    action: str
    body: bytes


class Proxy:
    """Listens on a free port of the loopback interface and passes HTTP on to another; runs in a separate thread."""

    def __init__(
        self, upstream: int, plan: Plan = calm, *, seed: int = 0, record: bool = False, tables: int | None = None
    ) -> None:
        """`tables`: the port of DynamoDB, if that is another process."""
        self.plan, self._upstream, self._record = plan, upstream, record
        self._tables = tables or upstream
        self._random = random.Random(seed)
        #: Requests as they arrived, if they are recorded.
        self.seen: list[Seen] = []
        #: How often each fault happened.
        self.faults: dict[Fault, int] = dict.fromkeys(Fault, 0)
        self._exchanges = 0
        #: Whether every request goes into a black hole.
        self._dark = False
        self._listener: socket.socket | None = None
        self._connections: set[asyncio.Task[None]] = set()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._listen())

    def refuse(self) -> None:
        """From now on connections are refused, and those that stand are reset."""
        self._do(self._shut())

    def accept(self) -> None:
        """End what refuse() began."""
        self._do(self._listen())

    def darken(self) -> None:
        """From now on requests are taken and nothing is answered."""
        self._dark = True

    def lighten(self) -> None:
        """End what darken() began: requests that were lost stay lost."""
        self._dark = False

    def close(self) -> None:
        """Reset every connection and stop."""
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)

    async def _listen(self) -> None:
        if not self._listener:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        # asyncio's own server forgets what it has accepted in the moment in which it is closed
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._serve(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            task.add_done_callback(lambda _: connection.close())  # also if it was cancelled before its first step

    async def _shut(self) -> None:
        if self._listener:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await self._exchange_all(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client's or the emulator's end is this connection's end
        finally:
            _reset(writer)

    async def _exchange_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                head, body = await _message(reader)
                if self._record:
                    action = _header(head, b"x-amz-target").decode().rpartition(".")[2]
                    self.seen.append(Seen(at=time.monotonic(), action=action, body=body))
                fault = Fault.BLACK_HOLE if self._dark else self.plan(self._exchanges)
                self._exchanges += 1
                if fault:
                    self.faults[fault] += 1
                if fault is Fault.BLACK_HOLE:
                    return await _silence(reader)
                if fault in {Fault.DELAY, Fault.LATE}:
                    await asyncio.sleep(self._random.uniform(*LASTS[fault]))
                if not upstream:
                    of_table = _header(head, b"x-amz-target").startswith(b"DynamoDB")  # each client has connections
                    port = self._tables if of_table else self._upstream
                    upstream = await asyncio.open_connection("127.0.0.1", port)
                upstream[1].write(head + body)
                answer = b"".join(await _message(upstream[0]))
                if fault is Fault.SWALLOW:
                    return await _silence(reader)
                if fault is Fault.CUT:
                    writer.write(answer[: self._random.randrange(len(answer))])
                    await writer.drain()
                    return None
                if fault is Fault.TRICKLE:
                    await self._trickle(writer, answer)
                else:
                    writer.write(answer)
                await writer.drain()
        finally:
            if upstream:
                _reset(upstream[1])

    async def _trickle(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        pause = self._random.uniform(*LASTS[Fault.TRICKLE]) / PIECES
        step = -(-len(answer) // PIECES)
        for start in range(0, len(answer), step):
            writer.write(answer[start : start + step])
            await writer.drain()
            await asyncio.sleep(pause)


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return b""


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One HTTP request or answer, head and body; both sides always say its length."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(_header(head, b"content-length") or 0))


async def _silence(reader: asyncio.StreamReader) -> None:
    """Until the client gives up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MAX_SILENCE_SECONDS):
            while await reader.read(2**16):
                pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, not in order, so that what was not sent is not sent, and the port is free at once."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
