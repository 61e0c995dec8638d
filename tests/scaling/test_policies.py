"""Step policies, by the examples of "Step scaling policies for Application Auto Scaling"."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.policies import Step, StepPolicy

OUT = (Step(0, 10, 0), Step(10, 20, 10), Step(20, None, 30))
IN = (Step(-10, 0, 0), Step(-20, -10, -10), Step(None, -20, -30))
#: The recommended ladder for 10 tasks and a backlog of 5 per task: bounds are the message counts minus the threshold 1.
LADDER = (Step(0, 9, 1), Step(9, 49, 3), Step(49, 199, 6), Step(199, None, 10))


def policy(*steps: Step, **fields: Any) -> StepPolicy:
    return StepPolicy(**{"name": "p", "adjustment_type": "PercentChangeInCapacity", "steps": steps, **fields})


def change(tested: StepPolicy, distance: float, base: int) -> int:
    step = tested.step(distance)
    assert step is not None
    return tested.capacity(step, base) - base


@pytest.mark.parametrize(
    ("steps", "metric", "base", "expected"),
    [
        (OUT, 55, 10, 0),
        (OUT, 60, 10, 1),  # "if the metric value gets to 60 … by 1, to 11"
        (OUT, 70, 11, 3),  # "30 percent of 11, 3.3, rounded down to 3"
        (IN, 45, 14, 0),
        (IN, 40, 14, -1),  # "10 percent of 14, 1.4, rounded down to 1"
        (IN, 30, 13, -3),  # "30 percent of 13, 3.9, rounded down to 3"
        (IN, 40.5, 14, 0),
        (IN, 30.5, 13, -1),
        (OUT, 59.9, 10, 0),
        (OUT, 69.9, 10, 1),
    ],
)
def test_the_guides_example_around_a_threshold_of_50(
    steps: tuple[Step, ...], metric: float, base: int, expected: int
) -> None:
    assert change(policy(*steps), metric - 50, base) == expected


def test_a_metric_outside_the_steps_has_no_step() -> None:
    assert policy(*OUT).step(-0.1) is None
    assert policy(*IN).step(0.1) is None
    assert policy(Step(None, 0, -1)).step(0) == Step(None, 0, -1)


def test_on_the_threshold_between_two_steps_the_upper_one_applies() -> None:
    steps = (Step(None, 0, -1), Step(0, None, 1))
    assert policy(*steps).step(0) == policy(*reversed(steps)).step(0) == Step(0, None, 1)


@pytest.mark.parametrize(
    ("visible", "added"),
    [(1, 1), (9, 1), (10, 3), (49, 3), (50, 6), (199, 6), (200, 10), (100_000, 10)],
)
def test_the_recommended_ladder_adds_by_backlog(visible: int, added: int) -> None:
    assert change(policy(*LADDER, adjustment_type="ChangeInCapacity"), visible - 1, 0) == added


@pytest.mark.parametrize(
    ("kind", "adjustment", "base", "expected"),
    [
        ("ChangeInCapacity", 5, 3, 8),  # the guide: "if the current capacity is 3 and the adjustment is 5 … 8"
        ("ChangeInCapacity", -1, 3, 2),
        ("ExactCapacity", 5, 3, 5),
        ("ExactCapacity", 0, 3, 0),
        ("PercentChangeInCapacity", 10, 10, 11),
        ("PercentChangeInCapacity", 127, 10, 22),  # 12.7 is rounded to 12
        ("PercentChangeInCapacity", 67, 1, 2),  # .67 is rounded to 1
        ("PercentChangeInCapacity", -58, 1, 0),  # -.58 is rounded to -1
        ("PercentChangeInCapacity", -67, 10, 4),  # -6.7 is rounded to -6
        ("PercentChangeInCapacity", 100, 0, 0),  # nothing grows from nothing
        ("PercentChangeInCapacity", 0, 10, 10),
    ],
)
def test_each_adjustment_type_and_its_rounding(kind: str, adjustment: int, base: int, expected: int) -> None:
    tested = policy(Step(0, None, adjustment), adjustment_type=kind)
    assert tested.capacity(tested.steps[0], base) == expected


def test_the_minimum_magnitude_applies_to_percentages_only() -> None:
    step = Step(0, None, 25)
    assert policy(step, min_magnitude=2).capacity(step, 4) == 6  # the guide's example
    assert policy(step, min_magnitude=2).capacity(step, 40) == 50
    assert policy(Step(None, 0, -25), min_magnitude=2).capacity(Step(None, 0, -25), 4) == 2
    assert policy(step, min_magnitude=2, adjustment_type="ChangeInCapacity").capacity(Step(0, None, 1), 4) == 5


@pytest.mark.parametrize(("kind", "expected"), [("Average", 2.0), ("Minimum", 1.0), ("Maximum", 3.0)])
def test_data_points_are_aggregated_as_the_policy_says(kind: str, expected: float) -> None:
    tested = policy(Step(0, None, 1), aggregation=kind)
    assert tested.aggregate([1.0, 3.0, 2.0]) == expected
    assert tested.aggregate([]) is None


def test_the_cooldown_is_300_seconds_unless_given() -> None:
    assert policy(Step(0, None, 1)).cooldown == 300
    assert policy(Step(0, None, 1), cooldown=0).cooldown == 0


@pytest.mark.parametrize(
    ("steps", "fields", "problem"),
    [
        ((), {}, "1 to 20 step adjustments, got 0"),
        ((*(Step(i, i + 1, 1) for i in range(20)), Step(20, None, 1)), {}, "1 to 20 step adjustments, got 21"),
        ((Step(0, 5, 1), Step(6, None, 2)), {}, "cannot overlap or have a gap"),
        ((Step(0, 5, 1), Step(4, None, 2)), {}, "cannot overlap or have a gap"),
        ((Step(0, None, 1), Step(5, None, 2)), {}, "cannot overlap or have a gap"),
        ((Step(None, None, 1), Step(0, None, 2)), {}, "cannot be null in the same step adjustment"),
        ((Step(5, 5, 1),), {}, "the lower bound 5 must be below the upper bound 5"),
        ((Step(-5, 0, -1),), {}, "with a negative lower bound"),
        ((Step(0, 5, 1),), {}, "with a positive upper bound"),
        ((Step(0, None, -1),), {"adjustment_type": "ExactCapacity"}, "cannot be negative, got -1"),
    ],
)
def test_steps_that_application_auto_scaling_refuses_are_refused(
    steps: tuple[Step, ...], fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=rf"^Policy p: .*{problem}"):
        policy(*steps, **fields)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True), st.integers(-120, 120))
def test_steps_without_outer_bounds_have_exactly_one_step_for_every_distance(bounds: list[int], halves: int) -> None:
    edges = sorted(bounds)
    pairs = zip([None, *edges], [*edges, None], strict=True)
    tested = policy(*(Step(lower, upper, index) for index, (lower, upper) in enumerate(pairs)))
    distance = halves / 2
    step = tested.step(distance)
    assert step is not None
    passed = sum(edge <= distance if distance >= 0 else edge < distance for edge in edges)
    assert step.adjustment == passed


@given(st.integers(-300, 300), st.integers(0, 5000), st.integers(0, 5))
def test_a_percentage_moves_at_least_one_task_and_never_the_wrong_way(percent: int, base: int, least: int) -> None:
    step = Step(0, None, percent)
    moved = policy(step, min_magnitude=least).capacity(step, base) - base
    if percent * base == 0:
        assert moved == 0
    else:
        assert moved * percent > 0
        assert abs(moved) == max(1, least, abs(percent) * base // 100)
