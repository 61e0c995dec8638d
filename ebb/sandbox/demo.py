"""`sandbox demo`: the whole story once, and a check of every claim that it makes."""

import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rich.console import Console
from rich.table import Table

from ebb.sandbox.deploy.engine import Change
from ebb.sandbox.log_follower import JobRecord, Sample, Watch
from ebb.sandbox.sandbox import Sandbox

#: How long a job takes, in the region's own minutes: at speed 60 as many real seconds.
SHORT_MINUTES, LONG_MINUTES = 1, 28
#: Tasks at once that Pulumi.sandbox.yaml allows and twenty jobs need.
PEAK = 4
#: What the closing table calls a job that failed for good.
DEAD = "in the dead-letter queue"
#: What may wake the service, and the settings for it.
Wake = Literal["metrics", "watch", "direct"]
WAKES: dict[Wake, dict[str, bool]] = {
    "metrics": {"watch": False, "direct": False},
    "watch": {"watch": True, "direct": False},
    "direct": {"direct": True},
}
#: What wakes it then, in words, and simulated seconds from the first job to the request for a task, at the most.
WAKERS: dict[Wake, tuple[str, int]] = {
    "metrics": ("an alarm", 240),
    "watch": ("the watcher", 120),
    "direct": ("the API", 60),
}
#: Real seconds between two looks, and the region's minutes after which the story is given up.
LOOK, LIMIT_MINUTES = 0.25, 120


@dataclass(frozen=True)
class Planned:
    """A job of the story: what is special about it, its minutes, and the attempts and result that it must have."""

    kind: str = ""
    minutes: float = SHORT_MINUTES
    fail: int = 0
    attempts: int = 1
    result: str = "done"


@dataclass(frozen=True)
class Sent:
    """A planned job and the id that SQS gave it."""

    planned: Planned
    id: str


def plan(max_receive_count: int) -> list[Planned]:
    """The twenty jobs, the long one first."""
    return [
        Planned("long", LONG_MINUTES),
        Planned("by GET", 0),
        *[Planned() for _ in range(4)],
        Planned("fails once", fail=1, attempts=2),
        *[Planned() for _ in range(4)],
        Planned("fails once", fail=1, attempts=2),
        Planned("fails always", fail=max_receive_count, attempts=max_receive_count, result="failed"),
        *[Planned() for _ in range(7)],
    ]


def run(stack: str, speed: float, in_process: bool, wake: Wake | None = None) -> bool:
    """Tell the story; false when one of its claims was not seen to be true.

    `wake` is what wakes the service, in place of what the stack says.
    """
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    overrides = {"ebb:scaling": WAKES[wake]} if wake else None
    with Sandbox(stack, speed=speed, in_process=in_process, overrides=overrides, say=console.out) as sandbox:
        return Demo(console, sandbox, began).run()


