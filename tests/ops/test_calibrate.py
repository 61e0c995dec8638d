"""`ebb calibrate` of a sandbox with hidden delays: its own controllers run in virtual time, without tasks."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import boto3
import moto.cloudwatch.models
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app
from ebb.forecast.calibrate.calibration import load
from ebb.forecast.durations import DAY
from ebb.ops.stack import Stack
from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.emulators import moto_history, moto_patches
from tests.sandbox.deployed import CLUSTER, QUEUE, SERVICE, Log, Stage

ACCOUNT, REGION, GROUP = "123456789012", "us-east-1", "worker"
WAKES = 6
#: Of each job.
SECONDS = 30.0


class Past(Log):
    """The events, as the emulators read them."""

    def moment(self, event: Any) -> float:
        return float(event.time)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all)


@dataclass
class Delays:
    """What the fit has to find, in seconds; `second`: of the minute, at which alarms are evaluated."""

    publish: float
    reaction: float
    start: float
    second: float
    random: Random = field(default_factory=lambda: Random(3))

    def of(self, seconds: float) -> float:
        """One delay."""
        return seconds * self.random.uniform(0.9, 1.1)


class Slow(Stage):
    """A sandbox in virtual time with these delays: one job at a time wakes its service."""

    def __init__(self, delays: Delays) -> None:
        self.client = cache(lambda service: boto3.client(service, REGION))
        self.region, self.account, self.delays = REGION, ACCOUNT, delays
        super().__init__(self)  # type: ignore[arg-type] # it needs what a region has
        self.clock.time = time.time() // 60 * 60 - 2 * DAY  # CloudWatch Logs takes no line of the future
        self.events = Past(self.clock)
        moto_history.EVENTS[:] = [self.events]  # type: ignore[list-item]
        self.autoscaler = Autoscaler(self, lambda _cluster, _service: self.tasks)
        self.recommend()
        logs = self.client("logs")
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="worker/task")

    def job(self, number: int) -> None:
        """A job is sent to a service at zero tasks, which starts one. Then all rest until the tasks are removed."""
        minute = self.clock.time - self.clock.time % 60
        sent = minute + self.delays.random.uniform(0, 60)
        # sampled at the end of each minute from there on
        begins = [minute + 60 * place for place in range(5)]
        known = {begin: begin + 60 + self.delays.of(self.delays.publish) for begin in begins}
        self.clock.time = minute + self.delays.second
        while not self.desired:
            self.clock.time += 60
            for begin in [begin for begin, moment in known.items() if moment <= self.clock.time]:
                self.put(begin, 1)
                del known[begin]
            self.act()
        started = self.scaled_at + self.delays.of(self.delays.start)
        self.line("started", started)
        self.line("job_started", started, message_id=f"m{number}", attempt=1, waited=started - sent)
        self.line("job_done", started + SECONDS, message_id=f"m{number}", attempt=1, duration=SECONDS)
        self.tasks = 1
        self.clock.time += 900
        self.put(self.clock.time - self.clock.time % 60 - 60, 0)
        self.act()
        self.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)
        self.tasks = 0
        self.events.add("scaling", "", cluster=CLUSTER, service=SERVICE, after=0, cause="by hand")

    def act(self) -> None:
        """Evaluate now; what follows is late."""
        evaluated, before = self.clock.time, len(self.events.all)
        self.autoscaler.tick()
        for event in self.events.all[before:]:
            if event.kind == "scaling":
                self.scaled_at = evaluated + self.delays.of(self.delays.reaction)
                place = self.events.all.index(event)
                self.events.all[place] = type(event)(self.scaled_at, event.kind, event.text, event.data)

    def put(self, began: float, visible: int) -> None:
        """The data points of a minute."""
        dimensions = [{"Name": "QueueName", "Value": QUEUE}]
        self.client("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": f"ApproximateNumberOfMessages{name}",
                    "Dimensions": dimensions,
                    "Timestamp": datetime.fromtimestamp(began, UTC),
                    "Value": value,
                }
                for name, value in (("Visible", visible), ("NotVisible", 0), ("Delayed", 0))
            ],
        )

    def line(self, event: str, moment: float, **fields: Any) -> None:
        """A line of the worker's log."""
        text = {
            "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **fields,
        }
        self.client("logs").put_log_events(
            logGroupName=GROUP,
            logStreamName="worker/task",
            logEvents=[{"timestamp": int(moment * 1000), "message": json.dumps(text)}],
        )


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "Pulumi.slow.yaml").write_text("config: {ebb:scaling: {max_tasks: 4}}")
    moto_patches.apply()
    events = moto_history.EVENTS[:]
    with mock_aws():
        made = Slow(Delays(publish=75, reaction=9, start=50, second=37))
        now = lambda: datetime.fromtimestamp(made.clock.time, UTC).replace(tzinfo=None)  # noqa: E731
        monkeypatch.setattr(moto.cloudwatch.models, "utcnow", now)
        monkeypatch.setattr("ebb.ops.calibration.time", SimpleNamespace(time=made.clock.now))
        yield made
    moto_history.EVENTS[:] = events


#: What `pulumi stack output` would say.
STACK = Stack(
    name="organization/ebb/slow",
    provider={"region": REGION},
    queue_url=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}",
    cluster_name=CLUSTER,
    service_name=SERVICE,
    log_group_name=GROUP,
)


@pytest.fixture
def calibrate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr("ebb.ops.stack.read", lambda _name: STACK)
    words = ["calibrate", "--stack", "slow"]
    return lambda *more: CliRunner().invoke(app, [*words, *more], env={"COLUMNS": "140"}, catch_exceptions=False)


def test_the_hidden_delays_of_a_sandbox_are_within_the_intervals_of_its_calibration(
    sandbox: Slow, calibrate: Callable[..., Result]
) -> None:
    for number in range(3):
        sandbox.job(number)
    few = calibrate()
    assert (few.exit_code, few.stdout, load("slow")) == (1, "", None)
    assert few.stderr == (
        "There is too little data to calibrate slow: in 14 days 3 of 6 alarms that added tasks, 3 of 6 changes of the "
        "count after an alarm, 3 of 6 starts of tasks. Calibrate again after more jobs that found no task, or look "
        "further back with --days.\n"
    )
    for number in range(3, WAKES):
        sandbox.job(number)
    result = calibrate()
    assert (result.exit_code, result.stderr) == (0, "")
    found = load("slow")
    assert found is not None
    hidden = sandbox.delays
    known = ((found.publish, hidden.publish), (found.reaction, hidden.reaction), (found.starts, hidden.start))
    for of, truth in known:
        assert of is not None
        assert of.samples == WAKES
        assert of.low <= truth <= of.high
    assert found.second is not None
    assert (round(found.second.low), round(found.second.high)) == (hidden.second, hidden.second)
    assert re.search(
        r"^change of the count to a task's first receive +33 s +\S+ s +\S+ to \S+ s +6$", result.stdout, re.M
    )
    assert re.search(r"^wake p50 +\d+ s +\d+ s +\d+ s$", result.stdout, re.M)
    assert result.stdout.endswith("Wrote calibration/slow.json: the next forecast of slow uses it.\n")
    figures = {each["name"]: each for each in json.loads(calibrate("--json").stdout)["figures"]}
    wake = figures["wake p50"]
    assert abs(wake["calibrated"] - wake["happened"]) < abs(wake["assumed"] - wake["happened"])
