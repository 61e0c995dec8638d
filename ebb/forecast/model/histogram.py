"""A distribution of times in constant memory: logarithmic bins."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

#: Seconds: all shorter times share a bin.
SHORTEST = 0.001
#: Each bin ends this share above its start. A quantile differs from the exact one by at most so much.
WIDTH = 0.001
_LOG_WIDTH = math.log1p(WIDTH)


@dataclass(slots=True)
class Histogram:
    """Counts times in seconds. A bin keeps the number and the sum of its times; their mean stands for each of them."""

    count: int = 0
    _bins: dict[int, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, times: Iterable[float]) -> Self:
        """A histogram of these times."""
        made = cls()
        for time in times:
            made.add(time)
        return made

    def add(self, time: float) -> None:
        """Count a time."""
        self.count += 1
        index = 1 + int(math.log(time / SHORTEST) / _LOG_WIDTH) if time > SHORTEST else 0
        kept = self._bins.get(index)
        if kept is None:
            self._bins[index] = [1, time]
        else:
            kept[0] += 1
            kept[1] += time

    def bins(self) -> Sequence[tuple[float, float]]:
        """The mean time and the count of each bin, shortest first."""
        return [(total / count, count) for _, (count, total) in sorted(self._bins.items())]

    def __add__(self, other: Self) -> "Histogram":
        both = Histogram(self.count + other.count, {index: list(kept) for index, kept in self._bins.items()})
        for index, (count, total) in other._bins.items():
            kept = both._bins.setdefault(index, [0, 0.0])
            kept[0] += count
            kept[1] += total
        return both

    def quantile(self, share: float) -> float:
        """The smallest time that at least this share of the times does not exceed; infinite without any."""
        below = 0.0
        for time, count in self.bins():
            below += count
            if below >= share * self.count * (1 - 1e-12):
                return time
        return math.inf
