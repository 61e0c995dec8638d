"""Everything that changes the desired count: alarms and policies, the watcher, scheduled actions and pollers."""

import math
from collections import deque
from functools import partial

from ebb.forecast.durations import HOUR, MINUTE
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Metrics
from ebb.forecast.model.queue import SimulatedQueue
from ebb.forecast.model.service import SimulatedService
from ebb.forecast.model.watcher import Minimum, Watcher
from ebb.forecast.scenario import scheduled_minimum
from ebb.scaling.activities import Invocation, ScalingActivity
from ebb.scaling.alarm_evaluator import AlarmEvaluator
from ebb.scaling.alarms import State
from ebb.scaling.expressions import Series
from ebb.scaling.policies import StepPolicy
from ebb.scaling.schedules import ScheduledAction
from ebb.scaling.targets import Decision, ScalableTarget
from ebb.scaling.tracking import TargetTracking


class Scaling:
    """Changes the service's desired count as Application Auto Scaling, the watcher and a poller do."""

    def __init__(self, context: Context, metrics: Metrics, queue: SimulatedQueue, service: SimulatedService) -> None:
        scenario, assumptions, clock, random = context.scenario, context.assumptions, context.clock, context.random
        self._scenario, self._assumptions, self._clock, self._origin = scenario, assumptions, clock, context.origin
        self._record, self._random = context.record, random
        self._metrics, self._queue, self._service = metrics, queue, service
        self._minimum = Minimum(scheduled_minimum.at(scenario, self._origin + clock.now), self._register)
        trackers = [rule.policy for rule in scenario.rules if isinstance(rule.policy, TargetTracking)]
        self._target = ScalableTarget(
            minimum=self._minimum.floor,
            maximum=scenario.maximum,
            trackers=frozenset(policy.name for policy in trackers if policy.scale_in),
            out_blocks_in=assumptions.out_blocks_in,
        )
        service.changed = self._settle
        #: The last points of each alarm's metrics, and its series from them.
        self._computed: dict[AlarmEvaluator, tuple[dict[str, Series], Series]] = {}
        for rule in scenario.rules:
            interval = rule.alarm.interval
            phase = assumptions.alarm_phase(random) % interval
            clock.every(interval, phase, partial(self._evaluate, AlarmEvaluator(rule.alarm), rule.policy))
        wake = scenario.wake
        if wake.watches:
            self._watcher = Watcher(context, metrics, queue, service, self._minimum)
        elif wake.keep_alive:
            phase = assumptions.schedule_phase(random) * HOUR
            clock.every(HOUR, phase, self._keep_alive, self._keep_alive_skipped)
        if scenario.poller:
            self._poller = scenario.poller
            self._wanted: deque[tuple[float, int]] = deque()
            #: When the poller added how many tasks, within a minute.
            self._grown: deque[tuple[float, int]] = deque()
            self._active_at = -math.inf
            phase = assumptions.schedule_phase(random) * scenario.poller.interval
            clock.every(scenario.poller.interval, phase, self._poll, self._poll_skipped)
        for action in wake.warm_hours:
            self._schedule(action, self._origin + clock.now)
        if self._minimum.floor:
            service.set_desired(self._minimum.floor)

    @property
    def longest_memory(self) -> float:
        """Seconds after which a past change no longer affects an alarm or a policy."""
        alarms = [rule.alarm.range * rule.alarm.period for rule in self._scenario.rules]
        cooldowns = [
            max(rule.policy.out_cooldown, rule.policy.in_cooldown)
            if isinstance(rule.policy, TargetTracking)
            else rule.policy.cooldown
            for rule in self._scenario.rules
        ]
        poller = self._scenario.poller
        waits = [max(poller.cooldown, poller.window) + poller.interval] if poller else []
        return max(alarms, default=0) + max(cooldowns, default=0) + max(waits, default=0) + 5 * MINUTE

    # -- alarms and policies

    def _evaluate(self, evaluator: AlarmEvaluator, policy: StepPolicy | TargetTracking) -> None:
        alarm, now = evaluator.alarm, self._clock.now
        step = min(alarm.period, MINUTE)
        values = self._metrics.of(alarm)
        before, series = self._computed.get(evaluator, ({}, ()))
        if values != before:  # most minutes are as the one before
            series = alarm.compute(values)
            self._computed[evaluator] = values, series
        evaluation = evaluator.evaluate(series, now, self._origin + math.floor(now / step) * step)
        if change := evaluation.change(now):
            self._record.alarm(change)
        if evaluator.acts and evaluation.state is State.ALARM:
            invocation = Invocation(
                policy=policy, alarm=alarm.name, threshold=alarm.threshold, points=evaluation.points
            )
            if self._acts(invocation):
                self._clock.at(now + self._assumptions.reaction(self._random), self._invoke, invocation)

    def _acts(self, invocation: Invocation) -> bool:
        """Whether the policy would change the desired count now; records its notes if not."""
        decision = self._decide(invocation)
        for note in decision.notes:
            self._record.note(self._clock.now, invocation.policy.name, note)
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

    # -- the minimum

    def _register(self, minimum: int) -> None:
        """RegisterScalableTarget: after a delay it moves the capacity into the new range."""
        minimum = min(minimum, self._scenario.maximum)
        if minimum != self._minimum.registered:
            self._minimum.registered = minimum
            self._clock.at(self._clock.now + self._assumptions.workflow(self._random), self._limit, minimum)

    def _limit(self, minimum: int) -> None:
        self._record.changed_at = self._clock.now
        self._follow(self._target.register(minimum, None, self._service.desired, self._clock.now))

    def _keep_alive(self) -> None:
        self._metrics.touch()
        self._keep_alive_skipped(1, self._clock.now)

    def _keep_alive_skipped(self, number: int, last: float) -> None:
        self._metrics.touched(last)
        if last >= 0:
            self._record.schedules += number
            self._record.sqs += number

    def sent(self) -> None:
        """A job was sent through the API's workflow."""
        self._watcher.sent()

    # -- warm hours

    def _schedule(self, action: ScheduledAction, after: float) -> None:
        """Run the action at its next time. `after` is Unix time."""
        time = action.next(after)
        if time is not None:
            late = self._assumptions.scheduled(self._random)
            self._clock.at(time - self._origin + late, self._run_action, action, time)

    def _run_action(self, action: ScheduledAction, time: float) -> None:
        if action.minimum is not None:
            self._minimum.floor = action.minimum
            self._register(action.minimum)
        self._schedule(action, time)

    # -- a poller

    def _poll_skipped(self, number: int, last: float) -> None:
        self._metrics.touched(last)
        if last >= 0:
            self._record.sqs += number

    def _poll(self) -> None:
        """KEDA's formula, Kubernetes' stabilisation window, and KEDA's cooldown before 0."""
        self._metrics.touch()
        self._poll_skipped(1, self._clock.now)
        poller, now, scenario = self._poller, self._clock.now, self._scenario
        messages = self._queue.visible + (self._queue.in_flight if poller.in_flight else 0)
        if messages:
            self._active_at = now
        wanted = min(math.ceil(messages / poller.messages_per_task), scenario.maximum)
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - poller.window:
            self._wanted.popleft()
        highest = max(number for _, number in self._wanted)
        if messages:
            highest = max(highest, 1)
        elif now - self._active_at < poller.cooldown:
            highest = max(highest, min(1, self._service.desired))
        else:
            highest = 0
        after = self._limited(max(highest, scenario.minimum))
        if after != self._service.desired:
            cause = f"{messages} messages"
            self._clock.at(now + self._assumptions.reaction(self._random), self._move_polled, after, cause)

    def _limited(self, wanted: int) -> int:
        """The number of tasks that the poller may have now."""
        poller, desired, now = self._poller, self._service.desired, self._clock.now
        while self._grown and self._grown[0][0] <= now - MINUTE:
            self._grown.popleft()
        if wanted <= desired:
            return wanted if poller.removes else desired
        if not desired and poller.first is not None:
            return min(wanted, poller.first)
        if poller.growth is None:
            return wanted
        before = desired - sum(number for _, number in self._grown)
        after = max(desired, min(wanted, max(before + poller.growth, 2 * before)))
        self._grown.append((now, after - desired))
        return after

    def _move_polled(self, after: int, cause: str) -> None:
        before = self._service.desired
        if after != before:
            self._move(ScalingActivity(time=self._clock.now, before=before, after=after, cause=cause))
