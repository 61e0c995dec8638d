"""A task is a process: its start, environment, secrets, log, CPU and folders, and what is left of it at the end."""

import ast
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ebb.sandbox.ecs.tasks import RETRY_SECONDS
from ebb.sandbox.emulators.local_http import OPENER
from tests.helpers.waiting import alive, until
from tests.sandbox.served import World

ROOT = Path(__file__).resolve().parents[2]


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
    with OPENER.open(environment["ECS_CONTAINER_METADATA_URI_V4"] + "/task", timeout=5) as answer:
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


def test_a_task_of_run_task_belongs_to_no_service_and_ends_with_its_exit_code(world: World) -> None:
    def start(mode: str) -> str:
        request = {"cluster": "jobs", "taskDefinition": world.define(mode), "launchType": "FARGATE", "count": 1}
        return str(world.ecs.run_task(**request)["tasks"][0]["taskArn"])

    def seen(arn: str) -> tuple[str, int | None, str | None]:
        task = world.ecs.describe_tasks(cluster="jobs", tasks=[arn])["tasks"][0]
        return task["lastStatus"], task["containers"][0].get("exitCode"), task.get("stoppedReason") or None

    brief, long = start("brief"), start("")
    until(lambda: seen(brief) == ("STOPPED", 0, "Essential container in task exited"))
    until(lambda: seen(long) == ("RUNNING", None, None))
    (task,) = world.running()
    assert (task.arn, task.service) == (long, "")
    world.ecs.stop_task(cluster="jobs", task=long, reason="enough")
    until(lambda: seen(long) == ("STOPPED", 7, "enough"))
    assert world.running() == []
