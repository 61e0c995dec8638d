"""A trace keeps the instants of its jobs, and a wrong line is named in one sentence."""

import re
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ebb.errors import UserError
from ebb.forecast.load.dates import ORIGIN
from ebb.forecast.load.workloads import Arrival, load
from ebb.forecast.model.simulate import simulate
from tests.forecast.examples import stack


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def to_file(text: str) -> str:
        (tmp_path / "jobs.csv").write_text(text, encoding="utf-8")
        return f"trace:{tmp_path / 'jobs.csv'}"

    return to_file


def drawn(trace: str) -> list[Arrival]:
    return list(load(trace, "7s").arrivals(Random(1)))


def test_a_trace_is_replayed_in_the_order_of_its_times(write: Callable[[str], str]) -> None:
    trace = write("time,seconds,group\n2026-03-01T10:00:00Z,12\n2026-03-01T09:59:30+00:00,1m,a\n\n")
    assert drawn(trace) == [Arrival(30.0, 60.0, "a", False), Arrival(60.0, 12.0, "0", False)]


def test_a_trace_without_seconds_uses_the_time_of_job(write: Callable[[str], str]) -> None:
    assert drawn(write("5\n9.5\n")) == [Arrival(0.0, 7.0, "0", False), Arrival(4.5, 7.0, "0", False)]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_text_in_utf_8_is_refused_in_one_sentence(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("0,30,ü\n", encoding=encoding)
    with pytest.raises(UserError, match=r"is not text in UTF-8. Unpack or convert it first.$"):
        load(f"trace:{tmp_path / 'jobs.csv'}")


def test_a_quote_without_an_end_loses_no_lines(write: Callable[[str], str]) -> None:
    with pytest.raises(UserError, match="cannot be read: unexpected end of data"):
        load(write('0,30,"a\n1,30\n2,30\n'))


def test_a_job_of_no_time_is_accepted(write: Callable[[str], str]) -> None:
    assert [each.seconds for each in drawn(write("0,0\n1,0s\n2,0.5\n"))] == [0.001, 0.001, 0.5]


@pytest.mark.parametrize(
    ("first", "minute", "second"),
    [
        ("2026-07-01T09:05:37+02:00", datetime(2026, 7, 1, 7, 5, tzinfo=UTC), 37.0),
        ("2026-07-01T07:05:37", datetime(2026, 7, 1, 7, 5, tzinfo=UTC), 37.0),
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC), 0.0),
        ("1782889537.5", datetime(2026, 7, 1, 7, 5, tzinfo=UTC), 37.5),
    ],
)
def test_a_date_keeps_its_instant(first: str, minute: datetime, second: float, write: Callable[[str], str]) -> None:
    """Time 0 is the minute of the first job: CloudWatch's periods are whole minutes of the clock."""
    read = load(write(f"{first}\n"))
    assert (read.origin, read.dated, read.exact) == (minute.timestamp(), True, True)
    assert next(read.times(Random(1)))[0] == second


def test_seconds_from_the_start_of_a_trace_have_no_date(write: Callable[[str], str]) -> None:
    read = load(write("5\n9.5\n"))
    assert (read.origin, read.dated, read.exact) == (ORIGIN, False, False)


def test_jobs_in_warm_hours_of_their_own_dates_do_not_wait(write: Callable[[str], str]) -> None:
    """Ten jobs at 09:05 Berlin time, over the change of the clocks, and tasks from 09:00 on."""
    days = [datetime(2026, 3, 24, 9, 5, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(day) for day in range(10)]
    hours = [{"start": "09:00", "stop": "18:00", "min_tasks": 1}]
    scenario = stack(scaling={"warm_hours": hours, "timezone": "Europe/Berlin"})
    outcome = simulate(scenario, load(write("".join(f"{day.isoformat()},60\n" for day in days))), seed=1)
    assert outcome.done == 10
    assert outcome.wakes == ()
    assert outcome.waits.quantile(1.0) < 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The trace FILE has no jobs."),
        ("time,seconds\n", "The trace FILE has no jobs."),
        (
            "0,1s\n5,never\n",
            "Line 2 of FILE: A time is a number with ms, s, m, h or d, such as 30s or",
        ),
        (
            "2026-13-01,1\n",
            "Line 1 of FILE must be time[,seconds[,group]], the time in seconds or as 2026-07-01T09:05:00+02:00, not '",
        ),
        ("0\n1,2,3,4\n", "Line 2 of FILE must be time[,seconds[,group]], the time in seconds or as "),
        ("0\nnan\n", "Line 2 of FILE must be time[,seconds[,group]], the time in seconds or as "),
        (
            "1743000000123,60\n",
            "Line 1 of FILE: the time 1743000000123 must be in seconds, not milliseconds, and before the year 2200",
        ),
        (
            "0,60\n1e300,60\n",
            "Line 2 of FILE: the time 1e300 must be in seconds, not milliseconds, and before the year",
        ),
        ("0;60\n", "Line 1 of FILE separates its fields with semicolons: separate them with commas."),
        ("time;seconds\n0;60\n", "Line 1 of FILE separates its fields with semicolons: separate them with commas."),
        ("0,5;60\n", "Line 1 of FILE separates its fields with semicolons: separate them with commas."),
        ("0\t60\n", "Line 1 of FILE separates its fields with tabs: separate them with commas."),
        ("2026-07-01,1\n5,1\n", "Line 2 of FILE needs a date, as the lines above have."),
        ("5,1\n2026-07-01,1\n", "Line 2 of FILE needs seconds, as the lines above have."),
    ],
)
def test_a_wrong_line_is_named(text: str, sentence: str, write: Callable[[str], str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^" + re.escape(sentence.replace("FILE", str(tmp_path / "jobs.csv")))) as error:
        load(write(text))
    assert "\n" not in str(error.value)


def test_a_line_of_a_trace_takes_few_bytes(write: Callable[[str], str]) -> None:
    trace = write("".join(f"{number},30\n" for number in range(5000)))
    tracemalloc.start()
    try:
        found = load(trace)
        assert tracemalloc.get_traced_memory()[1] < 5000 * 150
    finally:
        tracemalloc.stop()
    assert len(found.sample(9999, 1)) == 5000
