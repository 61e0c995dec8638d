"""What the job table and the webhook of its events need."""

from collections.abc import Iterator

from ebb.iam.document import ANY, Part
from ebb.iam.stack import Stack
from settings import Webhook

_TABLE, _RULE = "aws:dynamodb/table:Table", "aws:cloudwatch/eventRule:EventRule"
_GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
_CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"
_DESTINATION = "aws:cloudwatch/eventApiDestination:EventApiDestination"
#: DynamoDB uses a table's key with the permissions of its caller (DynamoDB developer guide, "Encryption at rest: usage
#: notes").
_TABLE_KEY = (
    *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
)


def parts(stack: Stack) -> Iterator[Part]:
    """The statements on what `ebb:jobs` adds."""
    if stack.settings.jobs.table:
        yield from _table(stack)
    if stack.settings.jobs.webhook:
        yield from _webhook(stack, stack.settings.jobs.webhook)


def _table(stack: Stack) -> Iterator[Part]:
    place, kms = stack.place, stack.settings.queue.kms
    yield Part(
        sid="Table",
        read=(
            *("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"),
            "dynamodb:ListTagsOfResource",
        ),
        change=(
            *("dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource"),
            *("dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"),
        ),
        resources=tuple(
            place.arn("dynamodb", f"table/{name}")
            for logical in ("job-table", "once")  # a table of release 0.1.0 keeps its name
            for name in stack.names.of(_TABLE, logical)
        ),
    )
    yield Part(
        sid="ScheduleGroup",
        read=("scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"),
        change=(
            *("scheduler:CreateScheduleGroup", "scheduler:DeleteScheduleGroup", "scheduler:TagResource"),
            "scheduler:UntagResource",
            # a group is deleted with the schedules that are in it
            "scheduler:DeleteSchedule",
        ),
        resources=tuple(
            place.arn("scheduler", resource.format(name))
            for name in stack.names.of(_GROUP, "job")
            for resource in ("schedule-group/{}", "schedule/{}/*")
        ),
    )
    # before the group is deleted, a hook looks whether it has schedules
    yield Part(sid="Schedules", change=("scheduler:ListSchedules",), resources=ANY)
    if kms != "none":
        via = {"StringEquals": {"kms:ViaService": f"dynamodb.{place.region}.{place.dns_suffix}"}}
        key = place.arn("kms", "key/*") if kms == "new" else kms
        yield Part(sid="TableKey", change=_TABLE_KEY, resources=(key,), condition=via)


def _webhook(stack: Stack, webhook: Webhook) -> Iterator[Part]:
    place, source = stack.place, webhook.secret
    # only an update reads the secret, so a preview may not
    if source.startswith("/"):
        parameter = place.arn("ssm", f"parameter{source}")
        yield Part(sid="WebhookParameter", change=("ssm:GetParameter",), resources=(parameter,))
    else:
        secret = source if source.startswith("arn:") else place.arn("secretsmanager", f"secret:{source}-*")
        yield Part(sid="WebhookSecret", change=("secretsmanager:GetSecretValue",), resources=(secret,))
    # EventBridge keeps its copy with the permissions of its caller (EventBridge user guide, "Connections for endpoint
    # targets")
    own = ("CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecret")
    yield Part(
        sid="ConnectionSecret",
        change=tuple(f"secretsmanager:{verb}" for verb in own),
        resources=(place.arn("secretsmanager", "secret:events!connection/*"),),
    )
    names = stack.names.of(_CONNECTION, "events-*"), stack.names.of(_DESTINATION, "events")
    (rule,) = stack.names.of(_RULE, "events")
    yield Part(
        sid="Webhook",
        read=("events:DescribeConnection", "events:DescribeApiDestination"),
        change=(
            *("events:CreateApiDestination", "events:CreateConnection", "events:DeleteApiDestination"),
            *("events:DeleteConnection", "events:UpdateApiDestination", "events:UpdateConnection"),
        ),
        resources=(
            *(place.arn("events", f"connection/{name}") for name in names[0]),
            *(place.arn("events", f"api-destination/{name}") for name in names[1]),
        ),
    )
    yield Part(
        sid="EventRule",
        read=("events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"),
        change=(
            *("events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"),
            *("events:TagResource", "events:UntagResource"),
        ),
        resources=(place.arn("events", f"rule/{rule}"),),
    )
