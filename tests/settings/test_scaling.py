"""The section `scaling`."""

from typing import Any

import pytest

import settings
from tests.settings.refused import Cases, each, problems

OFFICE = {"start": "08:00", "stop": "18:00", "days": ["MON"], "min_tasks": 2}
RANGE: Cases = {
    "a minimum above the maximum": (
        {"scaling": {"min_tasks": 3, "max_tasks": 2}},
        "scaling.min_tasks: must be at most max_tasks, which is 2, got 3.",
    ),
    "a number in quotes": (
        {"scaling": {"max_tasks": "4"}},
        'scaling.max_tasks: must be a whole number (without quotes), got "4".',
    ),
    "not a number": (
        {"scaling": {"seconds_per_job": float("nan")}},
        "scaling.seconds_per_job: must be a finite number, got NaN.",
    ),
    "message groups for a standard queue": (
        {"scaling": {"message_groups": 3}},
        (
            "scaling.message_groups: a standard queue has no message groups: set fifo: true or remove message_groups, "
            "got 3."
        ),
    ),
}
TABLES: Cases = {
    "overlapping steps": (
        {"scaling": {"steps": [{"lower": 1, "upper": 10, "change": 1}, {"lower": 5, "change": 2}]}},
        (
            "scaling.steps: steps must not overlap: the step before the one from 5 must end there, "
            'got [{"lower": 1.0, "upper": 10.0, "change": 1}, {"lower": 5.0, "change": 2}].'
        ),
    ),
    "steps in descending order": (
        {"scaling": {"steps": [{"lower": 5, "change": 2}, {"lower": 1, "upper": 5, "change": 1}]}},
        (
            "scaling.steps: steps must be in ascending order, "
            'got [{"lower": 5.0, "change": 2}, {"lower": 1.0, "upper": 5.0, "change": 1}].'
        ),
    ),
    "a step without a range": (
        {"scaling": {"steps": [{"lower": 5, "upper": 5, "change": 1}]}},
        (
            "scaling.steps: the lower bound of a step must be below its upper bound, "
            'got [{"lower": 5.0, "upper": 5.0, "change": 1}].'
        ),
    ),
    "a first step above 1 with a minimum of 0": (
        {"scaling": {"steps": [{"lower": 100, "change": 1}]}},
        (
            "scaling.steps: with min_tasks 0 the first step that adds tasks must begin at 1, otherwise one message "
            "starts no task, got 100.0."
        ),
    ),
    "a step that adds tasks for an empty queue": (
        {"scaling": {"steps": [{"lower": 0, "change": 1}]}},
        (
            "scaling.steps: a step that adds tasks must begin at 1 message, otherwise an empty queue starts tasks, "
            'got {"lower": 0.0, "change": 1}.'
        ),
    ),
    "a table that never adds a task": (
        {"scaling": {"steps": [{"upper": 0, "change": -1}]}},
        (
            "scaling.steps: needs a step with a positive change, otherwise no task ever starts, "
            'got [{"upper": 0.0, "change": -1}].'
        ),
    ),
    "steps that remove tasks above steps that add tasks": (
        {"scaling": {"steps": [{"lower": 1, "upper": 5, "change": 1}, {"lower": 5, "change": -1}]}},
        (
            "scaling.steps: steps that remove tasks must have lower bounds below those that add tasks, "
            'got [{"lower": 1.0, "upper": 5.0, "change": 1}, {"lower": 5.0, "change": -1}].'
        ),
    ),
    "a table with more steps than a policy": (
        {"scaling": {"steps": [{"lower": n, "upper": n + 1, "change": 1} for n in range(1, 22, 2)]}},
        (
            "scaling.steps: a policy has at most 20 steps, and each gap counts as one: the steps that add tasks make "
            '22, got [{"lower": 1.0, "upper": 2.0, "change": 1}, {"lower": 3.0, "upper": 4.0, "change": 1}, '
            '{"lower": 5.0, "upper": 6.0, "ch….'
        ),
    ),
    "a step without its change": (
        {"scaling": {"steps": [{"lower": 1}]}},
        'scaling.steps.0.change: is required, got {"lower": 1}.',
    ),
    "a table and surplus": (
        {"scaling": {"steps": [{"lower": 1, "change": 1}], "surplus": True}},
        "scaling.surplus: is only for the recommended policy, not for steps, got true.",
    ),
}
SCALE_IN: Cases = {
    "scale-in by a table without a step for it": (
        {"scaling": {"steps": [{"lower": 1, "change": 1}], "scale_in": "steps"}},
        'scaling.scale_in: needs a step with a negative change, otherwise the service never reaches zero, got "steps".',
    ),
    "scale-in in two ways": (
        {"scaling": {"steps": [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}], "scale_in": "queue"}},
        'scaling.scale_in: tasks would be removed in two ways: remove the steps with a negative change, got "queue".',
    ),
    "a cooldown that has no effect": (
        {"scaling": {"cooldown": 60}},
        "scaling.cooldown: is only for steps or scale_in: cpu; the recommended policy has fixed cooldowns, got 60.",
    ),
    "a CPU threshold that has no effect": (
        {"scaling": {"cpu_threshold": 1}},
        "scaling.cpu_threshold: needs scale_in: cpu, got 1.0.",
    ),
}
WAKE: Cases = {
    "direct without watch": (
        {"scaling": {"direct": True, "watch": False}},
        "scaling.watch: direct includes watch: remove watch, got false.",
    ),
    "warm hours above the maximum": (
        {"scaling": {"warm_hours": [OFFICE]}},
        "scaling.warm_hours: min_tasks must be at most max_tasks, which is 1, got 2.",
    ),
    "warm hours that are not above the minimum": (
        {"scaling": {"warm_hours": [OFFICE], "min_tasks": 2, "max_tasks": 4}},
        "scaling.warm_hours: min_tasks must be above scaling.min_tasks, which is 2, got 2.",
    ),
    "a time zone without warm hours": (
        {"scaling": {"timezone": "Europe/Berlin"}},
        'scaling.timezone: is only for warm_hours, got "Europe/Berlin".',
    ),
    "a time zone that does not exist": (
        {"scaling": {"warm_hours": [OFFICE], "max_tasks": 4, "timezone": "Berlin"}},
        'scaling.timezone: must be a time zone of the IANA database, such as Europe/Berlin or UTC, got "Berlin".',
    ),
    "a time of day without a leading zero": (
        {"scaling": {"warm_hours": [{**OFFICE, "start": "8:00"}], "max_tasks": 4}},
        'scaling.warm_hours.0.start: must be a time from 00:00 to 23:59, in quotes, got "8:00".',
    ),
    "24:00": (
        {"scaling": {"warm_hours": [{**OFFICE, "stop": "24:00"}], "max_tasks": 4}},
        'scaling.warm_hours.0.stop: must be a time from 00:00 to 23:59, in quotes, got "24:00".',
    ),
    "warm hours on no day": (
        {"scaling": {"warm_hours": [{**OFFICE, "days": []}], "max_tasks": 4}},
        "scaling.warm_hours.0.days: must not be empty, got [].",
    ),
}


