"""Limits, deployments, suspensions, scheduled actions and the reasons for not scaling of a scalable target."""

from dataclasses import replace
from typing import Any

import pytest

from ebb.scaling.activities import Invocation, NotScaled
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from ebb.scaling.targets import Decision, ScalableTarget

NOW = 1000.0
NIGHTLY = Schedule(expression="cron(0 22 * * ? *)")


def invoke(
    adjustment: int, name: str = "out", kind: AdjustmentType = "ChangeInCapacity", cooldown: float = 120
) -> Invocation:
    policy = StepPolicy(name=name, adjustment_type=kind, steps=(Step(0, None, adjustment),), cooldown=cooldown)
    return Invocation(policy=policy, alarm=f"{name}-alarm", threshold=1, points=(1.0,))


def target(minimum: int = 2, maximum: int = 10, **fields: Any) -> ScalableTarget:
    return ScalableTarget(minimum=minimum, maximum=maximum, **fields)


def after(decision: Decision) -> int | None:
    return decision.activity.after if decision.activity else None


@pytest.mark.parametrize(
    ("adjustment", "tasks", "expected"),
    [
        (3, 0, 5),  # "scaled up to the minimum, and then continues to scale out as required."
        (-1, 1, None),  # "a scale-in activity does not adjust the desired count, because it is already below."
        (-1, 12, 9),  # "scaled down to the maximum, and then continues to scale in as required."
        (3, 12, None),  # "a scale-out activity does not adjust the desired count, because it is already above."
        (0, 1, None),
    ],
)
def test_a_desired_count_outside_the_limits_as_the_ecs_guide_says(
    adjustment: int, tasks: int, expected: int | None
) -> None:
    assert after(target().decide([invoke(adjustment)], tasks, tasks, NOW)) == expected


@pytest.mark.parametrize(
    ("adjustment", "kind", "tasks", "reason"),
    [
        (3, "ChangeInCapacity", 10, "AlreadyAtMaxCapacity"),
        (20, "ExactCapacity", 10, "AlreadyAtMaxCapacity"),
        (-3, "ChangeInCapacity", 2, "AlreadyAtMinCapacity"),
        (0, "ExactCapacity", 2, "AlreadyAtMinCapacity"),
        (5, "ExactCapacity", 5, "AlreadyAtDesiredCapacity"),
        (0, "ChangeInCapacity", 5, "AlreadyAtDesiredCapacity"),
    ],
)
def test_a_policy_that_changes_nothing_has_the_guides_reason(
    adjustment: int, kind: AdjustmentType, tasks: int, reason: Any
) -> None:
    decision = target().decide([invoke(adjustment, kind=kind)], tasks, tasks, NOW)
    assert decision.not_scaled == (NotScaled(policy="out", alarm="out-alarm", reason=reason),)
    assert (decision.activity, decision.notes) == (None, ())


def test_a_deployment_holds_scale_in_but_not_scale_out() -> None:
    """ECS: "turns off scale-in processes while deployments are in progress … scale-out processes continue"."""
    held = target().decide([invoke(-1, "in")], 5, 5, NOW, deploying=True)
    assert [each.reason for each in held.not_scaled] == ["TargetServicePutResourceAsUnscalable"]
    assert held.activity is None
    assert after(target().decide([invoke(1)], 5, 5, NOW, deploying=True)) == 6
    assert after(target().decide([invoke(-1, "in")], 5, 5, NOW)) == 4


def test_a_scale_in_held_by_a_deployment_does_not_hold_a_scale_out() -> None:
    assert after(target().decide([invoke(-1, "in"), invoke(1)], 5, 5, NOW, deploying=True)) == 6


