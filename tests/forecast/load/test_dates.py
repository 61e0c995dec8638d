"""A load without dates begins at a local time, and its nights are those of the stack's time zone."""

from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ebb.errors import UserError
from ebb.forecast.load import dates
from ebb.forecast.load.dates import ORIGIN, Calendar
from ebb.forecast.load.workloads import load

BERLIN = "Europe/Berlin"


def test_a_load_begins_on_a_monday_at_midnight() -> None:
    assert f"{datetime.fromtimestamp(ORIGIN, UTC):%a %H:%M}" == "Mon 00:00"
    assert load("burst:1").origin == ORIGIN
    assert load("burst:1", calendar=Calendar(BERLIN)).origin == ORIGIN - 3600


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-28", "2026-03-27T23:00"),
        ("2026-07-01T09:00", "2026-07-01T07:00"),
        ("2026-07-01T09:00+00:00", "2026-07-01T09:00"),
        ("2026-07-01T09:00Z", "2026-07-01T09:00"),
    ],
)
def test_the_start_is_a_local_time_unless_it_has_an_offset(text: str, utc: str) -> None:
    origin = dates.read(text, BERLIN).origin
    assert datetime.fromtimestamp(origin, UTC).isoformat()[:16] == utc


@pytest.mark.parametrize("text", ["tomorrow", "1743000000", "0001-01-01", "9999-12-31", "2026-02-30", ""])
def test_a_start_that_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^--start is a date of the years 1970 to 2199, such as 2026-03-28, "):
        dates.read(text, "UTC")


@pytest.mark.parametrize(
    ("zone", "start", "first", "hours"),
    [
        ("UTC", "2024-01-01", 2, [24] * 6),
        (BERLIN, "2026-03-27", 2, [24, 24, 23, 24, 24, 24]),  # there is no 02:00 on March 29: it is 03:00
        (BERLIN, "2026-10-23", 2, [24, 24, 25, 24, 24, 24]),
        ("America/New_York", "2026-03-06T12:00", 14, [24, 23, 24, 24, 24, 24]),
        ("Australia/Sydney", "2026-04-03T01:00+00:00", 14, [24, 25, 24, 24, 24, 24]),
    ],
)
def test_nights_are_at_two_local_time(zone: str, start: str, first: int, hours: list[int]) -> None:
    read = load("nightly:1", calendar=dates.read(start, zone))
    times = [each.time for each in read.arrivals(Random(1))]
    local = [datetime.fromtimestamp(read.origin + time, ZoneInfo(zone)) for time in times]
    assert len(local) == 7
    assert [each.hour for each in local].count(2) >= 6  # an hour that the clocks skip is an hour later
    assert round(times[0] / 3600) == first
    assert [round((later - earlier) / 3600) for earlier, later in pairwise(times)] == hours
