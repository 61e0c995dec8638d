"""The ECS services that exist, as the emulator stores them, with counts that are true.

The emulator answers no ListTasks for services and counts as running whatever is desired, so its objects are read and
written here directly.
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


class Services:
    """All services of one account and region; those created from now on have true counts."""

    def __init__(self, account: str, region: str) -> None:
        # it asks boto3 for regions while it is imported, which fails with a profile of the user's that is not there
        from moto.ecs import models  # noqa: PLC0415

        self._backend = models.ecs_backends[account][region]
        if not hasattr(models.Service, "sets_only_once"):
            models.Service = _counted(models.Service)  # type: ignore[misc]

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

    def report(self, cluster: str, name: str, running: int, pending: int) -> None:
        """Store how many tasks there really are."""
        stored = self._backend.services.get(f"{cluster}:{name}")
        if stored is not None:
            stored.__dict__.update(running_count=running, pending_count=pending)
            for deployment in stored.deployments[:1]:
                state = "COMPLETED" if running >= stored.desired_count else "IN_PROGRESS"
                counts = {"runningCount": running, "pendingCount": pending, "desiredCount": stored.desired_count}
                deployment.update(counts, rolloutState=state, taskDefinition=stored.task_definition)


def _counted(service: Any) -> Any:
    """The emulator's class of services, with counts that are what was reported, whatever UpdateService assumes."""

    class Counted(service):  # type: ignore[misc]
        sets_only_once = ("running_count", "pending_count")

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self.sets_only_once or name not in self.__dict__:
                super().__setattr__(name, value)

    return Counted
