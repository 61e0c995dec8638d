"""The worker's metrics, as log lines in CloudWatch's embedded metric format: no agent, no API call, no permission."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

NAMESPACE = "Ebb"
#: Seconds between lines: CloudWatch's standard resolution.
INTERVAL = 60
#: Values of one metric in one line at the most (CloudWatch user guide, "Specification: Embedded metric format").
MOST_VALUES = 100
#: What is counted, by the event that is logged about it.
COUNTED = {
    "job_done": "JobsDone",
    "job_failed": "JobsFailed",
    "job_retried": "JobsRetried",
    "job_rejected": "JobsRejected",
    "job_timed_out": "JobsTimedOut",
    "job_limit": "JobsAtLimit",
    "job_given_back": "JobsGivenBack",
    "job_skipped": "JobsSkipped",
    "lease_lost": "LeasesLost",
}


class Sample:
    """Values of one metric: all of them up to MOST_VALUES, else a fair sample of them and the highest."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._seen, self._most = chance, 0, 0.0
        self._kept: list[float] = []

    def add(self, value: float) -> None:
        """Take note of a value."""
        self._seen += 1
        self._most = max(self._most, value)
        if self._seen < MOST_VALUES:
            self._kept.append(value)
        elif (place := self._chance.randrange(self._seen)) < len(self._kept):  # reservoir sampling, algorithm R
            self._kept[place] = value

    def values(self) -> list[float]:
        """MOST_VALUES at the most."""
        return self._kept if self._seen < MOST_VALUES else [*self._kept, self._most]


class Metrics:
    """Counts what is observed and, once a minute, writes one line about it; for one thread.

    `clock` is the worker's; `epoch` gives the line's Unix time.
    """

    def __init__(
        self,
        queue_name: str,
        write: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._queue_name, self._write, self._clock, self._epoch = queue_name, write, clock, epoch
        self._chance = random.Random()  # noqa: S311 - a sample
        self._busy: set[Any] = set()
        self._began = self._changed = clock()
        self._clear()

    def _clear(self) -> None:
        self._counts = Counter[str]()
        self._durations, self._waits = Sample(self._chance), Sample(self._chance)
        self._busy_seconds = 0.0

    @property
    def due(self) -> float:
        """The worker's time from which `flush` writes a line."""
        return self._began + INTERVAL

    def observe(self, name: str, level: int = 0, /, **fields: Any) -> None:  # noqa: ARG002 - as logs.event takes it
        """Count an event of the worker by the fields that are logged with it."""
        if name == "job_started":
            self._spend(self._clock())
            self._busy.add(fields.get("message_id"))
            if (waited := fields.get("waited")) is not None:
                self._waits.add(waited)
        elif name in COUNTED:
            self._spend(self._clock())
            self._busy.discard(fields.get("message_id"))
            self._counts[COUNTED[name]] += 1
            if (duration := fields.get("duration")) is not None:
                self._durations.add(duration)

    def _spend(self, now: float) -> None:
        self._busy_seconds += len(self._busy) * max(0.0, now - self._changed)
        self._changed = now

    def flush(self, now: float, *, last: bool = False) -> None:
        """Write the line of the time since the one before, if it is due or the last, and if there was anything."""
        if now < self.due and not last:
            return
        self._spend(now)
        values: dict[str, Any] = dict(self._counts)
        units = dict.fromkeys(values, "Count")
        for name, sample in (("JobDuration", self._durations), ("JobWait", self._waits)):
            if found := sample.values():
                values[name], units[name] = found, "Seconds"
        if values or self._busy_seconds:
            # how many slots were busy, on average
            values["BusySlots"] = round(self._busy_seconds / max(now - self._began, 0.001), 3)
            units["BusySlots"] = "Count"
            self._write(json.dumps(self._directive(units) | {"Queue": self._queue_name} | values))
        self._began = now
        self._clear()

    def _directive(self, units: dict[str, str]) -> dict[str, Any]:
        metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Queue"]], "Metrics": metrics}
        return {"_aws": {"Timestamp": int(self._epoch() * 1000), "CloudWatchMetrics": [directive]}}
