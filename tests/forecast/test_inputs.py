"""Inputs of a forecast: each one moves the answer, or is refused in one sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.load import workloads
from ebb.forecast.model import path
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.image_pull import read as read_pull
from tests.forecast.scenarios import recommended

LONG = "9" * 400


def test_pulls_at_the_same_time_share_the_path() -> None:
    clock, ended = Clock(0.0), []
    shared = path.Path(clock, 10)
    for start in (0, 5, 100):
        clock.at(start, shared.pull, lambda start=start: ended.append((start, round(clock.now, 3))))
    while clock.step(1000) and len(ended) < 3:
        pass
    assert ended == [(0, 15), (5, 20), (100, 110)]


def test_the_pull_of_an_image_delays_the_start_and_is_billed() -> None:
    scenario, load = recommended(), workloads.load("burst:1", "20m")
    slow = replace(scenario, task=replace(scenario.task, pull=640.0))
    fast_outcome, slow_outcome = (simulate(each, load, seed=1) for each in (scenario, slow))
    assert slow_outcome.wakes[0] - fast_outcome.wakes[0] == pytest.approx(640, abs=2)  # and calls of other lengths
    assert slow_outcome.task_seconds - fast_outcome.task_seconds == pytest.approx(640, abs=120)


@pytest.mark.parametrize(
    "arrivals", [f"poisson:{LONG}", f"poisson:1/h:{LONG}", "poisson:99999/s:3650d", f"burst:{LONG}", f"idle:{LONG}"]
)
def test_a_load_has_a_limit(arrivals: str) -> None:
    with pytest.raises(UserError):
        workloads.load(arrivals)


@pytest.mark.parametrize("text", [LONG, f"{LONG}s", f"{LONG}d", "3651d"])
def test_a_time_has_a_limit(text: str) -> None:
    with pytest.raises(UserError, match="A time is at most 3650d, not"):
        durations.parse(text)


def test_a_trace_has_no_nul_in_its_name_and_a_limited_span(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: embedded null byte"):
        workloads.load("trace:a\0b.csv")
    file = tmp_path / "long.csv"
    file.write_text("0\n9e8\n")
    with pytest.raises(UserError, match="spans more than 3650 days"):
        workloads.load(f"trace:{file}")


@pytest.mark.parametrize(
    "text", [f"{LONG},1", f"1,{LONG}", "0,1", "1,0", "inf,1", "nan,1", "400,", "1e9,1", "big", "0", ""]
)
def test_an_image_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="An image is MB, or MB,MBIT/S of a shared path, such as 400 or 400,32, not "):
        read_pull(text)
