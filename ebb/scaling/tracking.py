"""Target tracking policies of Application Auto Scaling: their two alarms, and the capacity that they set.

Sources: application-auto-scaling-target-tracking.html and API_TargetTrackingScalingPolicyConfiguration.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ebb.scaling.alarms import Alarm, Query
from ebb.scaling.policies import DEFAULT_COOLDOWN_SECONDS

#: Periods of the alarm that scales out, and of the one that scales in. Not documented: seen in the alarms themselves.
HIGH_PERIODS = 3
LOW_PERIODS = 15
#: Share of the target below which it scales in: "a threshold … usually more than 10% lower".
LOW_SHARE = 0.9


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A policy that keeps a metric or an expression (`queries`, `watched` as of an alarm) at `target`.

    Cooldowns and `period` in seconds; `scale_in` is false for DisableScaleIn. Raises ValueError for a target <= 0.
    """

    name: str
    target: float
    queries: tuple[Query, ...]
    watched: str
    period: int = 60
    out_cooldown: float = DEFAULT_COOLDOWN_SECONDS
    in_cooldown: float = DEFAULT_COOLDOWN_SECONDS
    scale_in: bool = True

    def __post_init__(self) -> None:
        if self.target <= 0:
            raise ValueError(f"Policy {self.name}: the target value must be above 0, got {self.target:g}.")

    @property
    def high(self) -> Alarm:
        """The alarm that scales out."""
        return self._alarm("High", HIGH_PERIODS, self.target)

    @property
    def low(self) -> Alarm | None:
        """The alarm that scales in, None without `scale_in`."""
        return self._alarm("Low", LOW_PERIODS, self.target * LOW_SHARE) if self.scale_in else None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms whose action is this policy."""
        return (self.high, self.low) if self.low else (self.high,)

    def direction(self, points: Sequence[float]) -> int:
        """1 to scale out, -1 to scale in, 0 for neither, by the newest of an alarm's points; 0 without points."""
        if not points:
            return 0
        if points[-1] > self.target:
            return 1
        return -1 if self.scale_in and points[-1] < self.target * LOW_SHARE else 0

    def capacity(self, points: Sequence[float], base: int) -> int:
        """The capacity that brings the newest of the alarm's points to the target; `base` if it is near enough."""
        direction = self.direction(points)
        if not direction:
            return base
        # "Prevents it from adding insufficient capacity or removing too much capacity": it rounds up both ways. Which
        # of the points it uses is not documented. round() removes the error of floats.
        wanted = math.ceil(round(base * points[-1] / self.target, 9))
        # from 0 tasks a metric with data adds 1 (ECS guide, "desired count of 0")
        return max(base + 1, wanted) if direction > 0 else max(0, min(base, wanted))

    def _alarm(self, which: str, periods: int, threshold: float) -> Alarm:
        return Alarm(
            name=f"TargetTracking-{self.name}-Alarm{which}",
            period=self.period,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            threshold=threshold,
            comparison="GreaterThanThreshold" if which == "High" else "LessThanThreshold",
            # "when the metric is missing data points, the alarm's state changes to INSUFFICIENT_DATA"
            missing="missing",
            queries=self.queries,
            watched=self.watched,
        )
