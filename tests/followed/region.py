"""The API's half of a simulation: its workflows, the table, the schedules, and the queue that the workers receive."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from components.workflows import cancellation, scheduled_release, submission
from tests.components.workflows.states import Call, Ended, Failed
from tests.components.workflows.table import METHODS, PLACE, RESCHEDULE, SCHEDULE, SEND, UNSCHEDULE
from tests.followed.execution import Execution, Over
from tests.followed.table import RealTable
from tests.worker.faults import QUIET, Plan, Script
from tests.worker.simulation import Simulation
from worker.config import Config

#: The share of schedules that start their workflow twice (EventBridge Scheduler: at least once).
DOUBLED = 0.1
#: Seconds after its time within which a schedule starts (EventBridge Scheduler user guide, "Schedule types").
PRECISION = 60
#: Seconds of an outage after which a release may give up.
GIVES_UP = 200


class Followed(Simulation):
    """A simulation whose messages come from the API's workflows."""

    def __init__(self, seed: int, config: Config, *, plan: Plan, max_receive_count: int) -> None:
        super().__init__(seed, config, plan=plan, max_receive_count=max_receive_count)
        self.table = self.jobs = RealTable(
            lambda: self.now, self.judge, keep_days=PLACE.keep_days, retention_days=PLACE.retention_days
        )
        self.region = Region(self)

    @property
    def faulty(self) -> bool:
        """Whether things still go wrong."""
        return self.plan is not QUIET

    def forget_unsent(self) -> None:
        """Forget the jobs that were not sent, and that no caller knows, or whose release gave up."""
        known = self.jobs.accepted - self.region.given_up
        for job_id in set(self.table.items) - known:
            if not self.region.messages[job_id]:
                del self.table.items[job_id]


class Region:
    """What the API starts, and what its workflows call."""

    def __init__(self, sim: Followed) -> None:
        self.sim, self.table = sim, sim.jobs
        place = replace(PLACE, fifo=sim.config.fifo)
        self._submit, self._release = submission.submit(place), scheduled_release.release(place)
        self._cancel = cancellation.cancel(place, stack="jobs", events=False)
        self.functions: dict[str, Callable[..., Any]] = {
            "millis": lambda: int(sim.now * 1000),
            "random": sim.random.random,
            "uuid": lambda: str(uuid.UUID(int=sim.random.getrandbits(128), version=4)),
        }
        #: Workflows that run, and the schedules, with the input of their workflow.
        self.running: set[Execution] = set()
        self.schedules: dict[str, str] = {}
        #: What the jobs do, by their bodies.
        self.scripts: dict[str, Script] = {}
        #: By job: its messages, the runs that put or released it, and how often its schedule started twice.
        self.messages: dict[str, list[str]] = defaultdict(list)
        self.runs: dict[str, list[Execution]] = defaultdict(list)
        self.doubled: dict[str, int] = defaultdict(int)
        #: Jobs that were never sent, because table or queue were away for minutes when their time came.
        self.given_up: set[str] = set()

    # -- what is started

    def submit(self, given: dict[str, str], ended: Over) -> None:
        """POST /jobs."""
        Execution(self, self._submit, given, ended)

    def cancel(self, id_: str, ended: Over) -> None:
        """DELETE /jobs/{id}."""
        Execution(self, self._cancel, {"id": id_}, ended)

    def _fire(self, name: str) -> None:
        """A schedule's time has come."""
        given = self.schedules.pop(name, None)
        if given is None:
            return
        self._start_release(given)
        if self.sim.faulty and self.sim.random.random() < DOUBLED:
            self.doubled[name] += 1
            self.sim.after(self.sim.random.choice([0, 0.05, 1, 30, 90]), lambda: self._start_release(given))

    def _start_release(self, given: str) -> None:
        sim, began = self.sim, self.sim.now

        # an asynchronous Express workflow runs at least once
        def over(execution: Execution, end: Ended | None) -> None:
            if execution.lost:
                self._start_release(given)
            elif str(execution.job_id) in self.schedules:
                sim.judge.counts["releases that were put off"] += 1
            elif end is None or end.status != "SUCCEEDED":
                sim.judge.check(sim.now - began > GIVES_UP, "a release gave up early", str(execution.job_id))
                sim.judge.counts["releases that gave up"] += 1
                self.given_up.add(str(execution.job_id))

        execution = Execution(self, self._release, json.loads(given), over)
        self.runs[str(execution.job_id)].append(execution)

    # -- what workflows call

    def serve(self, execution: Execution, call: Call) -> Any:
        """Do what a call says."""
        if call.action in METHODS:
            try:
                answer = getattr(self.table.client, METHODS[call.action])(**call.arguments)
            except ClientError as error:
                raise Failed(f"DynamoDb.{error.response['Error']['Code']}") from error
            execution.written |= ":message" in call.arguments.get("ExpressionAttributeValues", {})
            return answer
        if call.action == SEND:
            return {"MessageId": self._send(execution, call.arguments)}
        name = call.arguments["Name"]
        if call.action in (SCHEDULE, RESCHEDULE):
            return self._schedule(name, call)
        assert call.action == UNSCHEDULE
        if self.schedules.pop(name, None) is None:
            raise Failed("Scheduler.ResourceNotFoundException")
        return {}

    def _schedule(self, name: str, call: Call) -> dict[str, str]:
        if (name in self.schedules) == (call.action == SCHEDULE):
            error = "ConflictException" if call.action == SCHEDULE else "ResourceNotFoundException"
            raise Failed(f"Scheduler.{error}", "Status Code: 409")
        self.schedules[name] = call.arguments["Target"]["Input"]
        moment = call.arguments["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        at = datetime.fromisoformat(f"{moment}+00:00").timestamp()
        late = self.sim.random.uniform(0, PRECISION)
        self.sim.at(max(at, self.sim.now) + late, lambda: self._fire(name))
        return {"ScheduleArn": "s"}

    def _send(self, execution: Execution, arguments: dict[str, Any]) -> str:
        sim, job_id = self.sim, arguments["MessageAttributes"]["EbbJobId"]["StringValue"]
        body, group = arguments["MessageBody"], arguments.get("MessageGroupId")
        delay, deduplication = arguments.get("DelaySeconds", 0), arguments.get("MessageDeduplicationId")
        message_id = sim.queue.send(body, group=group, delay=delay, deduplication_id=deduplication)
        execution.sent.append(message_id)
        sim.judge.note("api", ("sends", message_id, job_id))
        if message_id not in sim.judge.past:
            self._sent(job_id, message_id, body, group)
        sim.poke()
        return message_id

    def _sent(self, job_id: str, message_id: str, body: str, group: str | None) -> None:
        judge, known = self.sim.judge, self.messages[job_id]
        self.sim.scripts[message_id], self.sim.job_ids[message_id] = self.scripts[body], job_id
        judge.sent(message_id, group)
        past, before = judge.past[message_id], judge.past[job_id]
        past.cancelled, past.never_runs = before.cancelled, before.never_runs
        if not known:
            judge.past[job_id] = past
        for other in known:
            judge.jobs.doubled(other, message_id)
        known.append(message_id)
