"""The data points that alarms read: metrics of the emulated CloudWatch, by period of each alarm's evaluation range."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from ebb.sandbox.controllers.ticker import MINUTE, Surroundings
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.expressions import Series
from ebb.scaling.statistics import STATISTICS, StatisticSet


class Points:
    """The data points of all metrics that alarms watch, each metric read once."""

    def __init__(self, region: Surroundings, alarms: Iterable[Alarm], end: float) -> None:
        self._end = end
        self._minutes: dict[Metric, list[tuple[float, StatisticSet]]] = {}
        windows: dict[Metric, int] = {}
        for alarm in alarms:
            for metric in map(_bare, alarm.metrics):
                windows[metric] = max(windows.get(metric, 0), alarm.range * alarm.period)
        for metric, window in windows.items():
            found = region.client("cloudwatch").get_metric_statistics(
                Namespace=metric.namespace,
                MetricName=metric.name,
                Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions],
                StartTime=datetime.fromtimestamp(end - window, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
                Period=MINUTE,  # the emulator does not align longer ones: they are made of minutes here
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
        """One value per period of the alarm's evaluation range, for each of its metrics."""
        return {
            metric: tuple(
                self._value(metric, self._end - (alarm.range - index) * alarm.period, alarm.period)
                for index in range(alarm.range)
            )
            for metric in alarm.metrics
        }

    def _value(self, metric: Metric, start: float, period: int) -> float | None:
        sets = [each for time, each in self._minutes[_bare(metric)] if start <= time < start + period]
        return STATISTICS[metric.statistic](sets) if sets else None


def _bare(metric: Metric) -> Metric:
    return replace(metric, statistic="")
