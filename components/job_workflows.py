"""The workflows that take, send and cancel jobs with a job table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _iam, _machines
from components._account import account
from components._job_refs import JobRefs
from components._queue_refs import QueueRefs
from components.workflows import cancellation, scheduled_release, submission
from components.workflows.asl import Document
from components.workflows.job_states import Place
from settings import Iam as IamSettings
from settings import Jobs as JobsSettings


@dataclass(frozen=True, kw_only=True)
class JobWorkflowsArgs:
    """The settings' section `jobs`, the queue, and the table, which the queue's key encrypts too."""

    settings: JobsSettings
    queue: QueueRefs
    table_name: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    #: The workflow that adds tasks; None without `scaling.direct`.
    start_arn: pulumi.Input[str] | None = None
    iam: IamSettings = field(default_factory=IamSettings)


class JobWorkflows(pulumi.ComponentResource):
    """Express workflows between the API, the job table and the queue.

    Creates, each with a role that has the necessary permissions only:
    - `submit` and `batch`, which put jobs into the table and send them, or schedule them
    - a group for the schedules of jobs, and `release`, the workflow that they start
    - `cancel`
    """

    #: What the API calls.
    refs: JobRefs
    #: The workflow that sends a delayed job.
    release_arn: pulumi.Output[str]
    #: The name of the group of the schedules of jobs.
    schedule_group: pulumi.Output[str]

    def __init__(self, name: str, args: JobWorkflowsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobWorkflows", name, None, opts)
        self._args, self._account = args, account(self)
        self._group = aws.scheduler.ScheduleGroup(name, opts=pulumi.ResourceOptions(parent=self))
        self.schedule_group = self._group.name
        sends = self._sends()
        releasing = self._role("release", "states", [*self._table("Update"), *sends])
        document = self._place().apply(scheduled_release.release)
        release = _machines.express(self, "release", document, releasing.arn)
        scheduler = self._role("scheduler", "scheduler", [_iam.allow(["states:StartExecution"], release.arn)])
        schedules = self._account.arn("scheduler", pulumi.Output.format("schedule/{0}/*", self._group.name))
        to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
        pass_scheduler = _iam.allow(["iam:PassRole"], scheduler.arn, Condition=to_scheduler)
        aws.iam.RolePolicy(  # apart from the role's other policy, because the scheduler's role needs the workflow
            f"{name}-release-again",
            role=releasing.name,
            policy=_iam.document(
                [_iam.allow(["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], schedules), pass_scheduler]
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        role = self._role(
            "submit",
            "states",
            [
                *self._table("Put", "Get", "Update", "Delete"),
                *sends,
                _iam.allow(["scheduler:CreateSchedule"], schedules),
                pass_scheduler,
            ],
        )
        place = self._place(release.arn, scheduler.arn)
        submit = _machines.express(self, "submit", place.apply(submission.submit), role.arn)
        batch = _machines.express(self, "batch", place.apply(submission.batch), role.arn)
        events = self._account.arn("events", "event-bus/default")
        source = {"StringEquals": {"events:source": "ebb"}}
        cancel = self._workflow(
            "cancel",
            pulumi.Output.all(place=place, stack=args.queue.name).apply(
                lambda known: cancellation.cancel(known["place"], stack=known["stack"], events=args.settings.events)
            ),
            [
                *self._table("Get", "Update"),
                _iam.allow(["scheduler:DeleteSchedule"], schedules),
                *([_iam.allow(["events:PutEvents"], events, Condition=source)] if args.settings.events else []),
            ],
        )
        self.release_arn = release.arn
        arns = {"submit_arn": submit.arn, "batch_arn": batch.arn, "cancel_arn": cancel.arn}
        self.refs = JobRefs(table_name=args.table_name, table_arn=args.table_arn, **arns)
        self.register_outputs(arns)

    def _sends(self) -> list[_iam.Statement]:
        """What sends a job, and wakes the service."""
        queue, start_arn = self._args.queue, self._args.start_arn
        if start_arn is None:
            return [_iam.allow(["sqs:SendMessage"], queue.arn), *_iam.encrypt_messages(queue.kms_key_arn)]
        return [
            _iam.allow(["sqs:SendMessage", "sqs:GetQueueAttributes"], queue.arn),
            _iam.allow(["states:StartExecution"], start_arn),
            *_iam.encrypt_messages(queue.kms_key_arn),
        ]

    def _table(self, *actions: str) -> list[_iam.Statement]:
        items = [f"{action}Item" for action in actions]
        return _iam.use_table(items, self._args.table_arn, self._args.queue.kms_key_arn)

    def _place(
        self, release_arn: pulumi.Input[str] = "", scheduler_role_arn: pulumi.Input[str] = ""
    ) -> pulumi.Output[Place]:
        args = self._args
        return pulumi.Output.all(
            partition=self._account.partition,
            table=args.table_name,
            queue_url=args.queue.url,
            schedule_group=self._group.name,
            release_arn=release_arn,
            scheduler_role_arn=scheduler_role_arn,
            start_arn=args.start_arn,
        ).apply(
            lambda known: Place(
                **known,
                fifo=args.queue.fifo,
                retention_days=args.queue.retention_days,
                keep_days=args.settings.keep_days or 0,
            )
        )

    def _workflow(
        self, role_name: str, document: pulumi.Output[Document], statements: Sequence[_iam.Statement]
    ) -> aws.sfn.StateMachine:
        return _machines.express(self, role_name, document, self._role(role_name, "states", statements).arn)

    def _role(self, role_name: str, service: str, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        return _machines.role(self, role_name, service, statements, account=self._account, iam=self._args.iam)
