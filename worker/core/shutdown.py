"""When and how the worker leaves: asked to by signals, or of its own accord with an exit code."""

import math
import os

from worker.config import Config
from worker.core.settling import CALL_LIMIT

#: Seconds before SIGKILL at which the worker ends by itself, whatever is unsettled; less when there are few in all.
AHEAD = 1


class Leaving:
    """Why the worker is to leave, and the times that follow from it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._signals: list[float] = []
        self._code: int | None = None

    def __bool__(self) -> bool:
        """Whether nothing more is received or started."""
        return bool(self._signals) or self._code is not None

    @property
    def blocked(self) -> bool:
        """Whether it leaves as there is no room for it: others like it may come, and leave in the same way."""
        return self._code == os.EX_OK

    @property
    def code(self) -> int:
        """The exit code."""
        return self._code or os.EX_OK

    def signalled(self, now: float) -> None:
        """SIGTERM or SIGINT came."""
        self._signals.append(now)

    def because(self, code: int) -> None:
        """Something is wrong: leave with this code. The first reason but a mere "no room" (0) counts."""
        self._code = self._code or code

    @property
    def finish_by(self) -> float:
        """When a job must end, once a stop was asked for; at once when it was asked for twice."""
        if not self._signals:
            return math.inf
        return self._signals[0] + self._config.drain if len(self._signals) == 1 else self._signals[1]

    @property
    def give_up_at(self) -> float:
        """When to leave with messages unsettled: just before SIGKILL, or soon after a second signal."""
        if not self._signals:
            return math.inf
        hurried = self._signals[1] + CALL_LIMIT + 2 * self._config.grace if len(self._signals) > 1 else math.inf
        ahead = min(AHEAD, (self._config.stop_timeout - self._config.drain) / 8)
        return min(self._signals[0] + self._config.stop_timeout - ahead, hurried)
