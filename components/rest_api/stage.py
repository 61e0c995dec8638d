"""The stage of a REST API: its log, its limits and its API key."""

from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam
from components.rest_api.templates import sqs
from settings import Api, Iam

#: The policy of API Gateway's log role (API Gateway developer guide, "Permissions for CloudWatch logging").
LOG_POLICY = "arn:{0}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def stage(
    owner: pulumi.Resource,
    deployment: aws.apigateway.Deployment,
    settings: Api,
    log_role: aws.apigateway.Account | None,
    logs_key_arn: pulumi.Input[str] | None,
) -> aws.apigateway.Stage:
    """A stage with an access log, tracing and throttling. CloudWatch Logs may use the key of `logs_key_arn`."""
    child, name = pulumi.ResourceOptions(parent=owner), owner.pulumi_resource_name
    kept: dict[str, Any] = {"retention_in_days": settings.log_retention_days, "kms_key_id": logs_key_arn}
    logs = aws.cloudwatch.LogGroup(f"{name}-access", **kept, opts=child)
    needed: list[pulumi.Resource] = [log_role] if log_role else []
    if settings.execution_log != "OFF":
        needed.append(
            aws.cloudwatch.LogGroup(
                f"{name}-execution",
                # API Gateway's own name; it would create the group itself, and keep the log for ever
                name=pulumi.Output.format("API-Gateway-Execution-Logs_{0}/{1}", deployment.rest_api, settings.stage),
                **kept,
                opts=child,
            )
        )
    made = aws.apigateway.Stage(
        name,
        rest_api=deployment.rest_api,
        deployment=deployment.id,
        stage_name=settings.stage,
        xray_tracing_enabled=settings.tracing,
        access_log_settings={"destination_arn": logs.arn, "format": sqs.ACCESS_LOG_FORMAT},
        opts=pulumi.ResourceOptions(parent=owner, depends_on=needed),
    )
    aws.apigateway.MethodSettings(
        name,
        rest_api=made.rest_api,
        stage_name=made.stage_name,
        method_path="*/*",
        settings={
            "throttling_rate_limit": settings.rate_limit,
            "throttling_burst_limit": settings.burst_limit,
            "logging_level": settings.execution_log,
            "data_trace_enabled": False,  # it would log bodies
        },
        opts=child,
    )
    return made


def log_role(owner: pulumi.Resource, partition: pulumi.Input[str], iam: Iam) -> aws.apigateway.Account:
    """The role that API Gateway logs with: one per account and region, shared by all APIs."""
    child, name = pulumi.ResourceOptions(parent=owner), owner.pulumi_resource_name
    role = _iam.role(f"{name}-logs", _iam.trust("apigateway.amazonaws.com"), iam, child)
    policy = aws.iam.RolePolicyAttachment(
        f"{name}-logs",
        role=role.name,
        policy_arn=pulumi.Output.format(LOG_POLICY, partition),
        opts=child,
    )
    return aws.apigateway.Account(
        name,
        cloudwatch_role_arn=role.arn,
        # API Gateway tests the role when it is set, so the policy must exist before
        opts=pulumi.ResourceOptions(parent=owner, depends_on=[policy]),
    )


def key(owner: pulumi.Resource, made: aws.apigateway.Stage, settings: Api) -> pulumi.Output[str]:
    """The id of an API key, which has a usage plan of the stage."""
    child, name = pulumi.ResourceOptions(parent=owner), owner.pulumi_resource_name
    key = aws.apigateway.ApiKey(name, description="Sends jobs", opts=child)
    plan = aws.apigateway.UsagePlan(
        name,
        api_stages=[{"api_id": made.rest_api, "stage": made.stage_name}],
        throttle_settings={"rate_limit": settings.rate_limit, "burst_limit": settings.burst_limit},
        quota_settings={"limit": settings.daily_quota, "period": "DAY"} if settings.daily_quota else None,
        opts=child,
    )
    aws.apigateway.UsagePlanKey(name, key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id, opts=child)
    return key.id
