"""When the worker ends, and with which exit code: after a signal, or because of a problem."""

import math
import os

from worker.config import Config
from worker.core.lease import MAX_CALL_SECONDS

#: The worker ends this long before SIGKILL, unsettled messages or not; earlier when the stop timeout is short.
EXIT_MARGIN_SECONDS = 1


class Shutdown:
    """Why the worker is stopping, and the deadlines that follow. True once it is stopping."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._signals: list[float] = []
        self._code: int | None = None

    def __bool__(self) -> bool:
        """Whether the worker receives and starts nothing more."""
        return bool(self._signals) or self._code is not None

    @property
    def code(self) -> int:
        """The exit code."""
        return self._code or os.EX_OK

    def signalled(self, now: float) -> None:
        """SIGTERM or SIGINT arrived."""
        self._signals.append(now)

    def leave(self, code: int) -> None:
        """Stop with this code, unless an earlier one was not 0."""
        self._code = self._code or code

    def receives_end(self, now: float) -> float:
        """Seconds until other workers that stop, as this one does, have no receive in flight.

        Before that, one of them could receive a message that is given back, and would give it back too. Each receive
        counts, so that a few such workers would bring a sound job into the dead-letter queue.
        """
        longest = self._config.wait + 1
        over = bool(self._signals) and now > self._signals[0] + longest
        return longest if self and not over else 0

    @property
    def finish_by(self) -> float:
        """When a running job must have ended. A second signal means now."""
        if not self._signals:
            return math.inf
        return self._signals[0] + self._config.drain if len(self._signals) == 1 else self._signals[1]

    @property
    def leave_by(self) -> float:
        """From when on messages are settled without a job table that is away."""
        return self.give_up_at - MAX_CALL_SECONDS

    @property
    def give_up_at(self) -> float:
        """When to exit with unsettled messages: just before SIGKILL, or soon after a second signal."""
        if not self._signals:
            return math.inf
        margin = min(EXIT_MARGIN_SECONDS, (self._config.stop_timeout - self._config.drain) / 8)
        at = self._signals[0] + self._config.stop_timeout - margin
        if len(self._signals) > 1:
            at = min(at, self._signals[1] + MAX_CALL_SECONDS + 2 * self._config.grace)
        return at
