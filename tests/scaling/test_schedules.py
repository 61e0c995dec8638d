"""Scheduled actions, by "Schedule recurring scaling actions using cron expressions" of Application Auto Scaling."""

import pickle
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.schedules import Schedule, ScheduledAction


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def times(expression: str, after: str, count: int, timezone: str = "UTC") -> list[str]:
    schedule, found = Schedule(expression=expression, timezone=timezone), []
    now: float | None = utc(after)
    for _ in range(count):
        assert now is not None
        now = schedule.next(now)
        found.append("never" if now is None else f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # the guide's examples; 2027-01-15 is a Friday
        ("cron(0 10 * * ? *)", ["2027-01-15 10:00:00", "2027-01-16 10:00:00"]),
        ("cron(15 12 * * ? *)", ["2027-01-15 12:15:00", "2027-01-16 12:15:00"]),
        ("cron(0 18 ? * MON-FRI *)", ["2027-01-15 18:00:00", "2027-01-18 18:00:00"]),
        ("cron(0 8 1 * ? *)", ["2027-02-01 08:00:00", "2027-03-01 08:00:00"]),
        ("cron(0/15 * * * ? *)", ["2027-01-15 08:15:00", "2027-01-15 08:30:00"]),
        ("cron(0/10 * ? * MON-FRI *)", ["2027-01-15 08:10:00", "2027-01-15 08:20:00"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["2027-01-15 08:05:00", "2027-01-15 08:10:00"]),
        # EventBridge's fields
        ("cron(0 0 ? * 2 *)", ["2027-01-18 00:00:00", "2027-01-25 00:00:00"]),  # 2 is Monday
        ("cron(30,0 6 ? * SAT,SUN *)", ["2027-01-16 06:00:00", "2027-01-16 06:30:00"]),
        ("cron(0 0 ? * FRI-MON *)", ["2027-01-16 00:00:00", "2027-01-17 00:00:00"]),
        ("cron(0 0 L * ? *)", ["2027-01-31 00:00:00", "2027-02-28 00:00:00"]),
        ("cron(0 0 LW * ? *)", ["2027-01-29 00:00:00", "2027-02-26 00:00:00"]),
        ("cron(0 0 16W * ? *)", ["2027-02-16 00:00:00", "2027-03-16 00:00:00"]),  # 16 January is a Saturday
        ("cron(0 0 17W * ? *)", ["2027-01-18 00:00:00", "2027-02-17 00:00:00"]),
        ("cron(0 0 1W 5,8 ? *)", ["2027-05-03 00:00:00", "2027-08-02 00:00:00"]),  # Saturday and Sunday, same month
        ("cron(0 0 31W 10 ? 2027)", ["2027-10-29 00:00:00"]),
        ("cron(0 0 ? * 6L *)", ["2027-01-29 00:00:00", "2027-02-26 00:00:00"]),
        ("cron(0 0 ? * L *)", ["2027-01-16 00:00:00", "2027-01-23 00:00:00"]),
        ("cron(0 0 ? * FRI#5 *)", ["2027-01-29 00:00:00", "2027-04-30 00:00:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("cron(30 6 * * * 2028)", ["2028-01-01 06:30:00", "2028-01-02 06:30:00"]),
        ("cron(20 30 8 * * ? *)", ["2027-01-15 08:30:20", "2027-01-16 08:30:20"]),  # with seconds
        ("rate(5 minutes)", ["2027-01-15 08:05:00", "2027-01-15 08:10:00"]),
        ("rate(1 hour)", ["2027-01-15 09:00:00", "2027-01-15 10:00:00"]),
        ("rate(2 days)", ["2027-01-16 00:00:00", "2027-01-18 00:00:00"]),
        ("at(2027-01-15T09:00:01)", ["2027-01-15 09:00:01"]),
    ],
)
def test_a_schedule_gives_the_next_times(expression: str, expected: list[str]) -> None:
    assert times(expression, "2027-01-15T08:00:00", len(expected)) == expected


@pytest.mark.parametrize(
    "expression", ["at(2027-01-15T08:00:00)", "cron(0 0 1 1 ? 2026)", "cron(0 0 31 2 ? *)", "cron(0 0 ? 1 FRI#5 2028)"]
)
def test_a_schedule_in_the_past_or_without_any_time_gives_none(expression: str) -> None:
    assert times(expression, "2027-01-15T08:00:00", 1) == ["never"]


def test_a_time_zone_follows_daylight_saving_time() -> None:
    """ "When you specify a time zone that observes daylight saving time, it automatically adjusts"."""
    daily = times("cron(0 8 * * ? *)", "2027-03-26T12:00:00", 3, "Europe/Berlin")
    assert daily == ["2027-03-27 07:00:00", "2027-03-28 06:00:00", "2027-03-29 06:00:00"]
    assert times("at(2027-07-01T00:00:00)", "2027-01-01T00:00:00", 1, "Etc/GMT+9") == ["2027-07-01 09:00:00"]


def test_a_skipped_hour_has_no_times_and_a_repeated_hour_has_them_once() -> None:
    skipped = times("cron(30 2 * * ? *)", "2027-03-27T12:00:00", 2, "Europe/Berlin")
    assert skipped == ["2027-03-29 00:30:00", "2027-03-30 00:30:00"]
    repeated = times("cron(30 2 * * ? *)", "2027-10-30T12:00:00", 2, "Europe/Berlin")
    assert repeated == ["2027-10-31 00:30:00", "2027-11-01 01:30:00"]


def test_a_rate_counts_from_its_origin() -> None:
    schedule = Schedule(expression="rate(10 minutes)")
    assert schedule.next(100.0, origin=90.0) == 690.0
    assert schedule.next(690.0, origin=90.0) == 1290.0
    assert schedule.next(0.0, origin=90.0) == 690.0


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("every day", "is none of at"),
        ("cron(0 8 * * *)", "is none of at"),
        ("cron(0 8 1 * 2 *)", "one of day-of-month and day-of-week must be \\?"),
        ("cron(60 8 * * ? *)", "60 is not one of 0 to 59"),
        ("cron(0 8 * 13 ? *)", "13 is not one of 1 to 12"),
        ("cron(0 8 ? * 0 *)", "0 is not one of 1 to 7"),
        ("cron(0 8 ? * MOO *)", "MOO is not one of 1 to 7"),
        ("cron(0/0 8 * * ? *)", "the step in '0/0' must be above 0"),
        ("cron(a-b-c 8 * * ? *)", "is not a value, a list, a range or a step"),
        ("cron(0 8 32 * ? *)", "32 is not one of 1 to 31"),
        ("rate(1 minutes)", "a rate above 0, with its unit in singular or plural"),
        ("rate(5 minute)", "a rate above 0, with its unit in singular or plural"),
        ("rate(0 minutes)", "a rate above 0"),
        ("at(2027-02-30T00:00:00)", "names a time that does not exist"),
    ],
)
def test_a_schedule_that_aws_refuses_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^The schedule .*{problem}"):
        Schedule(expression=expression)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc"])
