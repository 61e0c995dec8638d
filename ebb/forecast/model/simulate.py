"""One run: a setup under a load, in virtual time."""

import math
from collections.abc import Iterator
from random import Random

from ebb.forecast.model.assumptions import World
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import MINUTE, Counts, Metrics
from ebb.forecast.model.outcome import Outcome, Requests
from ebb.forecast.model.queue import Queue
from ebb.forecast.model.record import Record
from ebb.forecast.model.scaling import Scaling
from ebb.forecast.model.service import Service, Task
from ebb.forecast.model.worker import Shared, Worker
from ebb.forecast.scenario import Setup
from ebb.forecast.workloads import Arrival, Load


class Simulation:
    """The parts of one run, wired."""

    def __init__(self, setup: Setup, load: Load, seed: int, until: float | None, world: World) -> None:
        # one seed gives each setup the same phases and jobs, so that setups are compared in the same world
        random = Random(f"world:{seed}")  # noqa: S311 - reproducible, not secret
        self._setup, self._load, self._until = setup, load, until
        self.record = Record(-world.idle_before)
        self.clock = Clock(-world.idle_before)
        context = Context(setup, world, self.clock, self.record, random)
        self.queue = Queue(context)
        self._shared = Shared(context)
        self.service = Service(context, self._worker)
        self.metrics = Metrics(context, self._counts, self._awake)
        self.queue.touched = self.metrics.touch
        self.scaling = Scaling(context, self.metrics, self.queue, self.service)
        self._memory = self.scaling.longest_memory
        self._arrivals: Iterator[Arrival] = load.arrivals(Random(f"{load.text}:{seed}"))  # noqa: S311
        self._sending, self._ended = True, False
        self._send_next()
        self.clock.at(load.span, self._end_load)

    def run(self) -> float:
        """Until the end; when that was."""
        clock, until = self.clock, self._until
        last = until if until is not None else self._load.span + self._setup.queue.retention + self._memory
        while True:
            if clock.now - self.record.changed_at > self._memory:
                if until is None and self._over():
                    break
                self._pass_over(last)
            if not clock.step(last):
                break
        self.service.close()
        self._count_polls()
        return clock.now

    def _over(self) -> bool:
        """Whether nothing will change by itself: all was sent, and what is left waits for ever."""
        idle = not self.queue.messages and self.service.running == self.service.desired
        return (
            self._ended
            and not self._sending
            and (idle or (not self.queue.in_flight and self.metrics.next_change == math.inf))
        )

    def _end_load(self) -> None:
        self._ended = True

    def _pass_over(self, last: float) -> None:
        """Leave out whole minutes up to the next event: what alarms see until then is what they see now."""
        until = min(self.clock.next_event, self.metrics.next_change, last)
        minutes = math.floor((until - self.clock.now) / MINUTE) - 1
        if minutes > 1:
            self.metrics.pass_over(minutes * MINUTE)
            self.clock.pass_over(self.clock.now + minutes * MINUTE)

    def _send_next(self) -> None:
        """One event for all jobs that come at the same time."""
        arrival = next(self._arrivals, None)
        if arrival is None:
            self._sending = False
        else:
            self.clock.at(arrival.time, self._send, arrival)

    def _send(self, arrival: Arrival | None) -> None:
        record, now = self.record, self.clock.now
        while arrival is not None and arrival.time <= now:
            if record.first_sent is None:
                record.first_sent = now
            if record.waking is None and not self.queue.messages and not self.service.tasks:
                record.waking = now
            record.sent += 1
            self.queue.send(arrival)
            if self._setup.wake.direct:
                self.scaling.direct()
            arrival = next(self._arrivals, None)
        if arrival is None:
            self._sending = False
        else:
            self.clock.at(arrival.time, self._send, arrival)

    def _worker(self, task: Task) -> Worker:
        return Worker(task, self.service, self.queue, self._shared)

    def _counts(self) -> Counts:
        return Counts(
            visible=self.queue.visible,
            in_flight=self.queue.in_flight,
            running=self.service.running,
            busy=self._shared.busy,
            worked=self._shared.worked,
        )

    def _awake(self) -> bool:
        """Whether the queue cannot fall asleep: it has messages, or is touched by long polls or what keeps it alive."""
        wake = self._setup.wake
        used = bool(self.queue.messages or self.queue.pollers)
        return used or wake.watches or wake.keep_alive or self._setup.poller is not None

    def _count_polls(self) -> None:
        """The receives of long polls that are still under way."""
        for poller in list(self.queue.pollers):
            poller.ends()


def simulate(
    setup: Setup, load: Load, *, seed: int = 0, until: float | None = None, world: World | None = None
) -> Outcome:
    """Run a setup under a load: up to `until` seconds, or until all is done and the service is at rest again.

    The same arguments give the same outcome. Raises ValueError, in one sentence, for a setup with a metric that the
    forecast does not have.
    """
    run = Simulation(setup, load, seed, until, world or World())
    ended = run.run()
    record = run.record
    left = record.sent - record.done - record.dead - record.expired
    first, last = record.first_sent, record.last_ended
    return Outcome(
        setup=setup.name,
        load=load.text,
        seed=seed,
        until=ended,
        visible=record.visible.points(0.0),
        in_flight=record.in_flight.points(0.0),
        desired=record.desired.points(0.0),
        running=record.running.points(0.0),
        alarms=tuple(change for change in record.alarms if change.time >= 0),
        activities=tuple(activity for activity in record.activities if activity.time >= 0),
        notes=tuple((time, text) for time, text in record.notes if time >= 0),
        sent=record.sent,
        done=record.done,
        dead=record.dead,
        expired=record.expired,
        left=left,
        waits=tuple(record.waits),
        latencies=tuple(record.latencies),
        wakes=tuple(record.wakes),
        drain=None if left or first is None or last is None else last - first,
        task_seconds=record.task_seconds,
        spot_seconds=record.spot_seconds,
        work_seconds=record.work_seconds,
        launches=record.launches,
        killed=record.killed,
        give_backs=record.give_backs,
        failed=record.failed,
        blocked=record.blocked,
        reclaims=record.reclaims,
        requests=Requests(
            api=record.sent, sqs=record.sqs + record.sent, schedules=record.schedules, workflows=record.workflows
        ),
    )
