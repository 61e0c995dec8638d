"""The messages in this worker's hands, by SQS's message id."""

import logging
from collections.abc import Iterator

from worker.core.endings import Ending
from worker.core.events import Message, Observe
from worker.core.in_flight import InFlight
from worker.core.lease import Lease


class Messages:
    """Each message once, from its receive to its end."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe
        self._items: dict[str, InFlight] = {}

    def __iter__(self) -> Iterator[InFlight]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: InFlight) -> bool:
        return self._items.get(item.message.id) is item

    @property
    def ids(self) -> list[str]:
        """SQS's message ids."""
        return list(self._items)

    @property
    def busy(self) -> int:
        """The number of running jobs."""
        return sum(item.slot is not None for item in self)

    def of(self, message_id: str) -> InFlight | None:
        """The message with this id."""
        return self._items.get(message_id)

    def in_slot(self, slot: int) -> InFlight | None:
        """The message whose job has this slot."""
        return next((item for item in self if item.slot == slot), None)

    def received(self, now: float, message: Message, lease: Lease) -> None:
        """A receive has brought the message, perhaps once more."""
        known = self._items.get(message.id)
        if known is None:
            self._items[message.id] = InFlight(message=message, lease=lease, received_at=now)
        else:
            known.newer, known.always_due = (message, lease), True
            if known.call is None:
                self.renew(now, known)

    def renew(self, now: float, item: InFlight) -> None:
        """Continue with the newest receive. A message that was to be visible again starts a new attempt."""
        if item.newer and item.returns and item.ending:
            message, lease = item.newer
            self.drop(now, item, item.ending)
            self._items[message.id] = InFlight(message=message, lease=lease, received_at=now)
        else:
            item.renew()

    def drop(self, now: float, item: InFlight, ending: Ending) -> None:
        """The message needs no more calls: log its ending."""
        del self._items[item.message.id]
        level = logging.INFO if ending.regular else logging.WARNING
        intended = item.ending if item.ending is not ending else None
        duration = round(now - item.received_at, 3)
        self._observe(ending, level, **item.log_fields, duration=duration, intended=intended, **item.details)