def test_a_time_zone_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"The time zone '.*' is not known"):
        Schedule(expression="rate(1 day)", timezone=name)


def action(schedule: str = "cron(0 8 * * ? *)", **fields: float) -> ScheduledAction:
    bounds = {key: float(value) for key, value in fields.items()}
    return ScheduledAction(name="warm", schedule=Schedule(expression=schedule), minimum=1, **bounds)  # type: ignore[arg-type]


def test_an_action_runs_at_its_start_and_recurs_until_its_end() -> None:
    """ "Performs the action at this time, and then … based on the recurrence"; "stops repeating after this time"."""
    start, end = utc("2027-01-15T12:00:00"), utc("2027-01-17T08:00:00")
    tested = action(start=start, end=end)
    expected = [start, utc("2027-01-16T08:00:00"), utc("2027-01-17T08:00:00")]
    assert list(tested.between(0.0, end + 1e9)) == expected
    assert tested.next(expected[-1]) is None
    assert list(action("rate(12 hours)", start=start, end=end).between(0.0, end)) == [
        start + hours * 3600 for hours in (0, 12, 24, 36)
    ]


def test_an_action_at_a_single_time_ignores_start_and_end() -> None:
    once = action("at(2027-01-15T12:00:00)", start=utc("2027-02-01T00:00:00"), end=utc("2027-01-01T00:00:00"))
    assert list(once.between(0.0, utc("2028-01-01T00:00:00"))) == [utc("2027-01-15T12:00:00")]


def test_an_action_without_limits_or_with_a_minimum_above_the_maximum_is_refused() -> None:
    schedule = Schedule(expression="rate(1 day)")
    with pytest.raises(ValueError, match="Scheduled action warm: needs a minimum or a maximum capacity"):
        ScheduledAction(name="warm", schedule=schedule)
    with pytest.raises(ValueError, match="Scheduled action warm: the minimum 3 must not exceed the maximum 2"):
        ScheduledAction(name="warm", schedule=schedule, minimum=3, maximum=2)


def test_a_schedule_can_be_pickled_after_its_first_use() -> None:
    schedule = Schedule(expression="cron(0 8 * * ? *)", timezone="Europe/Berlin")
    schedule.next(0.0)
    assert pickle.loads(pickle.dumps(schedule)) == schedule


@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(0, 59),
    st.integers(0, 23),
)
def test_the_next_time_of_a_daily_schedule_is_its_local_time_within_two_days(
    after: int, zone: str, minute: int, hour: int
) -> None:
    found = Schedule(expression=f"cron({minute} {hour} * * ? *)", timezone=zone).next(float(after))
    assert found is not None
    local = datetime.fromtimestamp(found, ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (hour, minute, 0)
    assert after < found <= after + 2 * 86400 + 3600
