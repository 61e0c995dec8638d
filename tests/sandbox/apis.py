"""APIs in front of one queue, deployed by the real engine and asked over HTTP."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components._job_refs import JobRefs
from components.api import JobApi, JobApiArgs
from components.job_workflows import JobWorkflows, JobWorkflowsArgs
from components.queue import JobQueue, JobQueueArgs
from components.table import JobTable, JobTableArgs
from ebb.project import ROOT
from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve
from settings import Jobs, read
from settings import Queue as QueueSettings
from tests.sandbox.pulumi_stack import InlineStack

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """Header names are in lower case; `body` is the JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def problem(self) -> tuple[int, str]:
        """Status and title of a problem; its form is checked."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.body.keys() <= {"type", "title", "status", "detail"}
        assert self.body["type"] == "/docs/errors.md#" + self.body["title"].lower().replace(" ", "-")
        assert self.body.get("status", self.status) == self.status
        return self.status, self.body["title"]


class Apis:
    """The queue and its APIs, by the names that the test gave them."""

    def __init__(self, region: Region, outputs: Mapping[str, str]) -> None:
        self.region = region
        self.outputs = outputs

    def ask(
        self,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = JSON,
        *,
        method: str = "POST",
        api: str = "open",
    ) -> Answer:
        """One request to an API."""
        url = urlsplit(self.outputs[api])
        connection = http.client.HTTPConnection(url.netloc, timeout=60)
        try:
            connection.request(method, url.path + target, body, dict(headers))
            answer = connection.getresponse()
            text = answer.read()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, json.loads(text) if text else None)
        finally:
            connection.close()

    def bodies(self) -> list[str]:
        """Receive and delete what is in the queue."""
        sqs, found = self.region.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=self.outputs["queue"], MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=self.outputs["queue"], ReceiptHandle=message["ReceiptHandle"])
        return found


@contextlib.contextmanager
def deployed(region: Region, folder: Path, settings: Mapping[str, Mapping[str, Any]], **table: Any) -> Iterator[Apis]:
    """One queue with an API for each of the settings, with a job table if they say so.

    `keep_days` and `events`: the settings' section `jobs`.
    """

    def program() -> None:
        jobs = JobQueue("jobs", JobQueueArgs(settings=QueueSettings()))
        pulumi.export("queue", jobs.refs.url)
        followed = Jobs(**table) if table else None
        refs = _workflows(jobs, followed) if followed else None
        for name, chosen in settings.items():
            api = JobApi(name, JobApiArgs(settings=read({"api": chosen}).api, queue=jobs.refs, jobs=refs))
            pulumi.export(name, api.url)
            pulumi.export(f"{name}-key", api.api_key_id)

    region.reset()
    provider = serve(Aws(region.client), Images(region), ROOT)
    try:
        stack = InlineStack(region, folder / "stack", provider.port, find(print), program)
        stack.up()
        yield Apis(region, {name: str(output.value) for name, output in stack.outputs().items()})
    finally:
        provider.stop()


def _workflows(queue: JobQueue, settings: Jobs) -> JobRefs:
    table = JobTable("job-table", JobTableArgs())
    args = JobWorkflowsArgs(settings=settings, queue=queue.refs, table_name=table.table_name, table_arn=table.table_arn)
    workflows = JobWorkflows("job", args)
    pulumi.export("table", table.table_name)
    return workflows.refs
