"""A scalable target with its alarms, a policy and a topic."""

import json

import pulumi
import pulumi_aws as aws

from tests.sandbox.resources.chat import chat
from tests.sandbox.resources.iam import allow
from tests.sandbox.resources.settings import Settings


def scaling(settings: Settings, cluster: aws.ecs.Cluster, running: aws.ecs.Service) -> aws.appautoscaling.Target:
    target = aws.appautoscaling.Target(
        "worker",
        min_capacity=0,
        max_capacity=settings["max_capacity"],
        resource_id=pulumi.Output.format("service/{0}/{1}", cluster.name, running.name),
        scalable_dimension="ecs:service:DesiredCount",
        service_namespace="ecs",
        suspended_state={"dynamic_scaling_in_suspended": False},
        tags={"Name": "worker"},
    )
    out = aws.appautoscaling.Policy(
        "out",
        policy_type="StepScaling",
        resource_id=target.resource_id,
        scalable_dimension=target.scalable_dimension,
        service_namespace=target.service_namespace,
        step_scaling_policy_configuration={
            "adjustment_type": "ChangeInCapacity",
            "cooldown": settings["cooldown"],
            "metric_aggregation_type": "Maximum",
            "step_adjustments": [
                {"scaling_adjustment": 1, "metric_interval_lower_bound": "0", "metric_interval_upper_bound": "9"},
                {"scaling_adjustment": 2, "metric_interval_lower_bound": "9"},
            ],
        },
    )
    topic = aws.sns.Topic("alarms", display_name="alarms", kms_master_key_id="alias/aws/sns", tags={"Name": "alarms"})
    aws.sns.TopicPolicy(
        "alarms", arn=topic.arn, policy=allow("sns:Publish", topic.arn, Principal={"Service": "cloudwatch"})
    )
    aws.sns.TopicSubscription("alarms", topic=topic.arn, protocol="email", endpoint="ops@example.com")
    aws.cloudwatch.MetricAlarm(
        "one",
        alarm_description="one metric",
        actions_enabled=True,
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": "q"},
        statistic="Maximum",
        period=60,
        unit="Count",
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=settings["threshold"],
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[out.arn],
        ok_actions=[topic.arn],
        insufficient_data_actions=[topic.arn],
        tags={"Name": "one"},
    )
    aws.budgets.Budget(
        "costs",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=str(settings["kept"]),
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": ["user:Environment$prod"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": "ACTUAL",
                "threshold": 100,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic.arn],
            }
        ],
    )
    chat(topic)
    aws.cloudwatch.Dashboard(
        "all",
        dashboard_name="all",
        dashboard_body=json.dumps({"widgets": [{"type": "text", "properties": {"markdown": str(settings["warm"])}}]}),
    )
    aws.cloudwatch.MetricAlarm(
        "math",
        alarm_actions=[topic.arn],
        comparison_operator="LessThanOrEqualToThreshold",
        threshold=0,
        evaluation_periods=3,
        datapoints_to_alarm=3,
        treat_missing_data="ignore",
        metric_queries=[
            {"id": "e", "expression": "IF(FILL(r, REPEAT) > 0, v, 1)", "label": "work", "return_data": True},
            {
                "id": "r",
                "metric": {
                    "namespace": "AWS/ECS",
                    "metric_name": "CPUUtilization",
                    "dimensions": {"ClusterName": cluster.name},
                    "period": 60,
                    "stat": "SampleCount",
                },
            },
            {
                "id": "v",
                "metric": {"namespace": "AWS/SQS", "metric_name": "X", "period": 60, "stat": "Maximum"},
            },
        ],
    )
    return target
