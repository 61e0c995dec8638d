"""One ECS task: a process with the environment, secrets, log stream and stop timeout of its task definition."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from components.image import PLATFORMS
from ebb.sandbox.ecs import health, secrets
from ebb.sandbox.ecs.loglines import LogLines, Stream
from ebb.sandbox.emulators.images import Image, Images, with_python
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.emulators.stages import ImageError

#: Default of a container's stopTimeout, in seconds from SIGTERM to SIGKILL (API_ContainerDefinition).
DEFAULT_STOP_TIMEOUT = 30
#: A container's temporary folder. Here each task has another one.
TMP = "/tmp"  # noqa: S108
#: CPU units of one vCPU (ECS developer guide, "Task size").
CPU_UNITS = 1024


class Status(StrEnum):
    """The states of a task, in order. ECS has more of them."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


class StartError(Exception):
    """A task could not be started. The text is the reason that ECS gives."""


@dataclass(frozen=True)
class TaskView:
    """A task for display. `started`: simulated seconds since the epoch, None before it runs."""

    id: str
    arn: str
    cluster: str
    service: str
    task_definition: str
    status: Status
    protected: bool
    pid: int | None
    started: float | None

    def __str__(self) -> str:
        return f"{self.id[:8]} {self.status.lower()}{' protected' if self.protected else ''}"