@pytest.mark.parametrize(("blocks", "expected"), [(False, 6), (True, None)])
def test_a_scale_out_cooldown_holds_another_policys_scale_in_if_configured(blocks: bool, expected: int | None) -> None:
    first = target(out_blocks_in=blocks).decide([invoke(2)], 5, 5, NOW)
    cooling = first.target.settle(7, 7, NOW)
    second = cooling.decide([invoke(-1, "in")], 7, 7, NOW + 119)
    assert after(second) == expected
    assert second.notes == (("Scaling in is in the scale-out cooldown of policy out.",) if blocks else ())
    assert after(cooling.decide([invoke(-1, "in")], 7, 7, NOW + 120)) == 6


@pytest.mark.parametrize(
    ("limits", "desired", "expected", "cause"),
    [
        ((4, None), 2, 4, "minimum capacity was set to 4"),
        ((None, 5), 8, 5, "maximum capacity was set to 5"),
        ((0, 0), 8, 0, "maximum capacity was set to 0"),
        ((4, 6), 5, None, None),
    ],
)
def test_new_limits_move_the_capacity_into_them_at_once(
    limits: tuple[int | None, int | None], desired: int, expected: int | None, cause: str | None
) -> None:
    """Also while everything is suspended and cools down: neither is a matter of limits."""
    busy = target().decide([invoke(-1, "in")], 5, 5, NOW).target
    busy = replace(busy, scale_in_suspended=True, scale_out_suspended=True)
    decision = busy.register(*limits, desired, NOW + 1)
    assert (after(decision), decision.activity and decision.activity.cause) == (expected, cause)
    given = tuple(old if new is None else new for new, old in zip(limits, (2, 10), strict=True))
    assert (decision.target.minimum, decision.target.maximum) == given
    assert decision.target.scale_in == busy.scale_in


def test_a_minimum_above_the_maximum_is_refused() -> None:
    with pytest.raises(ValueError, match="The minimum capacity 11 must not exceed the maximum 10"):
        target().register(11, None, 5, NOW)


def test_a_scheduled_action_sets_the_limits_and_scales_without_waiting_for_a_cooldown() -> None:
    cooling = target(0).decide([invoke(-1, "in", cooldown=900)], 1, 1, NOW).target
    decision = cooling.run(ScheduledAction(name="warm", schedule=NIGHTLY, minimum=3), 0, NOW + 5)
    assert (decision.target.minimum, decision.target.maximum, after(decision)) == (3, 10, 3)
    assert decision.activity
    assert decision.activity.cause == "minimum capacity was set to 3"
    again = decision.target.run(ScheduledAction(name="cold", schedule=NIGHTLY, minimum=0), 3, NOW + 10)
    assert (again.target.minimum, after(again)) == (0, None)  # the policies may scale in from now on


def test_a_suspended_scheduled_action_does_not_run() -> None:
    action = ScheduledAction(name="warm", schedule=NIGHTLY, minimum=3)
    decision = target(0, schedules_suspended=True).run(action, 0, NOW)
    assert (decision.target.minimum, decision.activity) == (0, None)
    assert decision.notes == ("Scheduled scaling is suspended (action warm).",)
    assert after(target(0, scale_out_suspended=True).run(action, 0, NOW)) == 3


def test_a_scheduled_action_with_a_minimum_above_the_maximum_changes_nothing() -> None:
    decision = target().run(ScheduledAction(name="warm", schedule=NIGHTLY, minimum=11), 5, NOW)
    assert (decision.target, decision.activity) == (target(), None)
    assert decision.notes == ("Scheduled action warm failed: The minimum capacity 11 must not exceed the maximum 10.",)


def test_when_scaling_is_resumed_a_breaching_alarm_acts() -> None:
    """The guide: "evaluates policies with alarm thresholds that are currently in breach"; alarms invoke each minute."""
    paused = target(scale_out_suspended=True)
    assert paused.decide([invoke(1)], 5, 5, NOW).activity is None
    resumed = replace(paused, scale_out_suspended=False)
    assert after(resumed.decide([invoke(1)], 5, 5, NOW + 60)) == 6
