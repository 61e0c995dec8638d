import ast
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ebb.sandbox.ecs.health import HealthCheck
from ebb.sandbox.ecs.task import Status, TaskView
from ebb.sandbox.ecs.tasks import RETRY_SECONDS, START_SECONDS, Tasks
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import alive, until

ROOT = Path(__file__).resolve().parents[2]
#: A proxy that a test sets for the tasks is not for the test itself.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ROLE = "arn:aws:iam::000000000000:role/task"
PROGRAM = """
import json, os, signal, subprocess, sys, time
mode = os.environ.get("MODE", "")
def end(*_):
    os.write(1, b"bye\\n")  # print() may be interrupted in the middle of a line, and may not be called twice at once
    if mode != "stubborn":
        sys.exit(7)
signal.signal(signal.SIGTERM, end)
if mode == "family":
    print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
print(json.dumps(dict(os.environ)), flush=True)
if mode == "brief":
    sys.exit(0)
while True:
    if mode != "busy":
        time.sleep(0.01)
"""


class World:
    """A service `worker` of a cluster `jobs`, and the tasks that follow it."""

    def __init__(self, region: Region, context: Path) -> None:
        self.region = region
        self.ecs = region.client("ecs")
        images = Images(region)
        region.client("ecr").create_repository(repositoryName="worker")
        digest = images.build(context, "worker", "latest")
        self.image = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/worker@{digest}"
        self.ecs.create_cluster(clusterName="jobs")
        region.client("logs").create_log_group(logGroupName="/jobs")
        self.tasks = Tasks(region, images)
        self.tasks.start()

    def define(self, mode: str = "", **container: Any) -> str:
        options = {"awslogs-group": "/jobs", "awslogs-stream-prefix": "run", "awslogs-region": "us-east-1"}
        definition = {
            "name": "worker",
            "image": self.image,
            "environment": [{"name": "MODE", "value": mode}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            "stopTimeout": 30,
            **container,
        }
        answer = self.ecs.register_task_definition(
            family="worker", cpu="1024", memory="2048", taskRoleArn=ROLE, containerDefinitions=[definition]
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def serve(self, desired: int, mode: str = "", **container: Any) -> None:
        definition = self.define(mode, **container)
        self.ecs.create_service(cluster="jobs", serviceName="worker", desiredCount=desired, taskDefinition=definition)
        percents = {"maximumPercent": 200, "minimumHealthyPercent": 0}
        self.update(deploymentConfiguration=percents)

    def update(self, **changes: Any) -> None:
        self.ecs.update_service(cluster="jobs", service="worker", **changes)

    def running(self) -> list[TaskView]:
        return [task for task in self.tasks.tasks() if task.status is Status.RUNNING]

    def counts(self) -> tuple[int, int, int]:
        service = self.ecs.describe_services(cluster="jobs", services=["worker"])["services"][0]
        return service["desiredCount"], service["runningCount"], service["pendingCount"]

    def rollout(self) -> str:
        """The state of the service's deployment."""
        service = self.ecs.describe_services(cluster="jobs", services=["worker"])["services"][0]
        return str(service["deployments"][0]["rolloutState"])

    def lines(self, task: TaskView) -> list[str]:
        return [line.text for line in self.tasks.log() if line.task == task.id]

    def environment(self, task: TaskView) -> dict[str, str]:
        until(lambda: any(line.startswith("{") for line in self.lines(task)))
        found: dict[str, str] = json.loads(next(line for line in self.lines(task) if line.startswith("{")))
        return found

    def protect(self, task: TaskView, enabled: bool = True) -> Any:
        uri = self.environment(task)["ECS_AGENT_URI"] + "/task-protection/v1/state"
        body = json.dumps({"ProtectionEnabled": enabled}).encode()
        with DIRECT.open(urllib.request.Request(uri, data=body, method="PUT"), timeout=5) as answer:
            return json.load(answer)

    def events(self, *, containing: str) -> list[str]:
        return [event.text for event in self.region.events if containing in event.text]


@pytest.fixture
def world(region: Region, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "Dockerfile").write_text(
        'FROM python\nENV FROM_IMAGE=yes\nWORKDIR /app\nCOPY run.py .\nCMD ["python", "run.py"]\n'
    )
    (tmp_path / "run.py").write_text(PROGRAM)
    world = World(region, tmp_path)
    yield world
    world.tasks.stop()
    assert [event.text for event in region.events if event.kind == "error"] == []


def test_the_desired_count_becomes_processes_after_fargates_start_time(world: World) -> None:
    began = world.region.clock.now()
    world.serve(2)
    until(lambda: world.tasks.running("jobs", "worker") == 2)
    assert all(alive(task.pid) for task in world.running() if task.pid)
    assert all(task.started is not None and task.started - began >= START_SECONDS for task in world.running())
    until(lambda: world.counts() == (2, 2, 0))


def test_a_task_counts_as_running_only_once_it_runs(world: World) -> None:
    world.serve(0)
    until(lambda: world.counts() == (0, 0, 0))
    world.update(desiredCount=3)
    assert world.counts()[1] == 0
    until(lambda: world.counts() == (3, 3, 0))


def test_a_task_has_the_deployed_environment_and_secrets_and_nothing_of_the_users_shell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "corp")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("EDITOR", "ed")
    world.region.client("ssm").put_parameter(Name="/jobs/key", Value="from ssm", Type="SecureString")
    world.region.client("ssm").put_parameter(Name="flat", Value="flat", Type="SecureString")
    manager = world.region.client("secretsmanager")
    arn = manager.create_secret(Name="db", SecretString='{"password": "from json"}')["ARN"]
    secrets = {
        "BY_NAME": "/jobs/key",
        "BY_ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/jobs/key",
        "FLAT": "arn:aws:ssm:us-east-1:000000000000:parameter/flat",
        "WHOLE": arn,
        "PART": f"{arn}:password::",
    }
    world.serve(
        1,
        environment=[{"name": "EBB_QUEUE_URL", "value": "http://queue"}],
        secrets=[{"name": name, "valueFrom": source} for name, source in secrets.items()],
    )
    until(world.running)
    (task,) = world.running()
    environment = world.environment(task)
    expected = {
        "EBB_QUEUE_URL": "http://queue",
        "FROM_IMAGE": "yes",
        "BY_NAME": "from ssm",
        "BY_ARN": "from ssm",
        "FLAT": "flat",
        "WHOLE": '{"password": "from json"}',
        "PART": "from json",
        "AWS_ENDPOINT_URL": world.region.endpoint,
        "EBB_AWS_ENDPOINT_URL": world.region.endpoint,
        "EBB_AWS_REGION": world.region.region,
        "AWS_PROFILE": "default",
    }
    assert {name: environment.get(name) for name in expected} == expected
    assert not {"HTTP_PROXY", "EDITOR", "PYTHONPATH", "VIRTUAL_ENV"} & set(environment)
    with DIRECT.open(environment["ECS_CONTAINER_METADATA_URI_V4"] + "/task", timeout=5) as answer:
        metadata = json.load(answer)
    assert (metadata["TaskARN"], metadata["Cluster"], metadata["LaunchType"]) == (task.arn, "jobs", "FARGATE")


def test_a_secret_that_cannot_be_had_stops_the_start_with_ecss_reason_until_it_can(world: World) -> None:
    world.serve(1, secrets=[{"name": "KEY", "valueFrom": "/missing"}])
    text = "ResourceInitializationError: unable to pull secrets or registry auth"
    until(lambda: len(world.events(containing=text)) >= 2)
    first, second = world.events(containing=text)[:2]
    assert f"the next try comes in {RETRY_SECONDS} s" in first
    assert f"the next try comes in {RETRY_SECONDS * 2} s" in second
    assert "KEY from /missing" in first
    assert world.counts()[1] == 0
    world.region.client("ssm").put_parameter(Name="/missing", Value="found", Type="SecureString")
    until(world.running)
    assert world.environment(world.running()[0])["KEY"] == "found"


def test_an_image_that_cannot_be_pulled_stops_the_start(world: World) -> None:
    world.serve(1, image="000000000000.dkr.ecr.us-east-1.amazonaws.com/worker:other")
    until(lambda: world.events(containing="CannotPullContainerError"))
    assert world.running() == []


def test_lines_land_in_the_log_group_in_a_stream_of_the_task(world: World) -> None:
    world.serve(1)
    until(world.running)
    (task,) = world.running()
    world.environment(task)
    world.update(desiredCount=0)
    logs, names = world.region.client("logs"), {"logGroupName": "/jobs", "logStreamName": f"run/worker/{task.id}"}
    until(lambda: world.lines(task)[-1:] == ["bye"])
    until(lambda: not world.tasks.tasks())

    def messages() -> list[str]:
        streams = logs.describe_log_streams(logGroupName="/jobs")["logStreams"]
        return [event["message"] for event in logs.get_log_events(**names)["events"]] if streams else []

    until(lambda: messages()[-1:] == ["bye"])
    assert messages() == world.lines(task)


def test_scale_in_sends_sigterm_and_the_exit_code_is_told(world: World) -> None:
    world.serve(3)
    until(lambda: len(world.running()) == 3)
    before = world.running()
    for task in before:
        world.environment(task)  # it listens to SIGTERM from here on
    world.update(desiredCount=1)
    until(lambda: len(world.tasks.tasks()) == 1)
    assert world.running()[0] in before
    assert len(world.events(containing="got SIGTERM: Scaling activity")) == 2
    assert len(world.events(containing="has stopped with exit code 7: Scaling activity")) == 2


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout_in_real_time(world: World) -> None:
    world.serve(1, "stubborn", stopTimeout=2)
    until(world.running)
    (task,) = world.running()
    long = world.define("stubborn", stopTimeout=120)
    world.ecs.create_service(cluster="jobs", serviceName="patient", desiredCount=1, taskDefinition=long)
    until(lambda: len(world.running()) == 2)
    (patient,) = (view for view in world.running() if view.id != task.id)
    for each in (task, patient):
        world.environment(each)
    world.ecs.update_service(cluster="jobs", service="patient", desiredCount=0)
    until(lambda: world.lines(patient)[-1:] == ["bye"])
    began = time.monotonic()
    world.update(desiredCount=0)
    until(lambda: world.lines(task)[-1:] == ["bye"])
    assert {view.status for view in world.tasks.tasks()} == {Status.STOPPING}
    until(lambda: [view.id for view in world.tasks.tasks()] == [patient.id])
    assert time.monotonic() - began >= 2
    assert world.events(containing="has stopped by signal 9: Scaling activity")


def test_scale_in_never_chooses_a_protected_task_and_waits_when_only_such_are_left(world: World) -> None:
    world.serve(4)
    until(lambda: len(world.running()) == 4)
    protected = world.running()[1:3]
    for task in protected:
        assert world.protect(task)["protection"]["ProtectionEnabled"] is True
    world.update(desiredCount=1)
    until(lambda: len(world.tasks.tasks()) == 2)
    assert {task.id for task in world.running()} == {task.id for task in protected}
    until(lambda: len(world.events(containing="is protected: scale-in waits for it")) == 2)
    world.protect(protected[0], enabled=False)
    until(lambda: [task.id for task in world.tasks.tasks()] == [protected[1].id])
    assert world.counts() == (1, 1, 0)


def test_no_more_tasks_can_be_protected_than_are_desired(world: World) -> None:
    world.serve(2, "stubborn", stopTimeout=2)
    until(lambda: len(world.running()) == 2)
    first, second = world.running()
    world.protect(first)
    world.environment(second)
    world.update(desiredCount=0)
    until(lambda: len(world.running()) == 1)
    assert world.protect(second)["failure"] == {"Arn": second.arn, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}
    assert world.protect(first)["protection"]["ProtectionEnabled"] is True  # it was, and may go on


def test_a_task_that_ends_is_replaced_while_it_is_desired(world: World) -> None:
    world.serve(1, "brief")
    until(lambda: len(world.events(containing="has stopped with exit code 0: Essential container in task exited")) >= 2)
    world.update(desiredCount=0)
    until(lambda: not world.tasks.tasks())


def test_a_deployment_starts_new_tasks_and_leaves_old_protected_ones_their_job(world: World) -> None:
    world.serve(2)
    until(lambda: len(world.running()) == 2)
    protected, other = world.running()
    world.protect(protected)
    new = world.define("", environment=[{"name": "VERSION", "value": "2"}])
    world.update(taskDefinition=new)
    until(lambda: Counter(task.task_definition for task in world.running())[new] == 2)
    until(lambda: other.id not in {task.id for task in world.tasks.tasks()})
    assert protected.id in {task.id for task in world.running()}
    assert world.rollout() == "IN_PROGRESS"
    world.protect(protected, enabled=False)
    until(lambda: {task.task_definition for task in world.tasks.tasks()} == {new})
    until(lambda: world.rollout() == "COMPLETED")
    assert all(world.environment(task)["VERSION"] == "2" for task in world.running())


def test_a_deployment_stays_completed_when_the_service_scales(world: World) -> None:
    world.serve(0)
    until(lambda: world.rollout() == "COMPLETED")
    world.update(desiredCount=1)
    until(lambda: world.counts() == (1, 0, 1))
    assert world.rollout() == "COMPLETED"


def test_a_forced_deployment_replaces_tasks_of_the_same_definition(world: World) -> None:
    world.serve(1)
    until(world.running)
    (before,) = world.running()
    world.update(forceNewDeployment=True)
    until(lambda: [task.id for task in world.running()] not in ([before.id], []))
    until(lambda: len(world.tasks.tasks()) == 1)


def test_the_minimum_healthy_percent_keeps_old_tasks_until_new_ones_run(world: World) -> None:
    world.serve(2)
    world.update(deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100})
    until(lambda: len(world.running()) == 2)
    new = world.define("", environment=[{"name": "VERSION", "value": "2"}])
    world.update(taskDefinition=new)
    running: list[int] = []

    def replaced() -> bool:
        running.append(len(world.running()))
        return {task.task_definition for task in world.tasks.tasks()} == {new}

    until(replaced)
    assert min(running) == 2


