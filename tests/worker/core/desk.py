"""A core, step by step: what it wants done after each event, at a time that the test sets."""

from typing import Any, TypeVar

from tests.worker.configs import config
from worker.core.core import Core
from worker.core.events import Action, Answered, Call, Kind, Message, Outcome, Ready, Receive, Received, Start
from worker.job import Job

T = TypeVar("T")


class Desk:
    """A core at a time, what it wants done, and what it observed. Its jitter is always the longest pause."""

    def __init__(self, **settings: Any) -> None:
        self.now, self.events = 0.0, list[str]()
        self.core = Core(config(**settings), self._observe, jitter=lambda _, high: high)

    def _observe(self, name: str, _level: int = 0, /, **_fields: Any) -> None:
        self.events.append(name)

    def on(self, *events: Any, after: float = 0.0) -> list[Action]:
        self.now += after
        return self.core.on(self.now, *events)

    def started(self, messages: int = 1) -> list[Start]:
        """Receive so many messages and start their jobs."""
        (receive,) = wanted(self.on(*(Ready(slot) for slot in range(messages))), Receive)
        return wanted(self.on(self.answer(receive, messages)), Start)

    def answer(self, receive: Receive, messages: int, *, first: int = 0, asked: float = 0.0) -> Received:
        """So many messages, with the ids and handles from `first` on; `asked` seconds ago."""
        numbers = range(first, first + messages)
        bodies = (Message(job=Job(id=str(number), body="x"), handle=f"h{number}") for number in numbers)
        return Received(receive, self.now - asked, tuple(bodies))

    def answered(self, call: Call, kind: Kind = Kind.OK, *, asked: float = 0.0, seconds: float = 0.0) -> list[Action]:
        """All messages of the call have this outcome; it was made `asked` seconds ago."""
        outcomes = {message.handle: Outcome(kind, seconds=seconds) for message in call.messages}
        return self.on(Answered(call, self.now - asked, outcomes))

    def until_next(self) -> float:
        """Seconds until the core wants to be asked again."""
        return self.core.next_time(self.now) - self.now


def wanted(actions: list[Action], kind: type[T]) -> list[T]:
    """The actions of this kind."""
    return [action for action in actions if isinstance(action, kind)]
