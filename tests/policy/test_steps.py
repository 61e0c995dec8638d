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
        """What the table says: rows that add tasks own their lower bound, rows that remove some their upper one."""
        for row in self.rows:
            lower, upper = row.lower or -math.inf, math.inf if row.upper is None else row.upper
            if row.change > 0 and lower <= messages < upper:
                return row.change
        for row in self.rows:
            lower, upper = row.lower or -math.inf, math.inf if row.upper is None else row.upper
            if row.change < 0 and lower < messages <= upper:
                return row.change
        return 0


def invoked(ladder: policy_steps.Ladder | None, messages: float) -> int:
    """What the alarm and its policy do, by the model of CloudWatch and Application Auto Scaling."""
    if ladder is None:
        return 0
    breaches = {
        "GreaterThanOrEqualToThreshold": messages >= ladder.threshold,
        "LessThanOrEqualToThreshold": messages <= ladder.threshold,
        "LessThanThreshold": messages < ladder.threshold,
    }[ladder.comparison]
    if not breaches:
        return 0
    policy = StepPolicy(
        name="p",
        adjustment_type="ChangeInCapacity",
        steps=tuple(PolicyStep(step.lower, step.upper, step.change) for step in ladder.steps),
    )
    step = policy.step(messages - ladder.threshold)
    assert step is not None, "no step for a value that raises the alarm"
    return step.adjustment


