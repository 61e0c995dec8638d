"""Executes the alarms and step policies that were deployed: the emulators store them, and evaluate nothing."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ebb.sandbox.minutes import MINUTE, Surroundings, Ticker, gone
from ebb.sandbox.points import Points
from ebb.scaling import api
from ebb.scaling.alarms import Alarm, Evaluation, State
from ebb.scaling.targets import Invocation, ScalableTarget

#: Simulated seconds after the minute at which alarms are evaluated: SQS publishes 8 to 40 s late, see Metrics.
PHASE = 30
#: Simulated seconds between two looks at limits and running tasks (a new minimum acts at once, a cooldown begins).
WATCH = 15
_ACTIONS = {State.ALARM: "AlarmActions", State.OK: "OKActions", State.INSUFFICIENT_DATA: "InsufficientDataActions"}

Described = dict[str, Any]
#: A service that scales: its cluster and its name.
Service = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One change of a service's desired count, as DescribeScalingActivities would list it.

    `time` is in simulated seconds since the epoch; alarm and policy are empty when a new range moved the capacity.
    """

    time: float
    cluster: str
    service: str
    alarm: str
    policy: str
    before: int
    after: int
    cause: str


class Autoscaler:
    """Once per simulated minute: metrics → alarms → policies → desired counts, all as deployed in the region.

    `running(cluster, service)` is how many tasks run. An alarm or action that cannot be executed is an event of kind
    "error"; what changes is an event of kind "alarm" or "scaling", and a row of `activities`.
    """

    def __init__(self, region: Surroundings, running: Callable[[str, str], int]) -> None:
        self.activities: list[Activity] = []
        self._region = region
        self._running = running
        self._targets: dict[Service, ScalableTarget] = {}
        self._seen: set[str] = set()
        self._told: dict[str, str] = {}
        self._minute = -1.0
        self._ticker = Ticker(region, "autoscaler", self._step, WATCH, phase=0)

    def start(self) -> None:
        """Evaluate every simulated minute until stop()."""
        self._ticker.start()

    def stop(self) -> None:
        """Evaluate no more."""
        self._ticker.stop()

    def tick(self) -> None:
        """Evaluate every alarm on the minutes that have ended, and execute the actions of its state."""
        self.watch()
        now = self._region.clock.now()
        end = now - now % MINUTE
        described = self._describe("cloudwatch", "describe_alarms", "MetricAlarms")
        policies = {
            each["PolicyARN"]: each
            for each in self._describe(
                "application-autoscaling", "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs"
            )
        }
        deployed = [(each, alarm) for each in described if (alarm := self._alarm(each))]
        points = Points(self._region, [alarm for _, alarm in deployed], end)
        invocations: dict[Service, list[Invocation]] = {}
        for each, alarm in deployed:
            evaluation = self._evaluate(each, alarm, points, end)
            if evaluation and each.get("ActionsEnabled", True):
                for service, invocation in self._act(each, alarm, evaluation, policies):
                    invocations.setdefault(service, []).append(invocation)
        self._seen = {each["AlarmArn"] for each in described}
        for service, together in invocations.items():
            self._scale(service, together)

    def watch(self) -> None:
        """Follow the limits that are registered, moving capacity into a new range, and complete activities."""
        found: dict[Service, ScalableTarget] = {}
        for each in self._describe(
            "application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"
        ):
            service = _service(each["ResourceId"])
            registered = api.target(each)
            known = self._targets.get(service)
            target = replace(registered, outs=known.outs, scale_in=known.scale_in) if known else registered
            moved = not known or (known.minimum, known.maximum) != (target.minimum, target.maximum)
            if moved or target.unsettled:
                desired = self._desired(service)
                if desired is None:
                    continue
                target = target.settle(self._running(*service), desired, self._region.clock.now())
                if moved and target.clamp(desired) != desired:
                    self._move_into_range(service, target, desired)
            found[service] = target
        self._targets = found

    def _step(self) -> None:
        minute = (self._region.clock.now() - PHASE) // MINUTE
        if minute == self._minute:
            self.watch()
        else:
            self._minute = minute
            self.tick()

    def _describe(self, client: str, operation: str, key: str, **parameters: str) -> list[Described]:
        pages = self._region.client(client).get_paginator(operation).paginate(**parameters)
        return [each for page in pages for each in page.get(key, [])]

    def _alarm(self, described: Described) -> Alarm | None:
        problem = None
        try:
            alarm = api.alarm(described)
        except ValueError as error:
            problem = str(error)
        else:
            if alarm.period % MINUTE:
                problem = f"Alarm {alarm.name}: a period of {alarm.period} s is not supported, only whole minutes."
        if problem:
            self._tell("error", described["AlarmArn"], problem)
            return None
        return alarm

    def _evaluate(self, described: Described, alarm: Alarm, points: Points, end: float) -> Evaluation | None:
        """Evaluate, and store the state in CloudWatch; None when that failed or the alarm is gone."""
        stored = State(described["StateValue"])
        # CloudWatch starts in INSUFFICIENT_DATA, the emulator in OK
        previous = stored if described["AlarmArn"] in self._seen else State.INSUFFICIENT_DATA
        try:
            evaluation = alarm.evaluate(alarm.series(points.of(alarm)), previous, end)
        except ValueError as error:
            self._tell("error", described["AlarmArn"], str(error))
            return None
        if evaluation.state is not stored:
            try:
                self._region.client("cloudwatch").set_alarm_state(
                    AlarmName=alarm.name,
                    StateValue=evaluation.state.value,
                    StateReason=evaluation.reason,
                    StateReasonData=alarm.reason_data(evaluation, self._region.clock.now()),
                )
            except ClientError as error:
                if gone(error):
                    return None
                raise
        if evaluation.state is not previous:
            self._region.events.add(
                "alarm",
                f"{alarm.name}: {previous} -> {evaluation.state}. {evaluation.reason}",
                alarm=alarm.name,
                before=previous.value,
                state=evaluation.state.value,
                reason=evaluation.reason,
            )
            self._notify(described, evaluation, previous)
        return evaluation

    def _notify(self, described: Described, evaluation: Evaluation, previous: State) -> None:
        """Publish a change of state to the SNS topics among the actions."""
        if not described.get("ActionsEnabled", True):
            return
        for arn in described.get(_ACTIONS[evaluation.state], []):
            if _kind(arn) == "sns":
                message = {
                    "AlarmName": described["AlarmName"],
                    "AlarmDescription": described.get("AlarmDescription"),
                    "AlarmArn": described["AlarmArn"],
                    "OldStateValue": previous.value,
                    "NewStateValue": evaluation.state.value,
                    "NewStateReason": evaluation.reason,
                    "StateChangeTime": datetime.fromtimestamp(self._region.clock.now(), UTC).isoformat(),
                }
                try:
                    self._region.client("sns").publish(
                        TopicArn=arn,
                        Subject=f'{evaluation.state}: "{described["AlarmName"]}"'[:100],  # SNS takes no longer one
                        Message=json.dumps(message),
                    )
                except ClientError as error:
                    self._tell("error", arn, f"Alarm {described['AlarmName']}: could not publish to {arn}: {error}")

    def _act(
        self, described: Described, alarm: Alarm, evaluation: Evaluation, policies: dict[str, Described]
    ) -> Iterator[tuple[Service, Invocation]]:
        """The policies that the alarm invokes now.

        "For Auto Scaling actions, the alarm continues to invoke the action once per minute while it remains in the new
        state"; all other actions are for the change of state alone (AlarmThatSendsEmail.html).
        """
        for arn in described.get(_ACTIONS[evaluation.state], []):
            if _kind(arn) == "sns":
                continue
            if arn not in policies:
                if self._exists(alarm.name):
                    self._tell("error", alarm.name + arn, f"Alarm {alarm.name}: the action {arn} cannot be executed.")
                continue
            try:
                policy = api.policy(policies[arn])
            except ValueError as error:
                self._tell("error", arn, str(error))
                continue
            yield (
                _service(policies[arn]["ResourceId"]),
                Invocation(policy=policy, alarm=alarm.name, threshold=alarm.threshold, points=evaluation.points),
            )

    def _exists(self, alarm: str) -> bool:
        return bool(self._region.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"])

    def _scale(self, service: Service, invocations: list[Invocation]) -> None:
        target, desired = self._targets.get(service), self._desired(service)
        if target is None or desired is None:
            return  # deregistered or deleted since
        now = self._region.clock.now()
        decision = target.decide(invocations, self._running(*service), desired, now)
        for note in decision.notes:
            self._tell("note", "/".join(service) + note, note)
        change = decision.activity
        if change and self._set(service, change.after):
            self._targets[service] = decision.target
            self._record(service, change.alarm, change.policy, (change.before, change.after), change.cause)

    def _move_into_range(self, service: Service, target: ScalableTarget, desired: int) -> None:
        after = target.clamp(desired)
        which = "minimum" if after > desired else "maximum"
        if self._set(service, after):
            self._record(service, "", "", (desired, after), f"{which} capacity was set to {after}")

    def _record(self, service: Service, alarm: str, policy: str, change: tuple[int, int], cause: str) -> None:
        activity = Activity(
            time=self._region.clock.now(),
            cluster=service[0],
            service=service[1],
            alarm=alarm,
            policy=policy,
            before=change[0],
            after=change[1],
            cause=cause,
        )
        self.activities.append(activity)
        about = "/".join(service)  # what was told of it before this change is worth telling again
        self._told = {key: text for key, text in self._told.items() if not key.startswith(about)}
        self._region.events.add(
            "scaling", f"{service[1]}: desired {change[0]} -> {change[1]}, {cause}.", **asdict(activity)
        )

    def _desired(self, service: Service) -> int | None:
        """The service's desired count, None when it is gone."""
        try:
            found = self._region.client("ecs").describe_services(cluster=service[0], services=[service[1]])["services"]
        except ClientError as error:
            if gone(error):
                return None
            raise
        active = [each for each in found if each["status"] == "ACTIVE"]
        return int(active[0]["desiredCount"]) if active else None

    def _set(self, service: Service, desired: int) -> bool:
        try:
            self._region.client("ecs").update_service(cluster=service[0], service=service[1], desiredCount=desired)
        except ClientError as error:
            if gone(error):
                return False
            raise
        return True

    def _tell(self, kind: str, about: str, text: str) -> None:
        """An event, unless it was the last thing said about this."""
        if self._told.get(about) != text:
            self._told[about] = text
            self._region.events.add(kind, text)


def _kind(arn: str) -> str:
    """The service of an ARN."""
    return arn.split(":")[2] if arn.count(":") > 2 else arn


def _service(resource_id: str) -> Service:
    """service/cluster/name, the resource id of an ECS service."""
    _, cluster, name = resource_id.split("/")
    return cluster, name
