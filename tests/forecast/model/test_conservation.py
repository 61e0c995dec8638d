"""For any scenario and load: no job is lost, no job is counted twice, and limits hold."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ebb.forecast.load.workloads import Load, load
from ebb.forecast.model.assumptions import Assumptions, Exponential
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import Simulation, simulate
from ebb.forecast.model.worker import SimulatedWorker
from ebb.forecast.scenario.scenario import Poller, QueueSetup, Scenario, TaskSetup, WakeSetup, WorkerSetup
from tests.forecast.scenarios import IN, OUT, PLAIN, recommended
from tests.helpers.examples import examples

pytestmark = pytest.mark.slow

LOADS = st.builds(
    load,
    st.sampled_from(["burst:1", "burst:40", "poisson:60:2h", "trickle:10", "tail:20"]),
    st.sampled_from(["2s", "90s", "20m", "lognormal:60s,1", "3h"]),
    groups=st.integers(1, 3),
    failing=st.sampled_from([0.0, 0.2]),
)
QUEUES = st.builds(
    QueueSetup,
    visibility_timeout=st.sampled_from([30, 300, 7200]),
    max_receive_count=st.integers(1, 6),
    fifo=st.booleans(),
    retention=st.sampled_from([3600, 345_600]),
)
WORKERS = st.builds(
    WorkerSetup,
    concurrency=st.integers(1, 12),
    stop_timeout=st.sampled_from([2, 30, 120]),
    protection=st.booleans(),
    heartbeat=st.booleans(),
    gives_back=st.booleans(),
    job_timeout=st.sampled_from([None, 60]),
)
SCENARIOS = st.builds(
    replace,
    st.sampled_from(
        [
            recommended(),
            recommended(surplus=True),
            recommended(min_tasks=2),
            Scenario(name="baseline", maximum=5, rules=(OUT, IN)),
            Scenario(name="poller", maximum=5, poller=Poller()),
        ]
    ),
    queue=QUEUES,
    worker=WORKERS,
    task=st.builds(TaskSetup, spot_weight=st.sampled_from([0, 100])),
    wake=st.builds(WakeSetup, keep_alive=st.booleans(), watch=st.booleans(), direct=st.booleans()),
)
#: Some Spot tasks are reclaimed, and deployments happen while jobs run.
ASSUMPTIONS = Assumptions(spot_life=Exponential(1800), deployments=(200.0, 1500.0, 2000.0))
SEEDS = st.integers(0, 1000)


def _run(scenario: Scenario, given_load: Load, seed: int) -> Outcome:
    return simulate(scenario, given_load, seed=seed, assumptions=ASSUMPTIONS)


@settings(deadline=None, max_examples=examples(150))
@given(SCENARIOS, LOADS, SEEDS)
def test_every_job_is_counted_once_the_desired_count_has_limits_and_only_billed_time_is_work(
    scenario: Scenario, given_load: Load, seed: int
) -> None:
    outcome = _run(scenario, given_load, seed)
    assert outcome.done == outcome.latencies.count
    assert min(outcome.left, outcome.dead, outcome.expired) >= 0
    assert outcome.sent == outcome.done + outcome.dead + outcome.expired + outcome.left
    assert outcome.waits.count <= outcome.sent
    assert outcome.visible[-1][1] + outcome.in_flight[-1][1] >= outcome.left
    assert all(scenario.minimum <= value <= scenario.maximum for _, value in outcome.desired)
    assert all(value >= 0 for line in (outcome.visible, outcome.in_flight, outcome.running) for _, value in line)
    assert outcome.work_seconds <= outcome.task_seconds * scenario.worker.concurrency + 1e-6
    assert outcome.spot_seconds <= outcome.task_seconds + 1e-6


@settings(deadline=None, max_examples=examples(100))
@given(SCENARIOS, LOADS, SEEDS)
def test_with_a_heartbeat_no_job_runs_twice_at_the_same_time(scenario: Scenario, given_load: Load, seed: int) -> None:
    runs: list[int] = []

    class Watched(SimulatedWorker):
        def _start(self) -> None:
            starting = list(self._waiting)
            super()._start()
            runs.extend(message.runs for message in starting)

    beating = replace(scenario, worker=replace(scenario.worker, heartbeat=True))
    simulation = Simulation(beating, given_load, seed, None, ASSUMPTIONS)
    simulation.service._host = lambda task: Watched(task, simulation.service, simulation.queue, simulation._shared)
    simulation.run()
    assert set(runs) <= {1}


@settings(deadline=None, max_examples=examples(100))
@given(SCENARIOS, LOADS, SEEDS)
@example(
    scenario=replace(
        recommended(),
        queue=QueueSetup(visibility_timeout=7200, max_receive_count=3, fifo=True, retention=345_600),
        worker=WorkerSetup(heartbeat=False, gives_back=False),
    ),
    given_load=load("tail:20", "3h", groups=3),
    seed=0,
)
def test_scale_in_kills_no_protected_job(scenario: Scenario, given_load: Load, seed: int) -> None:
    """A protection lasts longer than each job of a worker with a heartbeat; without one a job may outlast it."""
    ages: list[float] = []

    class Watched(SimulatedWorker):
        def stopped(self) -> None:
            ages.extend(self._clock.now - started_at for _, started_at in self._jobs.values())
            super().stopped()

    safe = replace(scenario, task=TaskSetup(), worker=replace(scenario.worker, protection=True))
    simulation = Simulation(safe, given_load, seed, None, ASSUMPTIONS)
    simulation.service._host = lambda task: Watched(task, simulation.service, simulation.queue, simulation._shared)
    simulation.run()
    assert all(age >= simulation._shared.protection().enough for age in ages)
    assert simulation.record.killed <= len(ages)
    assert not ages or not simulation._shared.heartbeat


@settings(deadline=None, max_examples=examples(30))
@given(SCENARIOS, LOADS, SEEDS)
def test_the_same_seed_gives_the_same_outcome(scenario: Scenario, given_load: Load, seed: int) -> None:
    assert _run(scenario, given_load, seed) == _run(scenario, given_load, seed)


@pytest.mark.parametrize("arrivals", ["burst:1", "poisson:3:1d", "trickle:5"])
def test_skipped_minutes_change_nothing(arrivals: str) -> None:
    """Compares with the same runs without skips. Their random numbers differ, so some figures agree on average only."""
    given_load = load(arrivals, "40m")
    skipping, stepping = [], []
    for seed in range(15):
        skipping.append(simulate(recommended(), given_load, seed=seed))
        slow = Simulation(recommended(), given_load, seed, None, Assumptions())
        slow._skip = lambda last: None  # type: ignore[method-assign]
        slow.run()
        stepping.append(slow.record)
        assert abs(skipping[-1].requests.schedules - slow.record.schedules) <= 1
    for name in ("sent", "done", "killed"):
        assert [getattr(each, name) for each in skipping] == [getattr(each, name) for each in stepping]
    calls = sum(each.requests.sqs - each.sent for each in skipping)
    assert calls == pytest.approx(sum(each.sqs for each in stepping), rel=0.1)
    task_seconds = sum(each.task_seconds for each in skipping)
    assert task_seconds == pytest.approx(sum(each.task_seconds for each in stepping), rel=0.1)


@settings(deadline=None, max_examples=examples(60))
@given(SEEDS)
def test_no_message_stays_in_flight_without_a_worker(seed: int) -> None:
    """A worker is stopped during a receive: its messages return when their visibility timeout ends."""
    keda = Scenario(name="keda", maximum=3, poller=Poller(cooldown=30, window=30), worker=PLAIN)
    outcome = simulate(keda, load("trickle:20", "20s"), seed=seed)
    assert (outcome.expired, outcome.left) == (0, 0)


def test_a_worker_without_heartbeat_does_a_long_job_twice() -> None:
    """Shows that the heartbeat matters: a job of 20 minutes exceeds a visibility timeout of 5 minutes."""
    two = recommended(min_tasks=2)  # the second task receives the message while the first still works
    plain = replace(two, worker=replace(PLAIN, protection=True), queue=QueueSetup(visibility_timeout=300))
    outcome = simulate(plain, load("burst:1", "20m"), seed=1)
    assert outcome.work_seconds > 1.5 * 1200
    assert outcome.done == 1
