"""The network path through which tasks pull their images: pulls at the same time share it equally."""

from collections.abc import Callable

from ebb.forecast.model.clock import Clock

#: Seconds of rest that are an error of floats.
_TINY = 1e-6


class Path:
    """Each pull takes `seconds` alone, and n times as long while n are in progress."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._rests: list[tuple[float, Callable[[], None]]] = []
        self._at, self._turn = clock.now, 0

    def pull(self, done: Callable[[], None]) -> None:
        """Begin a pull; `done` is called at its end."""
        self._advance()
        self._rests.append((self._seconds, done))
        self._wait()

    def _advance(self) -> None:
        elapsed = (self._clock.now - self._at) / max(1, len(self._rests))
        self._rests = [(rest - elapsed, done) for rest, done in self._rests]
        self._at = self._clock.now

    def _wait(self) -> None:
        self._turn += 1
        if self._rests:
            next_end = max(0.0, min(rest for rest, _ in self._rests)) * len(self._rests)
            self._clock.at(self._clock.now + next_end, self._end, self._turn)

    def _end(self, turn: int) -> None:
        if turn != self._turn:
            return  # another pull has begun since
        self._advance()
        ended = [done for rest, done in self._rests if rest <= _TINY]
        self._rests = [(rest, done) for rest, done in self._rests if rest > _TINY]
        self._wait()
        for done in ended:
            done()
