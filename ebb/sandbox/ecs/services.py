"""The ECS services that exist, and the tasks that RunTask started, as moto stores them.

moto answers no ListTasks for services, so its objects are read and written here directly. emulators/moto_patches.py
gives them task counts and states that only a report changes.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Service:
    """One service: `deployment` changes with its task definition and with every forced deployment."""

    cluster: str
    name: str
    desired: int
    task_definition: str
    deployment: tuple[str, str]
    minimum_percent: int
    maximum_percent: int


@dataclass(frozen=True)
class Standalone:
    """A task of no service: what it runs, and why StopTask wants its end; None: it does not."""

    id: str
    cluster: str
    task_definition: str
    command: tuple[str, ...]
    stop_reason: str | None


class Services:
    """All services, and all tasks without one, of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        # its import asks boto3 for regions, which fails if the user's AWS_PROFILE does not exist
        from moto.ecs import models  # noqa: PLC0415

        self._backend = models.ecs_backends[account][region]

    def active(self) -> list[Service]:
        """The services that are not deleted."""
        found = []
        stored: Any
        for stored in list(self._backend.services.values()):
            if stored.status == "ACTIVE" and stored.task_definition:
                limits = getattr(stored, "deployment_configuration", None) or {}
                found.append(
                    Service(
                        cluster=stored.cluster_name,
                        name=stored.name,
                        desired=stored.desired_count,
                        task_definition=stored.task_definition,
                        deployment=(stored.task_definition, stored.deployments[0]["id"]),
                        minimum_percent=int(limits.get("minimumHealthyPercent", 100)),  # ECS's defaults
                        maximum_percent=int(limits.get("maximumPercent", 200)),
                    )
                )
        return found

    def report(self, cluster: str, name: str, running: int, pending: int, outdated: int) -> None:
        """Store how many tasks run, how many start, and how many belong to an earlier deployment."""
        stored: Any = self._backend.services.get(f"{cluster}:{name}")
        if stored is not None:
            stored.report(running, pending, outdated)

    def standalone(self) -> list[Standalone]:
        """The tasks without a service that have not stopped."""
        found = []
        for stored in self._stored():
            if stored.last_status != "STOPPED":
                overrides = (stored.overrides or {}).get("containerOverrides") or [{}]
                found.append(
                    Standalone(
                        id=stored.id,
                        cluster=stored.cluster_name,
                        task_definition=stored.task_definition_arn,
                        command=tuple(overrides[0].get("command") or ()),
                        stop_reason=stored.stopped_reason if stored.desired_status == "STOPPED" else None,
                    )
                )
        return found

    def report_task(self, task_id: str, status: str, reason: str = "", code: int | None = None) -> None:
        """Store the state of a task without a service."""
        for stored in self._stored():
            if stored.id == task_id:
                stored.report(status, reason, code)

    def _stored(self) -> list[Any]:
        return [task for tasks in list(self._backend.tasks.values()) for task in list(tasks.values())]
