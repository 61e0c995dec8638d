"""Scalable targets: limits, cooldowns, policies that act together; and as a state machine."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ebb.scaling.activities import Invocation, ScalingActivity
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from ebb.scaling.targets import Decision, ScalableTarget
from tests.helpers.examples import examples

NOW = 1000.0


def invoke(
    adjustment: int, name: str = "out", kind: AdjustmentType = "ChangeInCapacity", cooldown: float = 120
) -> Invocation:
    steps = (Step(0, None, adjustment),)
    policy = StepPolicy(name=name, adjustment_type=kind, steps=steps, cooldown=cooldown)
    return Invocation(policy=policy, alarm=f"{name}-alarm", threshold=1, points=(1.0,))


def zero(name: str = "zero", cooldown: float = 60) -> Invocation:
    steps = (Step(None, 0, 0),)
    policy = StepPolicy(name=name, adjustment_type="ExactCapacity", steps=steps, cooldown=cooldown)
    return Invocation(policy=policy, alarm=f"{name}-alarm", threshold=0, points=(0.0,) * 5)


def target(minimum: int = 0, maximum: int = 10, **fields: Any) -> ScalableTarget:
    return ScalableTarget(minimum=minimum, maximum=maximum, **fields)


def decide(tested: ScalableTarget, *invocations: Invocation, running: int, desired: int, now: float = NOW) -> Decision:
    return tested.decide(invocations, running, desired, now)


def after(decision: Decision) -> int | None:
    return decision.activity.after if decision.activity else None


def test_one_message_wakes_the_service_from_zero() -> None:
    decision = decide(target(), invoke(1), running=0, desired=0)
    cause = "monitor alarm out-alarm in state ALARM triggered policy out"
    assert decision.activity == ScalingActivity(
        time=NOW, before=0, after=1, cause=cause, alarm="out-alarm", policy="out", base=0, cooldown=120
    )


@pytest.mark.parametrize(
    ("invocation", "running", "desired", "expected"),
    [
        (invoke(5), 0, 0, 4),  # to the maximum
        (invoke(5), 4, 4, None),
        (invoke(-5), 3, 3, 1),  # to the minimum
        (invoke(-1), 1, 1, None),
        (zero(), 3, 3, 1),
        (invoke(0), 3, 3, None),
        (invoke(100, kind="PercentChangeInCapacity"), 2, 2, 4),
    ],
)
def test_capacity_stays_in_the_registered_range(
    invocation: Invocation, running: int, desired: int, expected: int | None
) -> None:
    assert after(decide(target(1, 4), invocation, running=running, desired=desired)) == expected


def test_a_service_below_its_minimum_scales_out_from_the_minimum() -> None:
    """ECS: "scaled up to the minimum, and then continues to scale out as required"."""
    assert after(decide(target(2), invoke(3), running=0, desired=0)) == 5


def test_a_change_counts_from_the_running_tasks_and_never_reverses_the_desired_count() -> None:
    assert after(decide(target(), invoke(3), running=1, desired=3)) == 4
    assert after(decide(target(), invoke(1), running=1, desired=4)) is None  # three are still starting
    assert after(decide(target(), invoke(-1), running=4, desired=2)) is None  # two are still stopping
    assert after(decide(target(), invoke(-2), running=4, desired=3)) == 2


def test_during_the_cooldown_the_capacity_added_before_counts() -> None:
    """The guide: a step of 2, then a more aggressive one of 3: "only 1 is added to the capacity"."""
    first = decide(target(), invoke(2), running=1, desired=1)
    assert after(first) == 3
    cooling = first.target.settle(running=3, desired=3, now=NOW + 30)
    assert after(decide(cooling, invoke(2), running=3, desired=3, now=NOW + 60)) is None
    second = decide(cooling, invoke(3), running=3, desired=3, now=NOW + 60)
    assert after(second) == 4
    assert second.activity is not None
    assert second.activity.base == 1


def test_the_scale_out_cooldown_starts_when_the_tasks_run() -> None:
    first = decide(target(), invoke(1), running=0, desired=0)
    waiting = first.target.settle(running=0, desired=1, now=NOW + 500)
    assert waiting.unsettled
    assert after(decide(waiting, invoke(1), running=0, desired=1, now=NOW + 500)) is None
    done = waiting.settle(running=1, desired=1, now=NOW + 600)
    assert not done.unsettled
    early = decide(done, invoke(1), running=1, desired=1, now=NOW + 719)
    assert early.activity is None
    assert early.target is done
    assert after(decide(done, invoke(1), running=1, desired=1, now=NOW + 720)) == 2


def test_a_policy_in_its_cooldown_does_not_hold_another_one_back() -> None:
    first = decide(target(), invoke(2), running=0, desired=0)
    cooling = first.target.settle(running=2, desired=2, now=NOW)
    assert after(decide(cooling, invoke(1, "other"), running=2, desired=2, now=NOW + 1)) == 3
    assert after(decide(cooling, invoke(2), zero(), running=2, desired=2, now=NOW + 1)) == 0


def test_a_scale_in_blocks_the_next_until_its_cooldown_ends() -> None:
    first = decide(target(), invoke(-1, "in", cooldown=180), running=5, desired=5)
    assert after(first) == 4
    stopping = decide(first.target, zero(), running=5, desired=4, now=NOW + 60)
    assert stopping.activity is None
    assert stopping.notes == ("Scaling in is in the cooldown of policy in.",)
    done = first.target.settle(running=4, desired=4, now=NOW + 100)
    assert after(decide(done, zero(), running=4, desired=4, now=NOW + 279)) is None
    assert after(decide(done, zero(), running=4, desired=4, now=NOW + 280)) == 0


def test_a_scale_out_acts_at_once_in_a_scale_in_cooldown_and_ends_it() -> None:
    first = decide(target(), invoke(-1, "in", cooldown=300), running=5, desired=5)
    cooling = first.target.settle(running=4, desired=4, now=NOW)
    second = decide(cooling, invoke(2), running=4, desired=4, now=NOW + 10)
    assert after(second) == 6
    assert second.target.scale_in is None
    assert after(decide(second.target, invoke(-1, "in"), running=6, desired=6, now=NOW + 20)) == 5


@pytest.mark.parametrize(
    ("invocations", "expected"),
    [
        ((invoke(1), invoke(3, "more")), 5),
        ((invoke(1), zero()), 3),
        ((zero(), invoke(-1, "in")), 1),
        ((invoke(0, "hold"), zero()), None),
    ],
)
def test_policies_invoked_together_set_the_largest_capacity(
    invocations: tuple[Invocation, ...], expected: int | None
) -> None:
    assert after(decide(target(), *invocations, running=2, desired=2)) == expected


def test_a_scale_out_policy_at_the_maximum_prevents_a_scale_in() -> None:
    assert after(decide(target(0, 2), invoke(1), zero(), running=2, desired=2)) is None


def test_a_suspended_direction_does_not_scale_and_is_noted() -> None:
    paused = target(scale_in_suspended=True, scale_out_suspended=True)
    assert decide(paused, invoke(1), zero(), running=2, desired=2).notes == (
        "Scaling out is suspended (policy out).",
        "Scaling in is suspended (policy zero).",
    )
    assert after(decide(replace(paused, scale_in_suspended=False), invoke(1), zero(), running=2, desired=2)) == 0
    assert after(decide(replace(paused, scale_out_suspended=False), invoke(1), zero(), running=2, desired=2)) == 3


def test_a_metric_without_a_step_is_noted_in_the_words_of_application_auto_scaling() -> None:
    invocation = replace(invoke(1), points=(0.0,))
    decision = decide(target(), invocation, running=0, desired=0)
    assert decision.activity is None
    assert decision.notes == ("No step adjustment found for metric value [0.0] and breach threshold 1 (policy out).",)
    assert decide(target(), replace(invocation, points=()), running=0, desired=0).notes[0].startswith("No step")


def test_a_change_that_a_later_one_replaced_counts_as_complete() -> None:
    out = decide(target(), invoke(3), running=0, desired=0).target
    assert not out.settle(running=0, desired=0, now=NOW + 5).unsettled  # someone set 0 again
    into = decide(target(), invoke(-1, "in"), running=3, desired=3).target
    assert into.settle(running=3, desired=2, now=NOW + 5).unsettled
    assert not into.settle(running=3, desired=3, now=NOW + 5).unsettled


@given(st.integers(0, 20), st.integers(0, 20), st.integers(-5, 50))
def test_clamping_gives_the_nearest_capacity_in_the_range(low: int, width: int, capacity: int) -> None:
    tested = target(low, low + width)
    inside = range(low, low + width + 1)
    assert tested.clamp(capacity) == min(inside, key=lambda each: abs(each - capacity))


class TargetMachine(RuleBasedStateMachine):
    """Any order of invocations, task starts and stops, time and new limits."""

    @initialize(low=st.integers(0, 3), width=st.integers(0, 8))
    def register(self, low: int, width: int) -> None:
        self.target = target(low, low + width)
        self.running = self.desired = low
        self.now = NOW
        self.last_in: tuple[float, float] | None = None

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def tasks_follow(self) -> None:
        self.running = self.desired
        self.target = self.target.settle(self.running, self.desired, self.now)
        assert not self.target.unsettled

    @rule(low=st.integers(0, 3), width=st.integers(0, 8))
    def new_limits(self, low: int, width: int) -> None:
        self.target = replace(self.target, minimum=low, maximum=low + width)
        self.desired = self.target.clamp(self.desired)
        self.target = self.target.settle(self.running, self.desired, self.now)

    @rule(adjustment=st.integers(-4, 6), together=st.booleans(), cooldown=st.sampled_from([0, 60, 300]))
    def scale(self, adjustment: int, together: bool, cooldown: int) -> None:
        name = "out" if adjustment > 0 else "in"
        invocations = [invoke(adjustment, name, cooldown=cooldown), *([zero()] if together else [])]
        before = self.desired
        decision = self.target.decide(invocations, self.running, self.desired, self.now)
        self.target = decision.target
        if not decision.activity:
            return
        self.desired = decision.activity.after
        assert decision.activity.before == before != self.desired
        if self.desired > before:
            assert adjustment > 0
            self.last_in = None
        else:
            assert adjustment < 0 or together
            if self.last_in:
                since, blocked = self.last_in
                assert self.now >= since + blocked
            self.last_in = (self.now, decision.activity.cooldown)

    @invariant()
    def capacity_is_in_range(self) -> None:
        assert self.target.minimum <= self.desired <= self.target.maximum


TargetMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
TestTargetMachine = TargetMachine.TestCase
