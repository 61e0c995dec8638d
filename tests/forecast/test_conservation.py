"""Whatever the setup and the load: nothing is lost, nothing is counted twice, and limits hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.forecast.model import worker
from ebb.forecast.model.assumptions import Exponential, World
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import Simulation, simulate
from ebb.forecast.scenario import Poller, Queue, Setup, Task, Wake, Worker
from ebb.forecast.workloads import Load, load
from tests.forecast.scenarios import IN, OUT, PLAIN, recommended

LOADS = st.builds(
    load,
    st.sampled_from(["burst:1", "burst:40", "poisson:60:2h", "trickle:10", "tail:20"]),
    st.sampled_from(["2s", "90s", "20m", "lognormal:60s,1", "3h"]),
    groups=st.integers(1, 3),
    failing=st.sampled_from([0.0, 0.2]),
)
QUEUES = st.builds(
    Queue,
    visibility_timeout=st.sampled_from([30, 300, 7200]),
    max_receive_count=st.integers(1, 6),
    fifo=st.booleans(),
    retention=st.sampled_from([3600, 345_600]),
)
WORKERS = st.builds(
    Worker,
    concurrency=st.integers(1, 12),
    stop_timeout=st.sampled_from([2, 30, 120]),
    protection=st.booleans(),
    heartbeat=st.booleans(),
    gives_back=st.booleans(),
    job_timeout=st.sampled_from([None, 60]),
)
SETUPS = st.builds(
    replace,
    st.sampled_from(
        [
            recommended(),
            recommended(surplus=True),
            recommended(min_tasks=2),
            Setup(name="recipe", maximum=5, rules=(OUT, IN)),
            Setup(name="poller", maximum=5, poller=Poller()),
        ]
    ),
    queue=QUEUES,
    worker=WORKERS,
    task=st.builds(Task, spot_weight=st.sampled_from([0, 100])),
    wake=st.builds(Wake, keep_alive=st.booleans(), watch=st.booleans(), direct=st.booleans()),
)
#: Spot tasks that go after minutes, so that some do, and deployments while jobs run.
WORLD = World(spot_life=Exponential(1800), deployments=(200.0, 1500.0, 2000.0))
SEEDS = st.integers(0, 1000)


def _run(setup: Setup, given_load: Load, seed: int) -> Outcome:
    return simulate(setup, given_load, seed=seed, world=WORLD)


@settings(deadline=None, max_examples=150)
@given(SETUPS, LOADS, SEEDS)
def test_every_job_is_done_dead_expired_or_left_once(setup: Setup, given_load: Load, seed: int) -> None:
    outcome = _run(setup, given_load, seed)
    assert outcome.done == len(outcome.latencies)
    assert min(outcome.left, outcome.dead, outcome.expired) >= 0
    assert outcome.sent == outcome.done + outcome.dead + outcome.expired + outcome.left
    assert len(outcome.waits) <= outcome.sent
    assert outcome.visible[-1][1] + outcome.in_flight[-1][1] >= outcome.left


@settings(deadline=None, max_examples=100)
@given(SETUPS, LOADS, SEEDS)
def test_the_desired_count_keeps_to_its_limits(setup: Setup, given_load: Load, seed: int) -> None:
    outcome = _run(setup, given_load, seed)
    assert all(setup.minimum <= value <= setup.maximum for _, value in outcome.desired)
    assert all(value >= 0 for line in (outcome.visible, outcome.in_flight, outcome.running) for _, value in line)


@settings(deadline=None, max_examples=100)
@given(SETUPS, LOADS, SEEDS)
def test_no_more_is_worked_than_paid(setup: Setup, given_load: Load, seed: int) -> None:
    outcome = _run(setup, given_load, seed)
    assert outcome.work_seconds <= outcome.task_seconds * setup.worker.concurrency + 1e-6
    assert outcome.spot_seconds <= outcome.task_seconds + 1e-6


@settings(deadline=None, max_examples=100)
@given(SETUPS, LOADS, SEEDS)
def test_with_a_heartbeat_no_job_runs_beside_itself(setup: Setup, given_load: Load, seed: int) -> None:
    beside: list[int] = []

    class Watched(worker.Worker):
        def _start_waiting(self) -> None:
            starting = list(self._waiting)
            super()._start_waiting()
            beside.extend(message.runs for message in starting)

    beating = replace(setup, worker=replace(setup.worker, heartbeat=True))
    simulation = Simulation(beating, given_load, seed, None, WORLD)
    simulation.service._host = lambda task: Watched(task, simulation.service, simulation.queue, simulation._shared)
    simulation.run()
    assert all(runs == 1 for runs in beside)


@settings(deadline=None, max_examples=100)
@given(SETUPS, LOADS, SEEDS)
def test_protection_keeps_every_job_from_scaling_in(setup: Setup, given_load: Load, seed: int) -> None:
    safe = replace(setup, task=Task(), worker=replace(setup.worker, protection=True))
    assert _run(safe, given_load, seed).killed == 0


@settings(deadline=None, max_examples=30)
@given(SETUPS, LOADS, SEEDS)
def test_a_forecast_is_reproduced_by_its_seed(setup: Setup, given_load: Load, seed: int) -> None:
    assert _run(setup, given_load, seed) == _run(setup, given_load, seed)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(["burst:1", "poisson:3:1d", "trickle:5"]))
def test_what_is_passed_over_changes_nothing(seed: int, arrivals: str) -> None:
    """The same run with every minute of it: what is drawn differs, so what must hold for both is compared."""
    given_load = load(arrivals, "40m")
    quick = simulate(recommended(), given_load, seed=seed)
    slow = Simulation(recommended(), given_load, seed, None, World())
    slow._pass_over = lambda last: None  # type: ignore[method-assign]
    slow.run()
    assert (quick.sent, quick.done, quick.killed) == (slow.record.sent, slow.record.done, slow.record.killed)
    assert abs(quick.requests.schedules - slow.record.schedules) <= 1
    assert quick.requests.sqs - quick.sent == pytest.approx(slow.record.sqs, rel=0.3, abs=20)
    assert quick.task_seconds == pytest.approx(slow.record.task_seconds, rel=0.2, abs=300)


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_no_message_stays_in_flight_when_nobody_has_it(seed: int) -> None:
    """A poller's worker that has to go in the midst of a receive: what it got comes back by its time-out."""
    keda = Setup(name="keda", maximum=3, poller=Poller(cooldown=30, window=30), worker=PLAIN)
    outcome = simulate(keda, load("trickle:20", "20s"), seed=seed)
    assert (outcome.expired, outcome.left) == (0, 0)


def test_a_worker_without_heartbeat_does_a_long_job_twice() -> None:
    """What the property above is worth: without, a job of 20 minutes outlives a visibility of 5."""
    plain = replace(recommended(), worker=replace(PLAIN, protection=True), queue=Queue(visibility_timeout=300))
    outcome = simulate(plain, load("burst:1", "20m"), seed=1)
    assert outcome.work_seconds > 1.5 * 1200
    assert outcome.done == 1
