"""Recurring jobs: EventBridge Scheduler sends them to the queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import account
from components._queue_refs import QueueRefs
from settings import Iam as IamSettings
from settings import Schedule

#: Scheduler replaces it by the time for which it runs, which is the same in each retry (EventBridge Scheduler user
#: guide, "Adding context attributes").
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


@dataclass(frozen=True, kw_only=True)
class RecurringJobsArgs:
    """The settings' schedules, and the job queue."""

    schedules: Sequence[Schedule]
    queue: QueueRefs
    iam: IamSettings = field(default_factory=IamSettings)


class RecurringJobs(pulumi.ComponentResource):
    """Jobs that return, straight from EventBridge Scheduler to the queue.

    Creates:
    - a schedule for each recurring job. It calls SQS as a universal target, which sets the deduplication id of a FIFO
      queue: a templated target of SQS cannot. A job that Scheduler sends twice within five minutes is one message there
    - the role with which Scheduler sends to this queue only
    """

    def __init__(self, name: str, args: RecurringJobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:RecurringJobs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        here, queue = account(self), args.queue
        trust = _iam.trust("scheduler.amazonaws.com", _iam.from_account(here.id))
        role = _iam.role(name, trust, args.iam, child)
        statements = [_iam.allow(["sqs:SendMessage"], queue.arn), *_iam.encrypt_messages(queue.kms_key_arn)]
        policy = aws.iam.RolePolicy(name, role=role.name, policy=_iam.document(statements), opts=child)
        for schedule in args.schedules:
            message = {"QueueUrl": queue.url, "MessageBody": schedule.text}
            if schedule.group:
                message["MessageGroupId"] = schedule.group
            if queue.fifo:
                message["MessageDeduplicationId"] = f"{schedule.name}-{SCHEDULED_TIME}"
            aws.scheduler.Schedule(
                f"{name}-{schedule.name}",
                description=f"Sends the job {schedule.name}",
                schedule_expression=schedule.expression,
                schedule_expression_timezone=schedule.timezone if schedule.cron else None,
                flexible_time_window={"mode": "OFF"},
                target={
                    "arn": pulumi.Output.format("arn:{0}:scheduler:::aws-sdk:sqs:sendMessage", here.partition),
                    "role_arn": role.arn,
                    "input": pulumi.Output.json_dumps(message),
                },
                opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
        self.register_outputs({})