def test_a_deleted_services_tasks_stop(world: World) -> None:
    world.serve(2)
    until(lambda: len(world.running()) == 2)
    world.ecs.delete_service(cluster="jobs", service="worker", force=True)
    until(lambda: not world.tasks.tasks())
    assert len(world.events(containing="The service was deleted")) >= 2


def test_cpu_is_measured_per_task_against_what_it_reserves(world: World) -> None:
    world.serve(1, "busy")
    until(world.running)
    world.environment(world.running()[0])
    until(lambda: max(world.tasks.cpu_percent("jobs", "worker"), default=0) > 10)
    world.update(taskDefinition=world.define(""))
    until(lambda: [task.task_definition[-2:] for task in world.tasks.tasks()] == [":2"] and world.running())
    world.environment(world.running()[0])
    until(lambda: max(world.tasks.cpu_percent("jobs", "worker"), default=100) < 10)
    assert world.tasks.cpu_percent("jobs", "other") == []


def test_what_a_task_leaves_behind_ends_with_it(world: World) -> None:
    world.serve(1, "family")
    until(world.running)
    (task,) = world.running()
    world.environment(task)
    child = int(next(line for line in world.lines(task) if line.startswith("child")).split()[1])
    assert alive(child)
    world.update(desiredCount=0)
    until(lambda: not world.tasks.tasks())
    until(lambda: not alive(child))


