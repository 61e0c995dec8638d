"""Patches of moto: scaling policies and targets, task counts, events, regions, and what is read only once."""

import copy
import functools
import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import botocore.session

from ebb.sandbox.emulators import moto_history, moto_logs
from ebb.sandbox.emulators.contracts import MOTO
from ebb.sandbox.emulators.regions import regions

#: Called after each RegisterScalableTarget. AWS acts on it at once, moto does not.
ON_REGISTER: list[Callable[[], None]] = []

#: Called for each target of an EventBridge rule that an event matches: the rule's ARN, the target, and the event.
ON_EVENT: list[Callable[[str, dict[str, Any], dict[str, Any]], None]] = []

_PUT = "(self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type)"
_REGISTER = "(self, namespace, r_id, dimension, min_capacity, max_capacity, role_arn, suspended_state)"
_RUN_TASK = (
    "(self, cluster_str, task_definition_str, count, overrides, started_by, tags, launch_type, "
    "networking_configuration=None, group=None, platform_version=None, capacity_provider_strategy=None)"
)
_CREATE_SERVICE = (
    "(self, cluster_str, service_name, desired_count, task_definition_str=None, load_balancers=None, "
    "scheduling_strategy=None, tags=None, deployment_controller=None, launch_type=None, service_registries=None, "
    "platform_version=None, propagate_tags='NONE', network_configuration=None, role_arn=None)"
)


@functools.cache
def apply() -> None:
    """Patch moto in this process, once. Raises ContractError."""
    share_models()
    from moto import backends  # noqa: PLC0415 - moto takes half a second
    from moto.applicationautoscaling import models as autoscaling  # noqa: PLC0415
    from moto.applicationautoscaling import responses  # noqa: PLC0415
    from moto.ec2.models import availability_zones_and_regions as zones  # noqa: PLC0415
    from moto.ecs import models as ecs  # noqa: PLC0415
    from moto.events import models as events  # noqa: PLC0415
    from moto.iam import models as iam  # noqa: PLC0415
    from moto.utilities import utils  # noqa: PLC0415

    keep_policy_arn(autoscaling)
    report_registrations(autoscaling)
    deregister_with_actions(autoscaling)
    tag_targets(responses)
    count_reported_tasks(ecs)
    report_standalone_tasks(ecs)
    moto_history.apply()
    moto_logs.apply()
    hand_over_events(events)
    keep_managed_policies(iam)
    keep_module_list(backends)
    know_all_regions(zones, utils)


def share_models() -> None:
    """All sessions of this process share one reader of AWS's models, megabytes of JSON that each would read again."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)


def keep_policy_arn(autoscaling: ModuleType) -> None:
    """PutScalingPolicy on an existing policy keeps its ARN, which alarms name."""
    backend = MOTO.value(autoscaling, "ApplicationAutoscalingBackend", type)
    policy_class = MOTO.value(autoscaling, "FakeApplicationAutoscalingPolicy", type)
    key_of = MOTO.function(
        policy_class, "formulate_key", "(service_namespace, resource_id, scalable_dimension, policy_name)"
    )
    put = MOTO.function(backend, "put_scaling_policy", _PUT)

    @functools.wraps(put)
    def put_and_keep_arn(self: Any, **policy: Any) -> Any:
        named = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
        before = self.policies.get(key_of(*(policy[name] for name in named)))
        changed = put(self, **policy)
        if before is not None:
            changed.policy_arn, changed.creation_time = before.policy_arn, before.creation_time
        return changed

    backend.put_scaling_policy = put_and_keep_arn


def report_registrations(autoscaling: ModuleType) -> None:
    """RegisterScalableTarget calls ON_REGISTER."""
    backend = MOTO.value(autoscaling, "ApplicationAutoscalingBackend", type)
    register = MOTO.function(backend, "register_scalable_target", _REGISTER)

    @functools.wraps(register)
    def register_and_report(self: Any, *args: Any, **target: Any) -> Any:
        registered = register(self, *args, **target)
        for report in list(ON_REGISTER):
            report()
        return registered

    backend.register_scalable_target = register_and_report


def deregister_with_actions(autoscaling: ModuleType) -> None:
    """DeregisterScalableTarget deletes the target's scheduled actions (API, DeregisterScalableTarget)."""
    backend = MOTO.value(autoscaling, "ApplicationAutoscalingBackend", type)
    deregister = MOTO.function(backend, "deregister_scalable_target", "(self, namespace, r_id, dimension)")

    @functools.wraps(deregister)
    def deregister_all(self: Any, namespace: str, r_id: str, dimension: str) -> None:
        deregister(self, namespace, r_id, dimension)
        target = (namespace, r_id, dimension)
        self.scheduled_actions = [
            each
            for each in self.scheduled_actions
            if (each.service_namespace, each.resource_id, each.scalable_dimension) != target
        ]

    backend.deregister_scalable_target = deregister_all


