"""What keeps the queue's metrics awake, and the service from sleeping longer than it must.

Creates, as the settings say: a schedule that touches the queue once an hour; or a watcher, an Express workflow that a
schedule starts once a minute; the Express workflow through which the API sends and wakes at once; and the scheduled
actions of warm hours. Each with a role of its own that may do that and nothing else.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import _iam, _workflow
from policy import hours
from settings import Scaling as ScalingSettings

#: The key of a tag that the queue does not have. To remove it changes nothing, and is an action on the queue.
NO_TAG = "ebb:keep-alive"


@dataclass(frozen=True, kw_only=True)
class WakeArgs:
    """The settings' section `scaling`, the queue, and the service's scalable target."""

    settings: ScalingSettings
    fifo: bool
    queue_url: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None
    #: Of the scalable target, as QueueScaling has them.
    resource_id: pulumi.Input[str]
    target_arn: pulumi.Input[str]


class Wake(pulumi.ComponentResource):
    """Looks after a service at zero, so that a job finds somebody awake."""

    #: The workflow that the API starts with a job, None without `direct`.
    submit_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: WakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Wake", name, None, opts)
        self._name, self._args = name, args
        invoke = pulumi.InvokeOutputOptions(parent=self)
        self._partition = aws.get_partition_output(opts=invoke).partition
        self._account = aws.get_caller_identity_output(opts=invoke).account_id
        self._region = aws.get_region_output(opts=invoke).region
        settings = args.settings
        if settings.keeps_alive:
            self._keep_alive()
        if settings.watches:
            self._watch()
        self.submit_arn = self._submit() if settings.direct else None
        self._warm_hours()
        self.register_outputs({"submit_arn": self.submit_arn})

    def _keep_alive(self) -> None:
        role = self._role("keep-alive", "scheduler", [_iam.allow(["sqs:UntagQueue"], self._args.queue_arn)])
        self._schedule(
            "keep-alive",
            "rate(1 hour)",
            {
                "arn": pulumi.Output.format("arn:{0}:scheduler:::aws-sdk:sqs:untagQueue", self._partition),
                "role_arn": role.arn,
                "input": pulumi.Output.json_dumps({"QueueUrl": self._args.queue_url, "TagKeys": [NO_TAG]}),
            },
            "Touches the queue, so that its metrics do not go to sleep",
        )

    def _watch(self) -> None:
        args, settings = self._args, self._args.settings
        machine = self._workflow(
            "watcher", _workflow.watch, [_iam.allow(["sqs:GetQueueAttributes"], args.queue_arn), *self._may_wake()]
        )
        role = self._role("watch", "scheduler", [_iam.allow(["states:StartExecution"], machine.arn)])
        # without warm hours the minute needs no clock; with them each minute has the least number of tasks of its hour
        every = {"watch": ("rate(1 minute)", settings.min_tasks)}
        if settings.warm_hours:
            moments = hours.minutes(settings)
            every = {f"watch-{number}": (found.cron, found.minimum) for number, found in enumerate(moments)}
        for role_name, (expression, minimum) in every.items():
            self._schedule(
                role_name,
                expression,
                {
                    "arn": machine.arn,
                    "role_arn": role.arn,
                    "input": json.dumps({"minimum": minimum}),
                    # the next minute is the retry; one that comes late would tell of another hour
                    "retry_policy": {"maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 60},
                },
                "Looks whether a job is there",
                settings.timezone if settings.warm_hours else None,
            )

    def _submit(self) -> pulumi.Output[str]:
        args = self._args
        statements = [_iam.allow(["sqs:SendMessage"], args.queue_arn), *self._may_wake()]
        if args.kms_key_arn is not None:
            # SQS encrypts with a data key that it gets, and decrypts again, in the sender's name
            statements.append(_iam.allow(["kms:GenerateDataKey", "kms:Decrypt"], args.kms_key_arn))
        return self._workflow("submit", lambda **known: _workflow.submit(**known, fifo=args.fifo), statements).arn

    def _warm_hours(self) -> None:
        settings = self._args.settings
        for change in hours.changes(settings):
            aws.appautoscaling.ScheduledAction(
                f"{self._name}-hours-{change.minimum}-at-{change.hours}-{change.minutes}",
                service_namespace="ecs",
                scalable_dimension="ecs:service:DesiredCount",
                resource_id=self._args.resource_id,
                schedule=change.cron,
                timezone=settings.timezone,
                scalable_target_action={"min_capacity": change.minimum},
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _may_wake(self) -> list[_iam.Statement]:
        """What it takes to read and to move the scalable target's minimum.

        Reading has no resource level. Application Auto Scaling tries out whether its caller may do to the service what
        it is asked to do (user guide, "Permissions validation for Application Auto Scaling API calls on target
        resources"; ECS developer guide, "IAM permissions required for Amazon ECS service auto scaling").
        """
        service = pulumi.Output.format(
            "arn:{0}:ecs:{1}:{2}:{3}", self._partition, self._region, self._account, self._args.resource_id
        )
        return [
            _iam.allow(["application-autoscaling:DescribeScalableTargets"], "*"),
            _iam.allow(["application-autoscaling:RegisterScalableTarget"], self._args.target_arn),
            _iam.allow(["ecs:DescribeServices", "ecs:UpdateService"], service),
        ]

    def _workflow(
        self, role_name: str, document: Callable[..., _workflow.Document], statements: Sequence[_iam.Statement]
    ) -> aws.sfn.StateMachine:
        known = pulumi.Output.all(
            partition=self._partition, queue_url=self._args.queue_url, resource_id=self._args.resource_id
        )
        return aws.sfn.StateMachine(
            f"{self._name}-{role_name}",
            type="EXPRESS",
            definition=known.apply(lambda values: json.dumps(document(**values))),
            role_arn=self._role(role_name, "states", statements).arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role(self, role_name: str, service: str, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        child = pulumi.ResourceOptions(parent=self)
        # a service acts for many accounts: for no other one with this role
        condition = {"StringEquals": {"aws:SourceAccount": self._account}}
        name = f"{self._name}-{role_name}"
        role = aws.iam.Role(name, assume_role_policy=_iam.trust(f"{service}.amazonaws.com", condition), opts=child)
        aws.iam.RolePolicy(name, role=role.name, policy=_iam.document(statements), opts=child)
        return role

    def _schedule(
        self,
        role_name: str,
        expression: str,
        target: aws.scheduler.ScheduleTargetArgsDict,
        description: str,
        timezone: str | None = None,
    ) -> None:
        aws.scheduler.Schedule(
            f"{self._name}-{role_name}",
            description=description,
            schedule_expression=expression,
            schedule_expression_timezone=timezone,
            flexible_time_window={"mode": "OFF"},
            target=target,
            opts=pulumi.ResourceOptions(parent=self),
        )