class Task:
    """Not thread-safe: its owner holds a lock during every call except `metadata`."""

    def __init__(self, region: Region, task_id: str, cluster: str, service: str, deployment: tuple[str, str]) -> None:
        self._region = region
        self.id, self.cluster, self.service, self.deployment = task_id, cluster, service, deployment
        self.arn = f"arn:aws:ecs:{region.region}:{region.account}:task/{cluster}/{task_id}"
        self.status = Status.PENDING
        self.reason = ""
        #: RunTask's, which stands in for the definition's. Such a task has no service: an empty name.
        self.command: Sequence[str] = ()
        self.created = region.clock.now()
        self.started: float | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.vcpus = 1.0
        self.cpu: tuple[float, float] | None = None  # monotonic time and CPU seconds at the last measurement
        self._definition: dict[str, Any] = {}
        self._check: health.HealthCheck | None = None
        self._kill_at = float("inf")
        self._protected_until = 0.0

    @property
    def has_role(self) -> bool:
        """Whether the task has a role."""
        return bool(self._definition.get("taskRoleArn"))

    @property
    def protected_until(self) -> float | None:
        """Real seconds since the epoch; None if it is not protected."""
        return self._protected_until if self._protected_until > time.time() else None

    @property
    def unhealthy(self) -> bool:
        """Whether the container's health check failed in all its retries."""
        return self._check is not None and self._check.unhealthy

    def set_protection(self, minutes: int | None) -> None:
        """Protect for so many real minutes; None ends the protection. A handler's time is real too."""
        self._protected_until = time.time() + minutes * 60 if minutes else 0.0

    def view(self) -> TaskView:
        """The present state."""
        return TaskView(
            id=self.id,
            arn=self.arn,
            cluster=self.cluster,
            service=self.service,
            task_definition=self.deployment[0],
            status=self.status,
            protected=self.protected_until is not None,
            pid=self.process.pid if self.process else None,
            started=self.started,
        )

    def launch(self, images: Images, lines: LogLines, agent: dict[str, str]) -> None:
        """Start the process. Raises StartError with ECS's reason."""
        answer = self._region.client("ecs").describe_task_definition(taskDefinition=self.deployment[0])
        self._definition = answer["taskDefinition"]
        container = self._container
        self.vcpus = int(self._definition.get("cpu") or container.get("cpu") or CPU_UNITS) / CPU_UNITS
        folder = self._region.directory / "tasks" / self.id
        folder.mkdir(parents=True)
        try:
            architecture = self._definition.get("runtimePlatform", {}).get("cpuArchitecture") or "X86_64"
            image = _with_own_tmp(images.resolve(container["image"], PLATFORMS[architecture]), folder)
            words = container.get("entryPoint", []), list(self.command) or container.get("command", [])
            argv = image.run(*(_in(folder, given) for given in words))
            check = container.get("healthCheck", {})
            checking = _in(folder, health.command(check))
            environment = {
                **self._base(folder),
                **image.environment,
                **_paths(image),
                **self._region.environment(),
                **{pair["name"]: _in(folder, [pair["value"]])[0] for pair in container.get("environment", [])},
                **secrets.resolve(self._region.client, container.get("secrets", [])),
                **agent,
                # what Ebb's own clients use, and no variable of the job can change
                "EBB_AWS_ENDPOINT_URL": self._region.endpoint,
                "EBB_AWS_REGION": self._region.region,
                "EBB_SANDBOX_SPEED": str(self._region.clock.speed),
            }
            self.process = self._run(argv, image.cwd, environment, subprocess.PIPE)
        except (ImageError, secrets.SecretError, ClientError, ValueError) as error:
            raise StartError(str(error)) from error
        except OSError as error:
            raise StartError(f"CannotStartContainerError: {error}") from error
        if checking:
            start = partial(self._run, with_python(checking), image.cwd, environment, subprocess.DEVNULL)
            self._check = health.HealthCheck(check, self._region.clock.speed, start, self._region.reaper)
        self._region.reaper.add(self.process.pid)
        self.status, self.started = Status.RUNNING, self._region.clock.now()
        arguments = (self.process, self._stream(container), lines)
        threading.Thread(target=self._read, args=arguments, name=f"task-{self.id[:8]}", daemon=True).start()

    @staticmethod
    def _run(argv: list[str], cwd: Path, environment: dict[str, str], output: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a new process group, as a container's processes end together
        )

    def stop(self, reason: str, timeout: float | None = None) -> None:
        """SIGTERM now, SIGKILL after the container's stopTimeout (or `timeout`) in real seconds."""
        if self.status is Status.STOPPED:
            return
        if self.process is None:
            self.status, self.reason = Status.STOPPED, reason
            return
        if self.status is Status.RUNNING:
            self.status, self.reason = Status.STOPPING, reason
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            self._kill_at = time.monotonic() + self._container.get("stopTimeout", DEFAULT_STOP_TIMEOUT)
        if timeout is not None:
            self._kill_at = min(self._kill_at, time.monotonic() + timeout)

    def monitor(self) -> int | None:
        """Check the process. Returns its exit code once it has ended; the task is STOPPED then."""
        if self.process is None or self.status is Status.STOPPED:
            return None
        if time.monotonic() >= self._kill_at:
            self._kill()
        if self._check is not None and self.status is Status.RUNNING:
            self._check.look()
        code = self.process.poll()
        if code is not None:
            if self._check is not None:
                self._check.end()
            self._kill()  # its child processes end with it, as in a container
            self._region.reaper.discard(self.process.pid)
            self.status = Status.STOPPED
            self.reason = self.reason or "Essential container in task exited"
        return code

    def metadata(self) -> dict[str, Any]:
        """Metadata version 4 of the task and its only container."""
        container = self._container
        started = datetime.fromtimestamp(self.started or self.created, UTC).isoformat()
        about = {
            "DockerId": f"{self.id}-0",
            "Name": container.get("name", ""),
            "DockerName": container.get("name", ""),
            "Image": container.get("image", ""),
            "DesiredStatus": "STOPPED" if self.status is Status.STOPPING else "RUNNING",
            "KnownStatus": "RUNNING",
            "StartedAt": started,
            "Type": "NORMAL",
        }
        return {
            "Cluster": self.cluster,
            "TaskARN": self.arn,
            "Family": self._definition.get("family", ""),
            "Revision": str(self._definition.get("revision", "")),
            "ServiceName": self.service,
            "DesiredStatus": about["DesiredStatus"],
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": self.vcpus, "Memory": int(self._definition.get("memory") or 0)},
            "PullStartedAt": datetime.fromtimestamp(self.created, UTC).isoformat(),
            "PullStoppedAt": started,
            "AvailabilityZone": f"{self._region.region}a",
            "LaunchType": "FARGATE",
            "Containers": [about],
        }

    @property
    def _container(self) -> dict[str, Any]:
        containers = self._definition.get("containerDefinitions", [{}])
        return next((found for found in containers if found.get("essential", True)), containers[0])

    @staticmethod
    def _base(folder: Path) -> dict[str, str]:
        """The variables of every container. The user's shell adds none."""
        kept = {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}  # the image's snapshot must not change

    def _stream(self, container: dict[str, Any]) -> Stream | None:
        """The stream's name is prefix/container/task (ECS developer guide, "awslogs log driver")."""
        driver = container.get("logConfiguration") or {}
        options = driver.get("options", {})
        if driver.get("logDriver") != "awslogs" or "awslogs-group" not in options:
            return None
        prefix = options.get("awslogs-stream-prefix")
        name = f"{prefix}/{container['name']}/{self.id}" if prefix else self.id
        return Stream(options["awslogs-group"], name)

    def _read(self, process: subprocess.Popen[bytes], stream: Stream | None, lines: LogLines) -> None:
        assert process.stdout is not None  # noqa: S101 - Popen was called with PIPE
        with process.stdout:
            for line in process.stdout:
                lines.add(stream, self.id, line.decode(errors="replace").rstrip("\r\n"))

    def _kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
                os.killpg(self.process.pid, signal.SIGKILL)


def _in(folder: Path, words: list[str]) -> list[str]:
    """Replaces /tmp in paths with the task's folder."""
    return [f"{folder}{word[len(TMP) :]}" if word == TMP or word.startswith(f"{TMP}/") else word for word in words]


def _paths(image: Image) -> dict[str, str]:
    """PATH and PYTHONPATH. The image's packages come before those of this interpreter."""
    folders = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    if image.packages is None:
        return {"PATH": os.pathsep.join(folders)}
    modules = [image.environment["PYTHONPATH"]] if image.environment.get("PYTHONPATH") else []
    return {
        "PATH": os.pathsep.join([str(image.packages / "bin"), *folders]),
        "PYTHONPATH": os.pathsep.join([*modules, str(image.packages)]),
    }


def _with_own_tmp(image: Image, folder: Path) -> Image:
    return replace(
        image,
        entrypoint=_in(folder, image.entrypoint),
        command=_in(folder, image.command),
        environment=dict(zip(image.environment, _in(folder, [*image.environment.values()]), strict=True)),
    )
