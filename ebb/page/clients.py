"""The clients of a stack, made once, and the number of requests that they make."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

#: Seconds for which requests are counted.
MINUTE = 60.0


class CountedClients:
    """A client by the service's name. Making one takes longer than most of its requests."""

    def __init__(self, make: Callable[[str], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self._moments: deque[float] = deque()

    def __call__(self, service: str) -> Any:
        """The client, which is for all threads."""
        with self._lock:
            if service not in self._made:
                client = self._made[service] = self._make(service)
                client.meta.events.register("before-send", self._sent)
            return self._made[service]

    def requests_a_minute(self) -> int:
        """The requests of the last minute, repeated ones too."""
        with self._lock:
            while self._moments and self._moments[0] < self._clock() - MINUTE:
                self._moments.popleft()
            return len(self._moments)

    def _sent(self, **_request: Any) -> None:
        with self._lock:
            self._moments.append(self._clock())
