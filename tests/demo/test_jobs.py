"""What the demo does with any stack: its own jobs, and claims that the stack's settings make certain."""

from pathlib import Path
from typing import Any

import pytest

from ebb import project
from ebb.project import read_settings
from ebb.sandbox import demo_jobs
from ebb.sandbox.demo_jobs import Expected, Planned, Wake, expected, plan, woken_by
from tests.helpers.stacks import users

#: A stack of a user's own, with what would bind the demo to its jobs.
OWN = """
config:
  ebb:queue: {max_receive_count: 100}
  ebb:worker: {command: [encode, --fast], job_timeout: 3, stop_timeout: 5, backoff_base: 600, environment: {A: b}}
  ebb:scaling:
    min_tasks: 2
    max_tasks: 9
    watch: true
    warm_hours: [{start: "08:00", stop: "18:00", min_tasks: 3}]
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.own.yaml").write_text(OWN)
    given = project.configuration
    monkeypatch.setattr(
        project, "configuration", lambda stack, overrides=None: given(stack, overrides, folder=tmp_path)
    )


@pytest.mark.usefixtures("own")
def test_the_jobs_are_the_demos_and_the_rest_is_the_stacks() -> None:
    settings = read_settings(demo_jobs.configuration("own", None))
    worker, scaling = settings.worker, settings.scaling
    assert (worker.handler, worker.command, worker.job_timeout) == ("worker.demo:handle", (), None)
    assert (worker.backoff_base, worker.backoff_cap) == (1, 2)
    assert (worker.stop_timeout, worker.environment) == (5, {"A": "b"})
    assert (scaling.min_tasks, scaling.max_tasks, scaling.warm_hours) == (0, 9, ())
    assert settings.queue.max_receive_count == 5


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("wake", ["metrics", "watch", "direct"])
def test_what_wakes_the_service_can_be_chosen_for_any_stack(wake: Wake) -> None:
    assert woken_by(read_settings(demo_jobs.configuration("own", None))) == "watch"
    assert woken_by(read_settings(demo_jobs.configuration("own", wake))) == wake


@pytest.mark.parametrize("wake", [None, "metrics", "watch", "direct"])
@pytest.mark.parametrize("stack", users())
def test_the_demo_can_be_configured_from_each_stack_file(stack: str, wake: Wake | None) -> None:
    assert read_settings(demo_jobs.configuration(stack, wake)).worker.handler == "worker.demo:handle"


@pytest.mark.parametrize(
    ("scaling", "wanted"),
    [
        ({"max_tasks": 1}, Expected((1, 1), scale_in=False)),
        ({"max_tasks": 4, "tolerated_wait": 60, "surplus": True}, Expected((4, 4), scale_in=True)),
        ({"max_tasks": 4, "tolerated_wait": 60}, Expected((4, 4), scale_in=True)),
        ({"max_tasks": 4, "tolerated_wait": 60, "surplus": False}, Expected((4, 4), scale_in=False)),
        ({"max_tasks": 2, "tolerated_wait": 60, "surplus": True}, Expected((2, 2), scale_in=False)),
        ({"max_tasks": 20, "surplus": True}, Expected((1, 20), scale_in=False)),
        (
            {"max_tasks": 4, "steps": [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]},
            Expected((1, 4), scale_in=False),
        ),
    ],
)
def test_a_number_of_tasks_is_claimed_only_where_the_settings_make_it_certain(
    scaling: dict[str, Any], wanted: Expected
) -> None:
    assert expected(read_settings({"ebb:scaling": scaling})) == wanted


@pytest.mark.parametrize(
    ("attempts", "once", "always"),
    [
        (1, Planned("fails once", 1, 1, "failed"), Planned("fails always", 1, 1, "failed")),
        (2, Planned("fails once", 1, 2, "done"), Planned("fails always", 2, 2, "failed")),
        (5, Planned("fails once", 1, 2, "done"), Planned("fails always", 5, 5, "failed")),
    ],
)
def test_the_twenty_jobs_follow_the_attempts_that_the_queue_allows(
    attempts: int, once: Planned, always: Planned
) -> None:
    jobs = plan(attempts)
    assert len(jobs) == 20
    assert jobs[0] == Planned("long")
    assert [job for job in jobs if job.kind == "fails once"] == [once, once]
    assert [job for job in jobs if job.kind == "fails always"] == [always]


def test_with_a_job_table_one_of_the_twenty_jobs_is_cancelled() -> None:
    jobs = plan(3, table=True)
    assert len(jobs) == 20
    assert [job for job in jobs if job.kind == "cancelled"] == [Planned("cancelled", result="cancelled")]
