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
class ScalingActivity:
    """A change of the desired capacity; times in seconds. `alarm` and `policy` are empty if no policy caused it.

    The cooldown starts at `completed`, when the tasks have followed (None until then). `base` is the capacity that the
    policy counted from.
    """

    time: float
    before: int
    after: int
    cause: str
    alarm: str = ""
    policy: str = ""
    base: int = 0
    cooldown: float = 0.0
    completed: float | None = None

    def cooling(self, now: float) -> bool:
        """Whether the cooldown, which starts "after successfully scaling", has not ended."""
        return self.completed is None or now < self.completed + self.cooldown


@dataclass(frozen=True, kw_only=True)
class NotScaled:
    """A "not scaled" activity: a policy that was invoked and changes nothing, with DescribeScalingActivities' code."""

    policy: str
    alarm: str
    reason: Reason
