"""The part of the program of all resources that runs at times: schedules, a state machine, a scheduled action."""

import json

import pulumi
import pulumi_aws as aws

from tests.sandbox.resources.iam import trust
from tests.sandbox.resources.settings import Settings


def program(settings: Settings, queue: aws.sqs.Queue, target: aws.appautoscaling.Target) -> None:
    logs = aws.cloudwatch.LogGroup("watch")
    machine = aws.sfn.StateMachine(
        "watch",
        type="EXPRESS",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": settings["last_state"]}}}),
        role_arn=aws.iam.Role("watch", assume_role_policy=trust("states.amazonaws.com")).arn,
        logging_configuration={
            "level": "ERROR",
            "include_execution_data": True,
            "log_destination": pulumi.Output.concat(logs.arn, ":*"),
        },
        tracing_configuration={"enabled": True},
        tags={"Name": "watch"},
    )
    role = aws.iam.Role("clock", assume_role_policy=trust("scheduler.amazonaws.com"))
    aws.scheduler.Schedule(
        "watch",
        schedule_expression="rate(1 minute)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": machine.arn, "role_arn": role.arn},
    )
    aws.scheduler.Schedule(
        "keep",
        name="keep",
        group_name="default",
        description="keeps the metrics active",
        schedule_expression=settings["schedule"],
        schedule_expression_timezone="Europe/London",
        flexible_time_window={"mode": "FLEXIBLE", "maximum_window_in_minutes": 5},
        start_date="2030-01-01T00:00:00Z",
        end_date="2031-01-01T00:00:00Z",
        state="DISABLED",
        kms_key_arn=aws.kms.Key("clock").arn,
        target={
            "arn": "arn:aws:scheduler:::aws-sdk:sqs:untagQueue",
            "role_arn": role.arn,
            "input": pulumi.Output.json_dumps({"QueueUrl": queue.url, "TagKeys": ["none"]}),
            "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 3600},
        },
    )
    aws.appautoscaling.ScheduledAction(
        "warm",
        name="warm",
        service_namespace=target.service_namespace,
        resource_id=target.resource_id,
        scalable_dimension=target.scalable_dimension,
        schedule="cron(0 8 ? * MON-FRI *)",
        timezone="Europe/London",
        start_time="2030-01-01T00:00:00Z",
        end_time="2031-01-01T00:00:00Z",
        scalable_target_action={"min_capacity": settings["warm"], "max_capacity": 4},
    )
