"""A scalable target: what policies that act together make of its capacity, within limits, cooldowns and suspensions.

Sources: the Application Auto Scaling user guide (step scaling, target tracking, scheduled scaling, suspend and resume,
scaling activities) and, for ECS, "Service auto scaling" in the ECS developer guide (service-auto-scaling.html).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ebb.scaling.activities import Invocation, NotScaled, Reason, ScalingActivity
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.schedules import ScheduledAction
from ebb.scaling.tracking import TargetTracking


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What came of invocations: the target's next state, the change if there is one, and why others did not act.

    `not_scaled` are the reasons that AWS has codes for, `notes` the others: cooldowns, suspensions, no matching step.
    """

    target: "ScalableTarget"
    activity: ScalingActivity | None = None
    notes: tuple[str, ...] = ()
    not_scaled: tuple[NotScaled, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScalableTarget:
    """Limits, suspended state, and the last activities: scale-outs by policy, scale-in of the target.

    `trackers` names the target tracking policies that may scale in. `out_blocks_in` is whether a scale-out's cooldown
    also holds back another policy's scale-in: not documented, containers-roadmap#2135 reports that it does not.
    """

    minimum: int
    maximum: int
    scale_in_suspended: bool = False
    scale_out_suspended: bool = False
    schedules_suspended: bool = False
    out_blocks_in: bool = False
    trackers: frozenset[str] = frozenset()
    outs: Mapping[str, ScalingActivity] = field(default_factory=dict)
    scale_in: ScalingActivity | None = None

    def clamp(self, capacity: int) -> int:
        """The nearest capacity in the range.

        RegisterScalableTarget with a new range moves the capacity into it at once, suspended or not: suspension is of
        "scaling activities that are triggered by a scaling policy" (suspend-resume-scaling.html).
        """
        return min(max(capacity, self.minimum), self.maximum)

    def register(self, minimum: int | None, maximum: int | None, desired: int, now: float) -> Decision:
        """New limits; None leaves one as it is. The capacity moves into them at once, whatever cools down.

        "Application Auto Scaling … initiates scaling activities when you modify the maximum or minimum size of the
        scalable target, either manually or following a schedule" (application-auto-scaling-scaling-activities.html).
        Raises ValueError for a minimum above the maximum, as RegisterScalableTarget does.
        """
        minimum = self.minimum if minimum is None else minimum
        maximum = self.maximum if maximum is None else maximum
        if minimum > maximum:
            raise ValueError(f"The minimum capacity {minimum} must not exceed the maximum {maximum}.")
        target = replace(self, minimum=minimum, maximum=maximum)
        after = target.clamp(desired)
        if after == desired:
            return Decision(target=target)
        cause = f"{'minimum' if after > desired else 'maximum'} capacity was set to {after}"
        activity = ScalingActivity(time=now, before=desired, after=after, cause=cause)
        return Decision(target=target, activity=activity)

    def run(self, action: ScheduledAction, desired: int, now: float) -> Decision:
        """A scheduled action at its time.

        "Sets the MinCapacity and MaxCapacity to what is specified"; "scales out to the specified minimum" or "scales in
        to the specified maximum" if the capacity is outside, and during a cooldown "immediately without waiting for the
        cooldown period to expire". While ScheduledScalingSuspended, actions "scheduled to run during the
        suspension period" are not initiated, then or later (suspend-resume-scaling.html).
        """
        if self.schedules_suspended:
            return Decision(target=self, notes=(f"Scheduled scaling is suspended (action {action.name}).",))
        try:
            return self.register(action.minimum, action.maximum, desired, now)
        except ValueError as error:
            return Decision(target=self, notes=(f"Scheduled action {action.name} failed: {error}",))

    @property
    def unsettled(self) -> bool:
        """Whether an activity is under way, its cooldown not begun."""
        if self.scale_in and self.scale_in.completed is None:
            return True
        return any(activity.completed is None for activity in self.outs.values())

    def settle(self, running: int, desired: int, now: float) -> "ScalableTarget":
        """Complete the activities that the running tasks have followed, or that a later change has overtaken."""
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
        """What policies invoked at the same time do; `deploying` while the service has a deployment in progress.

        "Application Auto Scaling chooses the policy that provides the largest capacity for both scale out and scale in"
        (target-tracking.html, multiple policies). A policy in its cooldown does not act, so it holds no other back.
        """
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
        """The largest capacity.

        Of target tracking policies, "it will scale in only if all of the target tracking policies (with the scale-in
        portion enabled) are ready to scale in" (target-tracking.html, considerations).
        """
        if self.trackers and not self.trackers <= {each.policy for each in proposals if each.after <= desired}:
            proposals = [each for each in proposals if each.policy not in self.trackers or each.after >= desired]
        chosen = max(proposals, key=lambda activity: activity.after, default=None)
        if chosen is None or chosen.after == desired:
            return Decision(target=self)
        if chosen.after > desired:
            # "If another alarm triggers a scale-out during the cooldown after a scale-in, Application Auto Scaling
            # scales out immediately; the cooldown for the scale-in stops and does not complete."
            target = replace(self, outs={**self.outs, chosen.policy: chosen}, scale_in=None)
        else:
            target = replace(self, scale_in=chosen)
        return Decision(target=target, activity=chosen)

    def _propose(
        self, invocation: Invocation, running: int, desired: int, now: float, deploying: bool
    ) -> ScalingActivity | NotScaled | str:
        """The activity that one invocation asks for, or why there is none."""
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
            # "the previous increase of 2 is considered part of the current capacity; therefore, only 1 is added" by a
            # step of 3 in the cooldown: its base counts on (step-scaling-policies.html)
            base = self._base(direction, cooling.base if cooling and direction > 0 else running, desired)
            exact = policy.adjustment_type == "ExactCapacity"
            wanted = policy.capacity(step, base) if step.adjustment or exact else desired
        # A change that adds never lowers what was asked for before, one that removes never raises it.
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
        """What holds a scale-in back: a suspension, a cooldown, or a deployment.

        "Application Auto Scaling turns off scale-in processes while Amazon ECS deployments are in progress. However,
        scale-out processes continue to occur, unless suspended" (ECS service-auto-scaling.html); the reason code is
        that of a service that puts its resource in an unscalable state.
        """
        name = invocation.policy.name
        if self.scale_in_suspended:
            return f"Scaling in is suspended (policy {name})."
        if deploying:
            return NotScaled(policy=name, alarm=invocation.alarm, reason="TargetServicePutResourceAsUnscalable")
        if self.scale_in and self.scale_in.cooling(now):
            return f"Scaling in is in the cooldown of policy {self.scale_in.policy}."
        outs = [out for out in self.outs.values() if out.cooling(now)] if self.out_blocks_in else []
        return f"Scaling in is in the scale-out cooldown of policy {outs[0].policy}." if outs else None

    def _base(self, direction: int, running: int, desired: int) -> int:
        """What an adjustment starts from: on ECS the count of running tasks, not the desired count.

        "If the desired count is set below the minimum and an alarm triggers a scale-out, the desired count is scaled
        up to the minimum, and then continues to scale out as required"; above the maximum likewise with a scale-in
        (ECS service-auto-scaling.html).
        """
        if direction > 0 and desired < self.minimum:
            return max(running, self.minimum)
        if direction < 0 and desired > self.maximum:
            return min(running, self.maximum)
        return running

    def _limit(self, wanted: int, desired: int) -> int:
        """The wanted capacity in the range.

        "A scale-in activity does not adjust the desired count, because it is already below the minimum", "a scale-out
        activity does not …, because it is already above the maximum" (ECS service-auto-scaling.html).
        """
        after = self.clamp(wanted)
        return max(after, desired) if wanted > desired else min(after, desired) if wanted < desired else desired

    def _reason(self, invocation: Invocation, direction: int, wanted: int, desired: int) -> Reason:
        """Why nothing changes: the limits first; flapping is what one task fewer would lead target tracking to."""
        if desired >= self.maximum and (direction > 0 or wanted > desired):
            return "AlreadyAtMaxCapacity"
        if desired <= self.minimum and (direction < 0 or wanted < desired):
            return "AlreadyAtMinCapacity"
        flapping = isinstance(invocation.policy, TargetTracking) and direction < 0
        return "AutoScalingAnticipatedFlapping" if flapping else "AlreadyAtDesiredCapacity"


def _direction(policy: StepPolicy, step: Step) -> int:
    """1 for a step that adds, -1 for one that removes, 0 for one that may do either or neither."""
    if policy.adjustment_type == "ExactCapacity" or not step.adjustment:
        return 0
    return 1 if step.adjustment > 0 else -1


def _no_step(invocation: Invocation) -> str:
    """As Application Auto Scaling words it in the alarm's history (mapbox/ecs-watchbot#187)."""
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
