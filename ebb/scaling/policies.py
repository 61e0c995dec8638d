"""Step scaling policies of Application Auto Scaling: the step for a metric value, and the capacity that it sets.

Sources: application-auto-scaling-step-scaling-policies.html and API_StepScalingPolicyConfiguration.

This is AWS's side of the contract, so its limits stay separate copies of those in settings/ and policy/. A value that
is shared by import would agree even if it were wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

AdjustmentType = Literal["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]
#: "If not specified, the default value is 300."
DEFAULT_COOLDOWN_SECONDS = 300
#: "Step adjustments per step scaling policy: 20" (application-auto-scaling-quotas.html).
MAX_STEPS = 20


@dataclass(frozen=True)
class Step:
    """A range of the metric's distance from the alarm's threshold, None for no bound, and its adjustment."""

    lower: float | None
    upper: float | None
    adjustment: int

    def __contains__(self, distance: float) -> bool:
        # "If the metric value is above the breach threshold, the lower bound is inclusive and the upper bound is
        # exclusive. If it is below, the lower bound is exclusive and the upper bound is inclusive."
        lower = -math.inf if self.lower is None else self.lower
        upper = math.inf if self.upper is None else self.upper
        above = distance >= 0 and lower <= distance < upper
        below = distance <= 0 and lower < distance <= upper
        return above or below


@dataclass(frozen=True, kw_only=True)
class StepPolicy:
    """A policy with the fields of StepScalingPolicyConfiguration; `cooldown` in seconds.

    Raises ValueError, one sentence, if PutScalingPolicy refuses it.
    """

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[Step, ...]
    cooldown: float = DEFAULT_COOLDOWN_SECONDS
    aggregation: Aggregation = "Average"
    min_magnitude: int = 0

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(f"Policy {self.name}: {problem}.")

    def aggregate(self, points: Sequence[float]) -> float | None:
        """The alarm's data points as one value, None without points."""
        if not points:
            return None
        match self.aggregation:
            case "Average":
                return math.fsum(points) / len(points)
            case "Minimum":
                return min(points)
            case "Maximum":
                return max(points)

    def step(self, distance: float) -> Step | None:
        """The step for a metric at `distance` from the threshold, the upper one of two; None if no step covers it."""
        matching = [step for step in self.steps if distance in step]
        return max(matching, key=lambda step: -math.inf if step.lower is None else step.lower, default=None)

    def capacity(self, step: Step, base: int) -> int:
        """The capacity that a step makes from `base`, not limited yet."""
        match self.adjustment_type:
            case "ChangeInCapacity":
                return base + step.adjustment
            case "ExactCapacity":
                return step.adjustment
            case "PercentChangeInCapacity":
                return base + self._percentage(step.adjustment, base)

    def _percentage(self, percent: int, base: int) -> int:
        product = abs(percent * base)
        if not product:
            return 0  # the guide does not say whether MinAdjustmentMagnitude adds tasks to none
        # "Values greater than 1 are rounded down. Values between 0 and 1 are rounded to 1."
        amount = max(1, product // 100, self.min_magnitude)
        return amount if percent > 0 else -amount

    def _problems(self) -> list[str]:
        steps = sorted(self.steps, key=lambda step: -math.inf if step.lower is None else step.lower)
        problems = []
        if not 1 <= len(steps) <= MAX_STEPS:
            problems.append(f"needs 1 to {MAX_STEPS} step adjustments, got {len(steps)}")
        for step in steps:
            if step.lower is None and step.upper is None and len(steps) > 1:
                problems.append("the upper and lower bound cannot be null in the same step adjustment")
            if step.lower is not None and step.upper is not None and step.lower >= step.upper:
                problems.append(f"the lower bound {step.lower:g} must be below the upper bound {step.upper:g}")
            if self.adjustment_type == "ExactCapacity" and step.adjustment < 0:
                problems.append(f"an exact capacity cannot be negative, got {step.adjustment}")
        for left, right in pairwise(steps):
            if left.upper is None or right.lower is None or left.upper != right.lower:
                problems.append("the ranges of the step adjustments cannot overlap or have a gap")
        if steps and steps[0].lower is not None and steps[0].lower < 0:
            problems.append("with a negative lower bound one step adjustment needs a null lower bound")
        if steps and steps[-1].upper is not None and steps[-1].upper > 0:
            problems.append("with a positive upper bound one step adjustment needs a null upper bound")
        return problems
