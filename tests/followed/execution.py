"""A run of a workflow in a simulation: other things happen between its steps, and each of its calls may go wrong."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.components.workflows.states import Call, Ended, Failed, Pause, Step, steps
from tests.components.workflows.table import PUT
from tests.worker.faults import Fault

if TYPE_CHECKING:
    from tests.followed.region import Region

#: Seconds of an asynchronous Express workflow, and of a call without a time-out (Step Functions quotas; AWS SDK).
MAX_SECONDS, CALL_SECONDS = 300, 10
#: The share of calls during which Step Functions loses the run.
DEATHS = 0.004
_SERVICES = {"dynamodb": "DynamoDb", "sqs": "Sqs", "scheduler": "Scheduler", "eventbridge": "EventBridge"}
_THROTTLED = {"DynamoDb": "ProvisionedThroughputExceededException", "Sqs": "RequestThrottledException"}
_BROKEN = {"DynamoDb": "InternalServerErrorException", "Sqs": "SqsException"}


Over = Callable[["Execution", Ended | None], None]


class Execution:
    """Runs at once. `ended` gets its end, or None if Step Functions lost it."""

    def __init__(self, region: "Region", document: dict[str, Any], given: dict[str, Any], ended: "Over") -> None:
        self._region, self._sim, self._ended = region, region.sim, ended
        self._steps = steps(document, given, region.functions)
        #: Whether it has ended, and whether Step Functions lost it.
        self.over = self.lost = False
        #: The job, and what it has sent of it.
        self.job_id: str | None = given.get("id")
        self.sent: list[str] = []
        #: Whether the table knows that.
        self.written = False
        region.running.add(self)
        self._sim.after(document.get("TimeoutSeconds", MAX_SECONDS), lambda: self._end(None))
        self._go(lambda: next(self._steps))

    def _end(self, ended: Ended | None) -> None:
        if not self.over:
            self.over = True
            self._region.running.discard(self)
            if ended is None:
                self._sim.judge.counts["workflows lost"] += 1
            self._ended(self, ended)

    def _go(self, advance: Callable[[], Step]) -> None:
        if self.over:
            return
        try:
            step = advance()
        except StopIteration as stopped:
            self._end(stopped.value)
            return
        if isinstance(step, Pause):
            self._sim.after(step.seconds, lambda: self._go(lambda: next(self._steps)))
        else:
            self._call(step)

    def _call(self, call: Call) -> None:
        sim, limit = self._sim, call.timeout or CALL_SECONDS
        fault, way, back = sim.fault(), sim.latency(), sim.latency()
        found: list[Any] = []
        if call.action == PUT:
            self.job_id = call.arguments["Item"]["id"]["S"]
            self._region.runs[self.job_id].append(self)

        def effect() -> None:
            try:
                found.append(self._region.serve(self, call))
            except Failed as failed:
                found.append(failed)

        def answer() -> None:
            result = found[0] if fault in {Fault.NONE, Fault.PARTIAL, Fault.SLOW} else self._trouble(call, fault)
            if isinstance(result, Failed):
                self._go(lambda: self._steps.throw(result))
            else:
                self._go(lambda: self._steps.send(result))

        match fault:
            case Fault.SLOW:
                way = sim.random.uniform(0, limit - 0.1)
                back = limit - 0.1 - way
            case Fault.LOST_REQUEST | Fault.THROTTLED:
                way, back = math.inf, sim.random.choice([0.01, limit])
            case Fault.LOST_RESPONSE:
                back = sim.random.choice([0.01, limit - way])
            case Fault.LATE:
                way, back = limit + sim.random.uniform(0.1, 5), limit
        if way < math.inf:
            sim.after(way, effect)
        sim.after(back if way == math.inf or fault is Fault.LATE else way + back, answer)
        if sim.faulty and sim.random.random() < DEATHS:
            sim.after(sim.random.uniform(0, way + back if way < math.inf else back), self._lose)

    def _lose(self) -> None:
        self.lost = not self.over
        self._end(None)

    def _trouble(self, call: Call, fault: Fault) -> Failed:
        service = _SERVICES[call.action.partition(":")[0]]
        if fault is Fault.THROTTLED:
            return Failed(f"{service}.{_THROTTLED.get(service, 'ThrottlingException')}", "Status Code: 400")
        broken = f"{service}.{_BROKEN.get(service, 'InternalServerException')}"
        return self._sim.random.choice(
            [Failed("States.Timeout"), Failed(broken, f"(Service: {service}, Status Code: 500)")]
        )
