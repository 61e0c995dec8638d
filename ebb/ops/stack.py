"""The resources of a deployed stack, from its outputs and configuration in Pulumi."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.aws_clients import Clients, clients
from ebb.errors import UserError
from ebb.project import ROOT

#: Pulumi's backend must answer within this time.
PULUMI_TIMEOUT_SECONDS = 60.0


class OpsError(UserError):
    """A deployed stack that cannot be read or changed."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack. `provider`: the `aws:` keys of its configuration; the environment has the rest."""

    name: str
    provider: Mapping[str, Any]
    queue_url: str
    cluster_name: str
    service_name: str

    def clients(self) -> Clients:
        """The clients of the stack's AWS provider."""
        return clients(self.provider)

    @property
    def resource_id(self) -> str:
        """The service's id in Application Auto Scaling."""
        return f"service/{self.cluster_name}/{self.service_name}"


def read(name: str) -> Stack:
    """The stack of this name. Raises OpsError."""
    outputs = json.loads(_pulumi("stack", "output", "--json", "--stack", name))
    needed = ("queue_url", "cluster_name", "service_name")
    missing = [key for key in needed if not outputs.get(key)]
    if missing:
        raise OpsError(f"Stack {name} has no output {missing[0]}: it is not deployed. Run `pulumi up` first.")
    config: dict[str, Any] = json.loads(_pulumi("config", "--json", "--stack", name))
    provider = provider_keys(config)
    if any(entry.get("secret") for entry in provider.values()):
        provider = provider_keys(json.loads(_pulumi("config", "--json", "--show-secrets", "--stack", name)))
    values = {key: entry.get("objectValue", entry.get("value")) for key, entry in provider.items()}
    return Stack(name=name, provider=values, **{key: str(outputs[key]) for key in needed})


def provider_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the AWS provider in a configuration by full key, without `aws:`."""
    prefix = "aws:"
    return {key.removeprefix(prefix): entry for key, entry in config.items() if key.startswith(prefix)}


def _pulumi(*arguments: str) -> str:
    """The output of the Pulumi CLI. Raises OpsError with its error message."""
    program = shutil.which("pulumi")
    if program is None:
        raise OpsError("The command `pulumi` is not on PATH. Ebb needs it to read the stack's outputs.")
    try:
        done = subprocess.run(
            [program, *arguments, "--non-interactive", "--color", "never"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PULUMI_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OpsError(f"pulumi did not answer within {PULUMI_TIMEOUT_SECONDS:g} seconds.") from None
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("error: ")
        raise OpsError(f"pulumi {arguments[0]} failed: {said or f'exit code {done.returncode}'}")
    return done.stdout
