"""The output of tasks: it goes to the emulated CloudWatch Logs, and what it says about metrics to CloudWatch."""

import queue
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ebb.sandbox.ecs import embedded_metrics
from ebb.sandbox.emulators.region import Region

#: Real seconds between two deliveries. The awslogs driver waits 5.
_DELIVERY_SECONDS = 0.1
#: Lines that are kept in memory.
_MAX_KEPT_LINES = 1000
#: Events in one PutLogEvents (API_PutLogEvents).
_MAX_EVENTS = 10_000


@dataclass(frozen=True)
class Stream:
    """A log group and a stream in it."""

    group: str
    name: str


@dataclass(frozen=True)
class Line:
    """One line that a task printed: `time` in real seconds since the epoch, `task` its id."""

    time: float
    task: str
    text: str


class LogLines:
    """Takes lines from any thread and delivers them in their order."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._lines: deque[Line] = deque(maxlen=_MAX_KEPT_LINES)
        self._waiting: queue.SimpleQueue[tuple[Stream | None, Line]] = queue.SimpleQueue()
        self._streams: set[Stream] = set()
        self._refused: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)

    def start(self) -> None:
        """Deliver until stop()."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver the remaining lines and stop."""
        self._stopping.set()
        self._thread.join()

    def add(self, stream: Stream | None, task: str, text: str) -> None:
        """Take a line of a task. Without a stream (no log driver) it is not delivered."""
        # real time: CloudWatch Logs refuses a time two hours in the future, which simulated time soon is
        line = Line(time.time(), task, text)
        self._lines.append(line)
        self._waiting.put((stream, line))

    def kept(self) -> list[Line]:
        """The last lines of all tasks."""
        return list(self._lines)

    def _run(self) -> None:
        while not self._stopping.wait(_DELIVERY_SECONDS):
            self._deliver()
        self._deliver()

    def _deliver(self) -> None:
        events: dict[Stream, list[dict[str, Any]]] = defaultdict(list)
        while not self._waiting.empty():
            stream, line = self._waiting.get()
            if stream is not None and line.text:  # an event must not be empty
                events[stream].append({"timestamp": int(line.time * 1000), "message": line.text})
        for stream, waiting in events.items():
            try:
                self._put(stream, waiting)
                self._publish([event["message"] for event in waiting])
            except ClientError as error:
                if stream.group not in self._refused:
                    self._refused.add(stream.group)
                    self._region.events.add("log", f"The log group {stream.group} takes no lines: {error}")

    def _publish(self, texts: list[str]) -> None:
        """Publish the metrics of these lines, at the region's time."""
        now = datetime.fromtimestamp(self._region.clock.now(), UTC)
        metrics: dict[str, list[Any]] = defaultdict(list)
        for text in texts:
            for namespace, datum in embedded_metrics.data(text, now):
                metrics[namespace].append(datum)
        for namespace, found in metrics.items():
            self._region.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=found)

    def _put(self, stream: Stream, events: list[dict[str, Any]]) -> None:
        logs = self._region.client("logs")
        names = {"logGroupName": stream.group, "logStreamName": stream.name}
        if stream not in self._streams:
            logs.create_log_stream(**names)
            self._streams.add(stream)
        for start in range(0, len(events), _MAX_EVENTS):
            logs.put_log_events(**names, logEvents=events[start : start + _MAX_EVENTS])
