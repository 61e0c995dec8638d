"""`sandbox up`: deploys, says how to send a job, and shows what happens until Ctrl-C."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ebb.sandbox.deploy.engine import held_signals
from ebb.sandbox.emulators.events import Event
from ebb.sandbox.log_follower import Sample, Watch
from ebb.sandbox.sandbox import Sandbox

#: Real seconds between two looks at the stack.
REFRESH = 0.5
#: Lines of each list in the live view.
LATEST_EVENTS, LATEST_JOBS = 12, 8
#: The job in the curl line, and the variables that point the aws CLI at the sandbox.
EXAMPLE_JOB = {"sleep": 5}
EXPORTED = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def up(stack: str, speed: float, in_process: bool) -> bool:
    """Run until Ctrl-C, then destroy what was deployed; true when all of it went."""
    console = Console(highlight=False, soft_wrap=True)
    with Sandbox(stack, speed=speed, in_process=in_process, say=console.out) as sandbox:
        try:
            sandbox.deployment.up(console.out)
            _how_to(console, sandbox)
            _show(console, sandbox)
        except KeyboardInterrupt:
            console.print("\nStopping: the stack is destroyed, then the region goes.")
        with held_signals():
            sandbox.deployment.destroy()
            return not sandbox.leftovers()


def _how_to(console: Console, sandbox: Sandbox) -> None:
    client = sandbox.client()
    console.print(f"\nThe API is at {client.url}. Send a job:\n  {client.curl(EXAMPLE_JOB)}")
    console.print("Look around with the aws CLI:")
    environment = sandbox.region.environment()
    for name in EXPORTED:
        console.print(f"  export {name}={environment[name]}")
    minute = sandbox.region.clock.real(60)
    console.print(f"\nA minute of AWS's metrics takes {minute:g} s here. Ctrl-C ends it and leaves nothing behind.\n")


def _show(console: Console, sandbox: Sandbox) -> None:
    watch = Watch(sandbox.region, sandbox.deployment.outputs())
    if not console.is_terminal:
        _lines(console, sandbox, watch)
    latest: deque[Event] = deque(maxlen=LATEST_EVENTS)
    seen = 0
    with Live(console=console, auto_refresh=False) as live:
        while True:
            sample = watch.sample()
            fresh = sandbox.region.events.since(seen)
            seen += len(fresh)
            latest.extend(fresh)
            live.update(view(sandbox, watch, sample, latest), refresh=True)
            time.sleep(REFRESH)


def _lines(console: Console, sandbox: Sandbox, watch: Watch) -> None:
    """The same where there is no terminal: a line for each event and each change of the counts."""
    counts, seen = None, 0
    while True:
        for event in sandbox.region.events.since(seen):
            seen += 1
            console.print(f"{_clock(event.time)} {event.kind}: {event.text}")
        sample = watch.sample()
        if counts != sample.counts():
            counts = sample.counts()
            console.print(f"{_clock(sandbox.region.clock.now())} {_counts(sample)}")
        time.sleep(REFRESH)


def view(sandbox: Sandbox, watch: Watch, sample: Sample, events: Iterable[Event]) -> Group:
    """One frame: the counts, the alarms' states, the tasks, the last jobs, and these events."""
    parts: list[Text | Table] = [Text(f"{_clock(sandbox.region.clock.now())}  {_counts(sample)}", style="bold")]
    alarms = sandbox.region.client("cloudwatch").describe_alarms()["MetricAlarms"]
    line = Text("alarms: ")
    for alarm in alarms:
        style = {"ALARM": "red", "OK": "green"}.get(alarm["StateValue"], "yellow")
        line.append(f"{alarm['AlarmName']} {alarm['StateValue']}  ", style=style)
    parts.append(line)
    parts.append(Text("tasks: " + (", ".join(str(task) for task in sandbox.tasks.tasks()) or "none")))
    jobs = Table("job", "attempts", "result", box=None, pad_edge=False)
    for job in list(watch.jobs.values())[-LATEST_JOBS:]:
        jobs.add_row(job.id, str(job.attempts), job.result)
    parts.append(jobs)
    parts.extend(
        Text(f"{_clock(event.time)} {event.kind}: {event.text}", style="dim", no_wrap=True, overflow="ellipsis")
        for event in events
    )
    return Group(*parts)


def _counts(sample: Sample) -> str:
    return (
        f"depth {sample.depth}, in flight {sample.in_flight}, dead {sample.dead}, "
        f"desired {sample.desired}, running {sample.running}, done {sample.done}"
    )


def _clock(simulated: float) -> str:
    return datetime.fromtimestamp(simulated, UTC).strftime("%H:%M:%S")
