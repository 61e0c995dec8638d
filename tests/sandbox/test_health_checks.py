"""Health checks of containers, and the tasks that they stop."""

import time
from pathlib import Path
from typing import Any

import pytest

from ebb.sandbox.ecs.health import HealthCheck
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until
from tests.sandbox.served import World


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks as often as the sandbox's speed says, not every two seconds."""
    monkeypatch.setattr("ebb.sandbox.ecs.health.MIN_INTERVAL", 0.02)


def check(program: str, **more: Any) -> dict[str, Any]:
    return {"command": ["CMD", "python", "-c", program], "interval": 5, "retries": 3, "timeout": 60, **more}


@pytest.mark.usefixtures("often")
def test_a_healthy_task_is_left_alone_and_its_check_has_the_tasks_place_and_environment(
    world: World, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    text = (
        f"import os; open({str(seen)!r}, 'a').write(os.environ['WHO'] + os.getcwd()[-4:] + os.environ['FILE'] + '\\n')"
    )
    variables = [{"name": "WHO", "value": "task"}, {"name": "FILE", "value": "/tmp/health"}]
    world.serve(1, environment=variables, healthCheck=check(text))
    until(lambda: seen.exists() and seen.read_text().count("\n") >= 5)
    (task,) = world.running()
    line = f"task/app{world.region.directory}/tasks/{task.id}/health"
    assert set(seen.read_text().splitlines()) == {line}
    assert world.events(containing="failed container health checks") == []


@pytest.mark.usefixtures("often")
def test_a_task_whose_check_fails_as_often_as_deployed_is_stopped_and_replaced_even_when_protected(
    world: World, tmp_path: Path
) -> None:
    ill, seen = tmp_path / "ill", tmp_path / "seen"
    text = f"import os, sys; open({str(seen)!r}, 'a').write('.'); sys.exit(os.path.exists({str(ill)!r}))"
    world.serve(1, healthCheck=check(text, retries=3))
    until(world.running)
    (task,) = world.running()
    world.protect(task)
    until(lambda: seen.exists() and len(seen.read_text()) >= 2)
    ill.touch()
    checked = len(seen.read_text())
    until(lambda: world.events(containing=f"{task.id[:8]} got SIGTERM: Task failed container health checks"))
    assert len(seen.read_text()) - checked in (2, 3, 4)  # three that fail, and what happened while `ill` was made
    ill.unlink()
    until(lambda: [other.id for other in world.running() if other.id != task.id])
    until(lambda: world.counts() == (1, 1, 0))
    assert world.events(containing=f"{task.id[:8]} has stopped with exit code 7: Task failed container health checks")


@pytest.mark.usefixtures("often")
def test_failures_in_the_start_period_do_not_count_and_a_success_ends_it(world: World, tmp_path: Path) -> None:
    ready, seen = tmp_path / "ready", tmp_path / "seen"
    text = f"import os, sys; open({str(seen)!r}, 'a').write('.'); sys.exit(not os.path.exists({str(ready)!r}))"
    world.serve(1, healthCheck=check(text, retries=1, startPeriod=300))
    until(lambda: seen.exists() and len(seen.read_text()) >= 4)
    (task,) = world.running()
    ready.touch()
    checked = len(seen.read_text())
    until(lambda: len(seen.read_text()) >= checked + 2)
    assert [other.id for other in world.running()] == [task.id]
    ready.unlink()
    until(lambda: world.events(containing=f"{task.id[:8]} got SIGTERM: Task failed container health checks"))


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize(
    "words",
    [
        ["CMD-SHELL", "exit 1"],
        ["CMD", "no-such-program"],
        ["CMD", "python", "-c", "import time; time.sleep(600)"],
    ],
)
def test_a_check_fails_by_its_exit_code_by_not_starting_and_by_taking_too_long(world: World, words: list[str]) -> None:
    world.serve(1, healthCheck={"command": words, "interval": 5, "retries": 2, "timeout": 1, "startPeriod": 0})
    until(lambda: world.events(containing="Task failed container health checks"))


def test_without_a_word_on_how_to_run_it_a_check_stops_the_start(world: World) -> None:
    world.serve(1, healthCheck={"command": ["true"]})
    until(lambda: world.events(containing="a health check's command begins with CMD or CMD-SHELL"))
    assert world.running() == []


def test_however_fast_the_sandbox_checks_lie_two_seconds_apart(region: Region) -> None:
    checks: list[float] = []

    def start() -> Any:
        checks.append(time.monotonic())
        raise OSError("there is no such program")

    began = time.monotonic()
    followed = HealthCheck({"interval": 60, "retries": 2}, 6000, start, region.reaper)
    while not followed.unhealthy:
        followed.look()
        time.sleep(0.01)
    first, second = checks
    assert first - began >= 2
    assert second - first >= 2
