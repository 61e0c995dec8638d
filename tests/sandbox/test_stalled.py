"""While jobs wait and no task can do them, the addresses in `emails` get a mail, and no more tasks start."""

import json
from typing import Any

import pytest
from moto.sns.models import sns_backends

from ebb.sandbox.demo import WORKER
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import until

#: Settings that no task can work with, and how many jobs wait for one: exit codes 78 and 69. They pass a deployment
#: without its check.
BROKEN: dict[str, tuple[dict[str, Any], int]] = {
    "a handler that does not exist": ({"ebb:worker": {"handler": "worker.nothing:handle", "check": False}}, 1),
    "a deleted table": ({"ebb:jobs": {"keep_days": 7}, "ebb:scaling": {"direct": True}}, 2),
}


def mails(sandbox: Sandbox) -> list[tuple[str, str]]:
    """(subject, new state) of what each subscriber of the topic got."""
    (topic,) = sns_backends[sandbox.region.account][sandbox.region.region].topics.values()
    return [(str(subject), json.loads(text)["NewStateValue"]) for _, text, subject, *_ in topic.sent_notifications]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_job_that_no_task_can_do_is_told_by_mail_long_before_it_expires(fault: str) -> None:
    broken, jobs = BROKEN[fault]
    overrides = {
        **broken,
        "ebb:monitoring": {"emails": ["ops@example.com"]},
        "ebb:queue": {"retention_days": 1},
    }
    with Sandbox(in_process=True, speed=600, overrides=overrides, image=WORKER, say=print) as sandbox:
        sandbox.deployment.up()
        dynamodb = sandbox.region.client("dynamodb")
        for name in dynamodb.list_tables()["TableNames"]:
            dynamodb.delete_table(TableName=name)
        sqs, queue = sandbox.region.client("sqs"), sandbox.deployment.outputs()["queue_url"]
        for _ in range(jobs):
            sqs.send_message(QueueUrl=queue, MessageBody='{"seconds": 0}')
        accepted = sandbox.region.clock.now()
        until(lambda: "ALARM" in dict(mails(sandbox)).values(), seen=lambda: list(sandbox.region.events))
        assert sandbox.region.clock.now() - accepted < 24 * 3600 / 4
        assert [subject for subject, state in mails(sandbox) if state == "ALARM" and "stalled" not in subject] == []
        attributes = ["ApproximateNumberOfMessages"]
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=attributes)["Attributes"]
        assert counts == {"ApproximateNumberOfMessages": str(jobs)}
        assert max(event.data["after"] for event in sandbox.region.events if event.kind == "scaling") <= jobs
