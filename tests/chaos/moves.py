"""What chaos does to the workers, to SQS and to the way between them; one lasting move at a time."""

import random
import time
from collections.abc import Callable

from tests.chaos.emulator import Emulator
from tests.chaos.fleet import Fleet
from tests.chaos.proxy import Proxy

#: Seconds that the moves last which last.
REFUSES, ANSWERS_NOTHING, FROZEN, AWAY = (0.5, 3.0), (0.5, 5.0), (0.5, 5.0), (0.1, 3.0)
#: Share of the workers in a storm that get a second SIGTERM.
TWICE = 0.4
#: The moves that every run begins with, however short it is.
OPENING = ("kill -9 a worker", "kill -9 the emulator")


class Moves:
    """Makes moves, drawn by their weights, and ends them in time."""

    def __init__(self, emulator: Emulator, proxy: Proxy, fleet: Fleet, rng: random.Random) -> None:
        self._emulator, self._proxy, self._fleet, self._random = emulator, proxy, fleet, rng
        #: The moves made, each with the Unix time, which the workers' logs have too.
        self.made: list[tuple[float, str]] = []
        self._opening = list(OPENING)
        #: Whether SQS itself answers.
        self.reachable = True
        #: When the move that lasts is to end, and what ends it.
        self._lasting: tuple[float, Callable[[], None]] | None = None

    @property
    def lasting(self) -> bool:
        """Whether one lasts."""
        return self._lasting is not None

    def end(self, now: float | None = None) -> None:
        """End the one that lasts, if it is time; without a time, in any case."""
        if self._lasting and (now is None or now >= self._lasting[0]):
            self._lasting[1]()
            self._lasting, self.reachable = None, True
            self.made.append((time.time(), "end"))

    def make(self, now: float) -> str:
        """Make one; its name. Those that cost a worker more are rarer: what is never answered costs it ten seconds."""
        moves: list[tuple[int, str, Callable[[], None]]] = [
            (5, "kill -9 a worker", self._fleet.kill),
            (5, "kill -9 a child", self._fleet.kill_child),
            (3, "SIGTERM to a worker", lambda: self._fleet.stop(1)),
            (2, "SIGTERM storm", lambda: self._fleet.stop(len(self._fleet.running), twice=TWICE)),
            (3, "kill -9 the emulator", lambda: self._kill_emulator(now)),
            (2, "freeze the emulator", lambda: self._freeze(now + self._random.uniform(*FROZEN))),
            (2, "refuse connections", lambda: self._last(now, REFUSES, self._proxy.refuse, self._proxy.accept)),
            (1, "answer nothing", lambda: self._last(now, ANSWERS_NOTHING, self._proxy.darken, self._proxy.lighten)),
        ]
        if self._opening:
            wanted = self._opening.pop(0)
            _, name, make = next(move for move in moves if move[1] == wanted)
        else:
            _, name, make = self._random.choices(moves, [weight for weight, _, _ in moves])[0]
        self.made.append((time.time(), name))
        make()
        return name

    def silence(self, now: float, seconds: float) -> str:
        """SQS falls silent for so long."""
        self.made.append((time.time(), name := f"silence of {seconds:.0f} s"))
        self._freeze(now + seconds)
        return name

    def _freeze(self, until: float) -> None:
        self.reachable = False
        self._emulator.freeze()
        self._lasting = (until, self._emulator.thaw)

    def _kill_emulator(self, now: float) -> None:
        self.reachable = False
        self._emulator.kill()
        self._lasting = (now + self._random.uniform(*AWAY), self._emulator.start)

    def _last(self, now: float, span: tuple[float, float], begin: Callable[[], None], end: Callable[[], None]) -> None:
        begin()
        self._lasting = (now + self._random.uniform(*span), end)
