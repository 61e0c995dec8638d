"""The data points that alarms read from the emulated CloudWatch."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ebb.sandbox.controllers.ticker import MINUTE
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.expressions import Series
from ebb.scaling.statistics import STATISTICS, StatisticSet

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class DataPoints:
    """The data points of all metrics of some alarms up to `end` (Unix seconds). Each metric is read once."""

    def __init__(self, cloudwatch: "CloudWatchClient", alarms: Iterable[Alarm], end: float) -> None:
        self._end = end
        self._minutes: dict[Metric, list[tuple[float, StatisticSet]]] = {}
        windows: dict[Metric, int] = {}
        for alarm in alarms:
            for metric in map(_without_statistic, alarm.metrics):
                windows[metric] = max(windows.get(metric, 0), alarm.range * alarm.period)
        for metric, window in windows.items():
            found = cloudwatch.get_metric_statistics(
                Namespace=metric.namespace,
                MetricName=metric.name,
                Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions],
                StartTime=datetime.fromtimestamp(end - window, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
                Period=MINUTE,  # the emulator does not align longer periods, so they are combined from minutes here
                Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
            )["Datapoints"]
            self._minutes[metric] = [
                (
                    each["Timestamp"].timestamp(),
                    StatisticSet(each["SampleCount"], each["Sum"], each["Minimum"], each["Maximum"]),
                )
                for each in found
            ]

    def of(self, alarm: Alarm) -> dict[Metric, Series]:
        """For each metric of the alarm one value per period of its evaluation range."""
        starts = [self._end - (alarm.range - index) * alarm.period for index in range(alarm.range)]
        return {metric: tuple(self._value(metric, start, alarm.period) for start in starts) for metric in alarm.metrics}

    def _value(self, metric: Metric, start: float, period: int) -> float | None:
        minutes = self._minutes[_without_statistic(metric)]
        sets = [each for time, each in minutes if start <= time < start + period]
        return STATISTICS[metric.statistic](sets) if sets else None


def _without_statistic(metric: Metric) -> Metric:
    return replace(metric, statistic="")
