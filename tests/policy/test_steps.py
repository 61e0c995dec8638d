import math
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.policies import Step as PolicyStep
from ebb.scaling.policies import StepPolicy
from policy import steps as policy_steps
from settings import SettingsError, Step, read


@dataclass
class Table:
    rows: tuple[Step, ...]

    def change(self, messages: float) -> int:
        """A lower bound belongs to a step that adds tasks, an upper bound to one that removes them."""
        for row in self.rows:
            lower, upper = row.lower or -math.inf, math.inf if row.upper is None else row.upper
            if row.change > 0 and lower <= messages < upper:
                return row.change
        for row in self.rows:
            lower, upper = row.lower or -math.inf, math.inf if row.upper is None else row.upper
            if row.change < 0 and lower < messages <= upper:
                return row.change
        return 0


def invoked(found: policy_steps.AlarmSteps | None, messages: float) -> int:
    """The change of the alarm's policy, according to the model of CloudWatch and Application Auto Scaling."""
    if found is None:
        return 0
    breaches = {
        "GreaterThanOrEqualToThreshold": messages >= found.threshold,
        "LessThanOrEqualToThreshold": messages <= found.threshold,
        "LessThanThreshold": messages < found.threshold,
    }[found.comparison]
    if not breaches:
        return 0
    policy = StepPolicy(
        name="p",
        adjustment_type="ChangeInCapacity",
        steps=tuple(PolicyStep(step.lower, step.upper, step.change) for step in found.steps),
    )
    step = policy.step(messages - found.threshold)
    assert step is not None, "no step for a value in ALARM"
    return step.adjustment


