"""The sandbox and a forecast make the same scaling activities for the same jobs.

Some times stay real in the sandbox: time-outs of SQS and of the worker, handlers and processes. The forecast gets them
multiplied by the sandbox's speed. It also samples and evaluates at the sandbox's times.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ebb.forecast.load.arrivals import Timed
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions, Constant, Uniform
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario
from ebb.sandbox.controllers import alarms
from ebb.sandbox.demo import WORKER
from ebb.sandbox.ecs import tasks
from ebb.sandbox.sandbox import Sandbox
from settings import Settings
from tests.helpers.waiting import until

SPEED = 60.0
MAX_TASKS = 3
#: Simulated seconds of each job. All are sent at once. While only the last one runs, two tasks are surplus.
JOBS = (120, 120, 840)
#: The rule of each activity, and the desired count before and after it.
EXPECTED = [("start", 0, 3), ("surplus", 3, 2), ("zero", 2, 0)]
#: Real seconds that a worker's process takes to start, on an idle and on a very busy machine.
PROCESS = (0.3, 3.0)


def deployed(settings: Settings) -> Scenario:
    """The forecast's input for these settings in the sandbox, in simulated seconds."""
    scenario = from_settings(settings)
    queue, worker = scenario.queue, scenario.worker
    return replace(
        scenario,
        queue=replace(queue, visibility_timeout=queue.visibility_timeout * SPEED),
        worker=replace(worker, stop_timeout=worker.stop_timeout * SPEED, wait=worker.wait * SPEED),
    )


#: The sandbox samples at the end of a minute, without delay, and evaluates half a minute later.
ASSUMPTIONS = Assumptions(
    sample_phase=Constant(59.5),
    publish=Constant(0.5),
    ecs_delay=Constant(0.5),
    alarm_phase=Constant(alarms.ALARM_PHASE_SECONDS),
    reaction=Constant(0.5),
    starts={"measured": Uniform(tasks.START_SECONDS + PROCESS[0] * SPEED, tasks.START_SECONDS + PROCESS[1] * SPEED)},
    protect=Uniform(0.002 * SPEED, 0.05 * SPEED),
    call=Uniform(0.001 * SPEED, 0.02 * SPEED),
    load_phase=Uniform(5, 30),
)


def forecast(settings: Settings, seed: int) -> list[tuple[str, int, int]]:
    def times(_: object) -> Iterator[Timed]:
        return ((0.0, float(seconds), "") for seconds in JOBS)

    jobs = replace(load(f"burst:{len(JOBS)}"), times=times)
    outcome = simulate(deployed(settings), jobs, seed=seed, assumptions=ASSUMPTIONS)
    assert (outcome.done, outcome.killed) == (len(JOBS), 0)
    return [(each.policy, each.before, each.after) for each in outcome.activities]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    scaling = {"max_tasks": MAX_TASKS, "seconds_per_job": 120, "tolerated_wait": 120, "surplus": True}
    overrides = {"ebb:scaling": scaling}
    with Sandbox(
        "sandbox", speed=SPEED, in_process=True, overrides=overrides, image=WORKER, say=lambda _: None
    ) as opened:
        opened.deployment.up()
        yield opened
        opened.destroy()


def test_the_same_jobs_make_the_same_activities_in_the_sandbox_and_in_a_forecast(sandbox: Sandbox) -> None:
    clock, queue = sandbox.region.clock, sandbox.deployment.outputs()["queue_url"]
    bodies = [json.dumps({"sleep": clock.real(seconds)}) for seconds in JOBS]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    until(lambda: 5 < clock.now() % 60 < 30)
    # one call, so that the same sample counts all of them
    sent = sandbox.region.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    assert len(sent["Successful"]) == len(JOBS)

    def at_zero() -> list[tuple[str, int, int]] | None:
        found = activities(sandbox)
        return found if found and found[-1][2] == 0 else None

    assert until(at_zero, seen=lambda: activities(sandbox)) == EXPECTED
    assert {tuple(forecast(sandbox.settings, seed)) for seed in range(50)} == {tuple(EXPECTED)}


def activities(sandbox: Sandbox) -> list[tuple[str, int, int]]:
    events = [event.data for event in sandbox.region.events if event.kind == "scaling"]
    roles = ("start", "out", "surplus", "zero")
    return [
        (next(role for role in roles if f"-{role}-" in data["alarm"]), data["before"], data["after"]) for data in events
    ]
