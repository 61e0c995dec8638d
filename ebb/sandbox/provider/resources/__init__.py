"""The resource tables: Pulumi type -> the AWS calls that make, show, change and remove it."""

from ebb.sandbox.provider.resources import (
    apigateway,
    apigateway_keys,
    apigateway_stage,
    appautoscaling,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    ecs,
    iam,
    kms,
    scheduler,
    sns,
    sqs,
    stepfunctions,
    vpc,
)
from ebb.sandbox.provider.resources._row import Row
from ebb.sandbox.provider.resources.data import INVOKES

_TABLES = (
    apigateway,
    apigateway_keys,
    apigateway_stage,
    appautoscaling,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    ecs,
    iam,
    kms,
    scheduler,
    sns,
    sqs,
    stepfunctions,
    vpc,
)
ROWS: dict[str, Row] = {row.type: row for table in _TABLES for row in table.ROWS}

__all__ = ["INVOKES", "ROWS", "Row"]
