"""Target tracking policies of Application Auto Scaling: the two alarms it creates, and the capacity it asks for.

Sources: "Target tracking scaling policies" in the Application Auto Scaling user guide
(application-auto-scaling-target-tracking.html) and API_TargetTrackingScalingPolicyConfiguration. How many periods the
two alarms have is not documented: it is what they show in every account (names end in AlarmHigh and AlarmLow).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ebb.scaling.alarms import Alarm, Query
from ebb.scaling.policies import DEFAULT_COOLDOWN

#: Periods above the target before it scales out.
HIGH_PERIODS = 3
#: Periods below the low threshold before it scales in.
LOW_PERIODS = 15
#: "Removing capacity only when utilization passes a threshold … usually more than 10% lower" than the target.
LOW_SHARE = 0.9


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A policy that keeps a metric, or an expression of several, at `target`; cooldowns and `period` in seconds.

    `queries` and `watched` are those of an alarm; `scale_in` is false for DisableScaleIn.
    Raises ValueError, in one sentence, for what PutScalingPolicy refuses.
    """

    name: str
    target: float
    queries: tuple[Query, ...]
    watched: str
    period: int = 60
    out_cooldown: float = DEFAULT_COOLDOWN
    in_cooldown: float = DEFAULT_COOLDOWN
    scale_in: bool = True

    def __post_init__(self) -> None:
        if self.target <= 0:
            raise ValueError(f"Policy {self.name}: the target value must be above 0, got {self.target:g}.")

    @property
    def high(self) -> Alarm:
        """The alarm that makes it scale out: above the target in 3 of 3 periods."""
        return self._alarm("High", HIGH_PERIODS, self.target)

    @property
    def low(self) -> Alarm | None:
        """The alarm that makes it scale in: below 90 % of the target in 15 of 15 periods; None if it never does."""
        return self._alarm("Low", LOW_PERIODS, self.target * LOW_SHARE) if self.scale_in else None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Both alarms; their action is this policy.

        A missing point is a missing point to both: "when the metric is missing data points, the alarm's state changes
        to INSUFFICIENT_DATA, and Application Auto Scaling cannot scale until new data points are found".
        """
        return (self.high, self.low) if self.low else (self.high,)

    def direction(self, points: Sequence[float]) -> int:
        """1 when the newest of an alarm's points is above the target, -1 when it is in the range of scale-in, else 0.

        "It does not perform scaling when the specified metric has insufficient data": no point is 0.
        """
        if not points:
            return 0
        if points[-1] > self.target:
            return 1
        return -1 if self.scale_in and points[-1] < self.target * LOW_SHARE else 0

    def capacity(self, points: Sequence[float], base: int) -> int:
        """The capacity that brings the newest of the alarm's points to the target; `base` if it is near enough.

        "Scales proportionally to the metric", and "always acts conservatively by rounding up or down … this prevents it
        from adding insufficient capacity or removing too much capacity": both is rounding up. Which of the points is
        used is not documented. No proportion leads away from 0: a metric that has data there adds the least, 1 (so
        the ECS guide on a desired count of 0); one per running task has no data there, and never wakes.
        """
        direction = self.direction(points)
        if not direction:
            return base
        wanted = math.ceil(round(base * points[-1] / self.target, 9))  # not one more for a float's last digit
        return max(base + 1, wanted) if direction > 0 else max(0, min(base, wanted))

    def _alarm(self, which: str, periods: int, threshold: float) -> Alarm:
        return Alarm(
            name=f"TargetTracking-{self.name}-Alarm{which}",
            period=self.period,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            threshold=threshold,
            comparison="GreaterThanThreshold" if which == "High" else "LessThanThreshold",
            missing="missing",
            queries=self.queries,
            watched=self.watched,
        )
