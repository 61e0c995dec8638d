"""`sandbox up`: deploys, says how to send a job, and shows what happens until Ctrl-C."""

import re
import time
from contextlib import nullcontext
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

import settings
from ebb import example_job
from ebb.page.api import Api
from ebb.page.server import serving
from ebb.page.source import StackSource
from ebb.sandbox.deploy.engine import held_signals
from ebb.sandbox.engine_log import EngineLog
from ebb.sandbox.log_follower import LogFollower, Sample
from ebb.sandbox.readable import Readable
from ebb.sandbox.sandbox import Sandbox

#: Real seconds between two looks at the stack.
REFRESH_SECONDS = 0.5
#: What Pulumi adds to an alarm's name.
_RANDOM_END = re.compile(r"-[0-9a-f]{7}$")
#: The variables that point the aws CLI at the sandbox.
EXPORTED = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def up(stack: str, speed: float, in_process: bool, verbose: bool, installed: bool) -> bool:
    """Run until Ctrl-C, then destroy what was deployed. True if nothing is left."""
    console = Console(highlight=False, soft_wrap=True)
    log = EngineLog(console, f"up-{stack}", verbose=verbose)
    with Sandbox(stack, speed=speed, in_process=in_process, installed=installed, say=console.out) as sandbox:
        try:
            with log.follow("pulumi up") as say:
                made = sandbox.deployment.up(say)
            console.print(f"pulumi up created {len(made)} resources. The engine's own lines are in {log.path}.")
            for warning in settings.warnings(sandbox.settings):
                console.print(Text(f"Warning: {warning}", style="yellow"))
            how_to(console, sandbox)
            with sandbox.announced(), serving(Api(StackSource(stack))) as page:
                console.print(f"The stack's page, which also sends jobs: {page.address}\n")
                View(console, sandbox).run()
        except KeyboardInterrupt:
            console.print("\nStopping: the stack is destroyed, then the region is removed.")
        with held_signals(), log.follow("pulumi destroy") as say:
            sandbox.destroy(say)
            return not sandbox.leftovers()


def how_to(console: Console, sandbox: Sandbox) -> None:
    """Say how to send a job and how to look around."""
    client, worker = sandbox.client(), sandbox.settings.worker
    job = example_job.example(worker)
    console.print(f"\nThe API is at {client.url}. Send a job to {example_job.does(worker)} from another terminal:")
    console.out(f"  {client.curl(job)}")
    if job is example_job.EXAMPLE_JOB:
        console.print("The text after -d is the job's body: replace it with what your code expects.")
    console.print("Or look around with the aws CLI:")
    environment = sandbox.region.environment()
    for name in EXPORTED:
        console.out(f"  export {name}={environment[name]}")
    console.print(f"Or with the commands of ebb, such as `ebb status --stack {sandbox.stack}`.")
    minute = sandbox.region.clock.real(60)
    console.print(
        f"\nA minute of AWS's metrics takes {minute:g} s here, so a first job waits some seconds for its task.\n"
        "The log of each job follows. Ctrl-C ends the sandbox and leaves nothing behind.\n"
    )


class View:
    """What happens, as lines in the order of simulated time; on a terminal, the state stands below them."""

    def __init__(self, console: Console, sandbox: Sandbox) -> None:
        self._console, self._sandbox = console, sandbox
        self.follower = LogFollower(sandbox.region, sandbox.deployment.outputs())
        self._readable = Readable(sandbox.settings)
        self._events = 0
        self._looping = False
        self._counts: tuple[int, ...] = ()

    def run(self) -> None:
        """Show it until KeyboardInterrupt."""
        terminal = self._console.is_terminal
        with Live(console=self._console, auto_refresh=False, transient=True) if terminal else nullcontext() as live:
            while True:
                self.lines()
                sample = self.follower.sample()
                if live is not None:
                    live.update(self.state(sample), refresh=True)
                elif self._counts != sample.counts():
                    self._counts = sample.counts()
                    self._print(self._sandbox.region.clock.now(), counts(sample), "")
                time.sleep(REFRESH_SECONDS)

    def lines(self) -> None:
        """Print what happened since the last call.

        While a handler cannot be imported, one task fails after another: only the first one is shown.
        """
        clock = self._sandbox.region.clock
        happened: list[tuple[float, str, str]] = []
        for line in self.follower.read():
            for text, problem in self._readable.lines(line):
                happened.append((clock.at(line.time), text, "red" if problem else "default"))
        for event in self._sandbox.region.events.since(self._events):
            self._events += 1
            text = event.text.partition(" Threshold Crossed:")[0]
            happened.append((event.time, f"{event.kind}: {text}", "red" if event.kind == "error" else "dim"))
        for moment, text, style in sorted(happened, key=lambda one: one[0]):
            broken = text.startswith(self._readable.broken)
            if not (self._looping and (broken or text.startswith("task: "))):
                self._print(moment, text, style)
            self._looping = broken or (self._looping and not text.startswith("job "))

    def state(self, sample: Sample) -> Group:
        """The counts, the alarms' states and the tasks. Long lines are wrapped: all alarms stay visible."""
        alarms = Text("alarms: ", overflow="fold", no_wrap=False)
        for alarm in self._sandbox.region.client("cloudwatch").describe_alarms()["MetricAlarms"]:
            style = {"ALARM": "red", "OK": "green"}.get(alarm["StateValue"], "yellow")
            alarms.append(f"{_RANDOM_END.sub('', alarm['AlarmName'])} {alarm['StateValue']}  ", style=style)
        tasks = ", ".join(str(task) for task in self._sandbox.tasks.tasks()) or "none"
        now = _time(self._sandbox.region.clock.now())
        head = Text(f"{now}  {counts(sample)}", style="bold", overflow="fold", no_wrap=False)
        return Group(head, alarms, Text(f"tasks: {tasks}", overflow="fold", no_wrap=False))

    def _print(self, moment: float, text: str, style: str) -> None:
        self._console.print(Text(f"{_time(moment)} {text}", style=style))


def counts(sample: Sample) -> str:
    """The counts in words."""
    return (
        f"jobs: {sample.waiting} waiting, {sample.in_flight} in flight, {sample.done} done, {sample.dead} dead letters"
        f"; tasks: {sample.desired} desired, {sample.running} running"
    )


def _time(simulated: float) -> str:
    return datetime.fromtimestamp(simulated, UTC).strftime("%H:%M:%S")
