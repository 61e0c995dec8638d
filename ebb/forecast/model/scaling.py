"""Alarms, policies, the watcher, schedules and pollers: everything that moves the desired count."""

import math
from collections import deque
from functools import partial

from ebb.forecast import scenario
from ebb.forecast.model.assumptions import DAY, EPOCH, HOUR
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import MINUTE, Metrics
from ebb.forecast.model.queue import Queue
from ebb.forecast.model.service import Service
from ebb.scaling.activities import Invocation, ScalingActivity
from ebb.scaling.alarm_evaluator import AlarmEvaluator
from ebb.scaling.alarms import State
from ebb.scaling.policies import StepPolicy
from ebb.scaling.targets import Decision, ScalableTarget
from ebb.scaling.tracking import TargetTracking


class Scaling:
    """Moves the service's desired count as Application Auto Scaling, the watcher and a poller do."""

    def __init__(self, context: Context, metrics: Metrics, queue: Queue, service: Service) -> None:
        configured, world, clock, random = context.setup, context.world, context.clock, context.random
        self._setup, self._world, self._clock = configured, world, clock
        self._record, self._random = context.record, random
        self._metrics, self._queue, self._service = metrics, queue, service
        trackers = [rule.policy for rule in configured.rules if isinstance(rule.policy, TargetTracking)]
        self._target = ScalableTarget(
            minimum=configured.minimum,
            maximum=configured.maximum,
            trackers=frozenset(policy.name for policy in trackers if policy.scale_in),
            out_blocks_in=world.out_blocks_in,
        )
        self._floor = configured.minimum
        self._registered = configured.minimum
        service.changed = self._settle
        for rule in configured.rules:
            every = rule.alarm.interval
            phase = world.alarm_phase(random) % every
            clock.every(every, phase, partial(self._evaluate, AlarmEvaluator(rule.alarm), rule.policy))
        wake = configured.wake
        if wake.watches:
            clock.every(MINUTE, world.schedule_phase(random) * MINUTE, self._watch, self._passed_watch)
        elif wake.keep_alive:
            clock.every(HOUR, world.schedule_phase(random) * HOUR, self._keep_alive, self._passed_keep_alive)
        if configured.poller:
            self._poller = configured.poller
            self._wanted: deque[tuple[float, int]] = deque()
            self._active_at = -math.inf
            interval = self._poller.interval
            clock.every(interval, world.schedule_phase(random) * interval, self._poll, self._passed_poll)
        for hours in wake.warm_hours:
            self._schedule(hours)
        if configured.minimum:
            service.set_desired(configured.minimum)

    @property
    def longest_memory(self) -> float:
        """Seconds after which what was does not matter any more to what an alarm or a policy does."""
        alarms = [rule.alarm.range * rule.alarm.period for rule in self._setup.rules]
        cooldowns = [
            max(rule.policy.out_cooldown, rule.policy.in_cooldown)
            if isinstance(rule.policy, TargetTracking)
            else rule.policy.cooldown
            for rule in self._setup.rules
        ]
        poller = self._setup.poller
        waits = [max(poller.cooldown, poller.window) + poller.interval] if poller else []
        return max(alarms, default=0) + max(cooldowns, default=0) + max(waits, default=0) + 5 * MINUTE

    # -- alarms and policies

    def _evaluate(self, evaluator: AlarmEvaluator, policy: StepPolicy | TargetTracking) -> None:
        alarm, now = evaluator.alarm, self._clock.now
        step = min(alarm.period, MINUTE)
        series = alarm.compute(self._metrics.of(alarm))
        evaluation = evaluator.evaluate(series, now, EPOCH + math.floor(now / step) * step)
        if change := evaluation.change(now):
            self._record.alarm(change)
        if evaluator.acts and evaluation.state is State.ALARM:
            invocation = Invocation(
                policy=policy, alarm=alarm.name, threshold=alarm.threshold, points=evaluation.points
            )
            if self._matters(invocation):
                self._clock.at(now + self._world.reaction(self._random), self._invoke, invocation)

    def _matters(self, invocation: Invocation) -> bool:
        """Whether the policy would do anything now; what it says instead is noted."""
        now = self._clock.now
        decision = self._decide(invocation)
        for note in decision.notes:
            self._record.say(now, invocation.policy.name, note)
        return decision.activity is not None

    def _invoke(self, invocation: Invocation) -> None:
        self._follow(self._decide(invocation))

    def _decide(self, invocation: Invocation) -> Decision:
        service = self._service
        self._settle()
        return self._target.decide(
            [invocation], service.running, service.desired, self._clock.now, deploying=service.deploying
        )

    def _follow(self, decision: Decision) -> None:
        self._target = decision.target
        if decision.activity:
            self._move(decision.activity)

    def _move(self, activity: ScalingActivity) -> None:
        self._record.activity(activity)
        self._service.set_desired(activity.after)
        self._settle()

    def _settle(self) -> None:
        if self._target.unsettled:
            self._target = self._target.settle(self._service.running, self._service.desired, self._clock.now)

    # -- limits

    def _register(self, minimum: int) -> None:
        """RegisterScalableTarget takes a moment, as does what it does."""
        minimum = min(minimum, self._setup.maximum)
        if minimum != self._registered:
            self._registered = minimum
            self._clock.at(self._clock.now + self._world.workflow(self._random), self._limit, minimum)

    def _limit(self, minimum: int) -> None:
        self._record.changed_at = self._clock.now
        self._follow(self._target.register(minimum, None, self._service.desired, self._clock.now))

    def _watch(self) -> None:
        self._passed_watch(1, self._clock.now)
        self._register(max(self._floor, 1 if self._queue.messages else 0))

    def _passed_watch(self, number: int, last: float) -> None:
        self._count_schedules(number, last)
        if last >= 0:
            self._record.workflows += number
            self._record.sqs += number

    def _keep_alive(self) -> None:
        self._metrics.touch()
        self._passed_keep_alive(1, self._clock.now)

    def _passed_keep_alive(self, number: int, last: float) -> None:
        self._count_schedules(number, last)
        if last >= 0:
            self._record.sqs += number

    def _count_schedules(self, number: int, last: float) -> None:
        self._metrics.touched(last)
        if last >= 0:
            self._record.schedules += number

    def direct(self) -> None:
        """The API's workflow: it wakes a service whose least number of tasks is 0."""
        self._record.workflows += 1
        if not self._registered:
            self._register(1)

    def _schedule(self, hours: scenario.WarmHours) -> None:
        """The next beginning and end of warm hours."""
        day = math.floor(self._clock.now / DAY)
        for ahead in range(-1, 8):
            begins = (day + ahead) * DAY + hours.start
            ends = (day + ahead) * DAY + hours.end + (DAY if hours.end <= hours.start else 0)
            if (day + ahead) % 7 in hours.days and ends > self._clock.now:
                self._clock.at(max(begins, self._clock.now), self._warm)
                self._clock.at(ends, self._warm)
        self._clock.at((day + 7) * DAY, self._schedule, hours)

    def _warm(self) -> None:
        """The minimum of the hour."""
        now = self._clock.now
        floor = self._setup.minimum
        for hours in self._setup.wake.warm_hours:
            for day in (math.floor(now / DAY), math.floor(now / DAY) - 1):
                begins = day * DAY + hours.start
                ends = day * DAY + hours.end + (DAY if hours.end <= hours.start else 0)
                if day % 7 in hours.days and begins <= now < ends:
                    floor = max(floor, hours.minimum)
        if floor != self._floor:
            self._floor = floor
            self._register(max(floor, 1 if self._setup.wake.watches and self._queue.messages else 0))

    # -- a poller

    def _passed_poll(self, number: int, last: float) -> None:
        self._metrics.touched(last)
        if last >= 0:
            self._record.sqs += number

    def _poll(self) -> None:
        """KEDA's formula, Kubernetes' stabilisation window, and KEDA's cooldown on the way to 0."""
        self._metrics.touch()
        self._passed_poll(1, self._clock.now)
        poller, now, configured = self._poller, self._clock.now, self._setup
        messages = self._queue.visible + (self._queue.in_flight if poller.in_flight else 0)
        if messages:
            self._active_at = now
        wanted = min(math.ceil(messages / poller.messages_per_task), configured.maximum)
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - poller.window:
            self._wanted.popleft()
        most = max(number for _, number in self._wanted)
        if messages or now - self._active_at < poller.cooldown:
            most = max(most, min(1, self._service.desired) if not messages else 1)
        elif not messages:
            most = 0
        after = max(most, configured.minimum)
        if after != self._service.desired:
            cause = f"{messages} messages"
            self._clock.at(now + self._world.reaction(self._random), self._move_polled, after, cause)

    def _move_polled(self, after: int, cause: str) -> None:
        before = self._service.desired
        if after != before:
            self._move(ScalingActivity(time=self._clock.now, before=before, after=after, cause=cause))
