"""A scalable target: what policies that act together make of its capacity, within limits, cooldowns and suspensions.

Sources: the Application Auto Scaling user guide (step scaling policies, target tracking, suspend and resume) and, for
ECS, "Service auto scaling" in the ECS developer guide (service-auto-scaling.html).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ebb.scaling.policies import StepPolicy


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """An alarm in the state that invokes a policy, with the data points that it evaluated."""

    policy: StepPolicy
    alarm: str
    threshold: float
    points: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A change of the desired capacity; `completed` (simulated seconds) is None while the tasks do not follow yet."""

    policy: str
    alarm: str
    base: int
    before: int
    after: int
    started: float
    cooldown: float
    completed: float | None = None

    @property
    def cause(self) -> str:
        """The Cause of DescribeScalingActivities."""
        return f"monitor alarm {self.alarm} in state ALARM triggered policy {self.policy}"

    def cooling(self, now: float) -> bool:
        """Whether the cooldown, which starts "after successfully scaling", has not ended."""
        return self.completed is None or now < self.completed + self.cooldown


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What came of invocations: the target's next state, the change if there is one, and why others did not act."""

    target: "ScalableTarget"
    activity: Activity | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScalableTarget:
    """Limits, suspended state, and the last activities: scale-outs by policy, scale-in of the target."""

    minimum: int
    maximum: int
    scale_in_suspended: bool = False
    scale_out_suspended: bool = False
    outs: Mapping[str, Activity] = field(default_factory=dict)
    scale_in: Activity | None = None

    def clamp(self, capacity: int) -> int:
        """The nearest capacity in the range.

        RegisterScalableTarget with a new range moves the capacity into it at once, suspended or not: suspension is of
        "scaling activities that are triggered by a scaling policy" (suspend-resume-scaling.html).
        """
        return min(max(capacity, self.minimum), self.maximum)

    @property
    def unsettled(self) -> bool:
        """Whether an activity is under way, its cooldown not begun."""
        last = [*self.outs.values(), *([self.scale_in] if self.scale_in else [])]
        return any(activity.completed is None for activity in last)

    def settle(self, running: int, desired: int, now: float) -> "ScalableTarget":
        """Complete the activities that the running tasks have followed, or that a later change has overtaken."""
        outs = {
            name: replace(out, completed=now)
            if out.completed is None and (running >= out.after or desired < out.after)
            else out
            for name, out in self.outs.items()
        }
        scale_in = self.scale_in
        if scale_in and scale_in.completed is None and (running <= scale_in.after or desired > scale_in.after):
            scale_in = replace(scale_in, completed=now)
        return replace(self, outs=outs, scale_in=scale_in)

    def decide(self, invocations: Sequence[Invocation], running: int, desired: int, now: float) -> Decision:
        """What policies invoked at the same time do.

        "Application Auto Scaling chooses the policy that provides the largest capacity for both scale out and scale in"
        (target-tracking.html, multiple policies). A policy in its cooldown does not act, so it holds no other back.
        """
        proposals: list[Activity] = []
        notes: list[str] = []
        for invocation in invocations:
            proposal = self._propose(invocation, running, desired, now)
            if isinstance(proposal, str):
                notes.append(proposal)
            else:
                proposals.append(proposal)
        chosen = max(proposals, key=lambda activity: activity.after, default=None)
        if chosen is None or chosen.after == desired:
            return Decision(target=self, notes=tuple(notes))
        if chosen.after > desired:
            # "If another alarm triggers a scale-out during the cooldown after a scale-in, Application Auto Scaling
            # scales out immediately; the cooldown for the scale-in stops and does not complete."
            target = replace(self, outs={**self.outs, chosen.policy: chosen}, scale_in=None)
        else:
            target = replace(self, scale_in=chosen)
        return Decision(target=target, activity=chosen, notes=tuple(notes))

    def _propose(self, invocation: Invocation, running: int, desired: int, now: float) -> Activity | str:
        """The activity that one invocation asks for, or why there is none."""
        policy = invocation.policy
        value = policy.aggregate(invocation.points)
        step = None if value is None else policy.step(value - invocation.threshold)
        if step is None:
            shown = ", ".join(str(float(point)) for point in invocation.points)
            return (
                f"No step adjustment found for metric value [{shown}] and breach threshold {invocation.threshold} "
                f"(policy {policy.name})."
            )
        previous = self.outs.get(policy.name)
        cooling = previous if previous and previous.cooling(now) else None
        base = self._base(policy, step.adjustment, cooling, running, desired)
        after = policy.capacity(step, base)
        if policy.adjustment_type != "ExactCapacity":
            # A change that adds never lowers what was asked for before, one that removes never raises it.
            after = max(after, desired) if step.adjustment > 0 else min(after, desired)
            after = desired if step.adjustment == 0 else after
        after = self.clamp(after)
        if after > desired and self.scale_out_suspended:
            return f"Scaling out is suspended (policy {policy.name})."
        if cooling and desired <= after <= cooling.after:
            return f"Policy {policy.name} is in its cooldown."
        if after < desired and self.scale_in_suspended:
            return f"Scaling in is suspended (policy {policy.name})."
        if after < desired and self.scale_in and self.scale_in.cooling(now):
            return f"Scaling in is in the cooldown of policy {self.scale_in.policy}."
        return Activity(
            policy=policy.name,
            alarm=invocation.alarm,
            base=base,
            before=desired,
            after=after,
            started=now,
            cooldown=policy.cooldown,
        )

    def _base(self, policy: StepPolicy, adjustment: int, cooling: Activity | None, running: int, desired: int) -> int:
        """What an adjustment is added to.

        ECS: the count of running tasks, not the desired count. During a scale-out's cooldown "the previous increase of
        2 is considered part of the current capacity; therefore, only 1 is added" by a step of 3: its base counts on.
        "If the desired count is set below the minimum and an alarm triggers a scale-out, the desired count is scaled
        up to the minimum, and then continues to scale out as required" (ECS service-auto-scaling.html).
        """
        if adjustment <= 0 or policy.adjustment_type == "ExactCapacity":
            return running
        base = cooling.base if cooling else running
        return max(base, self.minimum) if desired < self.minimum else base
