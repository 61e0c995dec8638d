"""A service of the sandbox whose tasks run a program of the tests."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from ebb.sandbox.ecs.task import Status, TaskView
from ebb.sandbox.ecs.tasks import Tasks
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.local_http import OPENER
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until

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
        with OPENER.open(urllib.request.Request(uri, data=body, method="PUT"), timeout=5) as answer:
            return json.load(answer)

    def events(self, *, containing: str) -> list[str]:
        return [event.text for event in self.region.events if containing in event.text]
