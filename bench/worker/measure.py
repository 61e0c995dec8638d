"""Runs a contestant: how fast it is, what it costs, and what it takes at rest."""

import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.worker import processes
from bench.worker.contestants import PROJECT, Contestant
from bench.worker.emulator import ACCOUNT, Emulator
from bench.worker.report import Figures, Mark, Rest, figures

#: Messages that each has done before anything is measured.
WARM_UP = 300
#: The part of a wave that is measured: neither its start nor its last few.
MEASURED_FROM = 0.10
MEASURED_TO = 0.95
#: Time between two looks at the queue, and at a process that comes to rest.
POLL_SECONDS = 0.02
REST_POLL_SECONDS = 0.5
#: Maximum part of a core that a process at rest uses; PyQS never rests.
RESTING = 0.25
#: Seconds after which something that must happen has not.
LIMIT = 60.0


class BenchError(Exception):
    """A contestant does not do what it should; the text says which and what."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What each contestant is given: `waves` of so many messages, each for at most so many seconds."""

    messages: int
    waves: int
    seconds: float


@dataclass(frozen=True)
class Running:
    """A contestant that consumes its queue."""

    contestant: Contestant
    pid: int
    url: str
    environment: dict[str, str]
    emulator: Emulator

    def fill(self, count: int) -> None:
        """Put that many messages into its queue, made by its own producer if it has one."""
        producer = self.contestant.producer
        if producer:
            subprocess.run([*producer, str(count)], cwd=PROJECT, env=self.environment, check=True)
        else:
            self.emulator.send(self.url, [self.contestant.body] * count)

    def mark(self, left: int) -> Mark:
        """What has been used until now."""
        return Mark(time.monotonic(), left, processes.cpu(self.pid), processes.cpu(self.emulator.process.pid))


def paced(contestant: Contestant, emulator: Emulator, pause: float, load: Load) -> Figures:
    """Its pace and what it costs, with a job that takes so many seconds."""
    with running(contestant, emulator, pause) as it:
        settle([it])
        marks = []
        for _ in range(load.waves):
            # stopped while its queue is filled, so that each begins warm and with a full queue
            processes.freeze(it.pid)
            it.fill(load.messages)
            processes.thaw(it.pid)
            marks.append(_wave(it, load))
            if marks[-1][1].left > load.messages * (1 - MEASURED_TO):
                break  # it took all its time
            _drained(it)
        return figures(marks)


def at_rest(contestants: list[Contestant], emulator: Emulator, seconds: float) -> list[Rest]:
    """What each uses with an empty queue, after its first jobs; all of them at the same time."""
    with ExitStack() as stack:
        them = [stack.enter_context(running(contestant, emulator, 0)) for contestant in contestants]
        settle(them)
        began, before = time.monotonic(), [processes.cpu(it.pid) for it in them]
        time.sleep(seconds)
        used = [(processes.cpu(it.pid) - cpu, time.monotonic() - began) for it, cpu in zip(them, before, strict=True)]
        trees = [processes.tree(it.pid) for it in them]
        return [
            Rest(cpu / took, tree[0].rss, sum(stat.rss for stat in tree[1:]), len(tree))
            for (cpu, took), tree in zip(used, trees, strict=True)
        ]


@contextmanager
def running(contestant: Contestant, emulator: Emulator, pause: float) -> Iterator[Running]:
    """The contestant, at work on the first messages of its queue; ended with all that it started."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with emulator.queue(name) as url, tempfile.TemporaryFile() as log:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "EBB_AWS_ENDPOINT_URL": emulator.endpoint,
            "EBB_AWS_REGION": ACCOUNT["AWS_REGION"],
            "AWS_DEFAULT_REGION": ACCOUNT["AWS_REGION"],
            "BENCH_QUEUE": name,
            "BENCH_QUEUE_URL": url,
            "BENCH_PAUSE": str(pause),
            "EBB_QUEUE_URL": url,
            "EBB_DEAD_LETTER_QUEUE_URL": f"{url}-dead",  # nothing is ever sent there
            **ACCOUNT,
            **dict(contestant.environment),
        }
        argv = [argument.format(queue=name) for argument in contestant.argv]
        with subprocess.Popen(
            argv,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the bench, which ends it
        ) as process:
            it = Running(contestant, process.pid, url, environment, emulator)
            try:
                it.fill(WARM_UP)
                yield it
            except TimeoutError as error:
                raise BenchError(f"{contestant.name}: {error}.\n{_tail(log.fileno())}") from error
            finally:
                processes.end(process.pid)


def settle(them: list[Running]) -> None:
    """Wait until each has done its first messages and uses next to nothing."""
    for it in them:
        _drained(it)
    for it in them:
        limit = time.monotonic() + LIMIT / 4
        used = RESTING
        while used >= RESTING * REST_POLL_SECONDS and time.monotonic() < limit:
            before = processes.cpu(it.pid)
            time.sleep(REST_POLL_SECONDS)
            used = processes.cpu(it.pid) - before


def _drained(it: Running) -> None:
    _until(lambda: it.emulator.left(it.url) == 0, "it leaves messages in its queue")


def _wave(it: Running, load: Load) -> tuple[Mark, Mark]:
    """Both ends of what is measured of a wave."""
    left = 0

    def done(part: float) -> bool:
        nonlocal left
        left = it.emulator.left(it.url)
        return left <= load.messages * (1 - part)

    _until(lambda: done(MEASURED_FROM), "it does not consume")
    begin = it.mark(left)
    end = begin.time + load.seconds
    _until(lambda: done(MEASURED_TO) or time.monotonic() > end, "it does not consume")
    return begin, it.mark(left)


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(otherwise)
        time.sleep(POLL_SECONDS)


def _tail(log: int) -> str:
    return Path(f"/proc/self/fd/{log}").read_text(errors="replace")[-2000:]
