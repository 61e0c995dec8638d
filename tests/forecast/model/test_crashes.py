"""Crash loops: a task that crashes starts no other task."""

import re

import pytest

from ebb.errors import UserError
from ebb.forecast.durations import HOUR
from ebb.forecast.load.workloads import Crash, load
from ebb.forecast.model.simulate import simulate
from settings import Step
from tests.forecast.scenarios import recommended

TABLE = (Step(lower=1, upper=5, change=1), Step(lower=5, change=3))
MODES: tuple[dict[str, object], ...] = ({}, {"watch": True}, {"direct": True}, {"steps": TABLE})
SEEDS = range(6)


def most_desired(jobs: int, crash: str, **scaling: object) -> set[int]:
    """The largest desired count of each run, for jobs that each have use for a task."""
    scenario = recommended(seconds_per_job=60, tolerated_wait=60, **scaling)
    crashing = load(f"burst:{jobs}", "20m", crash=crash)
    outcomes = [simulate(scenario, crashing, seed=seed, until=2 * HOUR) for seed in SEEDS]
    assert all(outcome.launches > 10 and not outcome.done for outcome in outcomes)
    return {max(desired for _, desired in outcome.desired) for outcome in outcomes}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("jobs", "tasks"), [(1, 1), (2, 2), (5, 5)])
def test_tasks_that_crash_before_they_receive_stay_as_many_as_the_jobs_have_use_for(
    mode: dict[str, object], jobs: int, tasks: int
) -> None:
    table = {1: 1, 2: 1, 5: 3}
    assert most_desired(jobs, "start", **mode) == {table[jobs] if "steps" in mode else tasks}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("crash", ["5s", "40s", "150s"])
def test_one_job_whose_tasks_crash_never_has_a_second_task(mode: dict[str, object], crash: str) -> None:
    assert most_desired(1, crash, **mode) == {1}


@pytest.mark.parametrize("mode", [{}, {"watch": True}, {"direct": True}])
@pytest.mark.parametrize("crash", ["20s", "150s"])
def test_jobs_whose_tasks_crash_have_at_most_a_task_each(mode: dict[str, object], crash: str) -> None:
    assert max(most_desired(5, crash, **mode)) <= 5


@pytest.mark.parametrize("mode", ["watch", "direct"])
def test_a_task_that_the_watcher_started_does_not_make_the_others_count_twice(mode: str) -> None:
    scenario = recommended(seconds_per_job=60, tolerated_wait=60, **{mode: True})
    outcomes = [simulate(scenario, load("burst:5", "20m"), seed=seed) for seed in range(30)]
    assert max(desired for outcome in outcomes for _, desired in outcome.desired) == 5


def test_a_crash_loses_no_job_before_its_receives_are_used_up() -> None:
    outcome = simulate(recommended(), load("burst:1", "20m", crash="60s"), seed=1)
    assert (outcome.done, outcome.dead, outcome.left) == (0, 1, 0)
    assert outcome.killed == 5


def test_the_time_of_a_crash_is_read() -> None:
    assert load("burst:1", crash="start").crash == Crash("start")
    assert load("burst:1", crash="90s").crash == Crash("90s", 90)
    with pytest.raises(UserError, match="The time before a crash must be longer than 0 seconds, not '0s'"):
        load("burst:1", crash="0s")


def test_what_is_no_time_of_a_crash_is_refused_with_both_forms() -> None:
    sentences = (
        "A crash is `start` or a time. A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'banana'."
    )
    with pytest.raises(UserError, match=f"^{re.escape(sentences)}$"):
        load("burst:1", crash="banana")
