"""Settings that wake the service: what contradicts itself, what does nothing, and what they come to."""

from typing import Any

import pytest

import settings

OFFICE = {"start": "08:00", "stop": "18:00", "days": ["MON"], "min_tasks": 2}


def problems(scaling: dict[str, Any], **sections: Any) -> list[str]:
    with pytest.raises(settings.SettingsError) as raised:
        settings.read({"scaling": scaling, **sections})
    return raised.value.problems


def warned(scaling: dict[str, Any]) -> list[str]:
    return settings.warnings(settings.read({"scaling": scaling}))


@pytest.mark.parametrize(
    ("scaling", "problem"),
    [
        (
            {"direct": True, "watch": False},
            "ebb:scaling.watch: direct includes the watcher: leave watch out, got false.",
        ),
        (
            {"warm_hours": [OFFICE]},
            "ebb:scaling.warm_hours: min_tasks must not exceed max_tasks, which is 1, got 2.",
        ),
        (
            {"warm_hours": [OFFICE], "min_tasks": 2, "max_tasks": 4},
            "ebb:scaling.warm_hours: min_tasks must exceed the other hours' min_tasks, which is 2, got 2.",
        ),
        ({"timezone": "Europe/Berlin"}, 'ebb:scaling.timezone: belongs to warm_hours, got "Europe/Berlin".'),
        (
            {"warm_hours": [OFFICE], "max_tasks": 4, "timezone": "Berlin"},
            (
                "ebb:scaling.timezone: must be a time zone's name in the IANA database, such as Europe/Berlin or UTC, "
                'got "Berlin".'
            ),
        ),
        (
            {"warm_hours": [{**OFFICE, "start": "8:00"}], "max_tasks": 4},
            'ebb:scaling.warm_hours.0.start: must be a time of day, 00:00 to 23:59, in quotes, got "8:00".',
        ),
        (
            {"warm_hours": [{**OFFICE, "stop": "24:00"}], "max_tasks": 4},
            'ebb:scaling.warm_hours.0.stop: must be a time of day, 00:00 to 23:59, in quotes, got "24:00".',
        ),
        (
            {"warm_hours": [{**OFFICE, "days": []}], "max_tasks": 4},
            "ebb:scaling.warm_hours.0.days: must not be empty, got [].",
        ),
        ({"message_groups": 3}, "ebb:scaling.message_groups: a standard queue has none, it needs fifo: true, got 3."),
    ],
)
def test_what_contradicts_itself_is_refused(scaling: dict[str, Any], problem: str) -> None:
    assert problems(scaling) == [problem]


@pytest.mark.parametrize(
    ("scaling", "warnings"),
    [
        ({}, []),
        ({"watch": True}, []),
        ({"direct": True}, []),
        ({"direct": True, "watch": True}, []),
        ({"watch": True, "keep_alive": False}, []),
        ({"warm_hours": [OFFICE], "max_tasks": 2, "watch": True}, []),
        ({"keep_alive": False, "min_tasks": 1}, []),
        (
            {"keep_alive": False},
            [
                (
                    "ebb:scaling.keep_alive: without it, and after six hours without a job, SQS's metrics take up to "
                    "15 minutes to notice one; leave it out, or set watch."
                )
            ],
        ),
        (
            {"keep_alive": True, "watch": True},
            ["ebb:scaling.keep_alive: the watcher touches the queue every minute, so this does nothing; leave it out."],
        ),
        (
            {"watch": True, "min_tasks": 1},
            [
                (
                    "ebb:scaling.watch: wakes a service that has no task, and with min_tasks 1 this one always has; "
                    "leave it out, or set min_tasks to 0."
                )
            ],
        ),
        (
            {"direct": True, "min_tasks": 1},
            [
                (
                    "ebb:scaling.direct: wakes a service that has no task, and with min_tasks 1 this one always has; "
                    "leave it out, or set min_tasks to 0."
                )
            ],
        ),
    ],
)
def test_what_does_nothing_or_hurts_draws_a_warning(scaling: dict[str, Any], warnings: list[str]) -> None:
    assert warned(scaling) == warnings


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
def test_what_the_settings_come_to(
    scaling: dict[str, Any], keeps_alive: bool, watches: bool, moves_minimum: bool
) -> None:
    read = settings.read({"scaling": scaling}).scaling
    assert (read.keeps_alive, read.watches, read.moves_minimum) == (keeps_alive, watches, moves_minimum)
