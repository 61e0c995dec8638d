"""What follows from the events that the worker sends at a job's end: a webhook, with its dead-letter queue."""

import hashlib
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import account
from settings import Iam as IamSettings
from settings import Webhook as WebhookSettings
from settings.limits import MAX_RETENTION_DAYS

#: The source of the worker's events.
SOURCE = "ebb"
DAY = 24 * 3600  # seconds
#: EventBridge tries for so long, with growing pauses: its maximum (EventBridge API, RetryPolicy).
MAX_AGE_SECONDS = DAY
MAX_ATTEMPTS = 185
#: A preview does not read the secret: a pull request's own code may run in one.
NOT_READ = "(read during the update)"


@dataclass(frozen=True, kw_only=True)
class JobEventsArgs:
    """The settings of the webhook, and the queue whose jobs it hears of."""

    webhook: WebhookSettings
    queue_name: pulumi.Input[str]
    iam: IamSettings = field(default_factory=IamSettings)


class JobEvents(pulumi.ComponentResource):
    """The webhook of this stack's jobs.

    Creates:
    - a connection with the header and its secret, which EventBridge keeps in Secrets Manager, and an API destination
    - a rule on the default bus for this stack's events, whose target is the API destination, and its role
    - a dead-letter queue for events that could not be delivered within 24 hours
    """

    dead_letter_name: pulumi.Output[str]
    dead_letter_url: pulumi.Output[str]

    def __init__(self, name: str, args: JobEventsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobEvents", name, None, opts)
        self._child = child = pulumi.ResourceOptions(parent=self)
        hook = args.webhook
        # a secret of another name, or another header, is another connection: the value is read when it is created
        label = hashlib.sha256(f"{hook.header}:{hook.secret}".encode()).hexdigest()[:8]
        connection = aws.cloudwatch.EventConnection(
            f"{name}-{label}",
            description=f"The header {hook.header} of the webhook",
            authorization_type="API_KEY",
            auth_parameters={"api_key": {"key": hook.header, "value": self._secret(hook.secret)}},
            opts=pulumi.ResourceOptions.merge(
                child,
                pulumi.ResourceOptions(
                    ignore_changes=["authParameters.apiKey.value"], additional_secret_outputs=["authParameters"]
                ),
            ),
        )
        destination = aws.cloudwatch.EventApiDestination(
            name,
            invocation_endpoint=hook.url,
            http_method="POST",
            connection_arn=connection.arn,
            opts=child,
        )
        rule = aws.cloudwatch.EventRule(
            name,
            description="Jobs that have ended",
            event_pattern=pulumi.Output.json_dumps({"source": [SOURCE], "detail": {"stack": [args.queue_name]}}),
            opts=child,
        )
        dead = self._dead_letters(rule.arn)
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            arn=destination.arn,
            role_arn=self._role(destination.arn, args.iam),
            retry_policy={
                "maximum_event_age_in_seconds": MAX_AGE_SECONDS,
                "maximum_retry_attempts": MAX_ATTEMPTS,
            },
            dead_letter_config={"arn": dead.arn},
            opts=child,
        )
        self.dead_letter_name, self.dead_letter_url = dead.name, dead.url
        self.register_outputs({"dead_letter_name": dead.name})

    def _secret(self, source: str) -> pulumi.Output[str]:
        if pulumi.runtime.is_dry_run():
            return pulumi.Output.secret(NOT_READ)
        invoke = pulumi.InvokeOutputOptions(parent=self)
        if source.startswith("/"):
            found = aws.ssm.get_parameter_output(name=source, with_decryption=True, opts=invoke).value
        else:
            found = aws.secretsmanager.get_secret_version_output(secret_id=source, opts=invoke).secret_string
        return pulumi.Output.secret(found)

    def _role(self, destination_arn: pulumi.Output[str], iam: IamSettings) -> pulumi.Output[str]:
        name = self.pulumi_resource_name
        trusted = _iam.trust("events.amazonaws.com", _iam.from_account(account(self).id))
        role = _iam.role(name, trusted, iam, self._child)
        policy = _iam.document([_iam.allow(["events:InvokeApiDestination"], destination_arn)])
        aws.iam.RolePolicy(name, role=role.name, policy=policy, opts=self._child)
        return role.arn

    def _dead_letters(self, rule_arn: pulumi.Output[str]) -> aws.sqs.Queue:
        name = f"{self.pulumi_resource_name}-dead-letter"
        queue = aws.sqs.Queue(
            name,
            message_retention_seconds=MAX_RETENTION_DAYS * DAY,
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )
        send = _iam.allow(
            ["sqs:SendMessage"],
            queue.arn,
            Sid="Events",
            Principal={"Service": "events.amazonaws.com"},
            Condition={"ArnEquals": {"aws:SourceArn": rule_arn}},
        )
        policy = _iam.document([send, _iam.tls_only(queue.arn)])
        aws.sqs.QueuePolicy(name, queue_url=queue.url, policy=policy, opts=self._child)
        return queue