#: Quarters are exact in binary, so that bounds relative to a threshold add up again.
QUARTERS = st.integers(1, 4000).map(lambda quarters: quarters / 4)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables that the settings accept: rising rows with gaps or without, those that remove tasks first."""
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
def test_alarms_and_bounds_do_what_the_table_says_at_any_value(table: Table, messages: float) -> None:
    out, back = policy_steps.scale_out(table.rows), policy_steps.scale_in(table.rows)
    added, removed = invoked(out, messages), invoked(back, messages)
    assert added >= 0 >= removed
    assert not (added and removed)
    assert added + removed == table.change(messages)


@given(table=tables())
def test_at_each_bound_itself_the_table_is_followed_too(table: Table) -> None:
    out, back = policy_steps.scale_out(table.rows), policy_steps.scale_in(table.rows)
    for bound in {edge for row in table.rows for edge in (row.lower, row.upper) if edge is not None}:
        assert invoked(out, bound) + invoked(back, bound) == table.change(bound)


@st.composite
def long_tables(draw: st.DrawFn) -> list[dict[str, int]]:
    """Tables around the length of what fits into a policy."""
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
def test_the_settings_refuse_just_the_tables_that_fit_into_no_policy(rows: list[dict[str, int]]) -> None:
    table = tuple(Step.model_validate(row) for row in rows)
    back = policy_steps.scale_in(table)
    needed = max(len(policy_steps.scale_out(table).steps), len(back.steps) if back else 0)
    with pytest.raises(SettingsError, match="at most 20 steps") if needed > 20 else nullcontext():
        read({"scaling": {"min_tasks": 1, "steps": rows}})


def test_the_widespread_table_becomes_one_step_each_way() -> None:
    table = (Step(upper=0, change=-1), Step(lower=1, change=1))
    assert policy_steps.scale_out(table) == policy_steps.Ladder(
        "GreaterThanOrEqualToThreshold", 1, (policy_steps.Adjustment(0, None, 1),)
    )
    assert policy_steps.scale_in(table) == policy_steps.Ladder(
        "LessThanOrEqualToThreshold", 0, (policy_steps.Adjustment(None, 0, -1),)
    )


def test_a_table_that_removes_nothing_has_no_alarm_for_it() -> None:
    assert policy_steps.scale_in((Step(upper=0, change=0), Step(lower=1, change=1))) is None


def test_a_gap_between_rows_is_a_step_without_change() -> None:
    table = (Step(lower=1, upper=10, change=1), Step(lower=20, upper=50, change=4))
    assert policy_steps.scale_out(table).steps == (
        policy_steps.Adjustment(0, 9, 1),
        policy_steps.Adjustment(9, 19, 0),
        policy_steps.Adjustment(19, 49, 4),
        policy_steps.Adjustment(49, None, 0),
    )


def test_a_bound_that_both_sides_name_belongs_to_the_row_that_adds() -> None:
    table = (Step(upper=5, change=-1), Step(lower=5, change=1))
    back = policy_steps.scale_in(table)
    assert back is not None
    assert back.comparison == "LessThanThreshold"
    assert [invoked(back, value) for value in (4.75, 5)] == [-1, 0]
    assert [invoked(policy_steps.scale_out(table), value) for value in (4.75, 5)] == [0, 1]


def test_a_row_that_removes_from_zero_on_acts_on_the_empty_queue() -> None:
    assert invoked(policy_steps.scale_in((Step(lower=0, upper=2, change=-1), Step(lower=3, change=1))), 0) == -1


def test_the_recommended_ladder_for_ten_tasks_and_five_messages_each() -> None:
    ladder = policy_steps.recommended(10, 5)
    assert (ladder.comparison, ladder.threshold) == ("GreaterThanOrEqualToThreshold", 1)
    assert ladder.steps == (
        policy_steps.Adjustment(0, 9, 1),
        policy_steps.Adjustment(9, 14, 3),
        policy_steps.Adjustment(14, 19, 5),
        policy_steps.Adjustment(19, 24, 6),
        policy_steps.Adjustment(24, 29, 8),
        policy_steps.Adjustment(29, 34, 9),
        policy_steps.Adjustment(34, None, 10),
    )


def test_the_recommended_ladder_for_one_task_is_one_step() -> None:
    assert policy_steps.recommended(1, 5).steps == (policy_steps.Adjustment(0, None, 1),)


def test_the_recommended_ladder_starts_no_more_tasks_than_there_are_jobs_for() -> None:
    assert [invoked(policy_steps.recommended(10, 1), messages) for messages in range(12)] == [*range(11), 10]
    assert [invoked(policy_steps.recommended(10, 4, 4), messages) for messages in (1, 7, 8, 12, 39, 40)] == [
        1,
        1,
        2,
        3,
        9,
        10,
    ]


@given(most=st.integers(1, 5000), concurrency=st.integers(1, 10), jobs=st.integers(0, 1000), data=st.data())
def test_the_recommended_ladder_fits_the_backlog_within_what_a_policy_may_have(
    most: int, concurrency: int, jobs: int, data: st.DataObject
) -> None:
    share = concurrency + jobs
    ladder = policy_steps.recommended(most, share, concurrency)
    messages = data.draw(st.integers(1, 3 * most * share))
    added = invoked(ladder, messages)
    assert len(ladder.steps) <= 20
    assert 1 <= added <= min(most, max(1, math.ceil(1.5 * messages / share)), math.ceil(messages / concurrency))
    if messages >= 2 * share:  # at the least half of those that would have no more than their share
        assert added >= min(most, messages / share) / 2
    assert invoked(ladder, most * share) == most
    changes = [step.change for step in ladder.steps]
    assert changes == sorted(set(changes))


@given(most=st.integers(2, 5000), surplus=st.integers(2, 5000))
def test_of_the_tasks_that_are_too_many_all_but_one_go_or_nearly_so(most: int, surplus: int) -> None:
    steps = policy_steps.surplus(most)
    assert len(steps) <= 20
    (removed,) = (
        -step.change
        for step in steps
        if (step.lower or 0) <= surplus - 2 < (math.inf if step.upper is None else step.upper)
    )
    assert min(surplus, most) / 2 - 1 < removed < surplus
    if most <= 21:
        assert removed == min(surplus, most) - 1


@pytest.mark.parametrize(
    ("seconds_per_job", "tolerated_wait", "messages"),
    [(60, 300, 5), (60, 301, 6), (3600, 300, 1), (60, 0, 1), (0.5, 300, 600)],
)
def test_a_task_may_own_what_it_does_within_the_tolerated_wait(
    seconds_per_job: float, tolerated_wait: float, messages: int
) -> None:
    assert policy_steps.share(seconds_per_job, tolerated_wait) == messages


def test_the_expressions_are_those_of_the_design() -> None:
    assert policy_steps.idle_expression(0) == "IF(FILL(r,REPEAT) > 0, FILL(v + n + d,REPEAT), 1)"
    assert policy_steps.idle_expression(2) == "IF(FILL(r,REPEAT) > 2, FILL(v + n + d,REPEAT), 1)"
    assert policy_steps.surplus_expression(5) == "IF(r > 0, IF(n + v > 0, r - CEIL(n + v / 5), 0))"
