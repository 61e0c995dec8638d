"""Evaluates the deployed alarms and runs their policies, which the emulators only store."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.datapoints import DataPoints
from ebb.sandbox.controllers.targets import ScalableTargets, Service
from ebb.sandbox.controllers.ticker import MINUTE, Reporter, SimulatedRegion, Ticker, is_gone
from ebb.sandbox.emulators import moto_patches
from ebb.scaling import api
from ebb.scaling.activities import Invocation
from ebb.scaling.alarms import Alarm, AlarmChange, Evaluation, State

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient
    from types_boto3_application_autoscaling.type_defs import ScalingPolicyTypeDef
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef
    from types_boto3_sns import SNSClient

#: Simulated seconds after the minute at which alarms are evaluated. SQS publishes its metrics 8 to 40 s late.
ALARM_PHASE_SECONDS = 30
#: Simulated seconds between two checks of limits and running tasks. New limits act at once, and a cooldown starts.
CHECK_SECONDS = 15
#: Characters of a subject (API_Publish of SNS).
MAX_SUBJECT = 100


class Autoscaler:
    """Once per simulated minute: metrics → alarms → policies → desired counts, as deployed in the region.

    `running(cluster, service)` returns the number of running tasks. Events have the kinds "alarm", "scaling" and
    "error" (an alarm or action that the sandbox cannot execute).
    """

    def __init__(self, region: SimulatedRegion, running: Callable[[str, str], int]) -> None:
        self._clock, self._events, self._reporter = region.clock, region.events, Reporter(region.events)
        self._autoscaling: ApplicationAutoScalingClient = region.client("application-autoscaling")
        self._cloudwatch: CloudWatchClient = region.client("cloudwatch")
        self._sns: SNSClient = region.client("sns")
        self._targets = ScalableTargets(region, self._reporter, running)
        self._seen: set[str] = set()
        self._minute = -1.0
        self._ticker = Ticker(region, "autoscaler", self._step, CHECK_SECONDS)

    def start(self) -> None:
        """Evaluate every simulated minute until stop()."""
        moto_patches.ON_REGISTER.append(self._ticker.trigger)
        self._ticker.start()

    def stop(self) -> None:
        """Stop evaluating."""
        if self._ticker.trigger in moto_patches.ON_REGISTER:
            moto_patches.ON_REGISTER.remove(self._ticker.trigger)
        self._ticker.stop()

    def tick(self) -> None:
        """Evaluate every alarm on the minutes that have ended, and run the actions of its state."""
        self.check_targets()
        now = self._clock.now()
        end = now - now % MINUTE
        described = list(self._described())
        policies = {each["PolicyARN"]: each for each in self._policies()}
        deployed = [(each, alarm) for each in described if (alarm := self._alarm(each))]
        points = DataPoints(self._cloudwatch, [alarm for _, alarm in deployed], end)
        invocations: dict[Service, list[Invocation]] = {}
        for each, alarm in deployed:
            evaluation = self._evaluate(each, alarm, points, end)
            if evaluation and each.get("ActionsEnabled", True):
                for service, invocation in self._invocations(each, evaluation, policies):
                    invocations.setdefault(service, []).append(invocation)
        self._seen = {each["AlarmArn"] for each in described}
        for service, together in invocations.items():
            self._targets.scale(service, together)

    def check_targets(self) -> None:
        """Apply the registered limits and the scheduled actions, and complete activities that the tasks followed."""
        self._targets.check()

    def _step(self) -> None:
        minute = (self._clock.now() - ALARM_PHASE_SECONDS) // MINUTE
        if minute == self._minute:
            self.check_targets()
        else:
            self._minute = minute
            self.tick()

    def _described(self) -> "Iterator[MetricAlarmTypeDef]":
        for page in self._cloudwatch.get_paginator("describe_alarms").paginate():
            yield from page["MetricAlarms"]

    def _policies(self) -> "Iterator[ScalingPolicyTypeDef]":
        pages = self._autoscaling.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="ecs")
        for page in pages:
            yield from page["ScalingPolicies"]

    def _alarm(self, described: "MetricAlarmTypeDef") -> Alarm | None:
        problem = None
        try:
            alarm = api.alarm(described)
        except ValueError as error:
            problem = str(error)
        else:
            if alarm.period % MINUTE:
                problem = f"Alarm {alarm.name}: a period of {alarm.period} s is not supported, only whole minutes."
        if problem:
            self._reporter.report("error", described["AlarmArn"], problem)
            return None
        return alarm

    def _evaluate(
        self, described: "MetricAlarmTypeDef", alarm: Alarm, points: DataPoints, end: float
    ) -> Evaluation | None:
        """Evaluate, and store the state in CloudWatch; None if that failed or the alarm is gone."""
        stored = State(described["StateValue"])
        # a new alarm is in INSUFFICIENT_DATA, but the emulator starts in OK
        previous = stored if described["AlarmArn"] in self._seen else State.INSUFFICIENT_DATA
        try:
            evaluation = alarm.evaluate(alarm.series(points.of(alarm)), previous, end)
        except ValueError as error:
            self._reporter.report("error", described["AlarmArn"], str(error))
            return None
        if evaluation.state is not stored:
            try:
                self._cloudwatch.set_alarm_state(
                    AlarmName=alarm.name,
                    StateValue=evaluation.state.value,
                    StateReason=evaluation.reason,
                    StateReasonData=evaluation.reason_data(self._clock.now()),
                )
            except ClientError as error:
                if is_gone(error):
                    return None
                raise
        if change := evaluation.change(self._clock.now()):
            self._events.add(
                "alarm",
                f"{change.alarm}: {change.before} -> {change.state}. {change.reason}",
                alarm=change.alarm,
                before=change.before.value,
                state=change.state.value,
                reason=change.reason,
            )
            self._notify(described, change)
        return evaluation

    def _notify(self, described: "MetricAlarmTypeDef", change: AlarmChange) -> None:
        """Publish a change of state to the SNS topics among the actions."""
        if not described.get("ActionsEnabled", True):
            return
        message = {
            "AlarmName": change.alarm,
            "AlarmDescription": described.get("AlarmDescription"),
            "AlarmArn": described["AlarmArn"],
            "OldStateValue": change.before.value,
            "NewStateValue": change.state.value,
            "NewStateReason": change.reason,
            "StateChangeTime": datetime.fromtimestamp(change.time, UTC).isoformat(),
        }
        subject = f'{change.state}: "{change.alarm}"'[:MAX_SUBJECT]
        for topic in (arn for arn in _actions(described, change.state) if _service(arn) == "sns"):
            try:
                self._sns.publish(TopicArn=topic, Subject=subject, Message=json.dumps(message))
            except ClientError as error:
                text = f"Alarm {change.alarm}: could not publish to {topic}: {error}"
                self._reporter.report("error", topic, text)

    def _invocations(
        self, described: "MetricAlarmTypeDef", evaluation: Evaluation, policies: "dict[str, ScalingPolicyTypeDef]"
    ) -> Iterator[tuple[Service, Invocation]]:
        """The policies that the alarm invokes. It invokes them every minute, as long as its state stays."""
        alarm = evaluation.alarm
        for arn in (arn for arn in _actions(described, evaluation.state) if _service(arn) != "sns"):
            if arn not in policies:
                if self._exists(alarm.name):
                    text = f"Alarm {alarm.name}: the action {arn} cannot be executed."
                    self._reporter.report("error", described["AlarmArn"], text)
                continue
            try:
                policy = api.policy(policies[arn])
            except ValueError as error:
                self._reporter.report("error", arn, str(error))
                continue
            yield (
                Service.of(policies[arn]["ResourceId"]),
                Invocation(policy=policy, alarm=alarm.name, threshold=alarm.threshold, points=evaluation.points),
            )

    def _exists(self, alarm: str) -> bool:
        return bool(self._cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"])


def _actions(described: "MetricAlarmTypeDef", state: State) -> list[str]:
    """The ARNs of the actions for a state."""
    match state:
        case State.ALARM:
            return described.get("AlarmActions", [])
        case State.OK:
            return described.get("OKActions", [])
        case State.INSUFFICIENT_DATA:
            return described.get("InsufficientDataActions", [])


def _service(arn: str) -> str:
    """The service of an ARN."""
    return arn.split(":")[2] if arn.count(":") > 2 else arn
