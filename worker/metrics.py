"""The worker's metrics, as log lines in CloudWatch's embedded metric format: no API calls."""

import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from worker.core.endings import Ending

NAMESPACE = "Ebb"
#: Time between two lines: CloudWatch's standard resolution.
INTERVAL_SECONDS = 60
#: Values of one metric in one line (CloudWatch user guide, "Specification: Embedded metric format").
MAX_VALUES = 100
#: The counter of each ending. An ending is also the name of its log event.
COUNTERS: dict[str, str] = {
    Ending.DONE: "JobsDone",
    Ending.FAILED: "JobsFailed",
    Ending.RETRIED: "JobsRetried",
    Ending.REJECTED: "JobsRejected",
    Ending.CANCELLED: "JobsCancelled",
    Ending.TIMED_OUT: "JobsTimedOut",
    Ending.JOB_LIMIT: "JobsAtLimit",
    Ending.GIVEN_BACK: "JobsGivenBack",
    Ending.SKIPPED: "JobsSkipped",
    Ending.LEASE_LOST: "LeasesLost",
}


class Sample:
    """Values of one metric: all of them, or a random sample and the maximum when there are more than MAX_VALUES."""

    def __init__(self, random_source: random.Random) -> None:
        self._random, self._seen, self._maximum = random_source, 0, 0.0
        self._kept: list[float] = []

    def add(self, value: float) -> None:
        """Record a value."""
        self._seen += 1
        self._maximum = max(self._maximum, value)
        if self._seen < MAX_VALUES:
            self._kept.append(value)
        elif (place := self._random.randrange(self._seen)) < len(self._kept):  # reservoir sampling, algorithm R
            self._kept[place] = value

    def values(self) -> list[float]:
        """The values to write, at most MAX_VALUES."""
        return self._kept if self._seen < MAX_VALUES else [*self._kept, self._maximum]


def disk_percent() -> float:
    """How full the disk of temporary files is. On Fargate all of a task is on one disk. It reads no file."""
    usage = shutil.disk_usage(tempfile.gettempdir())
    return round(100 * (1 - usage.free / usage.total), 1)


class Metrics:
    """Counts the worker's events and writes them as one line a minute. For one thread only.

    `clock` is the worker's; `epoch` gives the line's Unix time; `disk` how full the disk is, in per cent.
    """

    def __init__(
        self,
        queue_name: str,
        write: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
        disk: Callable[[], float] = disk_percent,
    ) -> None:
        self._queue_name, self._write, self._clock, self._epoch, self._disk = queue_name, write, clock, epoch, disk
        self._random = random.Random()  # noqa: S311 - no secret
        self._busy: set[Any] = set()
        self._began = self._changed = clock()
        self._clear()

    def _clear(self) -> None:
        self._counts = Counter[str]()
        self._durations, self._waits = Sample(self._random), Sample(self._random)
        self._busy_seconds = 0.0

    @property
    def due(self) -> float:
        """When `flush` writes the next line, in the worker's time."""
        return self._began + INTERVAL_SECONDS

    def observe(self, name: str, level: int = 0, /, **fields: Any) -> None:  # noqa: ARG002 - as logs.event takes it
        """Count an event of the worker; the fields are those of its log line."""
        if name == "job_started":
            self._spend(self._clock())
            self._busy.add(fields.get("message_id"))
            if (waited := fields.get("waited")) is not None:
                self._waits.add(waited)
        elif name in COUNTERS:
            self._spend(self._clock())
            self._busy.discard(fields.get("message_id"))
            self._counts[COUNTERS[name]] += 1
            if (duration := fields.get("duration")) is not None:
                self._durations.add(duration)

    def _spend(self, now: float) -> None:
        self._busy_seconds += len(self._busy) * max(0.0, now - self._changed)
        self._changed = now

    def flush(self, now: float, *, last: bool = False) -> None:
        """Write the line about the time since the last one, if it is due or `last`, and if there was any work."""
        if now < self.due and not last:
            return
        self._spend(now)
        values: dict[str, Any] = dict(self._counts)
        units = dict.fromkeys(values, "Count")
        for name, sample in (("JobDuration", self._durations), ("JobWait", self._waits)):
            if found := sample.values():
                values[name], units[name] = found, "Seconds"
        if values or self._busy_seconds:
            values["BusySlots"] = round(self._busy_seconds / max(now - self._began, 0.001), 3)
            values["DiskUsed"] = self._disk()
            units |= {"BusySlots": "Count", "DiskUsed": "Percent"}
            self._write(json.dumps(self._directive(units) | {"Queue": self._queue_name} | values))
        self._began = now
        self._clear()

    def _directive(self, units: dict[str, str]) -> dict[str, Any]:
        metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Queue"]], "Metrics": metrics}
        return {"_aws": {"Timestamp": int(self._epoch() * 1000), "CloudWatchMetrics": [directive]}}
