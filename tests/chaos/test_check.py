"""The judge is judged: each rule, when broken, is found."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.check import Attempt, DeadLetter, Findings, attempts, check, disorder
from tests.chaos.fleet import One


def worker(name: str = "a", *events: dict[str, Any], killed_at: float | None = None) -> One:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    one = One(name=name, process=process, log=Path("log"), killed_at=killed_at, ended_at=killed_at or 1000.0)
    one.events += events
    return one


def said(event: str, message: str = "m") -> dict[str, Any]:
    return {"event": event, "message_id": message}


def ran(start: float, end: float, how: str = "done", *, by: str = "a", pid: int = 1, message: str = "m") -> Attempt:
    return Attempt(number=0, id=message, pid=pid, worker=by, start=start, end=end, how=how)


def judge(
    runs: list[Attempt], *workers: One, order: str = "nothing", dead: DeadLetter | None = None, sent: int = 1
) -> Findings:
    deaths = {run.pid: run.end if run.how == "died" else 999.0 for run in runs}
    for one in workers:
        deaths |= {run.pid: one.killed_at for run in runs if run.worker == one.name and one.killed_at}
    return check(runs, workers, dict.fromkeys(range(sent), order), [dead] if dead else [], deaths)


def test_a_job_done_once_and_deleted_breaks_nothing() -> None:
    findings = judge([ran(0, 1)], worker("a", said("job_done")))
    assert findings.violations == []
    assert findings.counts["done"] == 1


def test_a_job_that_was_neither_done_nor_is_a_dead_letter_is_lost() -> None:
    assert judge([ran(0, 1)], worker("a", said("job_done")), sent=2).violations == ["job 1 (nothing) is lost"]
    dead = DeadLetter(number=0, reason=None)
    assert judge([], worker(), order="fail", dead=dead).violations == []


def test_a_job_rejected_though_it_did_not_ask_for_it_is_found() -> None:
    dead = DeadLetter(number=0, reason="the body is not JSON")
    assert judge([], worker(), dead=dead).violations == ["job 0 (nothing) was rejected: the body is not JSON"]
    assert judge([], worker(), order="reject", dead=dead).violations == []


def test_two_handlers_at_once_are_found() -> None:
    runs = [ran(0, 5, "died"), ran(4, 6, by="b", pid=2)]
    (violation,) = judge(runs, worker("a", killed_at=4.5), worker("b", said("job_done"))).violations
    assert violation == "job 0 ran in a (process 1, died) until 1.000 s after b (process 2) had begun it"


@pytest.mark.parametrize(
    ("first", "cause"),
    [
        (worker("a", killed_at=1.2), "worker was killed"),
        (worker("a", said("lease_lost")), "lease ran out"),
        (worker("a", {"event": "gave_up", "message_ids": ["m"]}), "worker gave up at its stop timeout"),
        (worker("a", said("job_failed")), "child was killed"),
    ],
)
def test_a_job_done_twice_is_counted_by_its_cause(first: One, cause: str) -> None:
    findings = judge([ran(0, 1), ran(31, 32, by="b", pid=2)], first, worker("b", said("job_done")))
    assert findings.violations == []
    assert findings.counts[f"done again: {cause}"] == 1


@pytest.mark.parametrize("killed_at", [None, 500.0])
def test_a_job_done_twice_for_no_reason_is_found(killed_at: float | None) -> None:
    runs = [ran(0, 1), ran(31, 32, by="b", pid=2)]
    findings = judge(runs, worker("a", killed_at=killed_at), worker("b", said("job_done")))
    assert findings.violations == ["job 0 was done again after a did it, for no reason"]


def test_a_message_deleted_twice_is_found() -> None:
    runs = [ran(0, 1), ran(31, 32, by="b", pid=2)]
    findings = judge(runs, worker("a", said("job_done"), said("lease_lost")), worker("b", said("job_done")))
    assert findings.violations == ["job 0 was deleted 2 times"]


def test_an_attempt_cut_short_for_no_reason_is_found() -> None:
    runs = [ran(0, 1, "died"), ran(2, 3, pid=2)]
    assert judge(runs, worker("a", said("job_done"))).violations == ["job 0 was cut short in a for no reason"]
    explained = judge(runs, worker("a", said("job_failed"), said("job_done")))
    assert explained.violations == []
    assert explained.counts["cut short: child was killed"] == 1


def test_a_failure_on_purpose_explains_no_other_run() -> None:
    runs = [ran(0, 1, "failed"), ran(2, 3), ran(4, 5)]
    findings = judge(runs, worker("a", said("job_failed"), said("job_done")), order="fail once")
    assert findings.violations == ["job 0 was done again after a did it, for no reason"]


def test_a_child_that_outlives_its_killed_worker_is_found() -> None:
    one = worker("a", said("job_done"), killed_at=2.0)
    deaths: dict[int, float | None] = {1: 5.0}
    (violation,) = check([ran(0, 1)], [one], {0: "nothing"}, [], deaths).violations
    assert violation == "process 1 outlived a by 3.0 s"
    (violation,) = check([ran(0, 1)], [one], {0: "nothing"}, [], {1: None}).violations
    assert violation == "process 1 of a still lives"


def test_output_of_a_worker_outside_its_log_is_found() -> None:
    one = worker("a", said("job_done"))
    one.noise.append("Traceback (most recent call last):")
    assert judge([ran(0, 1)], one).violations == ["a wrote: Traceback (most recent call last):"]


def test_the_journal_is_read_as_runs_whose_end_is_their_word_or_their_death() -> None:
    def line(at: float, what: str, pid: int) -> dict[str, Any]:
        return {"at": at, "what": what, "number": 0, "id": "m", "attempt": 1, "pid": pid, "worker": "a"}

    lines = [line(2, "start", 2), line(0, "start", 1), line(1, "done", 1), line(3, "start", 3), line(1.5, "start", 1)]
    found = attempts(lines, {1: 1.8, 2: 4.0, 3: None})
    assert [(run.pid, run.start, run.end, run.how) for run in found] == [
        (1, 0, 1, "done"),
        (1, 1.5, 1.8, "died"),
        (2, 2, 4.0, "died"),
        (3, 3, float("inf"), "died"),
    ]


def test_jobs_of_a_group_are_to_run_one_after_the_other_in_the_order_in_which_they_were_sent() -> None:
    def at(number: int, start: float, end: float) -> Attempt:
        return Attempt(number=number, id=str(number), pid=1, worker="a", start=start, end=end, how="done")

    in_order = [at(0, 0, 1), at(1, 0, 1), at(2, 1, 2), at(3, 5, 6), at(4, 2, 3)]
    assert disorder(in_order, 2) == []
    assert disorder([*in_order, at(1, 5.5, 6.5)], 2) == ["job 3 began 1.500 s before job 1 of its group had ended"]