class Demo:
    """One telling, in one region."""

    def __init__(self, console: Console, sandbox: Sandbox, began: float) -> None:
        self._console, self._sandbox, self._began = console, sandbox, began
        self._claims: list[tuple[bool, str]] = []
        scaling = sandbox.settings.scaling
        self._wake: Wake = "direct" if scaling.direct else "watch" if scaling.watch else "metrics"
        self._first_sent = 0.0  # simulated seconds since the epoch

    def run(self) -> bool:
        """Deploy, send, watch, look again, destroy."""
        self._chapter("pulumi up")
        made = self._sandbox.deployment.up(self._console.out)
        watch = Watch(self._sandbox.region, self._sandbox.deployment.outputs())
        before = watch.sample()
        sent = self._send()
        samples = self._watch(watch, sent, before)
        self._judge(watch, sent, samples)
        self._closing(watch, sent, made)
        self._chapter("A second pulumi up would change")
        again = self._sandbox.deployment.preview(self._console.out)
        self._claim(not again, f"a second up changes nothing, not {', '.join(change.name for change in again)}")
        self._chapter("pulumi destroy")
        self._sandbox.deployment.destroy(self._console.out)
        left = self._sandbox.leftovers()
        self._claim(not left, f"destroy leaves the account empty, not with {', '.join(left)}")
        return self._verdict()

    def _chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]── {title} [/bold][dim]({time.monotonic() - self._began:.0f} s)[/dim]")

    def _claim(self, true: bool, sentence: str) -> None:
        self._claims.append((true, sentence))

    def _send(self) -> list[Sent]:
        client = self._sandbox.client()
        planned = plan(self._sandbox.settings.queue.max_receive_count)
        self._chapter(f"{len(planned)} jobs to {client.url}")
        sent = []
        for job in planned:
            message = {"sleep": self._sandbox.region.clock.real(job.minutes * 60), "fail_times": job.fail}
            self._first_sent = self._first_sent or self._sandbox.region.clock.now()
            get = job.kind == "by GET" and self._sandbox.settings.api.get_endpoint
            sent.append(Sent(job, client.get(json.dumps(message)) if get else client.post(message)))
        return sent

    def _watch(self, watch: Watch, sent: list[Sent], before: Sample) -> list[Sample]:
        """Print the timeline, from before the first job until the service is back at zero or the time is up."""
        limit = self._sandbox.region.clock.real(LIMIT_MINUTES * 60) + self._pauses()
        self._console.print(f"{'time':>8} {'depth':>6} {'in flight':>10} {'desired':>8} {'running':>8} {'done':>5}")
        samples: list[Sample] = []
        sample = before
        while True:
            if not samples or sample.counts() != samples[-1].counts():
                self._console.print(
                    f"{sample.seconds:6.1f} s {sample.depth:6} {sample.in_flight:10} {sample.desired:8} "
                    f"{sample.running:8} {sample.done:5}"
                )
            samples.append(sample)
            finished = sample.done + sample.dead == len(sent) and not sample.depth + sample.in_flight
            if (finished and not sample.desired + sample.running) or sample.seconds >= limit:
                return samples
            time.sleep(LOOK)
            sample = watch.sample()

    def _pauses(self) -> float:
        """Real seconds that the job which always fails may spend between its attempts."""
        worker, attempts = self._sandbox.settings.worker, self._sandbox.settings.queue.max_receive_count
        return sum(min(worker.backoff_cap, worker.backoff_base * 2.0**attempt) for attempt in range(attempts))

    def _judge(self, watch: Watch, sent: list[Sent], samples: list[Sample]) -> None:
        for number, job in enumerate(sent, 1):
            record, planned = watch.jobs.get(job.id, JobRecord(job.id)), job.planned
            title = f"job {number}" + (f" ({planned.kind})" if planned.kind else "")
            seen = f"not {record.result} after {record.attempts}"
            ended = (record.attempts, record.result) == (planned.attempts, planned.result)
            self._claim(ended, f"{title} is {planned.result} after {planned.attempts} attempts, {seen}")
            times = record.endings.count("done")
            self._claim(
                times == (planned.result == "done"), f"{title} is done as often as it should be, not {times} times"
            )
        dead, dead_letters = {job.id for job in sent if job.planned.result != "done"}, watch.dead_letters()
        self._claim(dead == dead_letters, f"the dead-letter queue holds the job that always fails, not {dead_letters}")
        last, peak = samples[-1], max(sample.running for sample in samples)
        self._claim(last.depth + last.in_flight == 0, f"the queue ends empty, not with {last.depth + last.in_flight}")
        self._claim(samples[0].running == 0, f"the service starts from 0 tasks, not {samples[0].running}")
        most = self._sandbox.settings.scaling.max_tasks
        self._claim(min(peak, PEAK) == min(most, PEAK), f"{min(most, PEAK)} tasks run at once, not {peak}")
        self._claim(last.desired + last.running == 0, f"the service ends at 0 tasks, not {last.running}")
        kept = not self._sandbox.settings.scaling.surplus or any(
            0 < after.desired < before.desired and after.in_flight for before, after in pairwise(samples)
        )
        self._claim(kept, "a scale-in comes while the long job runs, and leaves its task")
        self._judge_wake()
        errors = [event.text for event in self._sandbox.region.events if event.kind == "error"]
        self._claim(not errors, f"nothing in the region goes wrong, not even {'; '.join(errors)}")

    def _judge_wake(self) -> None:
        """What asked for the first task, and how long after the first job: an alarm, or a workflow's new minimum."""
        events = list(self._sandbox.region.events)
        asked = next((event for event in events if event.kind == "scaling"), None)
        if asked is None or not asked.data["after"]:
            self._claim(False, "the service is woken")
            return
        waker, limit = WAKERS[self._wake]
        right = bool(asked.data["alarm"]) == (self._wake == "metrics")
        self._claim(right, f"the service is woken by {waker}, not because {asked.data['cause']}")
        seconds = asked.time - self._first_sent
        self._claim(seconds <= limit, f"the first task is asked for within {limit} s of AWS's time, not {seconds:.0f}")
        if self._sandbox.settings.scaling.keeps_alive or self._wake != "metrics":
            self._claim(any(event.kind == "schedule" for event in events), "the schedule fires")
        self._chapter("What woke the service")
        self._console.print(f"The first task was asked for {seconds:.0f} s after the first job: {asked.data['cause']}.")

    def _closing(self, watch: Watch, sent: list[Sent], made: list[Change]) -> None:
        self._chapter("What became of the jobs")
        dead = watch.dead_letters()
        jobs = Table("job", "what", "received", "attempts", "result", box=None, pad_edge=False)
        for number, job in enumerate(sent, 1):
            record = watch.jobs.get(job.id, JobRecord(job.id))
            result = DEAD if job.id in dead else record.result
            jobs.add_row(str(number), job.planned.kind, str(record.received), str(record.attempts), result)
        self._console.print(jobs)
        self._chapter(f"The {len(made)} resources that up made")
        resources = Table("type", "names", box=None, pad_edge=False)
        for kind in sorted({change.type for change in made}):
            resources.add_row(kind, ", ".join(sorted(change.name for change in made if change.type == kind)))
        self._console.print(resources)

    def _verdict(self) -> bool:
        failed = [sentence for true, sentence in self._claims if not true]
        self._chapter(f"{len(self._claims) - len(failed)} of {len(self._claims)} claims were seen to be true")
        for sentence in failed:
            self._console.print(f"[red]Not true: {sentence}.[/red]")
        return not failed
