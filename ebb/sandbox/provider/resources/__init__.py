"""The resource tables: for each Pulumi type, the AWS calls that create, read, update and delete it."""

from ebb.sandbox.provider.resources import (
    apigateway,
    apigateway_domain,
    apigateway_keys,
    apigateway_methods,
    apigateway_stage,
    appautoscaling,
    budgets,
    chatbot,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    ecs,
    events,
    iam,
    kms,
    network_acls,
    route53,
    routes,
    scheduler,
    security_groups,
    sns,
    sqs,
    stepfunctions,
    vpc,
    wafv2,
)
from ebb.sandbox.provider.resources._row import Row
from ebb.sandbox.provider.resources.data import INVOKES

_TABLES = (
    apigateway,
    apigateway_domain,
    apigateway_keys,
    apigateway_methods,
    apigateway_stage,
    appautoscaling,
    budgets,
    chatbot,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    ecs,
    events,
    iam,
    kms,
    network_acls,
    route53,
    routes,
    scheduler,
    security_groups,
    sns,
    sqs,
    stepfunctions,
    vpc,
    wafv2,
)
ROWS: dict[str, Row] = {row.type: row for table in _TABLES for row in table.ROWS}

__all__ = ["INVOKES", "ROWS", "Row"]