def count_reported_tasks(ecs: ModuleType) -> None:
    """Only `report` changes the task counts of an ECS service; moto's UpdateService assumes that all tasks run."""
    service = MOTO.value(ecs, "Service", type)
    backend = MOTO.value(ecs, "EC2ContainerServiceBackend", type)
    create = MOTO.function(backend, "create_service", _CREATE_SERVICE)
    uses_service = "Service" in create.__code__.co_names and create.__globals__.get("Service") is service
    MOTO.check(
        uses_service, f"{ecs.__name__}.EC2ContainerServiceBackend.create_service(...), which called Service(...)"
    )
    fields = {"deployments", "desired_count", "pending_count", "running_count", "status", "task_definition"}
    has_fields = fields <= set(inspect.unwrap(service.__init__).__code__.co_names)
    MOTO.check(has_fields, f"{ecs.__name__}.Service, which had {', '.join(sorted(fields))}")

    class CountedService(service):  # type: ignore[misc, valid-type]
        _SET_ONCE = ("running_count", "pending_count")
        _completed: tuple[str, str] | None = None

        @functools.wraps(service.__init__)  # type: ignore[misc]
        def __init__(self, *args: Any, **fields: Any) -> None:
            super().__init__(*args, **fields)
            self.rollouts: list[dict[str, Any]] = []
            for deployment in self.deployments:
                deployment["rolloutState"] = "IN_PROGRESS"  # until the first report; moto says COMPLETED

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self._SET_ONCE or name not in self.__dict__:
                super().__setattr__(name, value)

        def report(self, running: int, pending: int, outdated: int) -> None:
            """Store how many tasks run, how many start, and how many belong to an earlier deployment."""
            self.__dict__.update(running_count=running, pending_count=pending)
            for deployment in self.deployments[:1]:
                current = (self.task_definition, deployment["id"])
                if not outdated and running >= self.desired_count:
                    self._completed = current  # and it stays COMPLETED when the service scales
                state = "COMPLETED" if self._completed == current else "IN_PROGRESS"
                counts = {"runningCount": running, "pendingCount": pending, "desiredCount": self.desired_count}
                deployment.update(counts, rolloutState=state, taskDefinition=self.task_definition)
                self._note(current, done=state == "COMPLETED")

        def _note(self, rollout: tuple[str, str], *, done: bool) -> None:
            """Keep this deployment, in the form of ListServiceDeployments."""
            now = datetime.now(UTC)
            if not self.rollouts or self.rollouts[-1]["targetServiceRevisionArn"] != "/".join(rollout):
                began = {"createdAt": now, "startedAt": now, "status": "IN_PROGRESS"}
                self.rollouts.append({"targetServiceRevisionArn": "/".join(rollout), **began})
            if done and self.rollouts[-1]["status"] == "IN_PROGRESS":
                self.rollouts[-1].update(status="SUCCESSFUL", finishedAt=now)

    vars(ecs).update(Service=CountedService)


def report_standalone_tasks(ecs: ModuleType) -> None:
    """Only `report` changes the state of a task that RunTask started; moto's tasks go on with each DescribeTasks."""
    task = MOTO.value(ecs, "Task", type)
    backend = MOTO.value(ecs, "EC2ContainerServiceBackend", type)
    run = MOTO.function(backend, "run_task", _RUN_TASK)
    uses_task = "Task" in run.__code__.co_names and run.__globals__.get("Task") is task
    MOTO.check(uses_task, f"{ecs.__name__}.EC2ContainerServiceBackend.run_task(...), which called Task(...)")
    fields = {"containers", "desired_status", "id", "overrides", "stopped_reason", "task_definition_arn"}
    calculate = MOTO.function(backend, "_calculate_task_resource_requirements", "(task_definition)")
    has_fields = fields <= set(inspect.unwrap(task.__init__).__code__.co_names)  # a test applies it once more
    MOTO.check(has_fields, f"{ecs.__name__}.Task, which had {', '.join(sorted(fields))}")

    class ReportedTask(task):  # type: ignore[misc, valid-type]
        status = "PROVISIONING"

        @functools.wraps(task.__init__)  # type: ignore[misc]
        def __init__(self, *, task_definition: Any, **fields: Any) -> None:
            without_network = copy.copy(task_definition)  # a process has no network interface, so the task gets none
            without_network.network_mode = None
            super().__init__(task_definition=without_network, **fields)
            self.containers[0].exitCode = None

        def advance(self) -> None:
            """Does nothing."""

        @property
        def last_status(self) -> str:
            return self.status

        @last_status.setter
        def last_status(self, value: str) -> None:
            """Does nothing: StopTask changes what is desired."""

        def report(self, status: str, reason: str, code: int | None) -> None:
            """Store the state; of a stopped task also the reason and the container's exit code."""
            self.status, self.stopped_reason = status, reason
            self.containers[0].last_status, self.containers[0].exitCode = status, code

    vars(ecs).update(Task=ReportedTask)
    # of a place on EC2: moto fails for a container whose memory is the task's
    backend._calculate_task_resource_requirements = staticmethod(functools.wraps(calculate)(lambda _definition: {}))


