"""One run: a scenario under a load, in virtual time."""

import heapq
import math
from collections.abc import Iterator
from random import Random

from ebb.forecast.durations import DAY, MINUTE
from ebb.forecast.load.workloads import Arrival, Load, Recurring
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Counts, Metrics
from ebb.forecast.model.outcome import Outcome, Requests
from ebb.forecast.model.queue import SimulatedQueue, sqs_requests
from ebb.forecast.model.record import Record
from ebb.forecast.model.scaling import Scaling
from ebb.forecast.model.sending import recurring, sent
from ebb.forecast.model.service import SimulatedService, SimulatedTask
from ebb.forecast.model.shared import Shared
from ebb.forecast.model.worker import SimulatedWorker
from ebb.forecast.scenario.scenario import Scenario

#: "By default, the X-Ray SDK records the first request each second, and five percent of any additional requests" (X-Ray
#: guide, xray-console-sampling.html).
TRACED_SHARE = 0.05


class Simulation:
    """The connected parts of one run. It ends at `until`; None: when all jobs are done and the service is at rest."""

    def __init__(
        self, scenario: Scenario, load: Load, seed: int, until: float | None, assumptions: Assumptions
    ) -> None:
        # A seed gives each scenario the same phases and jobs, so that scenarios are compared under equal conditions.
        # Another text here would change all published figures.
        random = Random(f"world:{seed}")  # noqa: S311 - reproducible, not secret
        self._scenario, self._until = scenario, until
        self.record = Record(-assumptions.idle_before)
        self.clock = Clock(-assumptions.idle_before)
        context = Context(scenario, assumptions, self.clock, self.record, random, load.origin, load.crash, load.body)
        self.queue = SimulatedQueue(context)
        self._shared = Shared(context)
        self.service = SimulatedService(context, self._worker)
        self.metrics = Metrics(context, self._counts, self._queue_is_used)
        self.queue.touched = self.metrics.touch
        self.scaling = Scaling(context, self.metrics, self.queue, self.service)
        self._memory = self.scaling.longest_memory
        # a separate generator, so that a load whose seconds are known has the same delays
        later = 0.0 if load.exact else assumptions.load_phase(Random(f"phase:{seed}"))  # noqa: S311
        arrivals = load.arrivals(Random(f"{load.text}:{seed}"))  # noqa: S311
        scheduled = recurring(scenario.recurring, load, Random(f"recurring:{seed}"))  # noqa: S311
        self._arrivals: Iterator[Arrival] = heapq.merge(
            sent(arrivals, later, scenario.api, self.record), scheduled, key=lambda arrival: arrival.time
        )
        #: When the load and the deployments have ended.
        self._span = max(load.span + later, *assumptions.deployments, 0.0)
        self._sending, self._ended, self.at_rest = True, False, False
        self._traced = -math.inf
        self._origin, self._day, self._sent_today = load.origin, -math.inf, 0
        self._send_next()
        self.clock.at(self._span, self._end_load)

    def run(self) -> float:
        """Run to the end; the time of the end."""
        clock, until = self.clock, self._until
        last = until if until is not None else self._span + self._scenario.queue.retention + self._memory
        while True:
            if clock.now - self.record.changed_at > self._memory:
                if until is None and self._at_rest():
                    self.at_rest = True
                    break
                self._skip(last)
            if not clock.step(last):
                break
        self.service.close()
        self._count_polls()
        return clock.now

    def _at_rest(self) -> bool:
        """Whether all jobs were sent and nothing more will happen, even if jobs are left."""
        forgotten = not self.queue.in_flight and self.metrics.next_change == math.inf
        return (
            self._ended
            and not self._sending
            and self.service.running == self.service.desired
            and (not self.queue.messages or forgotten)
        )

    def _end_load(self) -> None:
        self._ended = True

    def _skip(self, last: float) -> None:
        """Skip whole minutes up to the next event: until then alarms see what they see now."""
        until = min(self.clock.next_event, self.metrics.next_change, last)
        minutes = math.floor((until - self.clock.now) / MINUTE) - 1
        if minutes > 1:
            self.metrics.skip(minutes * MINUTE)
            self.clock.skip(self.clock.now + minutes * MINUTE)

    def _send_next(self) -> None:
        """One event sends all jobs of the same time."""
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
            if record.waking_since is None and not self.queue.messages and not self.service.tasks:
                record.waking_since = now
            record.sent += 1
            record.sent_seconds += min(arrival.seconds, self._shared.max_job)
            self.queue.send(arrival)
            if isinstance(arrival, Recurring):
                record.scheduled += 1
            else:
                self._trace(now)
                self._count_day(now)
                if self._scenario.wake.direct:
                    self.scaling.sent()
            arrival = next(self._arrivals, None)
        if arrival is None:
            self._sending = False
        else:
            self.clock.at(arrival.time, self._send, arrival)

    def _trace(self, now: float) -> None:
        """X-Ray's default: the first request of each second, and a share of the others."""
        second = math.floor(now)
        self.record.traces += 1.0 if second > self._traced else TRACED_SHARE
        self._traced = second

    def _count_day(self, now: float) -> None:
        """API Gateway counts the requests of a usage plan's quota by the day."""
        day = (self._origin + now) // DAY
        if day != self._day:
            self._day, self._sent_today = day, 0
        self._sent_today += 1
        self.record.busiest_day = max(self.record.busiest_day, self._sent_today)

    def _worker(self, task: SimulatedTask) -> SimulatedWorker:
        return SimulatedWorker(task, self.service, self.queue, self._shared)

    def _counts(self) -> Counts:
        return Counts(
            visible=self.queue.visible,
            in_flight=self.queue.in_flight,
            running=self.service.running,
            busy=self._shared.busy,
            worked=self._shared.worked,
        )

    def _queue_is_used(self) -> bool:
        """Whether messages, long polls or a schedule keep the queue active."""
        wake = self._scenario.wake
        used = bool(self.queue.messages or self.queue.pollers)
        return used or wake.watches or wake.keep_alive or self._scenario.poller is not None

    def _count_polls(self) -> None:
        """Count the receives of the long polls that are in progress."""
        for poller in list(self.queue.pollers):
            poller.end()


