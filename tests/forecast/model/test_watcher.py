"""The forecast's watcher registers what the deployed workflows register, and one that dies leaves at most one task."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.forecast.load.workloads import load
from ebb.forecast.model import watcher
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.record import Record
from ebb.forecast.model.simulate import simulate
from ebb.forecast.model.watcher import Minimum, Watcher
from tests.components.workflows.account import TASKS_OF, Account, start, watch
from tests.forecast.scenarios import recommended

TASKS = st.integers(0, 9)


def of_forecast(visible: int, in_flight: int, account: Account, floor: int = 0) -> tuple[Watcher, Minimum, Record]:
    """A watcher that sees what the account's workflows see."""

    class Low(Random):
        def random(self) -> float:
            return 0.0

    context: Any = SimpleNamespace(
        scenario=SimpleNamespace(wake=SimpleNamespace(tasks=TASKS_OF), maximum=account.maximum, minimum=0),
        assumptions=Assumptions(),
        clock=Clock(0.0),
        random=Low(),
        record=Record(0.0),
    )
    minimum = Minimum(account.minimum, lambda value: setattr(minimum, "registered", value))
    minimum.floor = floor
    queue: Any = SimpleNamespace(counts=lambda _age: (visible, in_flight))
    metrics: Any = SimpleNamespace(touched=lambda _at: None)
    service: Any = SimpleNamespace(desired=account.desired, running=account.running)
    return Watcher(context, metrics, queue, service, minimum), minimum, context.record


@settings(max_examples=20)
@given(visible=st.integers(0, 120), registered=TASKS, desired=TASKS, running=TASKS)
def test_a_job_of_the_api_starts_the_looks_of_the_deployed_workflow(
    visible: int, registered: int, desired: int, running: int
) -> None:
    account = Account(jobs=(visible, 0, 0), minimum=registered, desired=desired, running=running)
    simulated, minimum, record = of_forecast(visible, 0, account)
    simulated.sent()
    _, pauses = start(account)
    assert (minimum.registered, record.workflow_seconds) == (account.minimum, sum(pauses))


@settings(max_examples=20)
@given(
    jobs=st.tuples(st.integers(0, 120), st.integers(0, 12)),
    registered=TASKS,
    tasks=st.tuples(TASKS, TASKS),
    floor=st.integers(0, 3),
)
def test_a_look_of_each_minute_registers_what_the_deployed_workflow_registers(
    jobs: tuple[int, int], registered: int, tasks: tuple[int, int], floor: int
) -> None:
    account = Account(jobs=(*jobs, 0), minimum=registered, desired=tasks[0], running=tasks[1])
    simulated, minimum, _ = of_forecast(*jobs, account, floor)
    simulated._watch()
    watch(account, floor)
    assert minimum.registered == account.minimum


@pytest.mark.parametrize("way", ["watch", "direct"])
@pytest.mark.parametrize("dies", [20, 75, 95, 120, 200])
def test_a_watcher_that_dies_at_the_peak_leaves_at_most_one_task_and_all_jobs_are_done(
    way: str, dies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Watcher._look
    monkeypatch.setattr(
        watcher.Watcher,
        "_look",
        lambda self, *args, **options: self._clock.now < dies and look(self, *args, **options),
    )
    done = simulate(recommended(**{way: True}), load("burst:60", "30s"), seed=dies)
    assert (done.done, done.killed, done.dead, done.at_rest) == (60, 0, 0, True)
    assert done.running[-1][1] <= 1
    assert max(tasks for _, tasks in done.running) > 1
