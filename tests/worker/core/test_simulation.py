"""The core and SQS's rules together, on a virtual clock and under every fault that a plan has: what is promised holds.

A failure begins with the seed that repeats it: `run(seed, messages, plan)`.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from tests.worker import faults
from tests.worker.faults import ALL, CALLS, KINDS, OUTAGES, QUIET, STORM, WORKERS, Plan, Play, Script
from tests.worker.judge import Violation
from tests.worker.runs import run
from tests.worker.simulation import Simulation, settings
from worker.core import endings
from worker.core.endings import Ending, Step

SHORT = {"job_table": "jobs", "visibility_timeout": 30}
#: Bugs that runs have found, each with seed, messages, plan and settings of a run that shows it when it is put back.
KEPT_SEEDS: list[tuple[str, int, int, Plan, dict[str, Any]]] = [
    ("a message received anew while its pause was asked for was hidden once more, for nothing", 2, 40, QUIET, {}),
    ("such a message had no slot, and its worker asked for one too many", 9, 40, QUIET, {}),
    ("protection was relied on after a request to end it had failed", 1, 30, ALL, {}),
    ("the lease of a job that was done ran out while calls about it failed", 35, 100, STORM, SHORT),
]


@pytest.mark.parametrize(
    "plan",
    [
        "ALL",
        *(
            pytest.param(plan, marks=pytest.mark.slow)
            for plan in ("QUIET", "CALLS", "WORKERS", "STORM", "OUTAGES", "DEPLOYMENTS", "STALLS")
        ),
    ],
)
def test_no_message_is_lost_or_handled_without_its_lease(plan: str) -> None:
    for seed in range(10):
        run(seed, 100, getattr(faults, plan))


@pytest.mark.parametrize(("bug", "seed", "messages", "plan", "changes"), KEPT_SEEDS)
def test_a_bug_once_found_stays_away(bug: str, seed: int, messages: int, plan: Plan, changes: dict[str, Any]) -> None:
    run(seed, messages, plan, **changes)


def test_without_faults_each_job_costs_one_receive_one_run_and_one_delete() -> None:
    for fifo in (False, True):
        counts = run(7, 300, QUIET, fifo=fifo, kinds={"quick": 1}).counts
        assert (counts["receives"], counts["runs"], counts["deleted"]) == (300, 300, 300)


def test_a_job_ends_at_its_12_hours_and_another_worker_may_try() -> None:
    simulation = Simulation(1, settings(visibility_timeout=3600, backoff_base=0))
    simulation.start_worker()
    message = simulation.send(Script(((Play.HANG, 0.0), (Play.DONE, 1.0))))
    simulation.scripts[message] = Script(((Play.HANG, math.inf), (Play.DONE, 1.0)))
    simulation.advance(43_150)
    assert simulation.judge.counts["log job_limit"] == 0
    simulation.advance(45)
    assert simulation.judge.counts["log job_limit"] == 1
    simulation.finish(100)
    assert (simulation.judge.counts["receives"], simulation.judge.counts["deleted"]) == (2, 1)


def test_no_job_starts_after_sigterm_even_when_a_call_about_it_is_in_flight() -> None:
    # Found by a run: a slow extension kept the message from being given back, and when protection came it started.
    for seed in range(60):
        simulation = Simulation(seed, settings(concurrency=1), plan=Plan(slow=1.0))
        worker = simulation.start_worker()
        simulation.send(Script(((Play.DONE, 0.1),)))
        while not simulation.queue.in_flight():
            simulation.step()
        simulation.advance(simulation.random.uniform(8, 14))
        worker.stop()
        simulation.finish(600)
        assert simulation.judge.counts["runs"] == 1


@pytest.mark.parametrize(
    ("tasks", "seconds"),
    [(1, 1), (1, 600), (1, 18_000), pytest.param(10, 1, marks=pytest.mark.slow), (10, 600), (10, 18_000)],
)
def test_a_deployment_under_a_backlog_replaces_busy_tasks_in_time_and_spends_no_receive(
    tasks: int, seconds: int
) -> None:
    config = settings(concurrency=1, visibility_timeout=300, stop_timeout=120)
    simulation = Simulation(1, config)
    for _ in range(tasks):
        simulation.start_worker()
    backlog = tasks * (2 + 1500 // seconds)
    for _ in range(backlog):
        simulation.send(Script(((Play.DONE, float(seconds)),)))
    simulation.advance(30)
    simulation.ecs.deploy()
    simulation.advance(600 + seconds)
    simulation.advance(10)  # ECS looks each five seconds
    assert all(worker.revision == 1 or worker.stopping_at for worker in simulation.workers)
    simulation.finish(200_000)
    counts = simulation.judge.counts
    assert (counts["receives"], counts["runs"], counts["deleted"]) == (backlog, backlog, backlog)


@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 10, 20])
def test_a_job_that_arrives_while_tasks_leave_costs_one_receive_more_and_is_done_by_the_next_task(tasks: int) -> None:
    for after in range(0, 25, 2):
        simulation = Simulation(after, settings(concurrency=1, visibility_timeout=300), max_receive_count=5)
        for _ in range(tasks):
            simulation.start_worker()
            simulation.advance(simulation.random.uniform(0, 20 / tasks))
        simulation.advance(60)
        simulation.ecs.desired = 0
        for worker in list(simulation.workers):
            worker.stop(twice=False)
        simulation.advance(after)
        simulation.send(Script(((Play.DONE, 1.0),)))
        simulation.advance(150)  # all have left
        assert not simulation.workers
        simulation.ecs.desired = 1
        simulation.advance(120)
        counts = simulation.judge.counts
        assert (counts["runs"], counts["deleted"]) == (1, 1)
        assert counts["receives"] <= 2


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_cancelled_job_ends_within_15_seconds_and_one_that_waits_never_starts(concurrency: int) -> None:
    cancelled = 0
    for seed in range(5):
        config = settings(concurrency=concurrency, job_table="jobs", events=True, visibility_timeout=300)
        simulation = Simulation(seed, config, plan=Plan(cancelled=0.7))
        simulation.start_worker()
        for _ in range(20):
            simulation.send(Script(((Play.DONE, simulation.random.uniform(0.1, 40)),)))
        simulation.advance(100)
        simulation.finish(10_000)
        assert simulation.judge.jobs.longest_cancel <= 15
        counts = simulation.judge.counts
        assert counts["job cancelled"] + counts["job succeeded"] == 20
        cancelled += counts["cancelled runs"]
    assert cancelled >= 5


def test_the_same_seed_gives_the_same_run() -> None:
    assert run(3, 100, ALL).counts == run(3, 100, ALL).counts


# -- the judge sees what it is there for: each of these breaks the core, and some run fails for that reason


def _no_extensions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.settling.Settling._extendable", lambda *_: False)


def _late_kill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.lease.STOP_BEFORE_SECONDS", 0)


def _no_end_of_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.lease.Lease.held", lambda self, _now: not self.lost)
    patch.setattr("worker.core.lease.Lease.short", lambda *_: False)


def _heartbeat_during_a_delete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "worker.core.settling.Settling._extendable",
        lambda _self, now, one: one.lease.due <= now and bool(one.lease.extension(now)),
    )
    patch.setattr("worker.core.in_flight.InFlight.call", property(lambda _: None, lambda *_: None))


def _too_many_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.receiving.Receiving.reserved", property(lambda _: 0))


def _no_protection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.protection.Protection.covers", lambda *_: True)


def _delete_after_failure(patch: pytest.MonkeyPatch) -> None:
    _ends_with(patch, Ending.FAILED, Step.DELETE)


def _no_deadlines(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("worker.core.shutdown.Shutdown.give_up_at", math.inf)
    patch.setattr("worker.core.shutdown.Shutdown.finish_by", math.inf)


def _nothing_given_back(patch: pytest.MonkeyPatch) -> None:
    _ends_with(patch, Ending.REJECTED, Step.DELETE)


def _ends_with(patch: pytest.MonkeyPatch, ending: Ending, step: Step) -> None:
    def other(given: Ending, *arguments: Any, **options: Any) -> deque[Step]:
        return deque([step]) if given is ending else endings.steps(given, *arguments, **options)

    patch.setattr("worker.core.settling.steps", other)


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        (_no_extensions, "a receive was spent without a reason"),
        (_late_kill, "without its lease"),
        (_no_end_of_lease, "delete without a lease"),
        (_heartbeat_during_a_delete, "while another call about the message is in flight"),
        (_too_many_messages, "and has room for"),
        (_no_protection, "unprotected"),
        (_delete_after_failure, "a message vanished"),
        (_no_deadlines, "s after SIGTERM"),
        (_nothing_given_back, "a message vanished"),
    ],
)
def test_the_judge_sees_a_core_that_is_broken(
    broken: Callable[[pytest.MonkeyPatch], None], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    found: list[str] = []
    for seed in range(60):
        try:
            run(seed, 60, (WORKERS, STORM, CALLS, OUTAGES)[seed % 4], kinds=KINDS | {"long": 300})
        except Violation as violation:
            how, what, *_ = str(violation).splitlines()
            found.append(what)
            if seen in what and how.startswith(f"seed {seed}, 60 messages, "):
                return
    pytest.fail(f"it was not seen, but {found}")
