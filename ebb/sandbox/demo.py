"""`sandbox demo`: a stack from its deployment to its removal, with 20 jobs, and checks."""

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from ebb.project import ROOT
from ebb.sandbox.demo_caller import RESULT, Caller
from ebb.sandbox.demo_jobs import (
    LONG_MINUTES,
    SHORT_MINUTES,
    WAKERS,
    Planned,
    Wake,
    configuration,
    expected,
    plan,
    woken_by,
)
from ebb.sandbox.deploy.engine import Change
from ebb.sandbox.emulators.images import Image
from ebb.sandbox.engine_log import EngineLog
from ebb.sandbox.log_follower import JobRecord, LogFollower, Sample
from ebb.sandbox.sandbox import Sandbox

#: The worker of this checkout. The user's Dockerfile is not read.
WORKER = Image(ROOT, ["python", "-m", "worker"])
#: What the table calls a job that failed as often as the queue allows.
DEAD = "in the dead-letter queue"
#: Real seconds between two looks at the stack.
LOOK_SECONDS = 0.25
#: The demo fails after this time: the region's minutes, and real seconds for a slow machine.
MAX_MINUTES, MAX_SECONDS = 120, 600
#: The timeline has a row for each change of the number of tasks, and for so many finished jobs.
JOBS_PER_ROW = 2


class Sent(NamedTuple):
    """A planned job and the id that SQS gave it."""

    planned: Planned
    id: str


def run(stack: str, speed: float, in_process: bool, wake: Wake | None, verbose: bool) -> bool:
    """Run the demo; False if a check failed. `wake` is what wakes the service, else the stack says."""
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    log = EngineLog(console, f"demo-{stack}", verbose=verbose)
    config = configuration(stack, wake)
    with Sandbox(stack, speed=speed, in_process=in_process, config=config, image=WORKER, say=console.out) as sandbox:
        return Demo(console, sandbox, log, began).run()