def test_tmp_is_a_folder_of_each_tasks_own(world: World) -> None:
    program = (
        "import os, sys, pathlib, time; pathlib.Path(sys.argv[1]).write_text(os.environ['NAME']); "
        "print([*sys.argv[1:], os.environ['OTHER']], flush=True); time.sleep(600)"
    )
    names = [{"name": "NAME", "value": "/tmp/mine"}, {"name": "OTHER", "value": "/tmpfile"}]
    words = ["python", "-c", program, "/tmp/note", "/tmp", "s3:///tmp/a"]
    world.serve(2, command=words, environment=names)
    until(lambda: len(world.running()) == 2)
    until(lambda: all(world.lines(task) for task in world.running()))
    folders = []
    for task in world.running():
        note, folder, *same = ast.literal_eval(world.lines(task)[0])
        assert same == ["s3:///tmp/a", "/tmpfile"]
        assert (note, Path(note).read_text()) == (f"{folder}/note", f"{folder}/mine")
        assert world.region.directory in Path(folder).parents
        folders.append(folder)
    assert folders[0] != folders[1]


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


def test_stop_ends_even_stubborn_tasks_soon(world: World) -> None:
    world.serve(2, "stubborn", stopTimeout=86400)  # if it were waited for, this test would never end
    until(lambda: len(world.running()) == 2)
    pids = [task.pid for task in world.running() if task.pid]
    for task in world.running():
        world.environment(task)
    world.tasks.stop()
    assert [alive(pid) for pid in pids] == [False, False]
    assert world.tasks.tasks() == []


def test_tasks_do_not_outlive_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text('FROM python\nCOPY run.py .\nCMD ["python", "run.py"]\n')
    (tmp_path / "context" / "run.py").write_text(
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)"
    )
    script = """
import sys, time
from pathlib import Path
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.ecs.tasks import Tasks
with Region(6000) as region:
    images = Images(region)
    region.client("ecr").create_repository(repositoryName="worker")
    images.build(Path(sys.argv[1]), "worker", "latest")
    ecs = region.client("ecs")
    ecs.create_cluster(clusterName="jobs")
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/worker:latest"
    container = {"name": "w", "image": image}
    ecs.register_task_definition(family="w", cpu="256", memory="512", containerDefinitions=[container])
    ecs.create_service(cluster="jobs", serviceName="w", desiredCount=1, taskDefinition="w")
    tasks = Tasks(region, images)
    tasks.start()
    while not tasks.running("jobs", "w"):
        time.sleep(0.01)
    print(tasks.tasks()[0].pid, flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "context")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        pid = int(sandbox.stdout.readline())
        assert alive(pid)
        sandbox.send_signal(signal.SIGKILL)
        sandbox.wait()
    until(lambda: not alive(pid))
