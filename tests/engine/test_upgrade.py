"""A stack of an earlier release keeps its data in the upgrade; data that is protected, or in use, stops a destroy."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from components import guard, holding_data
from ebb.project import ROOT
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.server import serve
from tests.helpers import releases
from tests.iam import calls
from tools.drift import drift

#: What a user changes in the stack file (docs/upgrading.md), and the protection of what holds data.
UPGRADE: dict[str, Any] = {
    "ebb:worker": {"once_days": None, "check": False},  # no tasks run here
    "ebb:jobs": {"keep_days": 14},
    "ebb:api": {"auth": "api_key"},
    "ebb:data": {"protect": True},
}
LIFTED: dict[str, Any] = {**UPGRADE, "ebb:data": None}
LIFTED["ebb:worker"] = {"once_days": None, "check": False, "image": {"force_delete": True}}


def test_a_stack_of_release_0_1_0_keeps_its_data_and_is_deleted_only_without_jobs_and_protection(
    region: Region, command: PulumiCommand
) -> None:
    images = Images(region, instead=WORKER)
    provider = serve(aws := calls.Recorder(region.client), images, ROOT)
    config = releases.configuration("0.1.0", UPGRADE)
    deployment = Deployment(region, provider.port, releases.STACK, command, config)
    deployment.restore(releases.create("0.1.0", region, images))
    sqs, dynamodb, logs = (region.client(name) for name in ("sqs", "dynamodb", "logs"))
    (jobs,) = (url for url in sqs.list_queues()["QueueUrls"] if "dead-letter" not in url)
    (table,) = dynamodb.list_tables()["TableNames"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=jobs, MessageBody=body)
    dynamodb.put_item(TableName=table, Item={"id": {"S": "ended"}, "state": {"S": "done"}})

    changes = [change for change in deployment.up() if change.type in holding_data.TYPES]
    assert [change for change in changes if change.operation not in ("create", "update")] == []
    assert ("update", "job-table") in {(change.operation, change.name) for change in changes}
    outputs = deployment.outputs()
    assert (outputs["queue_url"], outputs["job_table_name"]) == (jobs, table)
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "ended"}})["Item"]["state"] == {"S": "done"}
    assert len(dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]) == 2

    workspace = deployment._stack.workspace
    look = partial(
        drift,
        releases.STACK,
        pulumi=command.command,
        folder=Path(workspace.work_dir),
        environment=os.environ | workspace.env_vars,
    )
    with aws.preview():
        code, printed = look()
    assert code == 0, printed
    assert calls.of_preview(aws, releases.STACK, [config]) == []
    sqs.set_queue_attributes(QueueUrl=jobs, Attributes={"VisibilityTimeout": "31"})
    code, printed = look()
    assert code != 0
    assert re.search(r'visibilityTimeoutSeconds\s*: 30 => "?31', printed), printed
    sqs.set_queue_attributes(QueueUrl=jobs, Attributes={"VisibilityTimeout": "30"})

    before = region.inventory()
    with pytest.raises(DeploymentError, match=r"ebb:data\.protect is true, so nothing is deleted"):
        deployment.destroy()
    deployment.configure(releases.configuration("0.1.0", {**UPGRADE, "ebb:queue": {"name": "other"}}))
    with pytest.raises(DeploymentError, match=r"unable to replace resource .*::jobs"):
        deployment.preview()
    assert region.inventory() == before

    deployment.configure(releases.configuration("0.1.0", LIFTED))
    deployment.up()
    with pytest.raises(DeploymentError, match=f"holds 2 jobs, so it is kept. {guard.IN_USE}"):
        deployment.destroy()
    sqs.purge_queue(QueueUrl=jobs)
    group = outputs["log_group_name"]
    logs.create_log_stream(logGroupName=group, logStreamName="task")
    logs.put_log_events(logGroupName=group, logStreamName="task", logEvents=[{"timestamp": 0, "message": "job_done"}])
    deployment.destroy()
    assert region.inventory() == []
    provider.stop()
