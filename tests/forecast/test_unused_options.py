"""Options that change nothing are named: each option, with each kind of load, on stacks that make a difference."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ebb import project
from ebb.cli import app
from ebb.forecast.load.workloads import load
from ebb.forecast.model.overrides import overridden
from ebb.forecast.run import Request, stack_forecast
from ebb.forecast.scenario.image_pull import Pull
from ebb.forecast.unused_options import deployments, unused

FILES = {
    "standard": "config: {}",
    "fifo": "config: {ebb:queue: {fifo: true}}",
    "warm": "config: {ebb:scaling: {min_tasks: 1, max_tasks: 2}}",
}
NOT_FIFO = "--groups has no effect: the queue is not FIFO (queue.fifo)."
CRASHED = "has no effect: each task crashes before it receives a job."
NO_JOBS = "has no effect: there are no jobs."
NO_TASKS = "has no effect: without jobs no task starts."
OPTIONS: dict[str, dict[str, Any]] = {
    "--job": {"job": "30s"},
    "--groups": {"groups": 3},
    "--failing": {"failing": 0.5},
    "--crash": {"crash": "90s"},
}
WITH_JOBS = ("burst:3", "poisson:20", "trickle:3", "tail:40", "nightly:2")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    for name, text in FILES.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    (tmp_path / "times.csv").write_text("0\n60\n")
    (tmp_path / "some.csv").write_text("0,30,a\n60,,\n")
    (tmp_path / "full.csv").write_text("0,30,a\n60,40,b\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(stack: str, arrivals: str, *changes: str, pull: bool = False, **options: Any) -> list[str]:
    image = Pull(megabytes=400, megabits=32, shared=True) if pull else None
    return list(unused(Request(stack=stack, load=load(arrivals, **options), changes=changes, pull=image)))


@pytest.mark.parametrize("arrivals", [*WITH_JOBS, "trace:times.csv", "trace:some.csv"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("stack", FILES)
def test_with_jobs_only_groups_need_a_fifo_queue(stack: str, option: str, arrivals: str) -> None:
    expected = [NOT_FIFO] if option == "--groups" and stack != "fifo" else []
    assert said(stack, arrivals, pull=True, **OPTIONS[option]) == expected


@pytest.mark.parametrize("option", ["--job", "--groups"])
def test_a_trace_that_has_seconds_and_groups_needs_no_others(option: str) -> None:
    word = {"--job": "seconds", "--groups": "group"}[option]
    expected = [f"{option} has no effect: each line of the trace has its own {word}."]
    assert said("fifo", "trace:full.csv", **OPTIONS[option]) == expected


@pytest.mark.parametrize("option", ["--job", "--groups", "--failing"])
def test_jobs_that_no_task_receives_need_no_options(option: str) -> None:
    assert said("fifo", "burst:3", crash="start", **OPTIONS[option]) == [f"{option} {CRASHED}"]


@pytest.mark.parametrize("option", ["--job", "--groups", "--failing"])
@pytest.mark.parametrize("stack", FILES)
def test_without_jobs_their_options_have_no_effect(stack: str, option: str) -> None:
    assert said(stack, "idle", **OPTIONS[option]) == [f"{option} {NO_JOBS}"]


def test_without_jobs_the_options_of_tasks_need_tasks() -> None:
    hours = "scaling.warm_hours=[{days: [MON], start: '08:00', stop: '09:00', min_tasks: 1}]"
    assert said("standard", "idle:1d", crash="start", pull=True) == [f"--crash {NO_TASKS}", f"--image {NO_TASKS}"]
    assert said("warm", "idle:1d", crash="start", pull=True) == []
    assert said("standard", "idle:1d", hours, crash="start", pull=True) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("queue.fifo=false", "the stack has this value"),
        ("api.stage=v2", "no forecast depends on it"),
        ("worker.environment={A: b}", "no forecast depends on it"),
        ("scaling.max_tasks=7", None),
        ("network.nat=gateway", None),
    ],
)
def test_a_change_without_effect_is_named(change: str, reason: str | None) -> None:
    expected = [] if reason is None else [f"--set {change} has no effect: {reason}."]
    assert said("standard", "burst:1", change, "worker.cpu=512", "worker.memory=1024") == expected


def test_the_sentence_is_not_in_the_output_for_programs() -> None:
    shown = CliRunner().invoke(app, ["forecast", "--stack", "standard", "--groups", "2", "--runs", "1", "--json"])
    assert shown.stderr == f"{NOT_FIFO}\n"
    assert shown.stdout.startswith("{")


def test_a_start_needs_warm_hours_and_jobs_without_dates() -> None:
    hours = "scaling.warm_hours=[{start: '08:00', stop: '09:00', min_tasks: 1}]"

    def of(arrivals: str, *changes: str) -> list[str]:
        return list(unused(Request(stack="standard", load=load(arrivals), changes=changes, start="2026-03-28")))

    (Path.cwd() / "dates.csv").write_text("2026-07-01,30\n")
    assert of("burst:1") == ["--start has no effect: the stack has no warm hours."]
    assert of("burst:1", hours) == of("nightly:1") == []
    assert of("trace:dates.csv", hours) == ["--start has no effect: the jobs of the trace have dates."]


def test_without_tasks_their_start_time_has_no_effect() -> None:
    request = Request(stack="standard", load=load("idle:1d"), assumptions=overridden("45s", ()))
    assert list(unused(request)) == [f"--start-time {NO_TASKS}"]


def test_a_deployment_that_replaces_no_task_in_any_run_has_no_effect() -> None:
    changes, times = ("network.nat=none",), ("5m", "330s", "10h")
    request = Request(
        stack="standard", load=load("burst:3", "10m"), changes=changes, runs=2, assumptions=overridden(None, times)
    )
    found = stack_forecast(request)
    assert [run.replaced for run in found.each] == [{300.0: 1, 330.0: 2, 36_000.0: 0}] * 2
    assert list(deployments(request, found)) == [
        "--deploy 10h has no effect: no task runs at that time, in any of the runs."
    ]
