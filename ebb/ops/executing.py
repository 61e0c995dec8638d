"""A shell in a running task (ECS Exec): the command of the aws CLI for it, or what is missing."""

import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from ebb.ops.refusals import refusals
from ebb.ops.scaling import described
from ebb.ops.stack import OpsError, Stack

#: The container's name, as components/_container.py has it.
CONTAINER = "worker"
PLUGIN = "session-manager-plugin"
_INSTALL = {
    "aws": "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    PLUGIN: "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
}


def command(
    stack: Stack,
    words: str,
    task: str | None = None,
    client: Callable[[str], Any] | None = None,
    which: Callable[[str], str | None] = shutil.which,
) -> list[str]:
    """The command line of `aws ecs execute-command` that runs `words` in a task, or in the newest one.

    Raises OpsError with what is missing: the setting, a running task, or a program on this machine.
    """
    if stack.sandbox:
        raise OpsError(
            "ECS Exec does not exist in the sandbox: a task is a process of this machine. `ebb logs` shows what it "
            "prints, and `python -m worker --once` runs a job here."
        )
    for program in ("aws", PLUGIN):
        if which(program) is None:
            raise OpsError(f"The program `{program}` is not on PATH: {_INSTALL[program]} says how to install it.")
    with refusals():
        found = client or stack.clients()
        ecs, service = found("ecs"), described(stack, found)
        if not service.get("enableExecuteCommand"):
            raise OpsError(
                f"Stack {stack.name} does not allow ECS Exec: `pulumi config set --path ebb:worker.exec true`, then "
                "`pulumi up`. Tasks that start after that allow it."
            )
        arns = ecs.list_tasks(cluster=stack.cluster_name, serviceName=stack.service_name)["taskArns"]
        tasks = ecs.describe_tasks(cluster=stack.cluster_name, tasks=arns)["tasks"] if arns else []
    chosen = [each for each in tasks if _usable(each) and (task is None or each["taskArn"].endswith(f"/{task}"))]
    if not chosen:
        which_one = f"Task {task} of stack {stack.name} does not run" if task else f"No task of stack {stack.name} runs"
        raise OpsError(f"{which_one} with ECS Exec: `ebb wake --stack {stack.name}` starts one.")
    newest = max(chosen, key=lambda each: each.get("startedAt") or each["createdAt"])
    place = ["--cluster", stack.cluster_name, "--task", newest["taskArn"], "--container", CONTAINER]
    return ["aws", "ecs", "execute-command", *place, "--interactive", "--command", words]


def environment(stack: Stack) -> Mapping[str, str]:
    """This process's variables, with the region and the profile of the stack."""
    known = {"AWS_REGION": stack.region or stack.provider.get("region"), "AWS_PROFILE": stack.provider.get("profile")}
    return {**os.environ, **{name: str(value) for name, value in known.items() if value}}


def _usable(task: Mapping[str, Any]) -> bool:
    agents = [agent for container in task.get("containers", []) for agent in container.get("managedAgents", [])]
    return task.get("lastStatus") == "RUNNING" and any(agent.get("lastStatus") == "RUNNING" for agent in agents)
