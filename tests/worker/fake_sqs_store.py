"""What a fake queue of SQS keeps: messages, leases and groups."""

import heapq
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Maximum visibility, and maximum time of a message in flight, in seconds (API, ChangeMessageVisibility).
MAX_VISIBILITY_SECONDS = 43_200
#: API, SendMessage.
MAX_DELAY_SECONDS = 900
#: The default (API, CreateQueue).
RETENTION_SECONDS = 345_600
#: Seconds in which a deduplication id or a ReceiveRequestAttemptId is remembered (API, SendMessage and ReceiveMessage).
DEDUPLICATION = 300
#: Maximum number of entries of a batch, and of messages of a receive (API).
BATCH = 10
#: A standard queue is only roughly in order: a receive takes any of so many of its oldest messages.
DISORDER = 20


class SqsError(Exception):
    """An error of SQS's, by its code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True)
class Delivery:
    """A message as a receive returns it."""

    id: str
    handle: str
    body: str
    receive_count: int
    sent_at: float
    attributes: Mapping[str, Any]
    group: str | None
    deduplication_id: str | None


@dataclass(slots=True)
class Lease:
    """What one receive gave: SQS's own account of it, which no client sees."""

    message: "Stored"
    handle: str
    received_at: float
    #: Until when the message is hidden for this handle's holder.
    until: float
    #: When another receive got the message, by a duplicate or after `until`.
    superseded_at: float | None = None
    #: When its holder released it: deleted, or made visible by a visibility of 0.
    given_up_at: float | None = None
    #: Whether the receive was a duplicate, of a message in flight.
    duplicate: bool = False

    def holds(self, now: float) -> bool:
        """Whether this receive, and no newer one, keeps the message invisible."""
        return self.superseded_at is None and self.message.place != GONE and now < self.until

    def delivery(self) -> Delivery:
        """The message as this receive returns it."""
        message = self.message
        return Delivery(
            id=message.id,
            handle=self.handle,
            body=message.body,
            receive_count=message.receive_count,
            sent_at=message.sent_at,
            attributes=message.attributes,
            group=message.group,
            deduplication_id=message.deduplication_id,
        )


WAITING, IN_FLIGHT, GONE = "waiting", "in flight", "gone"


@dataclass(slots=True, eq=False)
class Stored:
    """A message in the queue."""

    id: str
    number: int
    body: str
    sent_at: float
    expires_at: float
    visible_at: float
    attributes: Mapping[str, Any]
    group: str | None
    deduplication_id: str | None
    receive_count: int = 0
    #: Of the latest receive.
    lease: Lease | None = None
    place: str = WAITING
    #: Raised at each change, so that what was due before is known to be out of date.
    version: int = 0


@dataclass(slots=True)
class Group:
    """A message group: its messages in order, and how many of them are in flight."""

    messages: list[Stored] = field(default_factory=list)
    hidden: int = 0


NOT_AVAILABLE = "Message does not exist or is not available for visibility timeout change"
TOO_LONG = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"


class Store:
    """The messages of a queue by place and time, and its leases. It calls `on_gone(message, why)` when one leaves."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        fifo: bool,
        retention: float,
        name: str,
        on_gone: Callable[[Stored, str], None],
    ) -> None:
        self.fifo, self.retention = fifo, retention
        self.messages: dict[str, Stored] = {}
        self.leases: dict[str, Lease] = {}
        self._clock, self._name, self._on_gone = clock, name, on_gone
        self._numbers = 0
        #: Visible messages of a standard queue, oldest first; with those that a duplicate shows though in flight.
        self._visible: OrderedDict[str, Stored] = OrderedDict()
        self._groups: OrderedDict[str, Group] = OrderedDict()
        #: Groups that have a message to give.
        self._open: OrderedDict[str, None] = OrderedDict()
        self._due: list[tuple[float, int, int, Stored]] = []
        self._expiries: list[tuple[float, int, Stored]] = []
        self._deduplicated: dict[str, tuple[float, str]] = {}

    def in_flight(self) -> list[Stored]:
        """The messages in flight, oldest first."""
        self._catch_up()
        return [message for message in self.messages.values() if message.place is IN_FLIGHT]

    def _store(
        self,
        body: str,
        attributes: Mapping[str, Any],
        group: str | None,
        deduplication_id: str | None,
        *,
        sent_at: float,
        visible_at: float,
    ) -> Stored:
        number = self._numbers = self._numbers + 1
        message = Stored(
            id=f"{self._name}-{number}",
            number=number,
            body=body,
            sent_at=sent_at,
            expires_at=sent_at + self.retention,
            visible_at=visible_at,
            attributes=attributes,
            group=group,
            deduplication_id=deduplication_id,
        )
        self.messages[message.id] = message
        heapq.heappush(self._expiries, (message.expires_at, number, message))
        if deduplication_id is not None:
            self._deduplicated[deduplication_id] = (self._clock(), message.id)
        if group is not None:
            insort(self._groups.setdefault(group, Group()).messages, message, key=lambda other: other.number)
            self._open_if_free(group)
        elif visible_at > self._clock():
            heapq.heappush(self._due, (visible_at, number, message.version, message))
        else:
            self._visible[message.id] = message
        return message

    def _catch_up(self) -> float:
        """Make visible what is due by now, and drop what has outlived its retention."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            if not self._stale(entry):
                self._show(entry[3])
        while self._expiries and self._expiries[0][0] <= now:
            message = heapq.heappop(self._expiries)[2]
            if message.place is not GONE:
                self._remove(message, "expired")
        return now

    @staticmethod
    def _stale(entry: tuple[float, int, int, Stored]) -> bool:
        return entry[3].place is GONE or entry[2] != entry[3].version

    def _hide(self, lease: Lease, until: float) -> None:
        message = lease.message
        lease.until = message.visible_at = until
        message.version += 1
        heapq.heappush(self._due, (until, message.number, message.version, message))

    def _show(self, message: Stored) -> None:
        if message.place is IN_FLIGHT and message.group is not None:
            self._groups[message.group].hidden -= 1
        message.place = WAITING
        if message.group is not None:
            self._open_if_free(message.group)
        else:
            self._visible[message.id] = message

    def _open_if_free(self, name: str) -> None:
        """A group gives nothing while one of its messages is in flight (API, ReceiveRequestAttemptId's last rules)."""
        group = self._groups.get(name)
        if group and group.messages and not group.hidden:
            self._open[name] = None
        else:
            self._open.pop(name, None)

    def _remove(self, message: Stored, why: str) -> None:
        del self.messages[message.id]
        self._visible.pop(message.id, None)
        if message.group is not None:
            group = self._groups[message.group]
            group.messages.remove(message)
            group.hidden -= message.place is IN_FLIGHT
            if not group.messages:
                del self._groups[message.group]
            self._open_if_free(message.group)
        message.place = GONE
        message.version += 1
        self._on_gone(message, why)
