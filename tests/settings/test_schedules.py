"""The setting `queue.schedules`: recurring jobs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from ebb.scaling.schedules import Schedule
from settings.limits import MAX_SCHEDULED_BODY_BYTES
from tests.settings.refused import Cases, each, problems

SIX = "must have six fields (minutes, hours, day of month, month, day of week, year), such as 0 3 * * ? *"
RATE = "must be a number of minutes, hours or days, such as 1 day or 90 minutes"
ONE = "must have ? either as its day of month or as its day of week, such as 0 3 * * ? *"


def schedules(**changes: Any) -> dict[str, Any]:
    return {"queue": {"schedules": [{"name": "nightly", "cron": "0 3 * * ? *", **changes}]}}


def wrong_cron(text: str, rule: str) -> tuple[dict[str, Any], str]:
    return schedules(cron=text), f'queue.schedules.0.cron: {rule}, got "{text}".'


CASES: Cases = {
    "five fields": wrong_cron("0 3 * * *", SIX),
    "a macro": wrong_cron("@daily", SIX),
    "AWS's own form": wrong_cron("cron(0 3 * * ? *)", "the minutes must be *, or values from 0 to 59: CRON(0 is not"),
    "no ?": wrong_cron("0 3 * * * *", ONE),
    "two ?": wrong_cron("0 3 ? * ? *", ONE),
    "an hour too late": wrong_cron("0 24 * * ? *", "the hours must be *, or values from 0 to 23: 24 is not"),
    "day 0": wrong_cron("0 3 0 * ? *", "the day of month must be *, or values from 1 to 31: 0 is not"),
    "a step of 0": wrong_cron("0/0 3 * * ? *", "the minutes must be *, or values from 0 to 59: 0/0 is not"),
    "an unknown day": wrong_cron(
        "0 3 ? * MO *", "the day of week must be *, or values from 1 to 7 or SUN to SAT: MO is not"
    ),
    "a rate of 0": (
        schedules(cron=None, rate="0 days"),
        f'queue.schedules.0.rate: {RATE}, got "0 days".',
    ),
    "a wrong plural": (
        schedules(cron=None, rate="1 days"),
        f'queue.schedules.0.rate: {RATE}, got "1 days".',
    ),
    "neither": (
        schedules(cron=None),
        'queue.schedules.0.cron: a schedule has either cron or rate, got {"cron": null, "rate": null}.',
    ),
    "both": (
        schedules(rate="1 day"),
        'queue.schedules.0.cron: a schedule has either cron or rate, got {"cron": "0 3 * * ? *", "rate": "1 day"}.',
    ),
    "a zone of a rate": (
        schedules(cron=None, rate="1 day", timezone="Europe/Berlin"),
        'queue.schedules.0.timezone: a rate has no time zone: remove it, or use cron, got "Europe/Berlin".',
    ),
    "an unknown zone": (
        schedules(timezone="Berlin"),
        (
            "queue.schedules.0.timezone: must be a time zone of the IANA database, such as Europe/Berlin or UTC, got "
            '"Berlin".'
        ),
    ),
    "a body that is no object": (schedules(body=[1]), "queue.schedules.0.body: must be a mapping, got [1]."),
    "a long body": (
        schedules(body={"text": "é" * 40_000}),
        (
            "queue.schedules.0.body: has 280018 bytes as a text in JSON, and a schedule takes at most 261120, got "
            + ('{"text": "' + "é" * 200)[:119]
            + "…."
        ),
    ),
    "no group": (
        {"queue": {**schedules()["queue"], "fifo": True}},
        "queue.schedules.0.group: each job of a FIFO queue needs a message group, got null.",
    ),
    "a group with a space": (
        schedules(group="a b"),
        'queue.schedules.0.group: must be 1 to 128 letters, digits and punctuation characters, got "a b".',
    ),
    "a long name": (
        schedules(name="n" * 41),
        f'queue.schedules.0.name: must be 1 to 40 letters, digits, - or _, got "{"n" * 41}".',
    ),
}


@each(CASES)
def test_a_schedule_is_refused_with_one_sentence(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_two_schedules_have_different_names() -> None:
    (one,) = schedules()["queue"]["schedules"]
    sentence = 'ebb:queue.schedules.1.name: another schedule has this name, got "nightly".'
    assert problems({"queue": {"schedules": [one, one]}}) == [sentence]


def test_a_schedule_has_the_expression_and_the_body_of_aws() -> None:
    nightly, often = settings.read(
        {"queue": {"schedules": [
            {"name": "nightly", "cron": "0 3 ? * mon-fri *", "timezone": "Europe/Berlin", "body": {"é": [1, None]}},
            {"name": "often", "rate": "90 minutes"},
        ]}}
    ).queue.schedules  # fmt: skip
    assert (nightly.expression, nightly.text) == ("cron(0 3 ? * mon-fri *)", '{"\\u00e9": [1, null]}')
    assert (often.expression, often.text) == ("rate(90 minutes)", "{}")


def test_a_body_of_the_maximum_size_is_accepted() -> None:
    rest = len('"{\\"a\\": \\"\\"}"')
    assert settings.read(schedules(body={"a": "x" * (MAX_SCHEDULED_BODY_BYTES - rest)}))
    assert problems(schedules(body={"a": "x" * (MAX_SCHEDULED_BODY_BYTES - rest + 1)}))


@pytest.mark.parametrize(
    "text",
    ["0/15 8-18 ? * MON-FRI *", "0 3 L * ? *", "0 3 LW * ? *", "0 3 15W * ? *", "0 3 ? JAN,JUL 6L 2026-2030",
     "0 3 ? * FRI#2 *", "0 3 1,15 * ? *", "* * * * ? *", "0 22 ? * FRI-MON *"],
)  # fmt: skip
def test_what_aws_documents_is_accepted(text: str) -> None:
    (schedule,) = settings.read(schedules(cron=text)).queue.schedules
    assert Schedule(expression=schedule.expression).next(1.8e9)


FIELD = st.lists(st.sampled_from([*"0159*?,-/#LW", "31", "60", "MON", "JAN", "2026"]), min_size=1, max_size=4)


@given(st.lists(FIELD.map("".join), min_size=6, max_size=6).map(" ".join))
def test_what_is_accepted_can_be_executed(text: str) -> None:
    try:
        (schedule,) = settings.read(schedules(cron=text)).queue.schedules
    except settings.SettingsError:
        return
    Schedule(expression=schedule.expression)
