"""After a run: compares the journal, the logs and the queues with what a worker promises.

The rules:
- Each job sent was done at least once, or is in the dead-letter queue. It is there as rejected only on purpose.
- Two handlers never have the same message at once: a killed worker's children die long before its leases end.
- A message is deleted once.
- A job is done twice only when its delete was not made or not answered. Its worker was killed, its lease ended, or its
  child was killed just after the job.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fleet import One

#: Seconds within which a killed worker's children must be dead.
ORPHANS = 1.0
#: Seconds that a death may have been noticed late: the watcher shares two cores with what it watches.
NOTICED = 0.1
#: Seconds of the visibility timeout: within them a delete was answered, or the lease had run out.
LEASE = 30.0
#: Events of a worker that end an attempt without a delete.
UNSETTLED = {
    "lease_lost": "lease ran out",
    "job_given_back": "stopped by SIGTERM",
    "job_failed": "child was killed",
    "job_cancelled": "cancelled",
}


@dataclass(kw_only=True)
class Attempt:
    """One run of the handler; `how`: done, failed, retried, rejected or dying by its own word, or died without one."""

    number: int
    id: str
    pid: int
    worker: str
    start: float
    end: float
    how: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of the dead-letter queue; `reason`: the worker's, None when SQS moved it."""

    number: int
    reason: str | None


@dataclass(kw_only=True)
class Findings:
    """What broke a rule, and how often each thing happened."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Seconds after which the last child of a killed worker was dead, at the worst.
    slowest_orphan: float = 0.0


def attempts(lines: Iterable[Mapping[str, Any]], deaths: Mapping[int, float | None]) -> list[Attempt]:
    """The handler's runs, by their start. One that lives is without end."""
    open_: dict[int, Attempt] = {}
    found: list[Attempt] = []
    for line in sorted(lines, key=lambda line: float(line["at"])):
        pid, at = line["pid"], line["at"]
        if line["what"] == "start":
            names = {name: line[name] for name in ("number", "id", "pid", "worker")}
            died = deaths.get(pid)
            end = float("inf") if died is None else max(died, at)
            open_[pid] = Attempt(**names, start=at, end=end, how="died")
            found.append(open_[pid])
        else:
            open_[pid].end, open_[pid].how = at, line["what"]
    return found


def check(
    runs: Sequence[Attempt],
    workers: Sequence[One],
    orders: Mapping[int, str],
    dead_letters: Sequence[DeadLetter],
    deaths: Mapping[int, float | None],
    *,
    cancelled: Collection[int] = (),
) -> Findings:
    """Hold everything against the rules. `orders`: what each number sent was to do. `cancelled`: these need no end."""
    findings = Findings()
    named = {one.name: one for one in workers}
    by_message: dict[str, list[Attempt]] = defaultdict(list)
    for run in runs:
        by_message[run.id].append(run)
    _losses(findings, runs, orders, dead_letters, cancelled)
    for message, group in by_message.items():
        _overlaps(findings, group)
        _endings(findings, message, group, named)
    _orphans(findings, runs, named, deaths)
    for one in workers:
        findings.violations += [f"{one.name} wrote: {line[:300]}" for line in one.noise[:3]]
        findings.counts.update(f"event {event['event']}" for event in one.events if "event" in event)
    return findings


def _losses(
    findings: Findings,
    runs: Sequence[Attempt],
    orders: Mapping[int, str],
    dead_letters: Sequence[DeadLetter],
    cancelled: Collection[int],
) -> None:
    done = {run.number for run in runs if run.how == "done"}
    dead = {letter.number: letter.reason for letter in dead_letters}
    findings.counts["sent"] = len(orders)
    findings.counts["done"] = len(done)
    findings.counts["dead letters"] = len(dead)
    findings.counts["dead letters, twice"] = len(dead_letters) - len(dead)
    findings.counts["runs"] = len(runs)
    for number, order in orders.items():
        if number not in done and number not in dead and number not in cancelled:
            findings.violations.append(f"job {number} ({order}) is lost")
    for number, reason in dead.items():
        order = orders[number]
        if reason is None and order != "fail":
            findings.counts["dead letters of jobs whose attempts the chaos used up"] += 1
        if reason is not None and order != "reject":
            findings.violations.append(f"job {number} ({order}) was rejected: {reason}")


