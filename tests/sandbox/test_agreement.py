"""The same jobs in the sandbox, whose machinery is real, and in a forecast: the same scaling activities in each.

A forecast is given what stays real in the sandbox (time-outs of SQS and the worker, what handlers and processes take)
times its speed, and when the sandbox samples and evaluates.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ebb.forecast.model.assumptions import Constant, Uniform, World
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario import Setup, from_settings
from ebb.forecast.workloads import Timed, load
from ebb.sandbox.controllers import alarms
from ebb.sandbox.ecs import tasks
from ebb.sandbox.sandbox import Sandbox
from settings import Settings
from tests.helpers.waiting import until

SPEED, MOST_TASKS = 60.0, 3
#: Simulated seconds of the jobs, all sent at once: while the last one runs two tasks are too many, of which one goes.
JOBS = (120, 120, 840)
#: Desired counts before and after each activity, and the part of the policy that it was.
EXPECTED = [("out", 0, 3), ("surplus", 3, 2), ("zero", 2, 0)]
#: Real seconds that a worker's process takes to begin, on a machine at rest and on one that is very busy.
PROCESS = (0.3, 3.0)


def deployed(settings: Settings) -> Setup:
    """What the sandbox makes of these settings, in simulated seconds."""
    setup = from_settings(settings)
    queue, worker = setup.queue, setup.worker
    return replace(
        setup,
        queue=replace(queue, visibility_timeout=queue.visibility_timeout * SPEED),
        worker=replace(worker, stop_timeout=worker.stop_timeout * SPEED, wait=worker.wait * SPEED),
    )


#: The sandbox counts at the end of a minute, at once, and evaluates half a minute later.
WORLD = World(
    sample_phase=Constant(59.5),
    publish=Constant(0.5),
    ecs_delay=Constant(0.5),
    alarm_phase=Constant(alarms.ALARM_PHASE_SECONDS),
    reaction=Constant(0.5),
    starts={"measured": Uniform(tasks.START_SECONDS + PROCESS[0] * SPEED, tasks.START_SECONDS + PROCESS[1] * SPEED)},
    protect=Uniform(0.002 * SPEED, 0.05 * SPEED),
    call=Uniform(0.001 * SPEED, 0.02 * SPEED),
)


def forecast(settings: Settings, seed: int) -> list[tuple[str, int, int]]:
    def times(_: object) -> Iterator[Timed]:
        return ((0.0, float(seconds), "") for seconds in JOBS)

    jobs = replace(load(f"burst:{len(JOBS)}"), times=times)
    outcome = simulate(deployed(settings), jobs, seed=seed, world=WORLD)
    assert (outcome.done, outcome.killed) == (len(JOBS), 0)
    return [(each.policy, each.before, each.after) for each in outcome.activities]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    scaling = {"max_tasks": MOST_TASKS, "seconds_per_job": 120, "tolerated_wait": 120, "surplus": True}
    overrides = {"ebb:scaling": scaling}
    with Sandbox("sandbox", speed=SPEED, in_process=True, overrides=overrides, say=lambda _: None) as opened:
        opened.deployment.up()
        yield opened
        opened.deployment.destroy()


def test_the_same_jobs_scale_the_sandbox_and_a_forecast_alike(sandbox: Sandbox) -> None:
    client, clock = sandbox.client(), sandbox.region.clock
    while not 5 < clock.now() % 60 < 30:  # all before the same sample
        time.sleep(0.01)
    for seconds in JOBS:
        client.post({"sleep": clock.real(seconds)})

    def at_zero() -> list[tuple[str, int, int]] | None:
        found = activities(sandbox)
        return found if found and found[-1][2] == 0 else None

    assert until(at_zero, seen=lambda: activities(sandbox)) == EXPECTED
    assert {tuple(forecast(sandbox.settings, seed)) for seed in range(50)} == {tuple(EXPECTED)}


def activities(sandbox: Sandbox) -> list[tuple[str, int, int]]:
    events = [event.data for event in sandbox.region.events if event.kind == "scaling"]
    roles = ("out", "surplus", "zero")
    return [
        (next(role for role in roles if f"-{role}-" in data["alarm"]), data["before"], data["after"]) for data in events
    ]