@each({**RANGE, **TABLES, **SCALE_IN, **WAKE})
def test_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_gaps_between_steps_are_allowed() -> None:
    table = [{"upper": 0, "change": -1}, {"lower": 1, "upper": 10, "change": 1}, {"lower": 100, "change": 5}]
    assert [step.change for step in settings.read({"scaling": {"steps": table}}).scaling.steps] == [-1, 1, 5]


def test_a_table_can_have_as_many_steps_as_a_policy() -> None:
    table = [{"lower": n, "upper": n + 1, "change": n} for n in range(1, 20)] + [{"lower": 20, "change": 20}]
    assert len(settings.read({"scaling": {"steps": table}}).scaling.steps) == 20


@pytest.mark.parametrize(
    ("scaling", "keeps_alive", "watches", "moves_minimum"),
    [
        ({}, True, False, False),
        ({"keep_alive": False}, False, False, False),
        ({"watch": True}, False, True, True),
        ({"direct": True}, False, True, True),
        ({"warm_hours": [OFFICE], "max_tasks": 2}, True, False, True),
    ],
)
def test_what_keeps_metrics_and_moves_the_minimum(
    scaling: dict[str, Any], keeps_alive: bool, watches: bool, moves_minimum: bool
) -> None:
    read = settings.read({"scaling": scaling}).scaling
    assert (read.keeps_alive, read.watches, read.moves_minimum) == (keeps_alive, watches, moves_minimum)


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        ([{"lower": 1, "change": 2}, {"lower": 85, "change": 3}], [(1, 85), (85, None)]),
        (
            [{"upper": 40, "change": -2}, {"upper": 50, "change": -1}, {"lower": 65, "change": 2}],
            [(None, 40), (40, 50), (65, None)],
        ),
        ([{"lower": 1, "upper": 5, "change": 1}, {"change": 2}], [(1, 5), (5, None)]),
        ([{"upper": 0, "change": 0}, {"lower": 1, "change": 1}], [(None, 0), (1, None)]),
    ],
)
def test_a_bound_that_is_left_out_is_the_neighbours_as_in_cdk(
    given: list[dict[str, int]], bounds: list[tuple[float | None, float | None]]
) -> None:
    steps = settings.read({"scaling": {"min_tasks": 1, "steps": given}}).scaling.steps
    assert [(step.lower, step.upper) for step in steps] == bounds
