"""Warm hours change the minimum at the local time of their time zone, with and without summer time."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ebb.forecast.durations import DAY, HOUR, MINUTE
from ebb.forecast.load.dates import ORIGIN
from ebb.forecast.load.workloads import Load, load
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.deployed import from_settings
from policy import hours as policy_hours
from settings import Scaling, Settings, WarmHours
from settings.forms import Day
from tests.helpers.examples import examples

BERLIN = "Europe/Berlin"
WORKDAYS: tuple[Day, ...] = ("MON", "TUE", "WED", "THU", "FRI")
#: Seconds from a change of the minimum to the change of the desired count: the longest reaction of the model.
MAX_DELAY = 40
#: Seconds from a lower minimum to zero tasks: the alarm for an idle queue, which is already in ALARM or soon is.
MAX_SCALE_IN = 15 * MINUTE


def office(timezone: str, days: tuple[Day, ...] = WORKDAYS, minimum: int = 2) -> Scaling:
    hours = WarmHours(start="08:00", stop="18:00", days=days, min_tasks=minimum)
    return Scaling(max_tasks=10, timezone=timezone, warm_hours=(hours,))


def idle(scaling: Scaling, under: Load, until: float | None = None) -> Outcome:
    return simulate(from_settings(Settings(scaling=scaling)), under, seed=1, until=until)


def local_rises(outcome: Outcome, timezone: str, origin: float = ORIGIN) -> list[datetime]:
    """The local times at which the desired count rises, to the minute below."""
    points = zip(outcome.desired, outcome.desired[1:], strict=False)
    rises = [time for (_, before), (time, after) in points if after > before]
    return [
        datetime.fromtimestamp(origin + time, ZoneInfo(timezone)).replace(second=0, microsecond=0) for time in rises
    ]


@pytest.fixture(scope="module")
def year() -> Outcome:
    """A year without jobs, from Monday 2024-01-01, with office hours in Berlin."""
    return idle(office(BERLIN), load("idle:366d"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("day", "utc_start"),
    [
        ("2024-01-15", "07:00"),
        ("2024-03-29", "07:00"),  # the last working day of winter time; clocks change on 2024-03-31
        ("2024-04-01", "06:00"),
        ("2024-07-15", "06:00"),
        ("2024-10-25", "06:00"),  # the last working day of summer time; clocks change on 2024-10-27
        ("2024-10-28", "07:00"),
    ],
)
def test_office_hours_begin_at_eight_local_time(year: Outcome, day: str, utc_start: str) -> None:
    start = datetime.fromisoformat(f"{day}T{utc_start}").replace(tzinfo=UTC).timestamp() - ORIGIN
    changes = dict(year.desired)
    risen = [time for time in changes if start - 9 * HOUR < time < start + 9 * HOUR and changes[time] == 2]
    assert len(risen) == 1
    assert start <= risen[0] < start + MAX_DELAY
    fallen = min(time for time in changes if time > risen[0])
    assert changes[fallen] == 0
    assert start + 10 * HOUR <= fallen < start + 10 * HOUR + MAX_SCALE_IN


@pytest.mark.slow
def test_office_hours_begin_on_each_working_day_and_on_no_other(year: Outcome) -> None:
    rises = local_rises(year, BERLIN)
    days = [datetime(2024, 1, 1, 8, tzinfo=ZoneInfo(BERLIN)) + timedelta(days=number) for number in range(366)]
    assert rises == [day for day in days if day.weekday() < 5]


@pytest.mark.parametrize(
    ("timezone", "switch", "before", "after"),
    [
        (BERLIN, "2026-03-29", "07:00", "06:00"),
        (BERLIN, "2026-10-25", "06:00", "07:00"),
        ("America/New_York", "2026-03-08", "13:00", "12:00"),
        ("Australia/Sydney", "2026-04-05", "21:00", "22:00"),
        ("Asia/Kolkata", "2026-03-29", "02:30", "02:30"),
    ],
)
def test_each_day_around_a_switch_begins_at_eight_local_time(
    timezone: str, switch: str, before: str, after: str
) -> None:
    """A load with dates is simulated on these dates."""
    week: tuple[Day, ...] = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
    zone = ZoneInfo(timezone)
    midnight = datetime.fromisoformat(switch).replace(tzinfo=zone) - timedelta(days=1)
    under = dated(midnight.timestamp(), span=3 * DAY)
    rises = local_rises(idle(office(timezone, week), under), timezone, under.origin)
    assert [rise.isoformat()[:16] for rise in rises] == [
        (midnight + timedelta(days=number)).isoformat()[:10] + "T08:00" for number in range(3)
    ]
    utc = [f"{rise.astimezone(UTC):%H:%M}" for rise in rises]
    # on the day of the switch the clocks have changed before eight
    assert utc == [before, after, after]


def dated(origin: float, span: float) -> Load:
    """A load without jobs whose time 0 is this Unix time."""
    quiet = load("idle")
    return Load(text=quiet.text, times=quiet.times, job=quiet.job, span=span, every=span, origin=origin)


def test_a_run_that_begins_in_warm_hours_has_their_minimum_from_the_start() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo(BERLIN)).timestamp()
    outcome = idle(office(BERLIN), dated(noon, span=HOUR), until=HOUR)
    assert outcome.desired == ((0.0, 2),)
    night = datetime(2026, 7, 1, 22, tzinfo=ZoneInfo(BERLIN)).timestamp()
    assert idle(office(BERLIN), dated(night, span=HOUR), until=HOUR).desired == ((0.0, 0),)


def test_the_watcher_keeps_the_minimum_of_the_hour() -> None:
    watched = office(BERLIN).model_copy(update={"watch": True})
    noon = datetime(2026, 7, 1, 7, 30, tzinfo=ZoneInfo(BERLIN)).timestamp()
    outcome = idle(watched, dated(noon, span=12 * HOUR), until=12 * HOUR)
    assert [value for _, value in outcome.desired] == [0, 2, 0]
    risen, fallen = outcome.desired[1][0], outcome.desired[2][0]
    assert 30 * MINUTE <= risen < 30 * MINUTE + MAX_DELAY
    assert 10.5 * HOUR <= fallen < 10.5 * HOUR + MAX_SCALE_IN


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(
    WarmHours,
    start=TIMES,
    stop=TIMES,
    days=st.lists(st.sampled_from((*WORKDAYS, "SAT", "SUN")), min_size=1, unique=True).map(tuple),
    min_tasks=st.integers(1, 4),
)
#: Days without a switch of the clocks in the week before, in the northern and the southern hemisphere.
DATES = st.sampled_from([datetime(2026, 1, 14), datetime(2026, 7, 15), datetime(2026, 11, 18)])


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=examples(60))
@given(
    hours=st.lists(HOURS, min_size=1, max_size=3),
    timezone=st.sampled_from([BERLIN, "UTC", "America/New_York", "Asia/Kolkata", "Australia/Sydney"]),
    date=DATES,
    seed=st.integers(0, 100),
)
def test_the_desired_count_never_falls_below_the_minimum_of_the_local_minute(
    hours: list[WarmHours], timezone: str, date: datetime, seed: int
) -> None:
    scaling = Scaling(max_tasks=10, timezone=timezone, warm_hours=tuple(hours))
    week, zone = policy_hours.week(scaling), ZoneInfo(timezone)
    start = date.replace(tzinfo=zone)
    outcome = idle(scaling, dated(start.timestamp(), span=3 * DAY), until=3 * DAY)
    desired = list(outcome.desired)
    random = Random(seed)
    for _ in range(50):
        time = random.uniform(MINUTE, 3 * DAY)
        local = datetime.fromtimestamp(start.timestamp() + time, zone)
        settled = datetime.fromtimestamp(start.timestamp() + time - MAX_DELAY, zone)
        minute, earlier = (_minute_of_week(moment) for moment in (local, settled))
        value = [count for at, count in desired if at <= time][-1]
        assert value >= min(week[minute], week[earlier])
    # without jobs a larger count is a minimum of the last minutes that has not scaled in yet
    assert {count for _, count in desired} <= {0, *week}


def _minute_of_week(moment: datetime) -> int:
    """From Sunday 00:00, as policy.hours counts."""
    return (moment.isoweekday() % 7) * 1440 + moment.hour * 60 + moment.minute
