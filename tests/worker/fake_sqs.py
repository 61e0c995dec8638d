"""SQS in process, on a clock of the caller's: as far as a consumer can tell, by the rules that AWS documents.

Sources: the API reference (of the action named), the developer guide ("visibility timeout", "FIFO queues", "dead-letter
queues"). What AWS leaves open is drawn at random, so that no test can rely on it. Receives do not wait: `next_visible`
says when it is worth asking again.
"""

import heapq
import random
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tests.worker.fake_sqs_store import (
    BATCH,
    DEDUPLICATION,
    DISORDER,
    GONE,
    IN_FLIGHT,
    MAX_DELAY_SECONDS,
    MAX_VISIBILITY_SECONDS,
    NOT_AVAILABLE,
    RETENTION_SECONDS,
    TOO_LONG,
    WAITING,
    Delivery,
    Lease,
    SqsError,
    Store,
    Stored,
)


class FakeSqs(Store):
    """One queue. It calls `on_gone(message, why)` when one leaves it: "deleted", "dead-lettered" or "expired"."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        fifo: bool = False,
        visibility_timeout: int = 30,
        retention: float = RETENTION_SECONDS,
        dead_letter: "FakeSqs | None" = None,
        max_receive_count: int = 10,
        seed: int = 0,
        name: str = "q",
        on_gone: Callable[[Stored, str], None] = lambda _message, _why: None,
    ) -> None:
        super().__init__(clock, fifo=fifo, retention=retention, name=name, on_gone=on_gone)
        if dead_letter and dead_letter.fifo != fifo:
            raise ValueError("a dead-letter queue is of its source's type (developer guide, dead-letter queues)")
        self.visibility_timeout = visibility_timeout
        self.dead_letter, self.max_receive_count = dead_letter, max_receive_count
        self._random = random.Random(seed)
        self._attempts: dict[str, tuple[float, tuple[Lease, ...], tuple[int, ...]]] = {}

    # -- producers

    def send(
        self,
        body: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        delay: float = 0,
    ) -> str:
        """Store a message; its id, which for a FIFO queue's repeated deduplication id is that of the first."""
        now = self._clock()
        if not body:
            raise SqsError("InvalidParameterValue", "the request must contain the parameter MessageBody")
        if not 0 <= delay <= MAX_DELAY_SECONDS or (self.fifo and delay):
            raise SqsError("InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is invalid")
        if self.fifo != (group is not None) or self.fifo != (deduplication_id is not None):
            raise SqsError("InvalidParameterValue", "group and deduplication id belong to a FIFO queue's messages")
        if deduplication_id is not None:
            at, known = self._deduplicated.get(deduplication_id, (-1e9, ""))
            if now - at < DEDUPLICATION:
                return known
        stored = self._store(body, attributes or {}, group, deduplication_id, sent_at=now, visible_at=now + delay)
        return stored.id

    # -- consumers

    def receive(
        self, count: int = 1, *, visibility_timeout: int | None = None, attempt_id: str | None = None
    ) -> list[Delivery]:
        """What can be had now, at most so many."""
        if not 1 <= count <= BATCH:
            raise SqsError("InvalidParameterValue", f"Value {count} for parameter MaxNumberOfMessages is invalid")
        timeout = self.visibility_timeout if visibility_timeout is None else visibility_timeout
        if not 0 <= timeout <= MAX_VISIBILITY_SECONDS:
            raise SqsError("InvalidParameterValue", f"Value {timeout} for parameter VisibilityTimeout is invalid")
        if attempt_id and not self.fifo:
            raise SqsError("InvalidParameterValue", "ReceiveRequestAttemptId belongs to FIFO queues")
        now = self._catch_up()
        if attempt_id and (leases := self._replayed(attempt_id, now)):
            for lease in leases:
                self._hide(lease, now + min(timeout, lease.received_at + MAX_VISIBILITY_SECONDS - now))
            versions = tuple(lease.message.version for lease in leases)
            self._attempts[attempt_id] = (self._attempts[attempt_id][0], leases, versions)
            return [lease.delivery() for lease in leases]
        leases = tuple((self._take_fifo if self.fifo else self._take_standard)(count, now, timeout))
        if attempt_id and leases:
            self._attempts[attempt_id] = (now, leases, tuple(lease.message.version for lease in leases))
        return [lease.delivery() for lease in leases]

    def repeats(self, attempt_id: str) -> bool:
        """Whether a receive with this attempt id gets the same messages again."""
        return bool(self._replayed(attempt_id, self._catch_up()))

    def _replayed(self, attempt_id: str, now: float) -> tuple[Lease, ...]:
        """What that attempt returned, if none of it was deleted, changed or shown again since."""
        at, leases, versions = self._attempts.get(attempt_id, (-1e9, (), ()))
        unchanged = all(
            lease.holds(now) and lease.message.version == version
            for lease, version in zip(leases, versions, strict=True)
        )
        return leases if now - at < DEDUPLICATION and unchanged else ()

    def _take_standard(self, count: int, now: float, timeout: float) -> Iterable[Lease]:
        taken = 0
        while self._visible and taken < count:
            oldest = [message for message, _ in zip(self._visible.values(), range(DISORDER), strict=False)]
            message = self._random.choice(oldest)
            del self._visible[message.id]
            if lease := self._take(message, now, timeout):
                taken += 1
                yield lease

    def _take_fifo(self, count: int, now: float, timeout: float) -> Iterable[Lease]:
        """As many as possible from one group, then from another (developer guide, FIFO queues: delivery logic)."""
        taken = 0
        while self._open and taken < count:
            name, _ = self._open.popitem(last=False)
            for message in self._groups[name].messages[: count - taken]:
                if lease := self._take(message, now, timeout):
                    taken += 1
                    yield lease
            self._open_if_free(name)

    def _take(self, message: Stored, now: float, timeout: float) -> Lease | None:
        """Hand the message out, or move it to the dead-letter queue when it has been received often enough."""
        if self.dead_letter and message.receive_count >= self.max_receive_count:
            if message.place is IN_FLIGHT:
                return None  # a duplicate too many is simply not shown
            self._redrive(message, self.dead_letter)
            return None
        if message.lease and message.lease.superseded_at is None:
            message.lease.superseded_at = now
        message.receive_count += 1
        handle = f"{message.id}/{message.receive_count}"
        lease = Lease(message, handle, now, now, duplicate=message.place is IN_FLIGHT)
        self.leases[handle] = message.lease = lease
        if message.place is not IN_FLIGHT and message.group is not None:
            self._groups[message.group].hidden += 1
        message.place = IN_FLIGHT
        self._hide(lease, now + timeout)
        return lease

    def change_visibility(self, handle: str, seconds: int) -> None:
        """Let the message be visible again so many seconds from now; raises SqsError as AWS does."""
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
            raise SqsError("InvalidParameterValue", f"Value {seconds} for parameter VisibilityTimeout is invalid")
        now = self._catch_up()
        lease = self._lease(handle)
        if lease.message.place is GONE:
            raise SqsError("InvalidParameterValue", NOT_AVAILABLE)
        if lease.superseded_at is not None:  # which of the two is not documented
            codes = [("ReceiptHandleIsInvalid", "the handle has expired"), ("InvalidParameterValue", NOT_AVAILABLE)]
            raise SqsError(*self._random.choice(codes))
        if lease.message.place is WAITING:
            raise SqsError("MessageNotInflight", "the message is not in flight")
        if now + seconds > lease.received_at + MAX_VISIBILITY_SECONDS:
            raise SqsError("InvalidParameterValue", TOO_LONG)
        self._hide(lease, now + seconds)
        if not seconds:
            lease.given_up_at = now
            self._catch_up()

    def delete(self, handle: str) -> None:
        """Delete the message; a standard queue takes an old handle too, and may or may not delete (API)."""
        now = self._catch_up()
        lease = self._lease(handle)
        message = lease.message
        if message.place is GONE:
            return
        if self.fifo and not lease.holds(now):
            raise SqsError("InvalidParameterValue", "The receipt handle has expired")
        if lease.superseded_at is not None and self._random.random() < 0.5:
            return
        lease.given_up_at = now
        self._remove(message, "deleted")

    def change_visibility_batch(
        self, entries: Collection[tuple[str, int]], failing: Collection[int] = ()
    ) -> list[SqsError | None]:
        """One answer per entry; those at the positions in `failing` fail by a fault of SQS's own."""
        return self._batch(self.change_visibility, list(entries), failing)

    def delete_batch(self, handles: Collection[str], failing: Collection[int] = ()) -> list[SqsError | None]:
        """One answer per handle; those at the positions in `failing` fail by a fault of SQS's own."""
        return self._batch(self.delete, [(handle,) for handle in handles], failing)

    @staticmethod
    def _batch(
        call: Callable[..., None], entries: list[tuple[Any, ...]], failing: Collection[int]
    ) -> list[SqsError | None]:
        if not entries:
            raise SqsError("EmptyBatchRequest", "there must be at least one entry")
        if len(entries) > BATCH:
            raise SqsError("TooManyEntriesInBatchRequest", f"at most {BATCH} entries, not {len(entries)}")
        answers: list[SqsError | None] = []
        for position, entry in enumerate(entries):
            answer = SqsError("InternalError", "try again") if position in failing else None
            if not answer:
                try:
                    call(*entry)
                except SqsError as error:
                    answer = error
            answers.append(answer)
        return answers

    # -- what SQS does by itself

    def duplicate(self, message_id: str) -> bool:
        """Show a message in flight once more, as a standard queue may (developer guide, at-least-once delivery)."""
        message = self.messages.get(message_id)
        if self.fifo or not message or message.place is not IN_FLIGHT:
            return False
        self._visible[message_id] = message
        self._visible.move_to_end(message_id, last=False)
        return True

    def next_visible(self) -> float | None:
        """When a receive may return something: now, later, or (None) not before a send or a call about a message."""
        now = self._catch_up()
        if self._visible or self._open:
            return now
        while self._due and self._stale(self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _redrive(self, message: Stored, dead_letter: "FakeSqs") -> None:
        """Move it. A standard message keeps the time at which it was sent, a FIFO one starts anew (developer guide)."""
        self._remove(message, "dead-lettered")
        now = self._clock()
        attributes = {**message.attributes, "DeadLetterQueueSourceArn": self._name}
        moved = dead_letter._store(
            message.body,
            attributes,
            message.group,
            message.deduplication_id,
            sent_at=now if self.fifo else message.sent_at,
            visible_at=now,
        )
        moved.attributes = {**moved.attributes, "source id": message.id}

    def _lease(self, handle: str) -> Lease:
        try:
            return self.leases[handle]
        except KeyError:
            raise SqsError("ReceiptHandleIsInvalid", f"the receipt handle {handle!r} is not valid") from None