def tag_targets(responses: ModuleType) -> None:
    """Application Auto Scaling's tags of scalable targets, which moto does not have."""
    response = MOTO.value(responses, "ApplicationAutoScalingResponse", type)
    register = MOTO.function(response, "register_scalable_target", "(self)")
    MOTO.value(response, "applicationautoscaling_backend", property)

    def tags(self: Any, arn: str) -> dict[str, str]:
        kept: dict[str, dict[str, str]] = vars(self.applicationautoscaling_backend).setdefault("ebb_tags", {})
        return kept.setdefault(arn, {})

    def register_with_tags(self: Any) -> str:
        answer: str = register(self)
        tags(self, json.loads(answer)["ScalableTargetARN"]).update(self._get_param("Tags") or {})
        return answer

    def list_tags(self: Any) -> str:
        return json.dumps({"Tags": tags(self, self._get_param("ResourceARN"))})

    def tag(self: Any) -> str:
        tags(self, self._get_param("ResourceARN")).update(self._get_param("Tags") or {})
        return "{}"

    def untag(self: Any) -> str:
        for key in self._get_param("TagKeys") or []:
            tags(self, self._get_param("ResourceARN")).pop(key, None)
        return "{}"

    response.register_scalable_target = register_with_tags
    response.list_tags_for_resource, response.tag_resource, response.untag_resource = list_tags, tag, untag


def hand_over_events(events: ModuleType) -> None:
    """PutEvents calls ON_EVENT. moto alone sends events to its own queues, at once, and to no HTTP server."""
    rule = MOTO.value(events, "Rule", type)
    send = MOTO.function(rule, "send_to_targets", "(self, original_event, transform_input=True)")

    @functools.wraps(send)
    def hand_over(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if not transform_input:  # an archive
            send(self, original_event, transform_input)
        elif self.state == "ENABLED" and self.event_pattern.matches_event(original_event):
            event = {name: value for name, value in original_event.items() if name != "ingestion-time"}
            event["time"] = datetime.fromtimestamp(float(event["time"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for target in self.targets:
                for receive in list(ON_EVENT):
                    receive(self.arn, dict(target), event)

    rule.send_to_targets = hand_over


def keep_managed_policies(iam: ModuleType) -> None:
    """A reset account has the same objects for AWS's 1,500 managed policies; moto parses them again each time."""
    backend = MOTO.value(iam, "IAMBackend", type)
    load = MOTO.function(backend, "_init_aws_policies", "(self)")
    kept: dict[tuple[str, str], list[Any]] = {}

    @functools.wraps(load)
    def load_once(self: Any) -> list[Any]:
        owner = (self.account_id, self.region_name)
        if owner not in kept:
            kept[owner] = load(self)
        for policy in kept[owner]:
            policy.attachment_count = 0
        return list(kept[owner])

    backend._init_aws_policies = load_once


def keep_module_list(backends: ModuleType) -> None:
    """moto lists its own folder again for each request, which takes longer than many an answer."""
    listed = MOTO.function(backends, "list_of_moto_modules", "()")
    vars(backends).update(list_of_moto_modules=functools.cache(lambda: tuple(listed())))


def know_all_regions(zones: ModuleType, utils: ModuleType) -> None:
    """Each region of AWS has zones, and ARNs of the partition `aws`, which MiniStack writes for all regions."""
    backend = MOTO.value(zones, "RegionsAndZonesBackend", type)
    known = MOTO.value(backend, "zones", dict)
    zone = MOTO.value(zones, "Zone", type)
    partitions = MOTO.value(utils, "REGION_PREFIX_TO_PARTITION", dict)
    for region in frozenset().union(*regions().values()) - known.keys():
        known[region] = [
            zone(region_name=region, name=f"{region}{letter}", zone_id=f"{region.replace('-', '')}-az{number}")
            for number, letter in enumerate("abc", start=1)
        ]
    partitions.clear()
