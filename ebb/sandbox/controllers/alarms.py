"""Executes the alarms and step policies that were deployed: the emulators store them, and evaluate nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.datapoints import Points
from ebb.sandbox.controllers.targets import Described, Scaled, Service, service_of
from ebb.sandbox.controllers.ticker import MINUTE, Surroundings, Ticker, gone
from ebb.sandbox.emulators import moto_patches
from ebb.scaling import api
from ebb.scaling.activities import Invocation
from ebb.scaling.alarms import Alarm, AlarmChange, Evaluation, State

#: Simulated seconds after the minute at which alarms are evaluated: SQS publishes 8 to 40 s late, see Metrics.
PHASE = 30
#: Simulated seconds between two looks at limits and running tasks (a new minimum acts at once, a cooldown begins).
WATCH = 15
_ACTIONS = {State.ALARM: "AlarmActions", State.OK: "OKActions", State.INSUFFICIENT_DATA: "InsufficientDataActions"}


class Autoscaler:
    """Once per simulated minute: metrics → alarms → policies → desired counts, all as deployed in the region.

    `running(cluster, service)` is how many tasks run. An alarm or action that cannot be executed is an event of kind
    "error"; what changes is an event of kind "alarm" or "scaling".
    """

    def __init__(self, region: Surroundings, running: Callable[[str, str], int]) -> None:
        self._region = region
        self._scaled = Scaled(region, running)
        self._seen: set[str] = set()
        self._minute = -1.0
        self._ticker = Ticker(region, "autoscaler", self._step, WATCH, phase=0)

    def start(self) -> None:
        """Evaluate every simulated minute until stop()."""
        moto_patches.ON_REGISTER.append(self._ticker.poke)
        self._ticker.start()

    def stop(self) -> None:
        """Evaluate no more."""
        if self._ticker.poke in moto_patches.ON_REGISTER:
            moto_patches.ON_REGISTER.remove(self._ticker.poke)
        self._ticker.stop()

    def tick(self) -> None:
        """Evaluate every alarm on the minutes that have ended, and execute the actions of its state."""
        self.watch()
        now = self._region.clock.now()
        end = now - now % MINUTE
        described = self._scaled.describe("cloudwatch", "describe_alarms", "MetricAlarms")
        policies = {
            each["PolicyARN"]: each
            for each in self._scaled.describe(
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
            self._scaled.scale(service, together)

    def watch(self) -> None:
        """Follow the limits that are registered, moving capacity into a new range, and complete activities."""
        self._scaled.follow()

    def _step(self) -> None:
        minute = (self._region.clock.now() - PHASE) // MINUTE
        if minute == self._minute:
            self.watch()
        else:
            self._minute = minute
            self.tick()

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
            self._scaled.tell("error", described["AlarmArn"], problem)
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
            self._scaled.tell("error", described["AlarmArn"], str(error))
            return None
        if evaluation.state is not stored:
            try:
                self._region.client("cloudwatch").set_alarm_state(
                    AlarmName=alarm.name,
                    StateValue=evaluation.state.value,
                    StateReason=evaluation.reason,
                    StateReasonData=evaluation.reason_data(self._region.clock.now()),
                )
            except ClientError as error:
                if gone(error):
                    return None
                raise
        if change := evaluation.change(self._region.clock.now()):
            self._region.events.add(
                "alarm",
                f"{change.alarm}: {change.before} -> {change.state}. {change.reason}",
                alarm=change.alarm,
                before=change.before.value,
                state=change.state.value,
                reason=change.reason,
            )
            self._notify(described, change)
        return evaluation

    def _notify(self, described: Described, change: AlarmChange) -> None:
        """Publish a change of state to the SNS topics among the actions."""
        if not described.get("ActionsEnabled", True):
            return
        for arn in described.get(_ACTIONS[change.state], []):
            if _kind(arn) == "sns":
                message = {
                    "AlarmName": change.alarm,
                    "AlarmDescription": described.get("AlarmDescription"),
                    "AlarmArn": described["AlarmArn"],
                    "OldStateValue": change.before.value,
                    "NewStateValue": change.state.value,
                    "NewStateReason": change.reason,
                    "StateChangeTime": datetime.fromtimestamp(change.time, UTC).isoformat(),
                }
                try:
                    self._region.client("sns").publish(
                        TopicArn=arn,
                        Subject=f'{change.state}: "{change.alarm}"'[:100],  # SNS takes no longer one
                        Message=json.dumps(message),
                    )
                except ClientError as error:
                    self._scaled.tell("error", arn, f"Alarm {change.alarm}: could not publish to {arn}: {error}")

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
                    self._scaled.tell(
                        "error", alarm.name + arn, f"Alarm {alarm.name}: the action {arn} cannot be executed."
                    )
                continue
            try:
                policy = api.policy(policies[arn])
            except ValueError as error:
                self._scaled.tell("error", arn, str(error))
                continue
            yield (
                service_of(policies[arn]["ResourceId"]),
                Invocation(policy=policy, alarm=alarm.name, threshold=alarm.threshold, points=evaluation.points),
            )

    def _exists(self, alarm: str) -> bool:
        return bool(self._region.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"])


def _kind(arn: str) -> str:
    """The service of an ARN."""
    return arn.split(":")[2] if arn.count(":") > 2 else arn
