"""The rules of a job's headers, in JSONata."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.workflows import header_rules
from tests.components.workflows.states import value

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moment=st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=OFFSETS), fraction=st.booleans())
def test_a_moment_of_rfc_3339_is_its_seconds_since_1970(moment: datetime, fraction: bool) -> None:
    text = moment.isoformat(timespec="microseconds" if fraction else "seconds")
    assert value("{% " + header_rules.is_at("$text") + " %}", text=text) is True
    seconds = (moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert value("{% " + header_rules.SECONDS + " %}", at=text) == seconds


@given(year=st.integers(1, 9999), month=st.integers(1, 12), day=st.integers(1, 31))
def test_only_days_of_the_calendar_are_taken(year: int, month: int, day: int) -> None:
    try:
        datetime(year, month, day, tzinfo=UTC)
        exists = True
    except ValueError:
        exists = False
    text = f"{year:04}-{month:02}-{day:02}t00:00:00z"
    assert value("{% " + header_rules.is_at("$text") + " %}", text=text) is exists


@pytest.mark.parametrize(("text", "same"), [("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")])
def test_a_leap_second_is_the_next_second(text: str, same: str) -> None:
    first, second = (value("{% " + header_rules.SECONDS + " %}", at=at) for at in (text, same))
    assert first == second
