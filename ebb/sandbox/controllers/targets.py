"""The services that scale: their limits, the scheduled actions on these, and their desired counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import Surroundings, gone
from ebb.scaling import api
from ebb.scaling.activities import Invocation
from ebb.scaling.schedules import ScheduledAction
from ebb.scaling.targets import Decision, ScalableTarget

_AAS = "application-autoscaling"

Described = dict[str, Any]
#: A service that scales: its cluster and its name.
Service = tuple[str, str]


@dataclass(frozen=True)
class _Planned:
    """A scheduled action as it was deployed, when it was first seen so, and the last moment that was looked at."""

    action: ScheduledAction
    created: float
    looked: float


class Scaled:
    """Keeps the desired counts within the limits, and changes them as policies and scheduled actions say.

    `running(cluster, service)` is how many tasks run.
    """

    def __init__(self, region: Surroundings, running: Callable[[str, str], int]) -> None:
        self._region = region
        self._running = running
        self._targets: dict[Service, ScalableTarget] = {}
        self._planned: dict[str, _Planned] = {}
        self._told: dict[str, str] = {}

    def follow(self) -> None:
        """Take in the limits that are registered, move counts into new ones, and run the scheduled actions due."""
        found: dict[Service, ScalableTarget] = {}
        for each in self.describe(_AAS, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"):
            service = service_of(each["ResourceId"])
            target = self._follow(service, api.target(each))
            if target:
                found[service] = target
        self._targets = found
        self._run_actions()

    def scale(self, service: Service, invocations: Sequence[Invocation]) -> None:
        """Do what policies that were invoked together make of the service's count."""
        target, desired = self._targets.get(service), self._desired(service)
        if target is None or desired is None:
            return  # deregistered or deleted since
        decision = target.decide(invocations, self._running(*service), desired, self._region.clock.now())
        for note in decision.notes:
            self.tell("note", "/".join(service) + note, note)
        self._change(service, decision)

    def describe(self, client: str, operation: str, key: str, **parameters: str) -> list[Described]:
        """All that an operation lists under this key."""
        pages = self._region.client(client).get_paginator(operation).paginate(**parameters)
        return [each for page in pages for each in page.get(key, [])]

    def tell(self, kind: str, about: str, text: str) -> None:
        """An event, unless it was the last thing said about this."""
        if self._told.get(about) != text:
            self._told[about] = text
            self._region.events.add(kind, text)

    def _follow(self, service: Service, registered: ScalableTarget) -> ScalableTarget | None:
        """The target with its past; None when its service is gone."""
        known = self._targets.get(service)
        target = replace(registered, outs=known.outs, scale_in=known.scale_in) if known else registered
        limits = (target.minimum, target.maximum)
        moved = not known or (known.minimum, known.maximum) != limits
        if not moved and not target.unsettled:
            return target
        desired, now = self._desired(service), self._region.clock.now()
        if desired is None:
            return None
        target = target.settle(self._running(*service), desired, now)
        return self._change(service, target.register(*limits, desired, now)) if moved else target

    def _run_actions(self) -> None:
        now = self._region.clock.now()
        found: dict[str, _Planned] = {}
        for each in self.describe(_AAS, "describe_scheduled_actions", "ScheduledActions", ServiceNamespace="ecs"):
            arn = each["ScheduledActionARN"]
            try:
                action = api.scheduled_action(each)
            except ValueError as error:
                self.tell("error", arn, str(error))
                continue
            known = self._planned.get(arn)
            if known and known.action == action:
                for _ in action.between(known.looked, now, known.created):
                    self._run(service_of(each["ResourceId"]), each, action)
                found[arn] = replace(known, looked=now)
            else:
                found[arn] = _Planned(action, now, now)
        self._planned = found

    def _run(self, service: Service, described: Described, action: ScheduledAction) -> None:
        target, desired, now = self._targets.get(service), self._desired(service), self._region.clock.now()
        if target is None or desired is None:
            return
        decision = target.run(action, desired, now)
        for note in decision.notes:
            self.tell("note" if target.schedules_suspended else "error", described["ScheduledActionARN"], note)
        if decision.notes:
            return
        self._targets[service] = decision.target
        limits = decision.target.minimum, decision.target.maximum
        names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
        self._region.client(_AAS).register_scalable_target(
            **{name: described[name] for name in names}, **described["ScalableTargetAction"]
        )
        text = f"{action.name}: {service[1]} has {limits[0]} to {limits[1]} tasks."
        self._region.events.add("schedule", text, schedule=action.name, target=described["ResourceId"])
        self._change(service, decision)

    def _change(self, service: Service, decision: Decision) -> ScalableTarget:
        """Set the count that was decided on; the target as it is then."""
        change = decision.activity
        if change is None:
            return decision.target
        if not self._set(service, change.after):
            return self._targets.get(service, decision.target)
        about = "/".join(service)  # what was told of it before this change is worth telling again
        self._told = {key: text for key, text in self._told.items() if not key.startswith(about)}
        self._region.events.add(
            "scaling",
            f"{service[1]}: desired {change.before} -> {change.after}, {change.cause}.",
            cluster=service[0],
            service=service[1],
            alarm=change.alarm,
            policy=change.policy,
            before=change.before,
            after=change.after,
            cause=change.cause,
        )
        self._targets[service] = decision.target
        return decision.target

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


def service_of(resource_id: str) -> Service:
    """service/cluster/name, the resource id of an ECS service."""
    _, cluster, name = resource_id.split("/")
    return cluster, name
