"""Runs so many processes as each ECS service desires, by ECS's rules, and the tasks that RunTask starts."""

import math
import random
import threading
import time
import uuid
from collections import Counter

from ebb.sandbox.ecs import cpu
from ebb.sandbox.ecs.agent import Agent
from ebb.sandbox.ecs.loglines import Line, LogLines
from ebb.sandbox.ecs.services import Service, Services
from ebb.sandbox.ecs.task import StartError, Status, Task, TaskView
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region

#: Simulated seconds from a higher desired count to the container's start. It is the median of published measurements
#: of Fargate (AWS 23 s for a small image, 30 s and 53-62 s elsewhere).
START_SECONDS = 33
#: Simulated seconds before ECS starts another task after one that did not start. They are doubled each time "up to a
#: maximum of 27 minutes" (service throttle logic). AWS does not document the first value.
RETRY_SECONDS = 10
MAX_RETRY_SECONDS = 27 * 60
#: Real seconds between two checks of services and processes.
_INTERVAL_SECONDS = 0.05
#: Real seconds from SIGTERM to SIGKILL when the sandbox stops.
_STOP_SECONDS = 2

_Key = tuple[str, str]


class Tasks:
    """Runs from start() to stop(). Any thread may call the other methods."""

    def __init__(self, region: Region, images: Images) -> None:
        self._region, self._images = region, images
        self._lines = LogLines(region)
        self._tasks: dict[str, Task] = {}
        self._desired: dict[_Key, int] = {}
        self._failures: Counter[_Key] = Counter()
        self._retry_at: dict[_Key, float] = {}
        self._held: set[str] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tasks", daemon=True)

    def start(self) -> None:
        """Follow the services' desired counts until stop()."""
        self._services = Services(self._region.account, self._region.region)
        self._agent = Agent(self._agent_task)
        self._agent.start()
        self._lines.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop all tasks, with SIGTERM and soon SIGKILL."""
        if not self._thread.is_alive():
            return
        self._stopping.set()
        self._thread.join()
        with self._lock:
            for task in self._tasks.values():
                task.stop("The sandbox stops", timeout=_STOP_SECONDS)
        while self._tasks:
            with self._lock:
                self._monitor()
            time.sleep(_INTERVAL_SECONDS / 5)
        self._lines.stop()
        self._agent.stop()

    def running(self, cluster: str, service: str) -> int:
        """How many tasks of the service are RUNNING."""
        return self._count((cluster, service), Status.RUNNING)

    def tasks(self) -> list[TaskView]:
        """All tasks that have not stopped, the oldest first."""
        with self._lock:
            return [task.view() for task in self._tasks.values()]

    def log(self) -> list[Line]:
        """The last lines that tasks printed."""
        return self._lines.kept()

    def cpu_percent(self, cluster: str, service: str) -> list[float]:
        """For each running task: CPU since the last call, in per cent of the task definition's CPU."""
        used, now = cpu.seconds_by_group(), time.monotonic()
        percents = []
        with self._lock:
            for task in self._of((cluster, service), Status.RUNNING):
                seconds = used.get(task.process.pid, 0.0) if task.process else 0.0
                before, spent = task.cpu or (now - self._region.clock.real(60), 0.0)
                task.cpu = (now, seconds)
                percents.append(max(0.0, seconds - spent) / max(now - before, _INTERVAL_SECONDS) / task.vcpus * 100)
        return percents

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            try:
                with self._lock:
                    self._reconcile()
            except Exception as error:  # a service may be deleted meanwhile; the other services go on
                self._region.events.add("error", f"Tasks: {error}")

    def _reconcile(self) -> None:
        self._monitor()
        services = {(service.cluster, service.name): service for service in self._services.active()}
        self._desired = {key: service.desired for key, service in services.items()}
        for task in self._of_none(set(services)):
            self._stop(task, "The service was deleted")
        for key, service in services.items():
            self._deploy(key, service)
            self._scale_in(key, service)
            self._scale_out(key, service)
        self._run_standalone()
        for task in self._alive(Status.PENDING):
            if self._region.clock.now() >= task.created + START_SECONDS:
                self._launch(task)
        for key, service in services.items():
            outdated = sum(task.deployment != service.deployment for task in self._active(key))
            self._services.report(*key, self._count(key, Status.RUNNING), self._count(key, Status.PENDING), outdated)

    def _run_standalone(self) -> None:
        for started in self._services.standalone():
            task = self._tasks.get(started.id)
            if task is None:
                task = Task(self._region, started.id, started.cluster, "", (started.task_definition, ""))
                task.command = started.command
                self._tasks[task.id] = task
                self._report(task, "is being started")
            if started.stop_reason is not None:
                self._stop(task, started.stop_reason)

    def _deploy(self, key: _Key, service: Service) -> None:
        """Stop tasks of older deployments, as many as the minimum healthy percent allows. Protected tasks go on."""
        old = [task for task in self._active(key) if task.deployment != service.deployment]
        healthy = self._count(key, Status.RUNNING) - math.ceil(service.desired * service.minimum_percent / 100)
        for task in old:
            if task.status is Status.PENDING:
                self._stop(task, "A newer deployment replaces it")
            elif task.protected_until is not None:
                self._hold(task, "a newer deployment waits for it")
            elif healthy > 0:
                self._stop(task, "A newer deployment replaces it")
                healthy -= 1

    def _scale_in(self, key: _Key, service: Service) -> None:
        current = [task for task in self._active(key) if task.deployment == service.deployment]
        surplus = len(current) - service.desired
        if surplus <= 0:
            return
        # AWS does not document which tasks Fargate stops first, and has no setting for it: nothing may rely on an order
        random.shuffle(current)
        current.sort(key=lambda task: task.status is Status.RUNNING)  # those not yet running first
        free = [task for task in current if task.protected_until is None]
        for task in free[:surplus]:
            self._stop(task, "Scaling activity")
        for task in current if surplus > len(free) else []:
            if task not in free:
                self._hold(task, "scale-in waits for it")

    def _scale_out(self, key: _Key, service: Service) -> None:
        active = self._active(key)
        missing = service.desired - sum(task.deployment == service.deployment for task in active)
        room = service.desired * service.maximum_percent // 100 - len(active)
        if self._region.clock.now() < self._retry_at.get(key, 0.0):
            return
        for _ in range(min(missing, room)):
            task = Task(self._region, uuid.uuid4().hex, service.cluster, service.name, service.deployment)
            self._tasks[task.id] = task
            self._report(task, "is being started")

    def _launch(self, task: Task) -> None:
        key = (task.cluster, task.service)
        try:
            task.launch(self._images, self._lines, self._agent.environment(task.id))
        except StartError as error:
            if not task.service:
                task.stop(str(error))
                self._ended(task, f"could not be started: {error}")
                return
            self._failures[key] += 1
            wait = min(RETRY_SECONDS * 2.0 ** (self._failures[key] - 1), MAX_RETRY_SECONDS)
            self._retry_at[key] = self._region.clock.now() + wait
            task.stop(str(error))
            self._report(task, f"could not be started; the next try comes in {wait:g} s: {error}")
            del self._tasks[task.id]
        else:
            self._failures.pop(key, None)
            if not task.service:
                self._services.report_task(task.id, "RUNNING")
            self._report(task, "runs")

    def _monitor(self) -> None:
        for task in list(self._tasks.values()):
            code = task.monitor()
            if task.status is Status.RUNNING and task.unhealthy:  # protection is only against scale-in
                self._stop(task, "Task failed container health checks")
            if task.status is Status.STOPPED:
                end = "" if code is None else f" with exit code {code}" if code >= 0 else f" by signal {-code}"
                self._ended(task, f"has stopped{end}: {task.reason}", code)

    def _ended(self, task: Task, text: str, code: int | None = None) -> None:
        del self._tasks[task.id]
        self._held.discard(task.id)
        if not task.service:
            self._services.report_task(task.id, "STOPPED", task.reason, code)
        self._report(task, text, exit_code=code)

    def _stop(self, task: Task, reason: str) -> None:
        if task.status in (Status.PENDING, Status.RUNNING):
            task.stop(reason)
            if task.process is not None:
                self._report(task, f"got SIGTERM: {reason}")

    def _hold(self, task: Task, why: str) -> None:
        if task.id not in self._held:
            self._held.add(task.id)
            self._report(task, f"is protected: {why}")

    def _report(self, task: Task, text: str, **data: object) -> None:
        about = {"id": task.id, "cluster": task.cluster, "service": task.service, "status": str(task.status), **data}
        self._region.events.add("task", f"Task {task.id[:8]} {text}", **about)

    def _alive(self, *statuses: Status) -> list[Task]:
        return [task for task in self._tasks.values() if task.status in statuses]

    def _of(self, key: _Key, *statuses: Status) -> list[Task]:
        return [task for task in self._alive(*statuses) if (task.cluster, task.service) == key]

    def _active(self, key: _Key) -> list[Task]:
        return self._of(key, Status.PENDING, Status.RUNNING)

    def _of_none(self, keys: set[_Key]) -> list[Task]:
        active = self._alive(Status.PENDING, Status.RUNNING)
        return [task for task in active if task.service and (task.cluster, task.service) not in keys]

    def _count(self, key: _Key, status: Status) -> int:
        with self._lock:
            return len(self._of(key, status))

    def _agent_task(self, task_id: str) -> "_AgentTask | None":
        with self._lock:
            task = self._tasks.get(task_id)
            return _AgentTask(self, task) if task else None

    def protect(self, task: Task, minutes: int | None) -> str | None:
        """Set a task's protection. Returns ECS's refusal if as many tasks are protected as are desired."""
        with self._lock:
            key = (task.cluster, task.service)
            if minutes is not None and task.protected_until is None:
                others = sum(other.protected_until is not None for other in self._of(key, Status.RUNNING))
                if others >= self._desired.get(key, 0) or task.status is not Status.RUNNING:
                    self._report(task, "was refused its protection: DEPLOYMENT_BLOCKED")
                    return "DEPLOYMENT_BLOCKED"
            task.set_protection(minutes)
            if minutes is None:
                self._held.discard(task.id)
            return None


class _AgentTask:
    """A task as the agent sees it."""

    def __init__(self, tasks: Tasks, task: Task) -> None:
        self._tasks, self._task = tasks, task
        self.arn, self.has_role, self.standalone = task.arn, task.has_role, not task.service

    @property
    def protected_until(self) -> float | None:
        return self._task.protected_until

    def protect(self, minutes: int | None) -> str | None:
        return self._tasks.protect(self._task, minutes)

    def metadata(self) -> dict[str, object]:
        return self._task.metadata()
