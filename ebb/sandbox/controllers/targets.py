"""The scalable targets: their limits, their scheduled actions, and the desired counts of their ECS services."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import Reporter, SimulatedRegion, is_gone
from ebb.scaling import api
from ebb.scaling.activities import Invocation
from ebb.scaling.schedules import ScheduledAction
from ebb.scaling.targets import Decision, ScalableTarget

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient
    from types_boto3_application_autoscaling.type_defs import ScalableTargetTypeDef, ScheduledActionTypeDef
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import ServiceTypeDef


class Service(NamedTuple):
    """An ECS service."""

    cluster: str
    name: str

    @classmethod
    def of(cls, resource_id: str) -> "Service":
        """The service of a resource id, `service/<cluster>/<name>`."""
        _, cluster, name = resource_id.split("/")
        return cls(cluster, name)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.name}"


@dataclass(frozen=True)
class _Planned:
    """A deployed scheduled action, when it was first seen, and up to which time it has run.

    `ahead` are the seconds that simulated time is ahead of the time that `at(…)` names (see schedules.py).
    """

    action: ScheduledAction
    created: float
    checked: float
    ahead: float


class ScalableTargets:
    """Changes desired counts as limits, policies and scheduled actions say.

    `running(cluster, service)` returns the number of running tasks. A change is an event of kind "scaling".
    """

    def __init__(self, region: SimulatedRegion, reporter: Reporter, running: Callable[[str, str], int]) -> None:
        self._clock, self._events, self._reporter, self._running = region.clock, region.events, reporter, running
        self._autoscaling: ApplicationAutoScalingClient = region.client("application-autoscaling")
        self._ecs: ECSClient = region.client("ecs")
        self._targets: dict[Service, ScalableTarget] = {}
        self._planned: dict[str, _Planned] = {}

    def check(self) -> None:
        """Read the registered limits, move desired counts into them, and run the scheduled actions that are due."""
        found: dict[Service, ScalableTarget] = {}
        for described in self._registered():
            service = Service.of(described["ResourceId"])
            target = self._follow(service, api.target(described))
            if target:
                found[service] = target
        self._targets = found
        self._run_actions()

    def scale(self, service: Service, invocations: Sequence[Invocation]) -> None:
        """Apply policies that were invoked together."""
        target, found = self._targets.get(service), self._describe(service)
        if target is None or found is None:
            return  # deleted after the alarms were read
        # ECS deployments are in progress until the new tasks run and no older ones are left
        deploying = any(each.get("rolloutState") == "IN_PROGRESS" for each in found["deployments"])
        running, now = self._running(*service), self._clock.now()
        decision = target.decide(invocations, running, found["desiredCount"], now, deploying=deploying)
        held = [
            f"Scaling in is off during a deployment (policy {each.policy})."
            for each in decision.not_scaled
            if each.reason == "TargetServicePutResourceAsUnscalable"
        ]
        for note in (*decision.notes, *held):
            self._reporter.report("note", str(service), note)
        self._change(service, decision)

    def _registered(self) -> "Iterator[ScalableTargetTypeDef]":
        pages = self._autoscaling.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="ecs")
        for page in pages:
            yield from page["ScalableTargets"]

    def _scheduled(self) -> "Iterator[ScheduledActionTypeDef]":
        pages = self._autoscaling.get_paginator("describe_scheduled_actions").paginate(ServiceNamespace="ecs")
        for page in pages:
            yield from page["ScheduledActions"]

    def _follow(self, service: Service, registered: ScalableTarget) -> ScalableTarget | None:
        """The target with its last activities; None if its service is gone."""
        known = self._targets.get(service)
        target = replace(registered, outs=known.outs, scale_in=known.scale_in) if known else registered
        limits = (target.minimum, target.maximum)
        moved = not known or (known.minimum, known.maximum) != limits
        if not moved and not target.unsettled:
            return target
        desired, now = self._desired(service), self._clock.now()
        if desired is None:
            return None
        target = target.settle(self._running(*service), desired, now)
        return self._change(service, target.register(*limits, desired, now)) if moved else target

    def _run_actions(self) -> None:
        now = self._clock.now()
        found: dict[str, _Planned] = {}
        for described in self._scheduled():
            arn = described["ScheduledActionARN"]
            try:
                action = api.scheduled_action(described)
            except ValueError as error:
                self._reporter.report("error", arn, str(error))
                continue
            known = self._planned.get(arn)
            if known and known.action == action:
                for _ in action.between(known.checked - known.ahead, now - known.ahead, known.created):
                    self._run(described, action)
                found[arn] = replace(known, checked=now)
            else:
                single = action.schedule.expression.startswith("at")
                found[arn] = _Planned(action, now, now, now - self._clock.moment(now) if single else 0.0)
        self._planned = found

    def _run(self, described: "ScheduledActionTypeDef", action: ScheduledAction) -> None:
        service = Service.of(described["ResourceId"])
        target, desired, now = self._targets.get(service), self._desired(service), self._clock.now()
        if target is None or desired is None:
            return
        decision = target.run(action, desired, now)
        for note in decision.notes:
            kind = "note" if target.schedules_suspended else "error"
            self._reporter.report(kind, described["ScheduledActionARN"], note)
        if decision.notes:
            return
        self._targets[service] = decision.target
        self._autoscaling.register_scalable_target(
            ServiceNamespace=described["ServiceNamespace"],
            ResourceId=described["ResourceId"],
            ScalableDimension=described["ScalableDimension"],
            **described["ScalableTargetAction"],
        )
        limits = f"{decision.target.minimum} to {decision.target.maximum} tasks"
        text = f"{action.name}: {service.name} has {limits}."
        self._events.add("schedule", text, schedule=action.name, target=described["ResourceId"])
        self._change(service, decision)

    def _change(self, service: Service, decision: Decision) -> ScalableTarget:
        """Set the decided count; returns the target after it."""
        change = decision.activity
        if change is None:
            return decision.target
        if not self._set(service, change.after):
            return self._targets.get(service, decision.target)
        self._reporter.forget(str(service))
        self._events.add(
            "scaling",
            f"{service.name}: desired {change.before} -> {change.after}, {change.cause}.",
            cluster=service.cluster,
            service=service.name,
            alarm=change.alarm,
            policy=change.policy,
            before=change.before,
            after=change.after,
            cause=change.cause,
        )
        self._targets[service] = decision.target
        return decision.target

    def _desired(self, service: Service) -> int | None:
        """The service's desired count, None if the service is gone."""
        found = self._describe(service)
        return found["desiredCount"] if found else None

    def _describe(self, service: Service) -> "ServiceTypeDef | None":
        try:
            found = self._ecs.describe_services(cluster=service.cluster, services=[service.name])["services"]
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        return next((each for each in found if each["status"] == "ACTIVE"), None)

    def _set(self, service: Service, desired: int) -> bool:
        try:
            self._ecs.update_service(cluster=service.cluster, service=service.name, desiredCount=desired)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return True
