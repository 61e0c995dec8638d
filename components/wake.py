"""Starts tasks without delay, and keeps SQS's metrics available."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _iam, _workflow
from components._account import account
from components.queue import QueueRefs
from policy import hours
from policy.plan import SCALABLE_DIMENSION, SERVICE_NAMESPACE
from settings import Iam as IamSettings
from settings import Scaling as ScalingSettings

#: Key of a tag that the queue does not have. Removing it changes nothing, but counts as activity of the queue.
NO_TAG = "ebb:keep-alive"


@dataclass(frozen=True, kw_only=True)
class WakeArgs:
    """The settings' section `scaling`, the job queue, the service and its scalable target."""

    settings: ScalingSettings
    queue: QueueRefs
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    #: The scalable target: `service/<cluster>/<service>`, and its ARN.
    resource_id: pulumi.Input[str]
    target_arn: pulumi.Input[str]
    iam: IamSettings = field(default_factory=IamSettings)


class Wake(pulumi.ComponentResource):
    """Wakes a service that is at zero tasks, so that a waiting job is started without delay.

    Creates, each with a role that has the necessary permissions only:
    - with `keep_alive`, a schedule that calls the queue once an hour
    - with `watch`, the watcher: an Express workflow that a schedule starts once a minute
    - with `direct`, the Express workflow through which the API sends a job and starts a task
    - with `warm_hours`, scheduled actions that change the minimum number of tasks
    """

    #: The workflow that the API starts for each job; None without `direct`.
    submit_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: WakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Wake", name, None, opts)
        self._args, self._account = args, account(self)
        settings = args.settings
        if settings.keeps_alive:
            self._keep_alive()
        if settings.watches:
            self._watch()
        self.submit_arn = self._submit() if settings.direct else None
        self._warm_hours()
        self.register_outputs({"submit_arn": self.submit_arn})

    def _keep_alive(self) -> None:
        queue = self._args.queue
        role = self._role("keep-alive", "scheduler", [_iam.allow(["sqs:UntagQueue"], queue.arn)])
        self._schedule(
            "keep-alive",
            "rate(1 hour)",
            {
                "arn": pulumi.Output.format("arn:{0}:scheduler:::aws-sdk:sqs:untagQueue", self._account.partition),
                "role_arn": role.arn,
                "input": pulumi.Output.json_dumps({"QueueUrl": queue.url, "TagKeys": [NO_TAG]}),
            },
            "Calls the queue, so that SQS does not stop sending metrics",
        )

    def _watch(self) -> None:
        args, settings = self._args, self._args.settings
        machine = self._workflow(
            "watcher",
            _workflow.watch,
            [_iam.allow(["sqs:GetQueueAttributes"], args.queue.arn), *self._may_set_minimum()],
            cluster=args.cluster_name,
            service=args.service_name,
        )
        role = self._role("watch", "scheduler", [_iam.allow(["states:StartExecution"], machine.arn)])
        schedules = {"watch": ("rate(1 minute)", settings.min_tasks)}
        if settings.warm_hours:  # each minute has its own minimum, so a schedule needs a clock
            moments = hours.minutes(settings)
            schedules = {f"watch-{number}": (found.cron, found.minimum) for number, found in enumerate(moments)}
        for role_name, (expression, minimum) in schedules.items():
            self._schedule(
                role_name,
                expression,
                {
                    "arn": machine.arn,
                    "role_arn": role.arn,
                    "input": json.dumps({"minimum": minimum}),
                    # the next minute is the retry; a late event may have the minimum of another hour
                    "retry_policy": {"maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 60},
                },
                "Checks the queue for jobs",
                settings.timezone if settings.warm_hours else None,
            )

    def _submit(self) -> pulumi.Output[str]:
        queue = self._args.queue
        statements = [
            _iam.allow(["sqs:SendMessage"], queue.arn),
            *self._may_set_minimum(),
            *_iam.encrypt_messages(queue.kms_key_arn),
        ]
        return self._workflow("submit", lambda **known: _workflow.submit(**known, fifo=queue.fifo), statements).arn

    def _warm_hours(self) -> None:
        settings = self._args.settings
        for change in hours.changes(settings):
            aws.appautoscaling.ScheduledAction(
                f"{self.pulumi_resource_name}-hours-{change.minimum}-at-{change.hours}-{change.minutes}",
                service_namespace=SERVICE_NAMESPACE,
                scalable_dimension=SCALABLE_DIMENSION,
                resource_id=self._args.resource_id,
                schedule=change.cron,
                timezone=settings.timezone,
                scalable_target_action={"min_capacity": change.minimum},
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _may_set_minimum(self) -> list[_iam.Statement]:
        """Permissions to read and set the scalable target's minimum.

        Reading has no resource level. Application Auto Scaling checks that its caller may update the service (user
        guide, "Permissions validation for Application Auto Scaling API calls on target resources"; ECS developer guide,
        "IAM permissions required for Amazon ECS service auto scaling").
        """
        return [
            _iam.allow(["application-autoscaling:DescribeScalableTargets"], "*"),
            _iam.allow(["application-autoscaling:RegisterScalableTarget"], self._args.target_arn),
            _iam.allow(["ecs:DescribeServices", "ecs:UpdateService"], self._account.arn("ecs", self._args.resource_id)),
        ]

    def _workflow(
        self,
        role_name: str,
        document: Callable[..., _workflow.Document],
        statements: Sequence[_iam.Statement],
        **more: pulumi.Input[str],
    ) -> aws.sfn.StateMachine:
        known = pulumi.Output.all(
            partition=self._account.partition,
            queue_url=self._args.queue.url,
            resource_id=self._args.resource_id,
            **more,
        )
        return aws.sfn.StateMachine(
            f"{self.pulumi_resource_name}-{role_name}",
            type="EXPRESS",
            definition=known.apply(lambda values: json.dumps(document(**values))),
            role_arn=self._role(role_name, "states", statements).arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role(self, role_name: str, service: str, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        child = pulumi.ResourceOptions(parent=self)
        name = f"{self.pulumi_resource_name}-{role_name}"
        trust = _iam.trust(f"{service}.amazonaws.com", _iam.from_account(self._account.id))
        role = _iam.role(name, trust, self._args.iam, child)
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
            f"{self.pulumi_resource_name}-{role_name}",
            description=description,
            schedule_expression=expression,
            schedule_expression_timezone=timezone,
            flexible_time_window={"mode": "OFF"},
            target=target,
            opts=pulumi.ResourceOptions(parent=self),
        )
