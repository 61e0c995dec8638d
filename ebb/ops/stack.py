"""The resources of a deployed stack, from its outputs and configuration in Pulumi, or from a sandbox that runs."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import botocore.session

from components.aws_clients import Clients, clients
from ebb.errors import UserError
from ebb.project import ROOT
from ebb.sandbox import running
from ebb.sandbox.emulators import local_client
from ebb.sandbox.emulators.clock import Clock

#: Pulumi's backend must answer within this time.
PULUMI_TIMEOUT_SECONDS = 60.0
#: Outputs that each deployed stack has, and outputs that some stacks have, by the names of Stack's fields.
NEEDED = ("queue_url", "cluster_name", "service_name")
OPTIONAL = {
    "dead_letter_queue_url": "dead_letter_queue_url",
    "table_name": "job_table_name",
    "log_group_name": "log_group_name",
    "image_uri": "image_uri",
    "api_url": "api_url",
    "api_id": "api_id",
    "api_stage": "api_stage",
    "api_auth": "api_auth",
    "api_key_id": "api_key_id",
    "topic_arn": "topic_arn",
    "dashboard_url": "dashboard_url",
    "alarm_names": "alarm_names",
}
#: The region in a queue's URL (SQS developer guide, "Amazon SQS endpoints").
_REGION = re.compile(r"https://sqs(?:-fips)?\.([a-z0-9-]+)\.")


class OpsError(UserError):
    """A deployed stack that cannot be read or changed."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack: its name, the `aws:` keys of its configuration, and its outputs.

    `alarm_names`: the operators' alarms by role. `sandbox`: the sandbox on this machine that it is deployed to.
    """

    name: str
    provider: Mapping[str, Any] = field(default_factory=dict)
    queue_url: str
    cluster_name: str
    service_name: str
    dead_letter_queue_url: str | None = None
    table_name: str | None = None
    log_group_name: str | None = None
    image_uri: str | None = None
    api_url: str | None = None
    api_id: str | None = None
    api_stage: str | None = None
    api_auth: str | None = None
    api_key_id: str | None = None
    topic_arn: str | None = None
    dashboard_url: str | None = None
    alarm_names: Mapping[str, str] = field(default_factory=dict)
    sandbox: running.Running | None = None

    def clients(self) -> Clients:
        """The clients of the stack's AWS provider, in the region of its queue, or of the sandbox."""
        if self.sandbox is None:
            return clients(self.provider, self.region)
        session, region, endpoint = botocore.session.Session(), self.sandbox.region, self.sandbox.endpoint
        return lambda service: local_client.create(session, service, region, endpoint)

    @property
    def region(self) -> str | None:
        """The region of the queue. None if its URL does not say it: the provider's then."""
        if self.sandbox:
            return self.sandbox.region
        found = _REGION.match(self.queue_url)
        return found[1] if found else None

    @property
    def clock(self) -> Clock:
        """From real time to the times of CloudWatch's metrics: in the sandbox they are simulated."""
        return Clock(self.sandbox.speed, self.sandbox.epoch) if self.sandbox else Clock(1)

    @property
    def fifo(self) -> bool:
        """Whether the queue is a FIFO queue."""
        return self.queue_url.endswith(".fifo")

    @property
    def queue_name(self) -> str:
        """The last part of the queue's URL."""
        return self.queue_url.rpartition("/")[2]

    @property
    def resource_id(self) -> str:
        """The service's id in Application Auto Scaling."""
        return f"service/{self.cluster_name}/{self.service_name}"


def read(name: str) -> Stack:
    """The stack of this name: of a sandbox that runs on this machine, else of Pulumi's backend. Raises OpsError."""
    if not name.strip():  # Pulumi would take the stack that is selected
        raise OpsError("--stack is empty: give the name of a deployed stack.")
    if sandbox := running.find(name):
        return Stack(name=name, sandbox=sandbox, **_fields(sandbox.outputs))
    outputs = json.loads(_pulumi(name, "stack", "output", "--json"))
    missing = [key for key in NEEDED if not outputs.get(key)]
    if missing:
        raise OpsError(f"Stack {name} has no output {missing[0]}: it is not deployed. Run `pulumi up` first.")
    config: dict[str, Any] = json.loads(_pulumi(name, "config", "--json"))
    provider = provider_keys(config)
    if any(entry.get("secret") for entry in provider.values()):
        provider = provider_keys(json.loads(_pulumi(name, "config", "--json", "--show-secrets")))
    values = {key: entry.get("objectValue", entry.get("value")) for key, entry in provider.items()}
    return Stack(name=name, provider=values, **_fields(outputs))


def provider_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the AWS provider in a configuration by full key, without `aws:`."""
    prefix = "aws:"
    return {key.removeprefix(prefix): entry for key, entry in config.items() if key.startswith(prefix)}


def _fields(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Stack that are outputs. A stack that an older Ebb deployed has fewer."""
    optional = {name: outputs[output] for name, output in OPTIONAL.items() if outputs.get(output)}
    return {key: str(outputs[key]) for key in NEEDED} | optional


def _pulumi(stack: str, *arguments: str) -> str:
    """The output of the Pulumi CLI about a stack. Raises OpsError."""
    program = shutil.which("pulumi")
    if program is None:
        raise OpsError(
            f"No sandbox runs stack {stack} on this machine, and the command `pulumi` is not on PATH. "
            "Ebb needs it to read the outputs of a stack in AWS."
        )
    try:
        done = subprocess.run(
            [program, *arguments, "--stack", stack, "--non-interactive", "--color", "never"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PULUMI_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OpsError(f"pulumi did not answer within {PULUMI_TIMEOUT_SECONDS:g} seconds.") from None
    if done.returncode:
        _refused(stack, done.stderr or f"exit code {done.returncode}", arguments[0])
    return done.stdout


def _refused(stack: str, stderr: str, command: str) -> NoReturn:
    """Pulumi's own error in one line, with what to do about a stack that does not exist."""
    said = " ".join(stderr.split()).removeprefix("error: ")
    if "no stack named" in said:
        raise OpsError(
            f"There is no stack {stack} in Pulumi's backend, and no sandbox of this name runs: `pulumi stack ls` lists "
            f"the stacks, and `ebb sandbox up --stack {stack}` starts a sandbox."
        )
    raise OpsError(f"pulumi {command} failed: {said}")
