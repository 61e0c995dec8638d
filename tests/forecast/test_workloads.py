"""The words of a load, and what is said about wrong ones."""

from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

import pytest

from ebb.forecast.workloads import Arrival, LoadError, duration, load


def _drawn(arrivals: str, job: str = "60s", **more: float) -> list[Arrival]:
    return list(
        load(arrivals, job, groups=int(more.get("groups", 1)), failing=more.get("failing", 0.0)).arrivals(Random(1))
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("20m", 1200), ("5h", 18_000), ("2d", 172_800), ("1h30m", 5400), ("500ms", 0.5), ("45", 45)],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_a_burst_comes_at_once() -> None:
    assert _drawn("burst:3", "30s") == [Arrival(0.0, 30.0, "0", False)] * 3


def test_a_rate_is_an_hour_unless_it_says_otherwise() -> None:
    assert len(_drawn("poisson:100:10h")) == pytest.approx(1000, rel=0.1)
    assert len(_drawn("poisson:5/s:1h")) == pytest.approx(18_000, rel=0.05)
    assert all(earlier.time <= later.time < 3600 for earlier, later in pairwise(_drawn("poisson:100:1h")))


def test_a_log_normal_time_has_its_median() -> None:
    seconds = [each.seconds for each in _drawn("burst:4000", "lognormal:30s,0.5")]
    assert median(seconds) == pytest.approx(30, rel=0.05)
    assert len(set(seconds)) == 4000


def test_nights_are_a_day_apart() -> None:
    times = sorted({each.time for each in _drawn("nightly:5")})
    assert times == [night * 86_400 + 7200 for night in range(7)]
    assert len(_drawn("nightly:5")) == 35


def test_a_tail_has_a_few_long_jobs() -> None:
    seconds = [each.seconds for each in _drawn("tail:40", "10s")]
    assert sorted(set(seconds)) == [10, 200]
    assert seconds.count(200) == 2


def test_an_idle_load_has_no_job() -> None:
    assert _drawn("idle") == []
    assert load("idle:2d").span == 172_800


def test_jobs_fall_into_groups_and_some_fail() -> None:
    drawn = _drawn("burst:1000", groups=4, failing=0.25)
    assert {each.group for each in drawn} == {"0", "1", "2", "3"}
    assert sum(each.failing for each in drawn) == pytest.approx(250, rel=0.2)


def test_a_trace_is_replayed_from_its_first_line(tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    trace.write_text("time,seconds,group\n2026-03-01T10:00:00Z,12\n2026-03-01T09:59:30+00:00,1m,a\n\n")
    assert _drawn(f"trace:{trace}", "7s") == [Arrival(0.0, 60.0, "a", False), Arrival(30.0, 12.0, "0", False)]


def test_a_trace_of_times_alone_takes_the_time_of_a_job(tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    trace.write_text("5\n9.5\n")
    assert _drawn(f"trace:{trace}", "7s") == [Arrival(0.0, 7.0, "0", False), Arrival(4.5, 7.0, "0", False)]


@pytest.mark.parametrize(
    ("arrivals", "job", "sentence"),
    [
        ("rain", "1s", "Arrivals are burst:N, poisson:RATE, trickle, tail, nightly, idle or trace:FILE, not 'rain'."),
        ("burst", "1s", "burst needs a number of jobs from 1 to 9999999, such as burst:200, not ''."),
        ("burst:-3", "1s", "burst needs a number of jobs from 1 to 9999999, such as burst:200, not '-3'."),
        ("poisson:0", "1s", "poisson needs a rate of jobs, such as 20 (an hour), 5/s, 10/min or 100/d, not '0'."),
        ("poisson:5:0s", "1s", "A load must take some time, not '0s'."),
        ("idle:0", "1s", "A load must take some time, not '0'."),
        ("burst:1", "soon", "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        ("burst:1", "0s", "A job must take some time, not '0s'."),
        ("burst:1", "normal:3s", "A job's time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not 'normal:3s'."),
        ("burst:1", "lognormal:3s,x", "The sigma of a log-normal time must be a number from 0 to 3, not 'x'."),
    ],
)
def test_wrong_words_end_in_one_sentence(arrivals: str, job: str, sentence: str) -> None:
    with pytest.raises(LoadError) as raised:
        load(arrivals, job)
    assert str(raised.value) == sentence


def test_a_wrong_trace_names_its_line(tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    trace.write_text("0,1s\n5,never\n")
    with pytest.raises(LoadError, match=r"^Line 2 of .*jobs.csv: A time is a number .* not 'never'\.$"):
        load(f"trace:{trace}")
    with pytest.raises(LoadError, match=r"^The trace .*no.csv cannot be read: No such file or directory\.$"):
        load(f"trace:{tmp_path / 'no.csv'}")
    trace.write_text("")
    with pytest.raises(LoadError, match=r"has no jobs\.$"):
        load(f"trace:{trace}")


@pytest.mark.parametrize(("groups", "failing"), [(0, 0.0), (1, 1.5)])
def test_wrong_shares_and_groups_are_refused(groups: int, failing: float) -> None:
    with pytest.raises(LoadError):
        load("burst:1", groups=groups, failing=failing)
