"""An alarm of the plan as inputs of CloudWatch's resource."""

from collections.abc import Mapping
from typing import Any

import pulumi

from policy.plan import AlarmPlan, MetricPlan, Source

Dimensions = Mapping[Source, Mapping[str, pulumi.Input[str]]]


def inputs(alarm: AlarmPlan, dimensions: Dimensions) -> dict[str, Any]:
    """All inputs but the actions."""
    return {
        "alarm_description": alarm.description,
        **(_metric(alarm, dimensions) if alarm.expression is None else _queries(alarm, dimensions)),
        "comparison_operator": alarm.comparison,
        "threshold": alarm.threshold,
        "evaluation_periods": alarm.evaluation_periods,
        "datapoints_to_alarm": alarm.datapoints_to_alarm,
        "treat_missing_data": alarm.missing,
    }


def _source(metric: MetricPlan, dimensions: Dimensions) -> dict[str, Any]:
    return {"namespace": metric.namespace, "metric_name": metric.name, "dimensions": dimensions[metric.of]}


def _metric(alarm: AlarmPlan, dimensions: Dimensions) -> dict[str, Any]:
    (metric,) = alarm.metrics
    return {**_source(metric, dimensions), "period": alarm.period, "statistic": metric.statistic}


def _queries(alarm: AlarmPlan, dimensions: Dimensions) -> dict[str, Any]:
    expression = {"id": "e", "expression": alarm.expression, "label": alarm.label, "return_data": True}
    metrics = [
        {
            "id": metric.id,
            "metric": {**_source(metric, dimensions), "period": alarm.period, "stat": metric.statistic},
            "return_data": False,
        }
        for metric in alarm.metrics
    ]
    return {"metric_queries": [expression, *metrics]}
