"""Values that AWS's documentation limits and botocore's models do not.

This is AWS's side of the contract, so it stays a separate copy of what settings/ and policy/ know. A value that is
shared by import would agree even if it were wrong.
"""

from collections.abc import Iterator
from typing import Any

from ebb.sandbox.provider.shapes import UNKNOWN

_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
#: The values of a service's parameters, at any depth; of a list, the values of its items.
_VALUES: dict[str, dict[str, tuple[str | int, ...] | range]] = {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    "cloudwatch": {"TreatMissingData": ("breaching", "notBreaching", "ignore", "missing")},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    "sqs": {
        "DeduplicationScope": ("messageGroup", "queue"),
        "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    },
    # https://docs.aws.amazon.com/apigateway/latest/api/API_PutMethod.html
    "apigateway": {
        "authorizationType": ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"),
        "httpMethod": ("GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "POST", "PUT", "ANY"),
    },
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    "logs": {"retentionInDays": _LOG_DAYS},
    # https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
    "sns": {
        "Protocol": ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"),
    },
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html (an account can
    # create other providers, for which the tables have no row)
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
    "ecs": {
        "interval": range(5, 300 + 1),
        "timeout": range(2, 60 + 1),
        "retries": range(1, 10 + 1),
        "startPeriod": range(300 + 1),
        "capacityProvider": ("FARGATE", "FARGATE_SPOT"),
        "capacityProviders": ("FARGATE", "FARGATE_SPOT"),
    },
}
#: The engine's unknown value, and the values that stand for it in a converted request.
_NOT_KNOWN_YET = (UNKNOWN, "?", 0)


def problems(service: str, params: Any, path: str = "") -> Iterator[str]:
    """Problems of a request's parameters, in AWS's spelling: values that are not documented."""
    if isinstance(params, list):
        for index, item in enumerate(params):
            yield from problems(service, item, f"{path}[{index}]")
    elif isinstance(params, dict):
        for name, value in params.items():
            here = f"{path}.{name}" if path else name
            for item in value if isinstance(value, list) else [value]:
                values = _VALUES.get(service, {}).get(name)
                if isinstance(values, range) and not isinstance(item, int):
                    continue  # another parameter of the same name; botocore's model checks the type
                if values and item not in values and item not in _NOT_KNOWN_YET:
                    yield f"{here} should be {_in_words(values)}, got {item!r}"
            yield from problems(service, value, here)


def _in_words(values: tuple[str | int, ...] | range) -> str:
    if isinstance(values, range):
        return f"from {values.start} to {values.stop - 1}"
    return f"one of {', '.join(map(str, values))}"
