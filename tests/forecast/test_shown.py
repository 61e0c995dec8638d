"""Problems that the runs show: a forecast that loses jobs or falls behind never says that no problem is known."""

from collections.abc import Callable
from typing import Any

import pytest

from ebb.forecast.checks import Pull
from ebb.forecast.run import Request, findings
from ebb.forecast.workloads import load


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


def test_jobs_that_wait_for_a_slow_image_are_done_in_the_end() -> None:
    pull = Pull(megabytes=8000, megabits=100)
    assert codes("scaling.max_tasks=5", arrivals="burst:20", job="20m", pull=pull) == ["slow-pull"]


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
