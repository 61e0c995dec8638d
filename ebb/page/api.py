"""What the page asks and what it may change, as paths with JSON. `Source` has the stack's side of it."""

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from ebb.page.load import MAX_JOBS_A_MINUTE, Load

Json = dict[str, Any]


class RequestError(Exception):
    """A request that the page should not have sent: a status and a sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Source(Protocol):
    """One stack. Each method raises UserError with one sentence when the stack is away or refuses."""

    #: Seconds between two looks at the stack, and whether it is a sandbox, where a load may be made.
    seconds: float
    sandbox: bool

    def state(self) -> Json:
        """Counts, tasks, alarms and the newest jobs."""

    def search(self, text: str) -> list[Json] | None:
        """The job with this id, or the jobs with this reference. None without a job table."""

    def story(self, job_id: str) -> Json:
        """A job, and what happened to it."""

    def send(self, body: str, reference: str | None) -> str:
        """Send a job; its id."""

    def dead_letters(self) -> list[Json]:
        """The messages of the dead-letter queue."""

    def redrive(self, ids: list[str] | None) -> int:
        """Move these messages, or all, back to the queue. Returns their number."""


class Api:
    """The page's requests. However many tabs are open, the stack is looked at once in `source.seconds`."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._lock = threading.Lock()
        self._state: Json = {}
        self._until = float("-inf")
        self.load = Load(lambda body: source.send(body, None)) if source.sandbox else None

    def close(self) -> None:
        """End the load."""
        if self.load is not None:
            self.load.set(0, "")

    def get(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        """The answer to GET. Raises RequestError or UserError."""
        match path:
            case "/api/state":
                return self._seen() | {"load": self.load and self.load.state(), "seconds": self._source.seconds}
            case "/api/jobs":
                return {"jobs": self._source.search(_text(query, "search"))}
            case "/api/story":
                return self._source.story(_text(query, "id"))
            case "/api/dead-letters":
                return {"messages": self._source.dead_letters()}
        raise _unknown(path)

    def post(self, path: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to POST. Raises RequestError or UserError."""
        match path:
            case "/api/jobs":
                reference = given.get("reference")
                return {"id": self._source.send(_text(given, "body"), _text(given, "reference") if reference else None)}
            case "/api/redrive":
                return {"moved": self._source.redrive(_ids(given))}
            case "/api/load" if self.load is not None:
                rate = given.get("jobs_a_minute")
                if type(rate) is not int or not 0 <= rate <= MAX_JOBS_A_MINUTE:
                    raise _bad(f"jobs_a_minute is a whole number from 0 to {MAX_JOBS_A_MINUTE}.")
                self.load.set(rate, _text(given, "body"))
                return self.load.state()
        raise _unknown(path)

    def _seen(self) -> Json:
        with self._lock:
            if self._clock() >= self._until:
                self._state = self._source.state()
                # an error is not kept: the next look may succeed
                self._until = self._clock() + self._source.seconds / 2
            return dict(self._state)


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _bad(f"{name} is missing.")
    return value.strip()


def _ids(given: Mapping[str, Any]) -> list[str] | None:
    if given.get("all") is True:
        return None
    ids = given.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
        raise _bad("A redrive names the messages, as ids, or says all.")
    return ids


def _bad(sentence: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, sentence)


def _unknown(path: str) -> RequestError:
    return RequestError(HTTPStatus.NOT_FOUND, f"There is no {path} here.")
