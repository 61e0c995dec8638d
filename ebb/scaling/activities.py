"""Policy invocations and scaling activities of Application Auto Scaling.

Source: application-auto-scaling-scaling-activities.html.
"""

from dataclasses import dataclass
from typing import Literal

from ebb.scaling.policies import StepPolicy
from ebb.scaling.tracking import TargetTracking

#: "Understanding not scaled reason codes".
Reason = Literal[
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
    "AutoScalingAnticipatedFlapping",
    "TargetServicePutResourceAsUnscalable",
]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """An alarm that invokes a policy, and the data points that it evaluated, oldest first."""

    policy: StepPolicy | TargetTracking
    alarm: str
    threshold: float
    points: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ScalingActivity:
    """A change of the desired capacity; times in seconds. `alarm` and `policy` are empty if no policy caused it."""

    time: float
    before: int
    after: int
    cause: str
    alarm: str = ""
    policy: str = ""
    #: The capacity that the policy counted from.
    base: int = 0
    cooldown: float = 0.0
    #: When the tasks had followed; the cooldown starts then, "after successfully scaling".
    completed: float | None = None

    def cooling(self, now: float) -> bool:
        """Whether the cooldown has not ended."""
        return self.completed is None or now < self.completed + self.cooldown


@dataclass(frozen=True, kw_only=True)
class NotScaled:
    """A policy that was invoked and changed nothing, with the code of DescribeScalingActivities."""

    policy: str
    alarm: str
    reason: Reason
