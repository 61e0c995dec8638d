"""What invokes a policy of Application Auto Scaling and what comes of it, as DescribeScalingActivities tells it.

Source: "Scaling activities" in the Application Auto Scaling user guide
(application-auto-scaling-scaling-activities.html).
"""

from dataclasses import dataclass
from typing import Literal

from ebb.scaling.policies import StepPolicy
from ebb.scaling.tracking import TargetTracking

#: "Understanding not scaled reason codes" (application-auto-scaling-scaling-activities.html).
Reason = Literal[
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
    "AutoScalingAnticipatedFlapping",
    "TargetServicePutResourceAsUnscalable",
]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """An alarm in the state that invokes a policy, with the data points that it evaluated."""

    policy: StepPolicy | TargetTracking
    alarm: str
    threshold: float
    points: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A change of the desired capacity; `completed` (simulated seconds) is None while the tasks do not follow yet.

    `alarm` and `policy` are empty when a new range moved the capacity; `why` is then its cause.
    """

    policy: str
    alarm: str
    base: int
    before: int
    after: int
    started: float
    cooldown: float
    completed: float | None = None
    why: str = ""

    @property
    def cause(self) -> str:
        """The Cause of DescribeScalingActivities."""
        return self.why or f"monitor alarm {self.alarm} in state ALARM triggered policy {self.policy}"

    def cooling(self, now: float) -> bool:
        """Whether the cooldown, which starts "after successfully scaling", has not ended."""
        return self.completed is None or now < self.completed + self.cooldown


@dataclass(frozen=True, kw_only=True)
class NotScaled:
    """A "not scaled" activity: a policy that was invoked and changes nothing, with DescribeScalingActivities' code."""

    policy: str
    alarm: str
    reason: Reason