class Demo:
    """One demo, in one region."""

    def __init__(self, console: Console, sandbox: Sandbox, log: EngineLog, began: float) -> None:
        self._console, self._sandbox, self._log, self._began = console, sandbox, log, began
        self._checks: list[tuple[bool, str]] = []
        self._expected = expected(sandbox.settings)
        self._release: Path = sandbox.region.directory / "the-long-job-may-end"
        self._first_sent = 0.0  # simulated seconds since the epoch
        self._raised = False
        self._caller: Caller | None = None  # with a job table

    def run(self) -> bool:
        """Deploy, send the jobs, follow them, deploy again, destroy."""
        deployment = self._sandbox.deployment
        self._chapter(f"pulumi up of the stack {self._sandbox.stack}")
        with self._log.follow("pulumi up") as say:
            made = deployment.up(say)
        self._resources(made)
        follower = LogFollower(self._sandbox.region, deployment.outputs())
        before = follower.sample()
        sent = self._send()
        samples = self._follow(follower, sent, before)
        self._judge(follower, sent, samples)
        self._asked(samples[-1].seconds)
        self._table(follower, sent)
        self._chapter("A second pulumi up")
        with self._log.follow("pulumi preview") as say:
            again = deployment.preview(say)
        self._console.print("It would change nothing." if not again else f"It would change {_services(again)}.")
        self._check(not again, f"a second up changes nothing, not {', '.join(change.name for change in again)}")
        self._chapter("pulumi destroy, after the queues are emptied")
        with self._log.follow("pulumi destroy") as say:
            gone = self._sandbox.destroy(say)
        left = self._sandbox.leftovers()
        self._console.print(f"{len(gone)} resources deleted, {len(left) or 'none'} left.")
        self._check(len(gone) == len(made), f"destroy deletes the {len(made)} resources of up, not {len(gone)}")
        self._check(not left, f"destroy leaves the account empty, not with {', '.join(left)}")
        return self._verdict()

    def _chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]── {title} [/bold][dim]({time.monotonic() - self._began:.0f} s)[/dim]")

    def _check(self, true: bool, sentence: str) -> None:
        self._checks.append((true, sentence))

    def _resources(self, made: list[Change]) -> None:
        self._console.print(f"{len(made)} resources created. The engine's own lines are in {self._log.path}.")
        self._console.print(f"  {_services(made)}")

    def _send(self) -> list[Sent]:
        client, clock = self._sandbox.client(), self._sandbox.region.clock
        table = self._sandbox.settings.jobs.table
        planned = plan(self._sandbox.settings.queue.max_receive_count, table=table)
        self._chapter(f"{len(planned)} jobs to {client.url}")
        sent = []
        for job in planned:
            minutes = LONG_MINUTES if job.kind == "long" else SHORT_MINUTES
            message: dict[str, object] = {"sleep": clock.real(minutes * 60), "fail_times": job.fail}
            if job.kind == "long":
                message["result"] = RESULT
                if self._expected.scale_in or table:
                    message["until"] = str(self._release)
            if job.kind == "cancelled":
                message["until"] = str(self._release.with_name("never"))
            self._first_sent = self._first_sent or clock.now()
            get = job.kind == "by GET" and self._sandbox.settings.api.get_endpoint
            sent.append(Sent(job, client.get(json.dumps(message)) if get else client.post(message)))
        if table:
            ids = {job.planned.kind: job.id for job in sent}
            self._caller = Caller(client, ids["long"], ids["cancelled"])
        return sent

    def _follow(self, follower: LogFollower, sent: list[Sent], sample: Sample) -> list[Sample]:
        """Print the timeline, from before the first job until the service is at zero tasks or the time is over."""
        limit = self._sandbox.region.clock.real(MAX_MINUTES * 60) + MAX_SECONDS
        self._console.print(f"{'time':>8} {'waiting':>7} {'in flight':>10} {'desired':>8} {'running':>8} {'done':>5}")
        samples, shown = [sample], sample
        self._row(sample)
        while True:
            follower.read()
            sample = follower.sample()
            samples.append(sample)
            self._raised = self._raised or follower.minimum() > 0
            if self._caller:
                self._caller.look(sample.seconds)
            scaled_in = not self._expected.scale_in or _scale_in_at_work(samples)
            if scaled_in and (not self._caller or self._caller.progress) and not self._release.exists():
                self._release.touch()
            ended = sample.done + sample.dead + sample.cancelled == len(sent)
            finished = ended and not sample.waiting + sample.in_flight
            over = (finished and not sample.desired + sample.running) or sample.seconds >= limit
            moved = (sample.desired, sample.running) != (shown.desired, shown.running)
            if over or moved or sample.done - shown.done >= JOBS_PER_ROW:
                self._row(sample)
                shown = sample
            if over:
                return samples
            time.sleep(LOOK_SECONDS)

    def _row(self, sample: Sample) -> None:
        self._console.print(
            f"{sample.seconds:6.1f} s {sample.waiting:7} {sample.in_flight:10} {sample.desired:8} "
            f"{sample.running:8} {sample.done:5}"
        )

    def _judge(self, follower: LogFollower, sent: list[Sent], samples: list[Sample]) -> None:
        for number, (planned, name) in enumerate(sent, 1):
            record = follower.jobs.get(name, JobRecord(name))
            title = f"job {number}" + (f" ({planned.kind})" if planned.kind else "")
            seen = f"not {record.result} after {record.attempts}"
            ended = (record.attempts, record.result) == (planned.attempts, planned.result)
            self._check(ended, f"{title} is {planned.result} after {planned.attempts} attempts, {seen}")
            times = record.endings.count("done")
            self._check(times == (planned.result == "done"), f"{title} is not done twice, not {times} times")
        dead, letters = {name for planned, name in sent if planned.result == "failed"}, follower.dead_letters()
        self._check(dead == letters, f"the dead-letter queue holds the {len(dead)} jobs that fail, not {letters}")
        last, most = samples[-1], max(sample.running for sample in samples)
        self._check(
            last.waiting + last.in_flight == 0, f"the queue ends empty, not with {last.waiting + last.in_flight}"
        )
        self._check(samples[0].running == 0, f"the service starts from 0 tasks, not {samples[0].running}")
        low, high = self._expected.tasks
        self._check(low <= most <= high, f"at most {high} and at least {low} tasks run at once, not {most}")
        self._check(last.desired + last.running == 0, f"the service ends at 0 tasks, not {last.running}")
        if self._expected.scale_in:
            kept = _scale_in_at_work(samples)
            self._check(kept, "a scale-in comes while the long job runs, and leaves its task")
        self._judge_wake()
        errors = [event.text for event in self._sandbox.region.events if event.kind == "error"]
        self._check(not errors, f"nothing in the region goes wrong, not even {'; '.join(errors)}")

    def _asked(self, seconds: float) -> None:
        """What the API said of two of the jobs, if it has a job table."""
        if self._caller is None:
            return
        self._caller.look(seconds)
        self._chapter("What the API said of the long job, and of one that was cancelled")
        for said in self._caller.said:
            self._console.print(f"{said.seconds:6.1f} s  {said.request:24} {said.status}  {said.words}")
        self._checks += self._caller.checks()

    def _judge_wake(self) -> None:
        """Alarms change the desired count, the watcher and the API change the minimum."""
        wake, events = woken_by(self._sandbox.settings), list(self._sandbox.region.events)
        first = next((event for event in events if event.kind == "scaling" and event.data["after"]), None)
        self._check(first is not None, "a task is asked for")
        if wake != "metrics":
            self._check(self._raised, f"{WAKERS[wake]} raises the minimum number of tasks while there are jobs")
        if first is None:
            return
        by_alarm = bool(first.data["alarm"])
        self._check(by_alarm == (wake == "metrics"), f"{WAKERS[wake]} wakes the service, not {first.data['cause']}")
        if self._sandbox.settings.scaling.keeps_alive or wake != "metrics":
            self._check(any(event.kind == "schedule" for event in events), "the schedule fires")
        self._console.print(
            f"The first task was asked for {first.time - self._first_sent:.0f} s of AWS's time after the first job: "
            f"{first.data['cause']}."
        )

    def _table(self, follower: LogFollower, sent: list[Sent]) -> None:
        self._chapter("Results of the jobs")
        dead, rows = follower.dead_letters(), Counter[tuple[str, int, str]]()
        for planned, name in sent:
            record = follower.jobs.get(name, JobRecord(name))
            rows[planned.kind, record.attempts, DEAD if name in dead else record.result] += 1
        table = Table("jobs", "what", "attempts", "result", box=None, pad_edge=False)
        for (kind, attempts, result), count in rows.items():
            table.add_row(str(count), kind or "short", str(attempts), result)
        self._console.print(table)

    def _verdict(self) -> bool:
        failed = [sentence for true, sentence in self._checks if not true]
        self._chapter(f"{len(self._checks) - len(failed)} of {len(self._checks)} checks passed")
        for sentence in failed:
            self._console.print(f"[red]Failed: {sentence}.[/red]")
        if not failed:
            self._console.print(
                "Next: write a job of your own in worker/handler.py (README, “Write a job”) and run it here with "
                "`make up STACK=dev`."
            )
        return not failed


def _services(changes: list[Change]) -> str:
    """How many resources of each service, such as `ecs 4, sqs 4`."""
    kinds = [change.type.split(":") for change in changes]
    counts = Counter(kind[1].partition("/")[0] if kind[0] in ("aws", "awsx") else "components" for kind in kinds)
    return ", ".join(f"{service} {count}" for service, count in sorted(counts.items()))


def _scale_in_at_work(samples: list[Sample]) -> bool:
    """Whether fewer tasks, but not none, were desired while a job was in flight."""
    return any(0 < after.desired < before.desired and after.in_flight for before, after in pairwise(samples))
