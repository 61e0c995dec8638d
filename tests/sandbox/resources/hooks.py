"""The part of the program of all resources that reacts to events: a rule that calls a webhook."""

import json

import pulumi_aws as aws

from tests.sandbox.resources.iam import trust


def hooks(dead_letters: aws.sqs.Queue) -> None:
    connection = aws.cloudwatch.EventConnection(
        "hook",
        name="hook",
        description="of ended jobs",
        authorization_type="API_KEY",
        auth_parameters={"api_key": {"key": "Authorization", "value": "secret"}},
    )
    destination = aws.cloudwatch.EventApiDestination(
        "hook",
        name="hook",
        description="of ended jobs",
        connection_arn=connection.arn,
        http_method="POST",
        invocation_endpoint="https://example.com/hook",
        invocation_rate_limit_per_second=10,
    )
    rule = aws.cloudwatch.EventRule(
        "ended",
        name="ended",
        description="of ended jobs",
        event_bus_name="default",
        event_pattern=json.dumps({"source": ["ebb"]}),
        state="ENABLED",
        tags={"Name": "ended"},
    )
    aws.cloudwatch.EventTarget(
        "hook",
        rule=rule.name,
        target_id="hook",
        event_bus_name="default",
        arn=destination.arn,
        role_arn=aws.iam.Role("hook", assume_role_policy=trust("events.amazonaws.com")).arn,
        retry_policy={"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 5},
        dead_letter_config={"arn": dead_letters.arn},
    )
    aws.cloudwatch.EventTarget(
        "constant", rule=rule.name, target_id="constant", arn=dead_letters.arn, input=json.dumps({"ended": True})
    )
    aws.scheduler.ScheduleGroup("jobs", name="jobs", tags={"Name": "jobs"})
