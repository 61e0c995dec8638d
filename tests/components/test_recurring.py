"""Recurring jobs: schedules that send to the queue."""

import json
from typing import Any

from components.recurring import RecurringJobs, RecurringJobsArgs
from settings import Schedule
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

SCHEDULE = "aws:scheduler/schedule:Schedule"
NIGHTLY = Schedule(name="nightly", cron="0 3 * * ? *", timezone="Europe/Berlin", body={"kind": "report"}, group="g")
OFTEN = Schedule(name="often", rate="90 minutes")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


def made(*schedules: Schedule, **queue: Any) -> Deployed:
    args = RecurringJobsArgs(schedules=schedules, queue=queue_refs(**queue))
    return deploy(lambda: RecurringJobs("recurring", args) and {})


def message(deployed: Deployed, name: str) -> dict[str, str]:
    return dict(json.loads(deployed.one(SCHEDULE, name).inputs["target"]["input"]))


def test_a_schedule_sends_the_body_to_the_queue() -> None:
    found = made(NIGHTLY, OFTEN)
    inputs = dict(found.one(SCHEDULE, "recurring-nightly").inputs)
    target = inputs.pop("target")
    assert inputs == {
        "description": "Sends the job nightly",
        "scheduleExpression": "cron(0 3 * * ? *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "OFF"},
    }
    assert target["arn"] == "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    url = queue_refs().url
    assert message(found, "recurring-nightly") == {
        "QueueUrl": url,
        "MessageBody": '{"kind": "report"}',
        "MessageGroupId": "g",
    }
    assert message(found, "recurring-often") == {"QueueUrl": url, "MessageBody": "{}"}
    assert "scheduleExpressionTimezone" not in found.one(SCHEDULE, "recurring-often").inputs


def test_a_fifo_queue_drops_the_second_of_two_deliveries_of_one_time() -> None:
    found = message(made(NIGHTLY, fifo=True), "recurring-nightly")
    assert found["MessageDeduplicationId"] == "nightly-<aws.scheduler.scheduled-time>"


def test_the_role_may_send_to_this_queue_only_and_use_its_key() -> None:
    found = made(NIGHTLY, kms_key_arn=KEY)
    (trust,) = found.one("aws:iam/role:Role").statements
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert found.one("aws:iam/rolePolicy:RolePolicy").statements == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [queue_refs().arn]},
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": [KEY]},
    ]
