"""Workers, an SQS emulator and a proxy between them, all in processes that chaos kills, freezes and cuts off.

Run as a module: `python -m tests.chaos.wire --messages 20000 [--seed N]`. The seed decides what each job is to do, what
happens to the wire's exchanges, and which moves are made when. How processes interleave is the machine's.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos import followed
from tests.chaos.check import DeadLetter, Findings, attempts, check, disorder
from tests.chaos.emulator import Emulator
from tests.chaos.fleet import STOP_SLACK, STOP_TIMEOUT, Fleet
from tests.chaos.moves import Moves
from tests.chaos.orders import FIFO, FULL, TABLE, Size, order
from tests.chaos.proxy import Fault, Proxy, rates

#: Share of the exchanges that each fault befalls. Those that hang cost a worker a receive's read time-out.
FAULTS = {
    Fault.DELAY: 0.01,
    Fault.CUT: 0.004,
    Fault.TRICKLE: 0.001,
    Fault.LATE: 0.0007,
    Fault.BLACK_HOLE: 0.0007,
    Fault.SWALLOW: 0.0007,
}
#: Attempts until SQS moves a message to the dead-letter queue: more than the chaos is likely to use up.
MAX_RECEIVES = 20
#: Maximum number of jobs that are sent and not done: the emulator looks at each of its messages in each call.
BACKLOG = 600
#: Seconds until the queue must be empty once the chaos is over: a visibility timeout, and the failing jobs' attempts.
#: It is a limit for what never comes: on a busy machine an attempt takes seconds.
TAIL = 300.0
#: Seconds of the long silence, which is above the visibility timeout.
SILENCE = 40.0
#: Seconds between two looks at everything.
TICK = 0.05


class Run:
    """One run; `findings` is the result."""

    def __init__(self, folder: Path, seed: int, size: Size) -> None:
        self._seed, self._size, self._random = seed, size, random.Random(seed)
        with ExitStack() as stack:  # what was begun is ended, should the rest fail to begin
            self.emulator = Emulator(folder)
            stack.callback(self.emulator.close)
            self._callers = followed.Callers(folder / "table", self._random) if size.table else None
            if self._callers:
                stack.callback(self._callers.close)
            self.proxy = Proxy(
                self.emulator.port,
                rates(seed, {fault: share * size.faults for fault, share in FAULTS.items()}),
                seed=seed,
                tables=self._callers.port if self._callers else None,
            )
            stack.callback(self.proxy.close)
            client = self.emulator.client
            kind, suffix = ({"FifoQueue": "true"}, ".fifo") if size.groups else ({}, "")
            self._dead_url = client.create_queue(QueueName=f"dead{suffix}", Attributes=kind)["QueueUrl"]
            arn = client.get_queue_attributes(QueueUrl=self._dead_url, AttributeNames=["QueueArn"])
            policy = {"maxReceiveCount": str(MAX_RECEIVES), "deadLetterTargetArn": arn["Attributes"]["QueueArn"]}
            attributes = {"RedrivePolicy": json.dumps(policy)} | kind
            self._url = client.create_queue(QueueName=f"jobs{suffix}", Attributes=attributes)["QueueUrl"]
            urls = {"EBB_QUEUE_URL": self._url, "EBB_DEAD_LETTER_QUEUE_URL": self._dead_url}
            if size.table:
                urls |= {"EBB_JOB_TABLE": followed.TABLE, "EBB_MAX_RECEIVE_COUNT": str(MAX_RECEIVES)}
            self.fleet = Fleet(folder, self.proxy.endpoint, size.workers, self._random, **urls)
            stack.callback(self.fleet.close)
            self._closing = stack.pop_all()
        self.wrong: list[str] = []
        self.moves = Moves(self.emulator, self.proxy, self.fleet, self._random)
        self._sent: dict[int, str] = {}
        self._next = 0
        #: Numbers of the jobs that the silence waits for.
        self._long: set[int] = set()

    def steps(self) -> Iterator[str]:
        """Make the run, look by look; yields what is being done."""
        began = time.monotonic()
        move_at, long_at = began + self._size.pause[1], began + self._size.seconds * 0.4
        text = "calm"
        while self._next < self._size.messages:
            now = time.monotonic()
            self._send(int((now - began) / self._size.seconds * self._size.messages))
            self._mind(now)
            if self.moves.lasting:
                move_at = max(move_at, now + self._size.pause[0])
            elif self._size.silence and now > long_at:
                long_at = float("inf")
                self._long_jobs()
            elif self._long and self._long <= self.fleet.watcher.started:
                self._long = set()
                text = self.moves.silence(now, SILENCE)
            elif now >= move_at:
                text = self.moves.make(now)
                move_at = now + self._random.uniform(*self._size.pause)
            yield text
        self.moves.end()
        self.proxy.plan = lambda _: None
        end = time.monotonic() + TAIL
        while (left := self._left()) and time.monotonic() < end:
            self._mind(time.monotonic())
            yield f"the chaos is over; {left} left"
        if left:
            self.wrong.append(f"{left} messages are still in the queue {TAIL:.0f} s after the chaos")
        self.fleet.stop(self._size.workers)
        end = time.monotonic() + STOP_TIMEOUT + 2 * STOP_SLACK
        while self.fleet.leaving and time.monotonic() < end:
            self.wrong += self.fleet.look()
            yield "stopping"

    def findings(self) -> Findings:
        """Hold what happened against the rules; after the steps."""
        dead_letters = list(self._dead_letters())
        self.fleet.close()
        for one in self.fleet.all:
            one.read()
        watcher = self.fleet.watcher
        runs = attempts(watcher.lines, watcher.deaths)
        items = self._callers.items() if self._callers else {}
        unwanted = {number for number, item in items.items() if item["state"] == "cancelled"}
        findings = check(runs, self.fleet.all, self._sent, dead_letters, watcher.deaths, cancelled=unwanted)
        if self._callers:
            events = [event for one in self.fleet.all for event in one.events]
            left_out = {event["message_id"] for event in events if event.get("event") == "left_out"}
            followed.check(findings, items, self._callers.cancels, runs, dead_letters=dead_letters, left_out=left_out)
        if self._size.groups:
            findings.violations += disorder(runs, self._size.groups)
        findings.violations += self.wrong
        findings.counts["workers"] = len(self.fleet.all)
        findings.counts.update(f"move {name}" for _, name in self.moves.made if name != "end")
        findings.counts.update({f"wire {fault}": count for fault, count in self.proxy.faults.items()})
        return findings

    @property
    def done(self) -> int:
        """Jobs that were done at least once."""
        return len(self.fleet.watcher.done)

    def close(self) -> None:
        """End every process."""
        self._closing.close()

    def _send(self, due: int) -> None:
        """Send what is due, ten at a time, unless SQS is away or still has many."""
        target = min(due, self.done + BACKLOG, self._size.messages)
        while self.moves.reachable and self._next < target:
            orders = [order(self._seed, number) for number in range(self._next, min(self._next + 10, target))]
            if self._callers:
                self._callers.submit([one["number"] for one in orders])
            entries = [self._entry(one) for one in orders]
            answer = self.emulator.client.send_message_batch(QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed")
            self._sent |= {one["number"]: one.get("do", "nothing") for one in orders}
            self._next += len(orders)

    def _entry(self, one: dict[str, Any]) -> dict[str, Any]:
        number = str(one["number"])
        entry: dict[str, Any] = {"Id": number, "MessageBody": json.dumps(one)}
        if self._callers:
            job_id = {"DataType": "String", "StringValue": followed.job_id(one["number"])}
            entry |= {"MessageAttributes": {"EbbJobId": job_id}}
        if self._size.groups:
            entry |= {"MessageGroupId": str(one["number"] % self._size.groups), "MessageDeduplicationId": number}
        return entry

    def _mind(self, now: float) -> None:
        """End what has lasted long enough, check the workers, and replace each that ended."""
        self.moves.end(now)
        self.wrong += self.fleet.look()
        self.fleet.fill()
        if self._callers:
            self._callers.cancel(now)
        time.sleep(TICK)

    def _long_jobs(self) -> None:
        """Send jobs that last longer than the visibility timeout and the silence that is to come."""
        self._long = set(range(self._size.messages, self._size.messages + self._size.workers))
        for number in self._long:
            body = json.dumps({"number": number, "do": "sleep", "for": SILENCE + 5})
            self.emulator.client.send_message(QueueUrl=self._url, MessageBody=body)
            self._sent[number] = "sleep"

    def _left(self) -> int:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        try:
            answer = self.emulator.client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        except (BotoCoreError, ClientError):
            return 1
        return sum(int(answer["Attributes"][name]) for name in names)

    def _dead_letters(self) -> Iterator[DeadLetter]:
        client, url = self.emulator.client, self._dead_url
        while messages := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                reason = message.get("MessageAttributes", {}).get("EbbReason", {}).get("StringValue")
                yield DeadLetter(number=json.loads(message["Body"])["number"], reason=reason)
                # of a FIFO queue's group the next comes only when this one is gone
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def run(folder: Path, seed: int, size: Size, progress: Progress | None = None) -> Findings:
    """One run from start to end; no process is left in any case."""
    whole = Run(folder, seed, size)
    task = progress.add_task("", total=size.messages, done=0) if progress else None
    try:
        for text in whole.steps():
            if progress and task is not None:
                progress.update(task, completed=min(whole.done, size.messages), description=text)
        return whole.findings()
    finally:
        (folder / "moves").write_text(
            "".join(f"{datetime.fromtimestamp(at, UTC)} {name}\n" for at, name in whole.moves.made)
        )
        whole.close()


def main() -> int:
    """The full run; 0 when no rule was broken."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM cleans up as Ctrl-C does
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.wire", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, help=f"{FULL.messages} if not given")
    parser.add_argument("--fifo", action="store_true", help="a FIFO queue, whose order is checked")
    parser.add_argument("--table", action="store_true", help="a job table, in which some jobs are cancelled")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="copy the journal and the workers' logs to this new folder")
    options = parser.parse_args()
    size = FIFO if options.fifo else TABLE if options.table else FULL
    if options.messages:
        share = options.messages / size.messages
        seconds, silence = size.seconds * share, size.silence and share >= 0.5
        size = replace(size, messages=options.messages, seconds=seconds, silence=silence)
    console = Console()
    console.print(
        f"Chaos on the wire: {size.messages} messages{' in order' if size.groups else ''}, seed {options.seed}"
    )
    columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Progress(*columns, console=console) as progress:
                findings = run(Path(folder), options.seed, size, progress)
        except KeyboardInterrupt:
            console.print("Stopped.")
            return 130
        if options.keep:
            shutil.copytree(folder, options.keep, ignore=shutil.ignore_patterns("worker"))
    for name, count in sorted(findings.counts.items()):
        console.print(f"  {count:>7}  {name}", highlight=False)
    console.print(f"  the children of killed workers died within {findings.slowest_orphan:.2f} s")
    for violation in findings.violations[:40]:
        console.print(f"BROKEN: {violation}", style="red", highlight=False, markup=False)
    verdict = (
        f"{len(findings.violations)} rules broken, seed {options.seed}" if findings.violations else "no rule broken"
    )
    console.print(f"{verdict}, {time.monotonic() - began:.0f} s")
    return bool(findings.violations)


if __name__ == "__main__":
    sys.exit(main())
