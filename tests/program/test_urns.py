"""The URNs of what holds data. Pulumi takes a resource with another URN for a new one, and deletes the old one.

If this list changes, give the resource an alias of its old URN (`pulumi.Alias` in components/; JobTable has one), add
the upgrade to tests/engine/test_upgrade.py, and change the list. A new resource has a new line.
"""

from typing import Any

import pytest

from components import holding_data
from tests.components.harness import Deployed
from tests.helpers.stacks import configuration
from tests.program.test_program import run

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
QUEUES = {
    "ebb:index:JobQueue$aws:sqs/queue:Queue::jobs",
    "ebb:index:JobQueue$aws:sqs/queue:Queue::jobs-dead-letter",
}
OWN_KEY = {"ebb:index:JobQueue$aws:kms/key:Key::jobs-key"}
TABLE = {
    "ebb:index:JobTable$aws:dynamodb/table:Table::job-table",
    "ebb:index:JobWorkflows$aws:scheduler/scheduleGroup:ScheduleGroup::job",
}
LOGS = {
    "ebb:index:WorkerService$aws:cloudwatch/logGroup:LogGroup::worker",
    "ebb:index:JobApi$aws:cloudwatch/logGroup:LogGroup::api-access",
}
MORE_LOGS = {
    "ebb:index:Network$aws:cloudwatch/logGroup:LogGroup::network-flow",
    "ebb:index:JobApi$aws:cloudwatch/logGroup:LogGroup::api-execution",
}
#: Its child, the repository, has the same name.
REPOSITORY = {"ebb:index:WorkerImage$awsx:ecr:Repository::image"}
WEBHOOK = {"ebb:index:JobEvents$aws:sqs/queue:Queue::events-dead-letter"}
WEBHOOK_SETTINGS = {"url": "https://example.com/x", "secret": "/ebb/secret"}
EXISTING_IMAGE = {"build": None, "force_delete": None, "repository": "a/b", "tag": "c"}
ALWAYS = QUEUES | LOGS
#: Each way in which what holds data is made: overrides of the sandbox stack, and the URNs.
WAYS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as the file has it": ({}, ALWAYS | REPOSITORY),
    "FIFO with a name": ({"ebb:queue": {"fifo": True, "name": "jobs.fifo"}}, ALWAYS | REPOSITORY),
    "a new key": ({"ebb:queue": {"kms": "new"}}, ALWAYS | REPOSITORY | OWN_KEY),
    "an existing key": ({"ebb:queue": {"kms": KEY}}, ALWAYS | REPOSITORY),
    "an existing repository": (
        {"ebb:worker": {"image": EXISTING_IMAGE}},
        ALWAYS,
    ),
    "a job table": ({"ebb:jobs": {"keep_days": 4}}, ALWAYS | REPOSITORY | TABLE),
    "a webhook": (
        {"ebb:jobs": {"keep_days": 4, "events": True, "webhook": WEBHOOK_SETTINGS}},
        ALWAYS | REPOSITORY | TABLE | WEBHOOK,
    ),
    "a flow log, and the log of API Gateway itself": (
        {"ebb:network": {"flow_log_days": 30}, "ebb:api": {"execution_log": "ERROR"}},
        ALWAYS | REPOSITORY | MORE_LOGS,
    ),
    "direct, a watcher, and signed requests": (
        {"ebb:scaling": {"direct": True}, "ebb:api": {"auth": "iam"}},
        ALWAYS | REPOSITORY,
    ),
}


def holding(deployed: Deployed) -> set[str]:
    """Types and name of the URN of each resource that holds data: all of it that does not depend on the stack."""
    found = (made for made in deployed.resources.values() if made.type in holding_data.TYPES)
    return {made.urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$") for made in found}


@pytest.mark.parametrize("way", WAYS)
def test_the_urns_of_what_holds_data_never_change(way: str) -> None:
    overrides, urns = WAYS[way]
    assert holding(run(configuration("sandbox", overrides))) == urns, __doc__


def test_what_holds_data_is_protected_if_the_settings_say_so_and_nothing_else() -> None:
    overrides = {"ebb:queue": {"kms": "new"}, "ebb:jobs": {"keep_days": 4}}
    plain = run(configuration("sandbox", overrides)).resources.values()
    assert [made.urn for made in plain if made.request.protect] == []
    protected = run(configuration("sandbox", {**overrides, "ebb:data": {"protect": True}})).resources.values()
    assert {made.type for made in protected if made.request.protect} == {
        "aws:sqs/queue:Queue",
        "aws:kms/key:Key",
        "aws:dynamodb/table:Table",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        "awsx:ecr:Repository",
    }
    assert [made.urn for made in protected if made.type in holding_data.TYPES and not made.request.protect] == []
