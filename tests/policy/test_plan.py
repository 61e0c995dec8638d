"""The plan: it is deployed as it is, and follows all sections that matter for scaling."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.autoscaling import QueueScaling, QueueScalingArgs
from policy import plan as policy_plan
from policy import steps
from settings import Queue, Scaling, Settings, Step, Worker
from tests.components.harness import deploy

TARGET, POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DIMENSIONS = {"queue": {"QueueName": "jobs"}, "service": {"ClusterName": "cluster", "ServiceName": "worker"}}
TABLE = (Step(upper=0, change=-1), Step(lower=1, upper=2.5, change=1), Step(lower=10, change=2))
STACKS = [
    Settings(),
    Settings(scaling=Scaling(max_tasks=10, surplus=True), worker=Worker(concurrency=4)),
    Settings(scaling=Scaling(max_tasks=10, message_groups=3), queue=Queue(fifo=True)),
    Settings(scaling=Scaling(min_tasks=2, max_tasks=7, scale_in="cpu", cpu_threshold=0.5, cpu_minutes=4)),
    Settings(scaling=Scaling(max_tasks=5, steps=TABLE, cooldown=240)),
    Settings(scaling=Scaling(max_tasks=5, steps=TABLE[1:])),
]


def deployed(settings: Settings) -> Any:
    def program() -> None:
        QueueScaling(
            "scaling",
            QueueScalingArgs(
                plan=policy_plan.plan(settings), queue_name="jobs", cluster_name="cluster", service_name="worker"
            ),
        )

    return deploy(program)


def read_alarm(inputs: dict[str, Any]) -> policy_plan.AlarmPlan:
    """The plan of a deployed alarm, from its inputs only."""
    queries = inputs.get("metricQueries")
    expression = None
    if queries is None:
        sources = {None: {**inputs, "stat": inputs["statistic"]}}
    else:
        expression, *rest = queries
        assert [query["returnData"] for query in queries] == [True] + [False] * len(rest)
        sources = {query["id"]: query["metric"] for query in rest}
    assert len({source["period"] for source in sources.values()}) == 1
    metrics = []
    for identifier, source in sources.items():
        (of,) = (of for of, dimensions in DIMENSIONS.items() if dimensions == source["dimensions"])
        metrics.append(
            policy_plan.MetricPlan(
                id=identifier or "",
                namespace=source["namespace"],
                name=source["metricName"],
                statistic=source["stat"],
                of=of,  # type: ignore[arg-type]
            )
        )
    return policy_plan.AlarmPlan(
        description=inputs["alarmDescription"],
        metrics=tuple(metrics),
        expression=expression and expression["expression"],
        label=expression and expression["label"],
        period=next(iter(sources.values()))["period"],
        evaluation_periods=inputs["evaluationPeriods"],
        datapoints_to_alarm=inputs["datapointsToAlarm"],
        threshold=inputs["threshold"],
        comparison=inputs["comparisonOperator"],
        missing=inputs["treatMissingData"],
    )


def read_policy(inputs: dict[str, Any]) -> policy_plan.PolicyPlan:
    configuration = inputs["stepScalingPolicyConfiguration"]

    def bound(step: dict[str, Any], side: str) -> float | None:
        text = step.get(f"metricInterval{side}Bound")
        return None if text is None else float(text)

    return policy_plan.PolicyPlan(
        adjustment_type=configuration["adjustmentType"],
        steps=tuple(
            steps.Adjustment(bound(step, "Lower"), bound(step, "Upper"), step["scalingAdjustment"])
            for step in configuration["stepAdjustments"]
        ),
        cooldown=configuration["cooldown"],
        aggregation=configuration["metricAggregationType"],
    )


@pytest.mark.parametrize("settings", STACKS)
def test_the_plan_is_deployed(settings: Settings) -> None:
    made, plan = deployed(settings), policy_plan.plan(settings)
    target = made.one(TARGET).inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (plan.minimum, plan.maximum)
    assert {found.name for found in made.of(ALARM)} == {f"scaling-{rule.role}" for rule in plan.rules}
    for rule in plan.rules:
        planned = rule.alarm
        if planned.expression is None:  # an alarm on one metric has no id for it
            planned = replace(planned, metrics=tuple(replace(metric, id="") for metric in planned.metrics))
        assert read_alarm(made.one(ALARM, f"scaling-{rule.role}").inputs) == planned
        assert read_policy(made.one(POLICY, f"scaling-{rule.role}").inputs) == rule.policy


def test_with_concurrency_a_task_has_a_larger_share_of_the_backlog() -> None:
    scaling = Scaling(max_tasks=10, seconds_per_job=60, tolerated_wait=150, surplus=True)
    plan = policy_plan.plan(Settings(scaling=scaling, worker=Worker(concurrency=4)))
    assert plan.rule("out").policy.steps == (  # 4 * 150/60 = 10 messages of backlog per task
        steps.Adjustment(0, 19, 1),
        steps.Adjustment(19, 29, 3),
        steps.Adjustment(29, 39, 5),
        steps.Adjustment(39, 49, 6),
        steps.Adjustment(49, 59, 8),
        steps.Adjustment(59, 69, 9),
        steps.Adjustment(69, None, 10),
    )
    assert plan.rule("surplus").alarm.expression == "IF(r > 0, IF(n + v > 0, r - CEIL(n / 4 + v / 10), 0))"


@pytest.mark.parametrize(
    ("max_tasks", "groups", "concurrency", "maximum"),
    [(10, None, 1, 10), (10, 3, 1, 3), (10, 3, 2, 2), (10, 40, 1, 10), (10, 40, 5, 8), (10, 1, 100, 1)],
)
def test_a_fifo_queue_has_at_most_as_many_tasks_as_its_groups_keep_busy(
    max_tasks: int, groups: int | None, concurrency: int, maximum: int
) -> None:
    scaling = Scaling(max_tasks=max_tasks, message_groups=groups, seconds_per_job=60, tolerated_wait=60)
    plan = policy_plan.plan(Settings(scaling=scaling, worker=Worker(concurrency=concurrency), queue=Queue(fifo=True)))
    assert plan.maximum == maximum
    assert max(step.change for step in plan.rule("out").policy.steps) == maximum


@given(minimum=st.integers(0, 50), more=st.integers(0, 50), groups=st.integers(1, 200), concurrency=st.integers(1, 100))
def test_message_groups_limit_the_maximum_between_min_tasks_and_max_tasks(
    minimum: int, more: int, groups: int, concurrency: int
) -> None:
    limit = max(1, minimum + more)
    scaling = Scaling(min_tasks=minimum, max_tasks=limit, message_groups=groups)
    maximum = policy_plan.max_tasks(Settings(scaling=scaling, worker=Worker(concurrency=concurrency)))
    assert max(1, minimum) <= maximum <= limit
    # with one task less, some group would have to wait, unless the settings limit the tasks
    assert maximum in (minimum, limit) or (maximum - 1) * concurrency < groups <= maximum * concurrency
