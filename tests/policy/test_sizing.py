"""How many tasks the watcher asks for: the same by numbers and by the workflow's expressions."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import plan, sizing
from policy.formula import expression, variable
from policy.sizing import Sizing
from settings import Queue, Scaling, Settings, Step, Worker
from tests.components.workflows.states import value

NEED = ("visible", "in_flight", "delayed")
COUNTS = (0, 1, 2, 9, 10, 11, 19, 20, 21, 29, 30, 45, 99, 100, 101, 199, 200, 1000, 123_456)
SIZINGS = st.builds(
    Sizing,
    share=st.none() | st.integers(1, 200),
    concurrency=st.integers(1, 50),
    maximum=st.integers(1, 500),
).filter(lambda each: each.share is None or each.share >= each.concurrency)


def by_expression(tasks: Sizing, *counts: int) -> int:
    text = expression(tasks.need(*map(variable, NEED)))
    return int(value(text, **dict(zip(NEED, counts, strict=True))))


@pytest.mark.parametrize(
    "tasks",
    [
        Sizing(share=10, concurrency=1, maximum=10),
        Sizing(share=7, concurrency=5, maximum=50),
        Sizing(share=11, concurrency=10, maximum=300),
        Sizing(share=None, concurrency=1, maximum=10),
    ],
)
def test_the_workflows_expression_has_the_value_of_the_arithmetic(tasks: Sizing) -> None:
    grid = [(visible, in_flight, 0) for visible, in_flight in itertools.product(COUNTS[::2], COUNTS[1::3])]
    for counts in [*grid, (0, 0, 0), (0, 0, 5), (3, 0, 5)]:
        assert by_expression(tasks, *counts) == tasks.need(*counts), counts


@given(tasks=SIZINGS, counts=st.tuples(*[st.integers(0, 20_000)] * 3))
def test_the_workflows_expression_is_the_arithmetic_for_any_settings(
    tasks: Sizing, counts: tuple[int, int, int]
) -> None:
    assert by_expression(tasks, *counts) == tasks.need(*counts)


NUMBERS = st.integers(0, 12)


@given(st.fixed_dictionaries(dict.fromkeys(("need", "floor", "desired", "limit"), NUMBERS)))
def test_the_expression_of_the_minimum_is_the_arithmetic(given: dict[str, int]) -> None:
    terms = {name: variable(name) for name in given}
    text = expression(sizing.least(terms.pop("need"), **terms))
    assert value(text, **given) == sizing.least(given["need"], **{k: v for k, v in given.items() if k != "need"})


@given(st.fixed_dictionaries(dict.fromkeys(("least", "registered", "running", "desired"), st.integers(0, 4))))
def test_the_expression_of_a_change_is_the_arithmetic(given: dict[str, int]) -> None:
    terms = {name: variable(name) for name in given}
    text = expression(sizing.changes(terms.pop("least"), **terms))
    assert value(text, **given) is sizing.changes(given["least"], **{k: v for k, v in given.items() if k != "least"})


@pytest.mark.parametrize(
    ("counts", "need"),
    [
        ((0, 0, 0), 0),
        ((1, 0, 0), 1),
        ((0, 1, 0), 1),
        ((0, 0, 1), 1),
        ((0, 0, 90), 1),
        ((19, 0, 0), 1),
        ((20, 0, 0), 3),
        ((10, 10, 0), 3),
        ((0, 20, 0), 3),
        ((25, 4, 0), 7),
        ((200, 0, 0), 10),
    ],
)
def test_a_backlog_has_the_tasks_of_the_ladder_and_those_that_are_busy(counts: tuple[int, int, int], need: int) -> None:
    assert Sizing(share=10, concurrency=1, maximum=10).need(*counts) == need


@given(tasks=SIZINGS, visible=st.integers(0, 3000), in_flight=st.integers(0, 300), delayed=st.integers(0, 3))
def test_never_more_tasks_than_messages_keep_busy_and_at_least_one_for_any(
    tasks: Sizing, visible: int, in_flight: int, delayed: int
) -> None:
    need = tasks.need(visible, in_flight, delayed)
    messages = visible + in_flight
    assert (need == 0) == (messages + delayed == 0)
    assert need <= min(tasks.maximum, max(1, math.ceil(messages / tasks.concurrency)))
    assert tasks.need(visible + 1, in_flight, delayed) >= need


@given(
    maximum=st.integers(1, 200), seconds=st.integers(1, 400), wait=st.integers(0, 900), concurrency=st.integers(1, 9)
)
def test_waiting_messages_need_the_tasks_of_the_start_alarm(
    maximum: int, seconds: int, wait: int, concurrency: int
) -> None:
    scaling = Scaling(max_tasks=maximum, seconds_per_job=seconds, tolerated_wait=wait)
    settings = Settings(scaling=scaling, worker=Worker(concurrency=concurrency))
    tasks = sizing.sizing(settings)
    planned = plan.plan(settings)
    rule = planned.rules[0]
    for step in rule.policy.steps:
        assert tasks.need(int(step.lower or 0) + 1, 0, 0) == step.change


def test_above_the_desired_count_the_minimum_is_what_is_needed_and_then_one() -> None:
    assert sizing.least(7, floor=0, desired=1, limit=10) == 7
    assert sizing.least(7, floor=0, desired=7, limit=10) == 1
    assert sizing.least(7, floor=0, desired=9, limit=10) == 1
    assert sizing.least(0, floor=0, desired=9, limit=10) == 0
    assert sizing.least(0, floor=2, desired=9, limit=10) == 2
    assert sizing.least(7, floor=2, desired=3, limit=5) == 5
    assert sizing.least(7, floor=2, desired=5, limit=5) == 2
    assert sizing.least(7, floor=2, desired=0, limit=1) == 1


def test_a_fifo_queue_needs_as_many_tasks_as_its_groups_keep_busy() -> None:
    scaling = Scaling(max_tasks=10, message_groups=6, seconds_per_job=60, tolerated_wait=60)
    tasks = sizing.sizing(Settings(scaling=scaling, worker=Worker(concurrency=2), queue=Queue(fifo=True)))
    assert tasks == Sizing(share=2, concurrency=2, maximum=3)
    assert tasks.need(500, 3, 0) == 3


def test_with_a_table_of_steps_the_watcher_starts_the_first_task_only() -> None:
    scaling = Scaling(max_tasks=10, steps=(Step(lower=1, change=4),))
    tasks = sizing.sizing(Settings(scaling=scaling))
    assert [tasks.need(*counts) for counts in ((0, 0, 0), (500, 9, 0), (0, 0, 2))] == [0, 1, 1]