def _overlaps(findings: Findings, group: Sequence[Attempt]) -> None:
    for earlier, later in itertools.pairwise(group):
        if later.start < earlier.end - (NOTICED if earlier.how == "died" else 0):
            findings.violations.append(
                f"job {earlier.number} ran in {earlier.worker} (process {earlier.pid}, {earlier.how}) until "
                f"{earlier.end - later.start:.3f} s after {later.worker} (process {later.pid}) had begun it"
            )


def _endings(findings: Findings, message: str, group: Sequence[Attempt], named: Mapping[str, One]) -> None:
    said = {run.worker: _said(named[run.worker], message) for run in group}
    for run in group:
        said[run.worker]["job_failed"] -= run.how in {"failed", "dying"}
    if (deletes := sum(words["job_done"] for words in said.values())) > 1:
        findings.violations.append(f"job {group[0].number} was deleted {deletes} times")
    finished = [run for run in group if run.how == "done"]
    for run in finished[:-1]:
        if cause := _cause(run, named[run.worker], said[run.worker]):
            findings.counts[f"done again: {cause}"] += 1
        else:
            findings.violations.append(f"job {run.number} was done again after {run.worker} did it, for no reason")
    for run in group:
        if run.how == "died":
            if cause := _cause(run, named[run.worker], said[run.worker]):
                findings.counts[f"cut short: {cause}"] += 1
            else:
                findings.violations.append(f"job {run.number} was cut short in {run.worker} for no reason")


def disorder(runs: Sequence[Attempt], groups: int) -> list[str]:
    """What broke a FIFO queue's order: a job begins only after the last run of the one before it in its group."""
    by_number: dict[int, list[Attempt]] = defaultdict(list)
    for run in runs:
        by_number[run.number].append(run)
    wrong = []
    for group in range(groups):
        for earlier, later in itertools.pairwise(sorted(number for number in by_number if number % groups == group)):
            ended = max(run.end - (NOTICED if run.how == "died" else 0) for run in by_number[earlier])
            began = min(run.start for run in by_number[later])
            if began < ended:
                wrong.append(f"job {later} began {ended - began:.3f} s before job {earlier} of its group had ended")
    return wrong


def _said(one: One, message: str) -> Counter[str]:
    words = Counter(event["event"] for event in one.events if event.get("message_id") == message and "event" in event)
    words["gave_up"] += sum(message in event["message_ids"] for event in one.events if event.get("event") == "gave_up")
    return words


def _cause(run: Attempt, one: One, words: Counter[str]) -> str | None:
    """Why this run was not the message's last. Each event of the worker's log explains one run."""
    for event, cause in UNSETTLED.items():
        if words[event] > 0:
            words[event] -= 1
            return cause
    if words["gave_up"]:
        return "worker gave up at its stop timeout"
    settled_by = run.end + LEASE if run.how == "done" else run.end
    if one.killed_at is not None and run.start <= one.killed_at + ORPHANS and one.killed_at <= settled_by:
        return "worker was killed"
    return None


def _orphans(
    findings: Findings, runs: Sequence[Attempt], named: Mapping[str, One], deaths: Mapping[int, float | None]
) -> None:
    for pid, worker in {run.pid: run.worker for run in runs}.items():
        died, one = deaths.get(pid), named[worker]
        if died is None:
            findings.violations.append(f"process {pid} of {worker} still lives")
        elif one.killed_at is not None:
            findings.slowest_orphan = max(findings.slowest_orphan, died - one.killed_at)
            if died > one.killed_at + ORPHANS:
                findings.violations.append(f"process {pid} outlived {worker} by {died - one.killed_at:.1f} s")
        elif one.ended_at is not None and died > one.ended_at + NOTICED:
            findings.violations.append(f"process {pid} outlived {worker}, which ended in order")
