"""What the stack's roles need: they are made under the stack's names and path alone, and with its boundary."""

from collections.abc import Iterator

from ebb.iam.document import Condition, Part
from ebb.iam.stack import Stack
from settings import Settings

_ROLE = "aws:iam/role:Role"
#: Gives permissions to a role, or takes the limit of them away: allowed with the boundary only, if there is one.
_LIMITED = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
#: The policy of API Gateway's log role (API Gateway developer guide, "Permissions for CloudWatch logging").
_LOG_POLICY = "arn:{}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def parts(stack: Stack) -> Iterator[Part]:
    """The statements on IAM."""
    chosen, place = stack.settings, stack.place
    path, boundary = chosen.iam.path, chosen.iam.permissions_boundary
    wakes = chosen.scaling.keeps_alive or chosen.scaling.watches
    recurring = ("recurring",) if chosen.queue.schedules else ()
    events = ("events",) if chosen.jobs.webhook else ()
    workflows = ("job-*",) if chosen.jobs.table else ()
    chatbot = ("monitoring-chatbot",) if chosen.monitoring.chatbot else ()
    flow_log = ("network-flow",) if chosen.network.flow_log_days is not None else ()
    made = ("api-*", "worker-*", *flow_log, *(("wake-*",) if wakes else ()), *recurring, *events, *workflows, *chatbot)
    roles = tuple(place.everywhere("iam", f"role{path}{name}") for name in stack.names.of(_ROLE, *made))
    limit: Condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}} if boundary else {}
    yield Part(
        sid="Roles",
        read=("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
        change=(
            *("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:TagRole"),
            *("iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"),
            *(() if boundary else ("iam:DeleteRolePermissionsBoundary", *_LIMITED)),
        ),
        resources=roles,
    )
    if boundary:
        yield Part(sid="LimitedRoles", change=_LIMITED, resources=roles, condition=limit)
    if chosen.api.account_log_role == "create":
        policy = {"iam:PolicyARN": _LOG_POLICY.format(place.partition)}
        yield Part(
            sid="LogPolicy",
            change=("iam:AttachRolePolicy", "iam:DetachRolePolicy"),
            resources=tuple(place.everywhere("iam", f"role{path}{name}") for name in stack.names.of(_ROLE, "api-logs")),
            condition={"ArnEquals": policy},
        )
    yield Part(
        sid="PassRoles",
        change=("iam:PassRole",),
        resources=roles,
        condition={"StringEquals": {"iam:PassedToService": list(_passed_to(chosen))}},
    )
    yield Part(
        sid="ServiceLinkedRoles",
        change=("iam:CreateServiceLinkedRole",),
        resources=(place.everywhere("iam", "role/aws-service-role/*"),),
        condition={"StringEquals": {"iam:AWSServiceName": list(_linked(chosen))}},
    )


def _passed_to(chosen: Settings) -> Iterator[str]:
    """Services that get a role of the stack."""
    yield "ecs-tasks.amazonaws.com"
    yield "apigateway.amazonaws.com"
    if chosen.scaling.keeps_alive or chosen.scaling.watches or chosen.queue.schedules or chosen.jobs.table:
        yield "scheduler.amazonaws.com"
    if chosen.scaling.watches or chosen.jobs.table:
        yield "states.amazonaws.com"
    if chosen.jobs.webhook:
        yield "events.amazonaws.com"
    if chosen.network.flow_log_days is not None:
        yield "vpc-flow-logs.amazonaws.com"
    if chosen.monitoring.chatbot:
        yield "chatbot.amazonaws.com"


def _linked(chosen: Settings) -> Iterator[str]:
    """Services that make a role for themselves, once per account."""
    yield "ecs.amazonaws.com"  # with the first cluster
    yield "ecs.application-autoscaling.amazonaws.com"  # with the first scalable target
    yield "ops.apigateway.amazonaws.com"  # with the first API
    if chosen.jobs.webhook:
        yield "apidestinations.events.amazonaws.com"  # with the first connection
    if chosen.monitoring.chatbot:
        yield "management.chatbot.amazonaws.com"  # with the first channel
    if chosen.network.nat == "instance":
        yield "events.amazonaws.com"  # with the first alarm that acts on an instance (PutMetricAlarm)
