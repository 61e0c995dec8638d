"""Starts tasks without delay, and keeps SQS's metrics available."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _iam, _machines
from components._account import account
from components._queue_refs import QueueRefs
from components.workflows import asl, waking
from policy import hours
from policy.plan import SCALABLE_DIMENSION, SERVICE_NAMESPACE
from policy.sizing import Sizing
from settings import Iam as IamSettings
from settings import Scaling as ScalingSettings

#: Key of a tag that the queue does not have. Removing it changes nothing, but counts as activity of the queue.
NO_TAG = "ebb:keep-alive"


@dataclass(frozen=True, kw_only=True)
class WakeArgs:
    """The settings' section `scaling`, how it sizes the service, the queue, the service and its scalable target.

    `submits`: whether jobs are sent by a workflow of this component. With a job table they are not.
    """

    settings: ScalingSettings
    tasks: Sizing
    queue: QueueRefs
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    #: The scalable target: `service/<cluster>/<service>`, and its ARN.
    resource_id: pulumi.Input[str]
    target_arn: pulumi.Input[str]
    submits: bool = True
    iam: IamSettings = field(default_factory=IamSettings)


class Wake(pulumi.ComponentResource):
    """Wakes a service that is at zero tasks, so that a waiting job is started without delay.

    Creates, each with a role that has the necessary permissions only:
    - with `keep_alive`, a schedule that calls the queue once an hour
    - with `watch`, the watcher: an Express workflow that a schedule starts once a minute
    - with `direct`, the Express workflow that adds tasks, and with `submits` the one through which the API sends a job
    - with `warm_hours`, scheduled actions that change the minimum number of tasks
    """

    #: The workflow that adds tasks; None without `direct`.
    start_arn: pulumi.Output[str] | None
    #: The workflow that the API starts for each job, which starts the other one; None without both.
    submit_arn: pulumi.Output[str] | None
    #: The watcher's workflow; None without a watcher.
    watcher_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: WakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Wake", name, None, opts)
        self._args, self._account = args, account(self)
        settings = args.settings
        if settings.keeps_alive:
            self._keep_alive()
        self.watcher_arn = self._watch() if settings.watches else None
        start = self._looking("start", waking.start).arn if settings.direct else None
        self.start_arn = start
        self.submit_arn = self._submit(start) if start is not None and args.submits else None
        self._warm_hours()
        self.register_outputs(
            {"start_arn": self.start_arn, "submit_arn": self.submit_arn, "watcher_arn": self.watcher_arn}
        )

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

    def _watch(self) -> pulumi.Output[str]:
        settings = self._args.settings
        machine = self._looking("watcher", waking.watch)
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
        return machine.arn

    def _submit(self, start_arn: pulumi.Output[str]) -> pulumi.Output[str]:
        queue = self._args.queue
        statements = [
            _iam.allow(["sqs:SendMessage", "sqs:GetQueueAttributes"], queue.arn),
            _iam.allow(["states:StartExecution"], start_arn),
            *_iam.encrypt_messages(queue.kms_key_arn),
        ]
        document = pulumi.Output.all(partition=self._account.partition, queue_url=queue.url, start_arn=start_arn).apply(
            lambda known: waking.submit(**known, fifo=queue.fifo)
        )
        return self._workflow("submit", document, statements).arn

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

    def _looking(self, role_name: str, document: Callable[[waking.Place], asl.Document]) -> aws.sfn.StateMachine:
        """A workflow that reads the queue and sets the scalable target's minimum.

        Reading targets has no resource level. Application Auto Scaling checks that its caller may update the service
        (user guide, "Permissions validation for Application Auto Scaling API calls on target resources"; ECS developer
        guide, "IAM permissions required for Amazon ECS service auto scaling").
        """
        args = self._args
        statements = [
            _iam.allow(["sqs:GetQueueAttributes"], args.queue.arn),
            _iam.allow(["application-autoscaling:DescribeScalableTargets"], "*"),
            _iam.allow(
                ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScheduledAction"],
                args.target_arn,
            ),
            _iam.allow(["ecs:DescribeServices", "ecs:UpdateService"], self._account.arn("ecs", args.resource_id)),
        ]
        place = pulumi.Output.all(
            partition=self._account.partition,
            queue_url=args.queue.url,
            cluster=args.cluster_name,
            service=args.service_name,
            resource_id=args.resource_id,
        ).apply(lambda known: waking.Place(**known, tasks=args.tasks, min_tasks=args.settings.min_tasks))
        return self._workflow(role_name, place.apply(document), statements)

    def _workflow(
        self, role_name: str, document: pulumi.Output[asl.Document], statements: Sequence[_iam.Statement]
    ) -> aws.sfn.StateMachine:
        return _machines.express(self, role_name, document, self._role(role_name, "states", statements).arn)

    def _role(self, role_name: str, service: str, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        return _machines.role(self, role_name, service, statements, account=self._account, iam=self._args.iam)

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