def simulate(
    scenario: Scenario,
    load: Load,
    *,
    seed: int = 0,
    until: float | None = None,
    assumptions: Assumptions | None = None,
) -> Outcome:
    """Run a scenario under a load: up to `until` seconds, or until all jobs are done and the service is at rest.

    The same arguments give the same outcome. Raises ValueError for a scenario with a metric that the model lacks.
    """
    run = Simulation(scenario, load, seed, until, assumptions or Assumptions())
    ended = run.run()
    record = run.record
    left = record.sent - record.done - record.dead - record.expired
    first, last = record.first_sent, record.last_ended
    return Outcome(
        scenario=scenario.name,
        load=load.text,
        seed=seed,
        until=ended,
        at_rest=run.at_rest,
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
        waits=record.waits,
        latencies=record.latencies,
        wakes=tuple(record.wakes),
        drain=None if left or not record.done or first is None or last is None else last - first,
        task_seconds=record.task_seconds,
        spot_seconds=record.spot_seconds,
        work_seconds=record.work_seconds,
        launches=record.launches,
        killed=record.killed,
        give_backs=record.give_backs,
        failed=record.failed,
        blocked=record.blocked,
        refused=record.refused,
        deployment_seconds=record.deployment_seconds,
        replaced=record.replaced,
        busiest_day=record.busiest_day,
        sent_seconds=record.sent_seconds,
        reclaims=record.reclaims,
        requests=Requests(
            api=record.sent - record.scheduled,
            traces=record.traces,
            sqs=record.sqs + record.sent * sqs_requests(load.body),
            worker_calls=record.worker_calls,
            schedules=record.schedules + record.scheduled,
            workflows=record.workflows,
            workflow_seconds=record.workflow_seconds,
            received=record.received,
            table_writes=record.table_writes,
            metric_hours=sum(hour >= 0 for _, hour in record.metric_hours),
        ),
    )
