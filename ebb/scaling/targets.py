"""A scalable target: how policies, limits, cooldowns and suspensions change the capacity of an ECS service.

Sources: the Application Auto Scaling user guide and "Service auto scaling" (ECS guide, service-auto-scaling.html).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ebb.scaling.activities import Invocation, NotScaled, Reason, ScalingActivity
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.schedules import ScheduledAction
from ebb.scaling.tracking import TargetTracking


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The target's next state, the change if there is one, and why other invocations changed nothing.

    `not_scaled` has the reasons with a code of AWS, `notes` the others: cooldowns, suspensions, no matching step.
    """

    target: "ScalableTarget"
    activity: ScalingActivity | None = None
    notes: tuple[str, ...] = ()
    not_scaled: tuple[NotScaled, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScalableTarget:
    """Limits, suspensions and the last activities: one scale-out for each policy, one scale-in for the target."""

    minimum: int
    maximum: int
    scale_in_suspended: bool = False
    scale_out_suspended: bool = False
    schedules_suspended: bool = False
    #: Whether a scale-out's cooldown holds the scale-in of other policies. Not documented; containers-roadmap#2135
    #: reports that it does not.
    out_blocks_in: bool = False
    #: Names of the target tracking policies that may scale in.
    trackers: frozenset[str] = frozenset()
    outs: Mapping[str, ScalingActivity] = field(default_factory=dict)
    scale_in: ScalingActivity | None = None

    def clamp(self, capacity: int) -> int:
        """The nearest capacity within the limits."""
        return min(max(capacity, self.minimum), self.maximum)

    def register(self, minimum: int | None, maximum: int | None, desired: int, now: float) -> Decision:
        """New limits; None keeps one. Raises ValueError if the minimum is above the maximum."""
        minimum = self.minimum if minimum is None else minimum
        maximum = self.maximum if maximum is None else maximum
        if minimum > maximum:
            raise ValueError(f"The minimum capacity {minimum} must not exceed the maximum {maximum}.")
        target = replace(self, minimum=minimum, maximum=maximum)
        # New limits move the capacity at once, "either manually or following a schedule". A cooldown and a suspension
        # stop only "scaling activities that are triggered by a scaling policy".
        after = target.clamp(desired)
        if after == desired:
            return Decision(target=target)
        cause = f"{'minimum' if after > desired else 'maximum'} capacity was set to {after}"
        activity = ScalingActivity(time=now, before=desired, after=after, cause=cause)
        return Decision(target=target, activity=activity)

    def run(self, action: ScheduledAction, desired: int, now: float) -> Decision:
        """The effect of a scheduled action at its time. A suspended one does not run later."""
        if self.schedules_suspended:
            return Decision(target=self, notes=(f"Scheduled scaling is suspended (action {action.name}).",))
        try:
            return self.register(action.minimum, action.maximum, desired, now)
        except ValueError as error:
            return Decision(target=self, notes=(f"Scheduled action {action.name} failed: {error}",))

    @property
    def unsettled(self) -> bool:
        """Whether the tasks have not followed an activity yet."""
        if self.scale_in and self.scale_in.completed is None:
            return True
        return any(activity.completed is None for activity in self.outs.values())

    def settle(self, running: int, desired: int, now: float) -> "ScalableTarget":
        """Complete the activities that the tasks have followed, or that a later change has overtaken."""
        if not self.unsettled:
            return self
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

    def decide(
        self, invocations: Sequence[Invocation], running: int, desired: int, now: float, *, deploying: bool = False
    ) -> Decision:
        """The effect of policies that are invoked together; `deploying`: an ECS deployment is in progress."""
        proposals: list[ScalingActivity] = []
        notes: list[str] = []
        not_scaled: list[NotScaled] = []
        for invocation in invocations:
            proposal = self._propose(invocation, running, desired, now, deploying)
            if isinstance(proposal, str):
                notes.append(proposal)
            elif isinstance(proposal, NotScaled):
                not_scaled.append(proposal)
                if proposal.reason != "TargetServicePutResourceAsUnscalable":
                    proposals.append(_change(invocation, running, desired, desired, now))
            else:
                proposals.append(proposal)
        return replace(self._choose(proposals, desired), notes=tuple(notes), not_scaled=tuple(not_scaled))

    def _choose(self, proposals: Sequence[ScalingActivity], desired: int) -> Decision:
        """Carry out the proposal with the largest capacity."""
        # "It will scale in only if all of the target tracking policies (with the scale-in portion enabled) are ready to
        # scale in" (target-tracking.html, considerations).
        if self.trackers and not self.trackers <= {each.policy for each in proposals if each.after <= desired}:
            proposals = [each for each in proposals if each.policy not in self.trackers or each.after >= desired]
        chosen = max(proposals, key=lambda activity: activity.after, default=None)
        if chosen is None or chosen.after == desired:
            return Decision(target=self)
        if chosen.after > desired:
            # a scale-out ends the cooldown of a scale-in: it "stops and does not complete"
            target = replace(self, outs={**self.outs, chosen.policy: chosen}, scale_in=None)
        else:
            target = replace(self, scale_in=chosen)
        return Decision(target=target, activity=chosen)

    def _propose(
        self, invocation: Invocation, running: int, desired: int, now: float, deploying: bool
    ) -> ScalingActivity | NotScaled | str:
        """The activity of one invocation, or the reason for none."""
        policy = invocation.policy
        previous = self.outs.get(policy.name)
        cooling = previous if previous and previous.cooling(now) else None
        if isinstance(policy, TargetTracking):
            direction = policy.direction(invocation.points)
            base = self._base(direction, running, desired)
            wanted = policy.capacity(invocation.points, base)
        else:
            value = policy.aggregate(invocation.points)
            step = None if value is None else policy.step(value - invocation.threshold)
            if step is None:
                return _no_step(invocation)
            direction = _direction(policy, step)
            # In a cooldown the earlier increase is "considered part of the current capacity" (step-scaling-policies):
            # after +2, a step of 3 adds only 1. So it counts from the same base.
            base = self._base(direction, cooling.base if cooling and direction > 0 else running, desired)
            exact = policy.adjustment_type == "ExactCapacity"
            wanted = policy.capacity(step, base) if step.adjustment or exact else desired
        # a step that adds never lowers the desired count, one that removes never raises it
        wanted = max(wanted, desired) if direction > 0 else min(wanted, desired) if direction < 0 else wanted
        after = self._limit(wanted, desired)
        if after > desired and self.scale_out_suspended:
            return f"Scaling out is suspended (policy {policy.name})."
        if cooling and desired <= after <= cooling.after:
            return f"Policy {policy.name} is in its cooldown."
        if after == desired:
            reason = self._reason(invocation, direction, wanted, desired)
            return NotScaled(policy=policy.name, alarm=invocation.alarm, reason=reason)
        if after < desired and (held := self._holds(invocation, now, deploying)):
            return held
        return _change(invocation, base, desired, after, now)

    def _holds(self, invocation: Invocation, now: float, deploying: bool) -> NotScaled | str | None:
        """The reason that holds a scale-in back, if there is one."""
        name = invocation.policy.name
        if self.scale_in_suspended:
            return f"Scaling in is suspended (policy {name})."
        # "Turns off scale-in processes while Amazon ECS deployments are in progress. However, scale-out processes
        # continue to occur, unless suspended" (service-auto-scaling.html).
        if deploying:
            return NotScaled(policy=name, alarm=invocation.alarm, reason="TargetServicePutResourceAsUnscalable")
        if self.scale_in and self.scale_in.cooling(now):
            return f"Scaling in is in the cooldown of policy {self.scale_in.policy}."
        outs = [out for out in self.outs.values() if out.cooling(now)] if self.out_blocks_in else []
        return f"Scaling in is in the scale-out cooldown of policy {outs[0].policy}." if outs else None

    def _base(self, direction: int, running: int, desired: int) -> int:
        """The capacity that an adjustment counts from: the running tasks, on ECS."""
        # A desired count below the minimum is first "scaled up to the minimum", one above the maximum first scaled down
        # to it (service-auto-scaling.html).
        if direction > 0 and desired < self.minimum:
            return max(running, self.minimum)
        if direction < 0 and desired > self.maximum:
            return min(running, self.maximum)
        return running

    def _limit(self, wanted: int, desired: int) -> int:
        """The wanted capacity within the limits. A desired count that is already beyond a limit stays."""
        after = self.clamp(wanted)
        return max(after, desired) if wanted > desired else min(after, desired) if wanted < desired else desired

    def _reason(self, invocation: Invocation, direction: int, wanted: int, desired: int) -> Reason:
        """The code for an invocation that changes nothing."""
        if desired >= self.maximum and (direction > 0 or wanted > desired):
            return "AlreadyAtMaxCapacity"
        if desired <= self.minimum and (direction < 0 or wanted < desired):
            return "AlreadyAtMinCapacity"
        # with one task less, target tracking would scale out again
        flapping = isinstance(invocation.policy, TargetTracking) and direction < 0
        return "AutoScalingAnticipatedFlapping" if flapping else "AlreadyAtDesiredCapacity"


def _direction(policy: StepPolicy, step: Step) -> int:
    """1 for a step that adds, -1 for one that removes, 0 for others."""
    if policy.adjustment_type == "ExactCapacity" or not step.adjustment:
        return 0
    return 1 if step.adjustment > 0 else -1


def _no_step(invocation: Invocation) -> str:
    # the text of Application Auto Scaling in the alarm's history (mapbox/ecs-watchbot#187)
    shown = ", ".join(str(float(point)) for point in invocation.points)
    return (
        f"No step adjustment found for metric value [{shown}] and breach threshold {invocation.threshold} "
        f"(policy {invocation.policy.name})."
    )


def _change(invocation: Invocation, base: int, before: int, after: int, now: float) -> ScalingActivity:
    policy = invocation.policy
    if isinstance(policy, TargetTracking):
        cooldown = policy.out_cooldown if after > before else policy.in_cooldown
    else:
        cooldown = policy.cooldown
    return ScalingActivity(
        time=now,
        before=before,
        after=after,
        cause=f"monitor alarm {invocation.alarm} in state ALARM triggered policy {policy.name}",
        alarm=invocation.alarm,
        policy=policy.name,
        base=base,
        cooldown=cooldown,
    )