#: Quarters are exact in binary, so bounds relative to a threshold have no rounding errors.
QUARTERS = st.integers(1, 4000).map(lambda quarters: quarters / 4)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables that the settings accept: ascending, with or without gaps, negative steps first."""
    edges = sorted(draw(st.sets(QUARTERS, min_size=2, max_size=16)))
    spans = [span for span in pairwise([0.0, *edges]) if draw(st.booleans())] or [(0.0, edges[0])]
    removing = draw(st.integers(0, len(spans)))
    rows = []
    for index, (lower, upper) in enumerate(spans):
        change = draw(st.integers(-9, 0)) if index < removing or lower == 0 else draw(st.integers(0, 9))
        bottom = None if lower == 0 and draw(st.booleans()) else lower
        rows.append(Step(lower=bottom, upper=upper, change=change))
    top = Step(lower=spans[-1][1] + draw(st.sampled_from([0, 0.25, 7])), change=draw(st.integers(1, 9)))
    return Table((*rows, top))


@given(table=tables(), messages=st.integers(0, 5000).map(lambda quarters: quarters / 4))
def test_alarms_and_policies_follow_the_table_at_any_value(table: Table, messages: float) -> None:
    out, back = policy_steps.scale_out(table.rows), policy_steps.scale_in(table.rows)
    added, removed = invoked(out, messages), invoked(back, messages)
    assert added >= 0 >= removed
    assert not (added and removed)
    assert added + removed == table.change(messages)


@given(table=tables())
def test_alarms_and_policies_follow_the_table_at_each_bound(table: Table) -> None:
    out, back = policy_steps.scale_out(table.rows), policy_steps.scale_in(table.rows)
    for bound in {edge for row in table.rows for edge in (row.lower, row.upper) if edge is not None}:
        assert invoked(out, bound) + invoked(back, bound) == table.change(bound)


@st.composite
def long_tables(draw: st.DrawFn) -> list[dict[str, int]]:
    """Tables with about as many steps as a policy can have."""
    removing, adding = draw(st.integers(0, 25)), draw(st.integers(1, 25))
    rows, edge = [], 0
    for index in range(removing + adding):
        lower = edge + draw(st.integers(0, 1)) + (edge == 0 and index == removing)
        change = draw(st.integers(-2, 0) if index < removing else st.integers(1, 2))
        edge = lower + 1
        rows.append({"lower": lower, "upper": edge, "change": change})
    if draw(st.booleans()):
        del rows[-1]["upper"]
    return rows


@given(rows=long_tables())
def test_the_settings_refuse_exactly_the_tables_with_more_steps_than_a_policy(rows: list[dict[str, int]]) -> None:
    table = tuple(Step.model_validate(row) for row in rows)
    back = policy_steps.scale_in(table)
    needed = max(len(policy_steps.scale_out(table).steps), len(back.steps) if back else 0)
    with pytest.raises(SettingsError, match="at most 20 steps") if needed > 20 else nullcontext():
        read({"scaling": {"min_tasks": 1, "steps": rows}})


def test_a_table_of_two_steps_becomes_one_step_to_scale_out_and_one_to_scale_in() -> None:
    table = (Step(upper=0, change=-1), Step(lower=1, change=1))
    assert policy_steps.scale_out(table) == policy_steps.AlarmSteps(
        "GreaterThanOrEqualToThreshold", 1, (policy_steps.Adjustment(0, None, 1),)
    )
    assert policy_steps.scale_in(table) == policy_steps.AlarmSteps(
        "LessThanOrEqualToThreshold", 0, (policy_steps.Adjustment(None, 0, -1),)
    )


def test_a_table_without_negative_steps_has_no_policy_to_scale_in() -> None:
    assert policy_steps.scale_in((Step(upper=0, change=0), Step(lower=1, change=1))) is None


def test_a_gap_is_a_step_without_change() -> None:
    table = (Step(lower=1, upper=10, change=1), Step(lower=20, upper=50, change=4))
    assert policy_steps.scale_out(table).steps == (
        policy_steps.Adjustment(0, 9, 1),
        policy_steps.Adjustment(9, 19, 0),
        policy_steps.Adjustment(19, 49, 4),
        policy_steps.Adjustment(49, None, 0),
    )


def test_a_shared_bound_belongs_to_the_step_that_adds_tasks() -> None:
    table = (Step(upper=5, change=-1), Step(lower=5, change=1))
    back = policy_steps.scale_in(table)
    assert back is not None
    assert back.comparison == "LessThanThreshold"
    assert [invoked(back, value) for value in (4.75, 5)] == [-1, 0]
    assert [invoked(policy_steps.scale_out(table), value) for value in (4.75, 5)] == [0, 1]


def test_a_step_that_removes_tasks_from_zero_acts_on_an_empty_queue() -> None:
    assert invoked(policy_steps.scale_in((Step(lower=0, upper=2, change=-1), Step(lower=3, change=1))), 0) == -1


def test_the_recommended_policy_for_ten_tasks_and_five_messages_each() -> None:
    found = policy_steps.recommended(10, 5)
    assert (found.comparison, found.threshold) == ("GreaterThanOrEqualToThreshold", 1)
    assert found.steps == (
        policy_steps.Adjustment(0, 9, 1),
        policy_steps.Adjustment(9, 14, 3),
        policy_steps.Adjustment(14, 19, 5),
        policy_steps.Adjustment(19, 24, 6),
        policy_steps.Adjustment(24, 29, 8),
        policy_steps.Adjustment(29, 34, 9),
        policy_steps.Adjustment(34, None, 10),
    )


def test_the_recommended_policy_for_one_task_is_one_step() -> None:
    assert policy_steps.recommended(1, 5).steps == (policy_steps.Adjustment(0, None, 1),)


def test_the_recommended_policy_starts_at_most_as_many_tasks_as_there_is_work_for() -> None:
    assert [invoked(policy_steps.recommended(10, 1), messages) for messages in range(12)] == [*range(11), 10]
    assert [invoked(policy_steps.recommended(10, 4, 4), messages) for messages in (1, 7, 8, 12, 39, 40)] == [
        1,
        1,
        2,
        3,
        9,
        10,
    ]


@given(max_tasks=st.integers(1, 5000), concurrency=st.integers(1, 10), jobs=st.integers(0, 1000), data=st.data())
def test_the_recommended_policy_follows_the_backlog_with_at_most_20_steps(
    max_tasks: int, concurrency: int, jobs: int, data: st.DataObject
) -> None:
    share = concurrency + jobs
    found = policy_steps.recommended(max_tasks, share, concurrency)
    messages = data.draw(st.integers(1, 3 * max_tasks * share))
    added = invoked(found, messages)
    assert len(found.steps) <= 20
    assert 1 <= added <= min(max_tasks, max(1, math.ceil(1.5 * messages / share)), math.ceil(messages / concurrency))
    if messages >= 2 * share:  # at least half of the tasks that would own one share each
        assert added >= min(max_tasks, messages / share) / 2
    assert invoked(found, max_tasks * share) == max_tasks
    changes = [step.change for step in found.steps]
    assert changes == sorted(set(changes))


@given(max_tasks=st.integers(2, 5000), surplus=st.integers(2, 5000))
def test_all_surplus_tasks_but_one_are_removed_or_about_half_of_them(max_tasks: int, surplus: int) -> None:
    steps = policy_steps.surplus(max_tasks)
    assert len(steps) <= 20
    (removed,) = (
        -step.change
        for step in steps
        if (step.lower or 0) <= surplus - 2 < (math.inf if step.upper is None else step.upper)
    )
    assert min(surplus, max_tasks) / 2 - 1 < removed < surplus
    if max_tasks <= 21:
        assert removed == min(surplus, max_tasks) - 1


@pytest.mark.parametrize(
    ("seconds_per_job", "tolerated_wait", "messages"),
    [(60, 300, 5), (60, 301, 6), (3600, 300, 1), (60, 0, 1), (0.5, 300, 600)],
)
def test_a_share_is_what_a_task_does_within_the_tolerated_wait(
    seconds_per_job: float, tolerated_wait: float, messages: int
) -> None:
    assert policy_steps.share(seconds_per_job, tolerated_wait) == messages


def test_the_expressions_have_this_text() -> None:
    assert policy_steps.idle_expression(0) == "IF(FILL(r,REPEAT) > 0, FILL(v + n + d,REPEAT), 1)"
    assert policy_steps.idle_expression(2) == "IF(FILL(r,REPEAT) > 2, FILL(v + n + d,REPEAT), 1)"
    assert policy_steps.surplus_expression(5) == "IF(r > 0, IF(n + v > 0, r - CEIL(n + v / 5), 0))"
