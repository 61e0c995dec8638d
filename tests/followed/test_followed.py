"""Callers, the API's workflows, the job table, the queue and workers together: all answers to callers hold.

The workflows are the deployed documents, and the table has the worker's own expressions. A failure begins with the seed
that repeats it: `run(seed, jobs, plan)`.
"""

import pytest

from tests.followed.runs import run
from tests.worker import faults
from tests.worker.faults import CALLS
from tests.worker.judge import Violation
from worker.aws import table


@pytest.mark.parametrize(("plan", "jobs"), [("QUIET", 20), ("ALL", 60), ("STORM", 40)])
def test_all_answers_to_callers_hold(plan: str, jobs: int) -> None:
    run(1, jobs, getattr(faults, plan))


def test_a_worker_that_claims_cancelled_jobs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "CLAIM", "attribute_exists(#id)")
    with pytest.raises(Violation):
        run(5, 30, CALLS)
