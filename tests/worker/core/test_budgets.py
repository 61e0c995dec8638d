"""What jobs cost where nothing goes wrong, and where one answer is lost: calls, and seconds of virtual time."""

from typing import Any

import pytest

from tests.worker.faults import Fault, Play, Script
from tests.worker.simulation import Simulation, settings

FIFO = {"queue_url": "https://sqs/q.fifo"}


def spent(jobs: int, length: float, *faults: Fault, **changes: Any) -> tuple[dict[str, int], int]:
    """The calls until all jobs are done, and the seconds. The first calls meet the faults."""
    config = settings(visibility_timeout=300, stop_timeout=120, **changes)
    simulation = Simulation(1, config)
    simulation.forced.extend(faults)
    for _ in range(jobs):
        simulation.send(Script(((Play.DONE, length),)), group="group" if config.fifo else None)
    simulation.start_worker()
    while simulation.judge.left:
        simulation.step()
    counts = simulation.judge.counts
    assert counts["runs"] == jobs
    calls = {name.removeprefix("call "): count for name, count in counts.items() if name.startswith("call ")}
    return calls | {"Protect": counts["protection calls"]}, round(simulation.now - simulation.began)


def test_short_jobs_one_after_the_other_cost_a_receive_and_a_delete_each_and_protection_once() -> None:
    assert spent(20, 1.0, concurrency=1) == ({"Receive": 21, "Delete": 20, "Protect": 2}, 21)


def test_ten_long_jobs_at_once_share_their_receive_their_extensions_and_their_deletes() -> None:
    calls = {"Receive": 1, "Claim": 10, "Follow": 200, "Extension": 10, "Finish": 10, "Delete": 4, "Protect": 3}
    assert spent(10, 1000.0, concurrency=10, job_table="jobs") == (calls, 1001)


def test_jobs_in_ten_slots_cost_less_than_a_receive_and_a_delete_each() -> None:
    calls, seconds = spent(100, 10.0, concurrency=10)
    assert calls["Receive"] <= 40
    assert calls["Delete"] <= 50
    assert set(calls) == {"Receive", "Delete", "Protect"}
    assert seconds == 102


@pytest.mark.parametrize(("changes", "seconds"), [(FIFO, 42), ({}, 306)])
def test_a_lost_answer_of_a_receive_delays_a_fifo_group_by_a_receive_and_not_by_the_lease(
    changes: dict[str, Any], seconds: int
) -> None:
    assert spent(3, 5.0, Fault.LOST_RESPONSE, concurrency=1, **changes)[1] == seconds


@pytest.mark.parametrize(
    ("fault", "deletes"),
    [(Fault.NONE, 1), (Fault.SLOW, 1), (Fault.LOST_RESPONSE, 1), (Fault.LOST_REQUEST, 2), (Fault.THROTTLED, 2)],
)
def test_a_delete_that_fails_is_made_again_and_the_job_is_not(fault: Fault, deletes: int) -> None:
    calls, _ = spent(1, 5.0, Fault.NONE, fault, concurrency=1)
    assert calls == {"Receive": 2, "Delete": deletes, "Protect": 2}
