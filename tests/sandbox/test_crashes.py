"""Tasks that end before they receive (exit codes 69 and 78, a crash at the start) start no other tasks.

All services are in one account, and each minute is one tick of the deployed alarms, policies and watchers.
tests/sandbox/test_stalled.py has real tasks, tests/forecast/model/test_crashes.py has tasks that crash later.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components._queue_refs import QueueRefs
from components.autoscaling import QueueScaling, QueueScalingArgs
from components.wake import Wake, WakeArgs
from ebb.forecast.load.workloads import load
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.deployed import from_settings
from ebb.project import ROOT
from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.controllers.schedules import Scheduler
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy import fallback
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from policy.plan import plan
from policy.sizing import sizing
from settings import Scaling, Settings
from tests.helpers.waiting import until
from tests.sandbox.deployed import HandClock, Log

MINUTES = 6
#: Waiting jobs of a service, and the tasks that they have use for: one, or one and a half for each five of them.
TASKS = {1: 1, 20: 6}


@dataclass
class Crashing:
    """A service whose tasks end as soon as they start, and the jobs that wait for it."""

    mode: str
    jobs: int
    #: The desired count at the end of each minute.
    desired: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.mode}-{self.jobs}"

    @property
    def settings(self) -> Settings:
        mode = {} if self.mode == "metrics" else {self.mode: True}
        return Settings(
            scaling=Scaling.model_validate({"max_tasks": 8, "seconds_per_job": 60, "tolerated_wait": 300, **mode})
        )

    def deploy(self) -> None:
        queue = aws.sqs.Queue(self.name, name=self.name)
        scaling = QueueScaling(
            self.name,
            QueueScalingArgs(
                plan=plan(self.settings), queue_name=queue.name, cluster_name="jobs", service_name=self.name
            ),
        )
        refs = QueueRefs(
            fifo=False,
            visibility_timeout=300,
            retention_days=4,
            max_receive_count=5,
            name=queue.name,
            url=queue.url,
            arn=queue.arn,
            dead_letter_name=queue.name,
            dead_letter_url=queue.url,
            dead_letter_arn=queue.arn,
        )
        wake = Wake(
            self.name,
            WakeArgs(
                settings=self.settings.scaling,
                tasks=sizing(self.settings),
                queue=refs,
                cluster_name="jobs",
                service_name=self.name,
                resource_id=scaling.resource_id,
                target_arn=scaling.target_arn,
            ),
        )
        pulumi.export(self.name, {"queue": queue.url, "submit": wake.submit_arn})


class Place:
    """The services in one region, with a clock that the test moves."""

    def __init__(self, region: Region, services: list[Crashing]) -> None:
        self.client, self.services = region.client, services
        self.clock = HandClock()
        self.events = Log(self.clock)
        self._ecs, self._running = self.client("ecs"), 0
        self._ecs.create_cluster(clusterName="jobs")
        container = {"name": "worker", "image": "worker", "memory": 128}
        self._ecs.register_task_definition(family="worker", containerDefinitions=[container])
        for each in services:
            self._ecs.create_service(cluster="jobs", serviceName=each.name, taskDefinition="worker", desiredCount=0)
        deployment = fallback.InProcess(Aws(region.client), Images(region, instead=WORKER), ROOT, "crashes", {})
        deployment.up()
        self._outputs = deployment.outputs()
        self._autoscaler, self._scheduler = Autoscaler(self, self._tasks), Scheduler(self)

    def send(self) -> None:
        for each in self.services:
            outputs = self._outputs[each.name]
            for _ in range(each.jobs):
                if each.mode == "direct":
                    self.client("stepfunctions").start_execution(
                        stateMachineArn=outputs["submit"], input=json.dumps({"body": "{}"})
                    )
                else:
                    self.client("sqs").send_message(QueueUrl=outputs["queue"], MessageBody="{}")

    def minute(self) -> None:
        """The watchers run and the alarms are evaluated, while all tasks run or while all have just ended."""
        self._running = 1 - self._running
        self._scheduler.check()
        until(self._workflows_have_ended)
        self._autoscaler.check_targets()
        self.client("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": f"ApproximateNumberOfMessages{state}",
                    "Dimensions": [{"Name": "QueueName", "Value": each.name}],
                    "Timestamp": self.clock.now(),
                    "Value": each.jobs if state == "Visible" else 0,
                }
                for each in self.services
                for state in ("Visible", "NotVisible", "Delayed")
            ],
        )
        self.clock.time += 60
        self._autoscaler.tick()
        for each in self.services:
            each.desired.append(self._desired(each.name))

    def _desired(self, service: str) -> int:
        return int(self._ecs.describe_services(cluster="jobs", services=[service])["services"][0]["desiredCount"])

    def _tasks(self, _cluster: str, service: str) -> int:
        return self._running * self._desired(service)

    def _workflows_have_ended(self) -> bool:
        states: Any = self.client("stepfunctions")
        return not any(
            states.list_executions(stateMachineArn=each["stateMachineArn"], statusFilter="RUNNING")["executions"]
            for each in states.list_state_machines()["stateMachines"]
        )


@pytest.fixture(scope="module")
def crashed(one_region: Region) -> Place:
    """The services after some minutes."""
    one_region.reset()
    services = [Crashing(mode, jobs) for mode in ("metrics", "watch", "direct") for jobs in TASKS]

    def program() -> None:
        for each in services:
            each.deploy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fallback, "program", program)
        place = Place(one_region, services)
    place.send()
    for _ in range(MINUTES):
        place.minute()
    return place


@pytest.mark.parametrize("jobs", TASKS)
@pytest.mark.parametrize("mode", ["metrics", "watch", "direct"])
def test_a_service_whose_tasks_crash_has_the_tasks_that_its_jobs_have_use_for_as_in_a_forecast(
    crashed: Place, mode: str, jobs: int
) -> None:
    (service,) = (each for each in crashed.services if (each.mode, each.jobs) == (mode, jobs))
    assert crashed.events.texts("error") == []
    assert max(service.desired) == TASKS[jobs]
    assert service.desired[2:] == [TASKS[jobs]] * (MINUTES - 2)
    waiting = load(f"burst:{jobs}", "20m", crash="start")
    forecast = simulate(from_settings(service.settings), waiting, seed=1, until=60 * MINUTES)
    assert max(desired for _, desired in forecast.desired) == TASKS[jobs]
