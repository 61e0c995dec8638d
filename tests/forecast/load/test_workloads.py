"""Loads are read from text, and wrong text ends in one sentence."""

from itertools import pairwise
from random import Random
from statistics import median

import pytest

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.load.workloads import Arrival, JobProfile, body_bytes, load


def _drawn(arrivals: str, job: str = "60s", **more: float) -> list[Arrival]:
    return list(
        load(arrivals, job, groups=int(more.get("groups", 1)), failing=more.get("failing", 0.0)).arrivals(Random(1))
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("20m", 1200), ("5h", 18_000), ("2d", 172_800), ("1h30m", 5400), ("500ms", 0.5), ("45", 45)],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert durations.parse(text) == pytest.approx(seconds)


def test_the_jobs_of_a_burst_arrive_at_once() -> None:
    assert _drawn("burst:3", "30s") == [Arrival(0.0, 30.0, "0", False)] * 3


def test_a_rate_is_per_hour_unless_it_has_a_unit() -> None:
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


def test_jobs_have_random_groups_and_some_fail() -> None:
    drawn = _drawn("burst:1000", groups=4, failing=0.25)
    assert {each.group for each in drawn} == {"0", "1", "2", "3"}
    assert sum(each.failing for each in drawn) == pytest.approx(250, rel=0.2)


@pytest.mark.parametrize(
    ("arrivals", "job", "sentence"),
    [
        ("rain", "1s", "Arrivals are burst:N, poisson:RATE, trickle, tail, nightly, idle or trace:FILE, not 'rain'."),
        ("burst", "1s", "burst needs a number of jobs from 1 to 9999999, such as burst:200, not ''."),
        ("burst:-3", "1s", "burst needs a number of jobs from 1 to 9999999, such as burst:200, not '-3'."),
        ("poisson:0", "1s", "poisson needs a rate of jobs, such as 20 (per hour), 5/s, 10/min or 100/d, not '0'."),
        ("poisson:5:0s", "1s", "A load must be longer than 0 seconds, not '0s'."),
        ("idle:0", "1s", "A load must be longer than 0 seconds, not '0'."),
        ("burst:1", "soon", "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        ("burst:1", "0s", "A job must be longer than 0 seconds, not '0s'."),
        ("burst:1", "normal:3s", "A job's time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not 'normal:3s'."),
        ("burst:1", "lognormal:3s,x", "The sigma of a log-normal time must be a number from 0 to 3, not 'x'."),
    ],
)
def test_wrong_text_ends_in_one_sentence(arrivals: str, job: str, sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        load(arrivals, job)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(("groups", "failing"), [(0, 0.0), (1, 1.5)])
def test_a_wrong_share_or_number_of_groups_is_refused(groups: int, failing: float) -> None:
    with pytest.raises(UserError):
        load("burst:1", groups=groups, failing=failing)


@pytest.mark.parametrize(("text", "size"), [("300KB", 307_200), ("1MB", 1_048_576), ("2000", 2000), ("1.5 kib", 1536)])
def test_the_size_of_a_body_is_read(text: str, size: int) -> None:
    assert body_bytes(text) == size


@pytest.mark.parametrize("text", ["0", "2MB", "-1KB", "many", "1GB", "9" * 400])
def test_a_body_that_sqs_refuses_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^A body is a size such as 300KB, from 1 byte to SQS's maximum of 1MB, not "):
        body_bytes(text)


def test_the_profile_of_a_load_has_its_typical_and_longest_job() -> None:
    assert load("tail:100", "10s").profile(1) == JobProfile(typical=10.0, longest=200.0, groups=1)
    spread = load("burst:500", "lognormal:60s,0.5", groups=3).profile(1)
    assert spread.typical == pytest.approx(60, rel=0.1)
    assert spread.longest > 150
    assert spread.groups == 3
    assert load("idle", "40s").profile(1) == JobProfile(typical=40.0, longest=40.0, groups=None)
