"""Problems that the runs show: a forecast that loses jobs or falls behind never says that no problem is known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Constant
from ebb.forecast.model.overrides import overridden
from ebb.forecast.report import formatting
from ebb.forecast.run import Request, findings
from ebb.forecast.scenario.image_pull import Pull


def codes(*changes: str, arrivals: str = "burst:1", job: str = "30s", **request: Any) -> list[str]:
    failing = request.pop("failing", 0.0)
    wanted = Request(
        stack="docs/Pulumi.ten-tasks.yaml",
        load=load(arrivals, job, failing=failing),
        changes=changes,
        runs=request.pop("runs", 2),
        **request,
    )
    (finding,) = findings(wanted, lambda *_: None)
    return [problem.code for problem in finding.problems]


def test_a_load_that_the_service_can_do_has_none() -> None:
    assert codes() == []


def test_jobs_that_always_fail_are_dead_letters() -> None:
    assert codes(failing=1.0) == ["dead-letters"]


@pytest.mark.slow
def test_tasks_that_leave_together_bring_no_sound_job_into_the_dead_letter_queue() -> None:
    assert codes(arrivals="poisson:60/h:7d", job="2m", runs=3) == []


def test_more_work_than_all_tasks_can_do_is_an_overload() -> None:
    assert codes("scaling.max_tasks=1", arrivals="poisson:80/h:6h", job="60s") == ["overload"]


def test_work_just_below_the_limit_is_none() -> None:
    assert codes("scaling.max_tasks=1", arrivals="poisson:30/h:6h", job="60s") == []


def test_jobs_that_wait_longer_than_the_retention_expire() -> None:
    found = codes(
        "queue.retention_days=1", "scaling.max_tasks=1", "queue.visibility_timeout=43200", arrivals="burst:12", job="4h"
    )
    assert "expired-jobs" in found


def test_jobs_that_expire_because_they_fail_have_their_cause() -> None:
    (text, *_) = texts(load=load("burst:1", "13h"), changes=("queue.retention_days=1",))
    assert text.startswith("1 job a run expire: they are not done 1 days after they were sent (queue.retention_days). ")
    assert text.endswith(
        "They take longer than a job may (worker.job_timeout, and SQS's 12 hours). Raise it, or split them."
    )


def test_jobs_that_wait_for_a_slow_image_are_done_in_the_end() -> None:
    pull = Pull(megabytes=8000, megabits=100, shared=True)
    assert codes("scaling.max_tasks=5", "scaling.seconds_per_job=1200", arrivals="burst:20", job="20m", pull=pull) == [
        "slow-pull"
    ]


def test_a_run_that_is_ended_early_says_nothing_of_the_jobs_that_are_left() -> None:
    assert codes(arrivals="burst:20", until=60.0) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [(("scaling.surplus=false",), ["straggler"]), (("scaling.surplus=true",), []), (("scaling.max_tasks=2",), [])],
)
def test_one_long_job_among_short_ones_needs_the_surplus_rule(
    changes: tuple[str, ...], expected: list[str], write: Callable[[str], str]
) -> None:
    trace = write("0,18000\n" + "0,30\n" * 20)
    assert codes(*changes, arrivals=f"trace:{trace}") == expected


@pytest.fixture
def write(tmp_path: Any) -> Callable[[str], str]:
    def to_file(text: str) -> str:
        path = tmp_path / "jobs.csv"
        path.write_text(text)
        return str(path)

    return to_file


def texts(**request: Any) -> list[str]:
    (finding,) = findings(Request(stack="docs/Pulumi.ten-tasks.yaml", runs=2, **request), lambda *_: None)
    return [problem.text for problem in finding.problems]


@pytest.mark.parametrize(
    ("changes", "options", "cause"),
    [
        ((), {"failing": 1.0}, "A share of them fails at each attempt (--failing)."),
        ((), {"crash": "10s"}, "The tasks crash while they work on them. See the worker's log."),
        (("worker.job_timeout=20",), {}, "They take longer than a job may (worker.job_timeout, and SQS's 12 hours)."),
    ],
)
def test_dead_letters_have_their_cause(changes: tuple[str, ...], options: dict[str, Any], cause: str) -> None:
    (first, *_) = texts(load=load("burst:2", "30s", **options), changes=changes)
    assert first.startswith("2 jobs a run end in the dead-letter queue, after 5 receives each. ")
    assert cause in first


def test_jobs_that_are_never_done_have_no_drain() -> None:
    request = Request(stack="docs/Pulumi.ten-tasks.yaml", load=load("burst:2", "30s", failing=1.0), runs=2)
    (finding,) = findings(request, lambda *_: None)
    drain = finding.forecast.drain
    assert drain is not None
    assert formatting.interval(drain.p50) == "never"


def test_the_api_refuses_what_is_above_its_rate_and_all_is_done_in_the_end() -> None:
    request = Request(stack="docs/Pulumi.ten-tasks.yaml", load=load("burst:300", "1s"), runs=1)
    (finding,) = findings(request, lambda *_: None)
    assert (finding.forecast.refused.value, finding.forecast.sent, finding.forecast.done) == (100, 300, 300)
    assert finding.problems[0].text.startswith(
        "The API refuses 100 jobs a run at first (429): it accepts 200 at once and then 100 a second."
    )
    assert codes("api.rate_limit=1000", "api.burst_limit=300", arrivals="burst:300") == []


def test_a_rate_above_the_api_s_is_named() -> None:
    changes = ("api.rate_limit=1", "api.burst_limit=1", "scaling.seconds_per_job=1")
    assert codes(*changes, arrivals="poisson:2/s:5m", job="1s") == ["throttled"]


def test_more_jobs_a_day_than_a_key_may_send_are_named(write: Callable[[str], str]) -> None:
    """Ten minutes before and after midnight (UTC)."""
    trace = write("2026-07-01T23:50:00Z,1\n2026-07-01T23:50:01Z,1\n2026-07-02T00:10:00Z,1\n")
    quota = ("api.auth=api_key", "api.daily_quota={}", "scaling.seconds_per_job=1")
    for limit, expected in ((1, ["above-daily-quota"]), (2, [])):
        changes = (change.format(limit) for change in quota)
        assert codes(*changes, arrivals=f"trace:{trace}", runs=1) == expected


@pytest.mark.parametrize(
    ("changes", "options", "why"),
    [
        ((), {"crash": "90s"}, "Each task crashes (--crash)."),
        (("worker.spot_weight=100",), {}, "A task that Spot takes back has "),
    ],
)
def test_killed_jobs_are_named_with_the_cause(changes: tuple[str, ...], options: dict[str, Any], why: str) -> None:
    """Also in a run that is ended early. Tasks are replaced by a deployment, or Spot takes them back soon."""
    found = texts(
        load=load("burst:3", "10m", **options),
        changes=changes,
        until=3600.0,
        assumptions=replace(overridden(None, ("6m",)), spot_life=Constant(400)),
    )
    (killed,) = [text for text in found if " killed while they run, and start again from the beginning. " in text]
    assert why in killed


def test_an_overload_is_named_in_a_run_that_is_ended_early() -> None:
    assert "overload" in codes("scaling.max_tasks=2", arrivals="poisson:300/h:6h", job="60s", until=3600.0, runs=1)


def test_a_deployment_beside_a_long_job_keeps_all_tasks(write: Callable[[str], str]) -> None:
    """99 jobs of half a minute and one of five hours, and a deployment after five minutes."""
    trace = write("0,18000\n" + "0,30\n" * 99)
    found = {}
    for deploy in ((), ("5m",)):
        request = Request(
            stack="docs/Pulumi.ten-tasks.yaml",
            load=load(f"trace:{trace}"),
            changes=("scaling.surplus=true",),
            runs=1,
            assumptions=overridden(None, deploy),
        )
        (finding,) = findings(request, lambda *_: None)
        found[deploy] = finding.forecast.task_hours.value, [problem.code for problem in finding.problems]
    (few, none), (many, slow) = found.values()
    assert many > 3 * few
    assert (none, slow) == ([], ["slow-deployment"])


@pytest.mark.parametrize(
    ("job", "expected"), [("15s", []), ("60s", []), ("14s", ["seconds-per-job"]), ("61s", ["seconds-per-job"])]
)
def test_jobs_far_from_the_assumed_duration_are_named(job: str, expected: list[str]) -> None:
    assert codes("scaling.seconds_per_job=30", arrivals="burst:3", job=job, runs=1) == expected
    assert codes("scaling.seconds_per_job=30", "scaling.max_tasks=1", arrivals="burst:3", job=job, runs=1) == []


@pytest.mark.parametrize(
    ("changes", "body", "long"),
    [
        ((), 1024**2, False),
        (("scaling.direct=true",), 200 * 1024, False),
        (("scaling.direct=true",), 200 * 1024 + 1, True),
        (("worker.max_body_bytes=1000",), 1001, True),
    ],
)
def test_a_body_that_the_stack_does_not_accept_is_named(changes: tuple[str, ...], body: int, long: bool) -> None:
    request = Request(
        stack="docs/Pulumi.ten-tasks.yaml", load=load("burst:1", "30s", body=body), changes=changes, runs=1
    )
    (finding,) = findings(request, lambda *_: None)
    assert [problem.code for problem in finding.problems] == ["long-body"] * long


def test_a_task_that_crashes_at_its_start_leaves_its_jobs_also_in_a_run_that_is_ended() -> None:
    (text,) = texts(load=load("burst:1", "30s", crash="start"), until=3600.0)
    assert text == "1 job a run are never done: each task crashes before it receives."
