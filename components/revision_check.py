"""A new revision proves itself before the service gets it: a hook of the Pulumi engine runs one task of it first.

docs/adr/0010-a-revision-proves-itself.md says why. A failing check fails `pulumi up`, and the service keeps its
revision.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi

from components import guard
from components.aws_clients import Clients
from components.task_check import Place, TaskCheckError, run

#: The inputs of a service that decide what its tasks are and what they reach.
_CHECKED = ("taskDefinition", "networkConfiguration")


class RevisionError(Exception):
    """A revision cannot run jobs. The text is what the user reads."""


def prove_revisions(start_timeout: int) -> pulumi.ResourceHookBinding:
    """The hooks of a service. A preview runs nothing. `start_timeout`: the worker's, in seconds."""

    async def created(args: pulumi.ResourceHookArgs) -> None:
        # in a thread: the program goes on with other resources meanwhile
        await asyncio.to_thread(prove, args.new_inputs or {}, start_timeout, kept="is not created")

    async def updated(args: pulumi.ResourceHookArgs) -> None:
        new = args.new_inputs or {}
        if differs(args.old_inputs or {}, new):
            await asyncio.to_thread(prove, new, start_timeout, kept="keeps its revision")

    return pulumi.ResourceHookBinding(
        before_create=[pulumi.ResourceHook("ebb-first-revision", created)],
        before_update=[pulumi.ResourceHook("ebb-new-revision", updated)],
    )


def differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the service's tasks would be others, or reach something else, than before."""
    return any(old.get(name) != new.get(name) for name in _CHECKED)


def prove(service: Mapping[str, Any], start_timeout: int, *, kept: str, client: Clients | None = None) -> None:
    """Run the check for a service with these inputs. Raises RevisionError."""
    try:
        run(place(service), client or guard.clients(), start_timeout=start_timeout)
    except TaskCheckError as error:
        raise RevisionError(f"The new revision cannot run jobs, so the service {kept}: {error}") from None


def place(service: Mapping[str, Any]) -> Place:
    """Where the tasks of a service with these inputs run."""
    network = service["networkConfiguration"]
    return Place(
        cluster=str(service["cluster"]),
        task_definition=str(service["taskDefinition"]),
        network={
            "subnets": list(network["subnets"]),
            "securityGroups": list(network["securityGroups"]),
            "assignPublicIp": "ENABLED" if network.get("assignPublicIp") else "DISABLED",
        },
    )
