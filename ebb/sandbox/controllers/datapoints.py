"""The data points that alarms read: metrics of the emulated CloudWatch, by period of each alarm's evaluation range."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ebb.sandbox.controllers.ticker import MINUTE, Surroundings
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.expressions import Series


class Points:
    """The data points of all metrics that alarms watch, each metric read once."""

    def __init__(self, region: Surroundings, alarms: Iterable[Alarm], end: float) -> None:
        self._end = end
        self._rows: dict[Metric, list[dict[str, Any]]] = {}
        windows: dict[Metric, int] = {}
        for alarm in alarms:
            for metric in map(_bare, alarm.metrics):
                windows[metric] = max(windows.get(metric, 0), alarm.range * alarm.period)
        for metric, window in windows.items():
            self._rows[metric] = region.client("cloudwatch").get_metric_statistics(
                Namespace=metric.namespace,
                MetricName=metric.name,
                Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions],
                StartTime=datetime.fromtimestamp(end - window, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
                Period=MINUTE,  # the emulator does not align longer ones: they are made of minutes here
                Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
            )["Datapoints"]

    def of(self, alarm: Alarm) -> dict[Metric, Series]:
        """One value per period of the alarm's evaluation range, for each of its metrics."""
        return {
            metric: tuple(
                self._value(metric, self._end - (alarm.range - index) * alarm.period, alarm.period)
                for index in range(alarm.range)
            )
            for metric in alarm.metrics
        }

    def _value(self, metric: Metric, start: float, period: int) -> float | None:
        rows = [each for each in self._rows[_bare(metric)] if start <= each["Timestamp"].timestamp() < start + period]
        count = sum(each["SampleCount"] for each in rows)
        if not count:
            return None
        match metric.statistic:
            case "SampleCount":
                return float(count)
            case "Minimum":
                return float(min(each["Minimum"] for each in rows))
            case "Maximum":
                return float(max(each["Maximum"] for each in rows))
            case statistic:
                total = math.fsum(each["Sum"] for each in rows)
                return total if statistic == "Sum" else total / count


def _bare(metric: Metric) -> Metric:
    return replace(metric, statistic="")
