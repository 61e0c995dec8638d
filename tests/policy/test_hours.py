"""Warm hours as cron expressions, which are read back and compared with the settings."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import hours as policy_hours
from settings import Scaling, WarmHours
from settings.forms import Day

NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
WORKDAYS: tuple[Day, ...] = ("MON", "TUE", "WED", "THU", "FRI")


def scaling(*hours: WarmHours, minimum: int = 0) -> Scaling:
    return Scaling(min_tasks=minimum, max_tasks=100, warm_hours=hours)


def field(text: str, values: list[str]) -> set[int]:
    """The numbers of a cron field: `*`, a number, a range or a list."""
    if text == "*":
        return set(range(len(values)))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = values.index(first), values.index(last or first)
        assert low <= high, f"a descending range: {part}"
        found |= set(range(low, high + 1))
    return found


def moments(cron: str) -> set[int]:
    """The minutes of the week, from Sunday 00:00, at which a cron expression fires."""
    match = re.fullmatch(r"cron\((\S+) (\S+) \? \* (\S+) \*\)", cron)
    assert match, cron
    minutes = field(match[1], [str(n) for n in range(60)])
    hours = field(match[2], [str(n) for n in range(24)])
    return {
        day * 1440 + hour * 60 + minute for day in field(match[3], list(NAMES)) for hour in hours for minute in minutes
    }


def warm(hours: WarmHours, minute: int) -> bool:
    """Whether a minute of the week is within these hours; computed from each start, without cron."""
    start, stop = (int(time[:2]) * 60 + int(time[3:]) for time in (hours.start, hours.stop))
    length = stop - start if stop > start else stop - start + 1440
    return any((minute - NAMES.index(day) * 1440 - start) % 10080 < length for day in hours.days)


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(
    WarmHours,
    start=TIMES,
    stop=TIMES,
    days=st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    min_tasks=st.integers(3, 9),
)
SETTINGS = st.builds(
    lambda hours, minimum: scaling(*hours, minimum=minimum), st.lists(HOURS, min_size=1, max_size=3), st.integers(0, 2)
)


@given(settings=SETTINGS, minute=st.integers(0, 10079))
def test_the_minimum_is_the_largest_of_the_hours_that_apply(settings: Scaling, minute: int) -> None:
    expected = [hours.min_tasks for hours in settings.warm_hours if warm(hours, minute)]
    assert policy_hours.week(settings)[minute] == max([settings.min_tasks, *expected])


@given(settings=SETTINGS)
def test_minutes_has_every_minute_once_with_its_minimum(settings: Scaling) -> None:
    found_at: dict[int, int] = {}
    for found in policy_hours.minutes(settings):
        fires = moments(found.cron)
        assert not fires & found_at.keys()
        found_at |= dict.fromkeys(fires, found.minimum)
    assert [found_at[minute] for minute in range(10080)] == list(policy_hours.week(settings))


@given(settings=SETTINGS)
def test_following_the_changes_gives_the_minimum_of_every_minute(settings: Scaling) -> None:
    at = {minute: found.minimum for found in policy_hours.changes(settings) for minute in moments(found.cron)}
    assert sum(len(moments(found.cron)) for found in policy_hours.changes(settings)) == len(at)
    (first, *_) = sorted(at)
    minimum, followed = at[first], []
    for minute in range(first, first + 10080):
        minimum = at.get(minute % 10080, minimum)
        followed.append(minimum)
    week = policy_hours.week(settings)
    assert followed == [week[minute % 10080] for minute in range(first, first + 10080)]


def test_office_hours_have_two_changes_and_three_expressions_for_minutes() -> None:
    settings = scaling(WarmHours(start="08:00", stop="18:00", days=WORKDAYS, min_tasks=2))
    assert {(found.cron, found.minimum) for found in policy_hours.changes(settings)} == {
        ("cron(0 8 ? * MON-FRI *)", 2),
        ("cron(0 18 ? * MON-FRI *)", 0),
    }
    assert {(found.cron, found.minimum) for found in policy_hours.minutes(settings)} == {
        ("cron(* 8-17 ? * MON-FRI *)", 2),
        ("cron(* 0-7,18-23 ? * MON-FRI *)", 0),
        ("cron(* * ? * SUN,SAT *)", 0),
    }


def test_hours_over_midnight_end_on_the_next_day() -> None:
    settings = scaling(WarmHours(start="22:30", stop="06:00", days=("SAT",), min_tasks=1))
    assert {(found.cron, found.minimum) for found in policy_hours.changes(settings)} == {
        ("cron(30 22 ? * SAT *)", 1),
        ("cron(0 6 ? * SUN *)", 0),
    }


def test_hours_that_never_end_are_repeated_every_day() -> None:
    settings = scaling(WarmHours(start="00:00", stop="00:00", min_tasks=1))
    assert [(found.cron, found.minimum) for found in policy_hours.changes(settings)] == [("cron(0 0 ? * * *)", 1)]
    assert [(found.cron, found.minimum) for found in policy_hours.minutes(settings)] == [("cron(* * ? * * *)", 1)]


@pytest.mark.parametrize("minimum", [0, 3])
def test_without_warm_hours_nothing_changes(minimum: int) -> None:
    assert policy_hours.changes(scaling(minimum=minimum)) == ()
    assert set(policy_hours.week(scaling(minimum=minimum))) == {minimum}
