"""What a worker's parent process keeps in memory over many messages: little, and no more with each.

Run as a module: `python -m tests.chaos.memory [--messages 100000]`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import Progress

from tests.helpers.waiting import LIMIT
from tests.worker.harness import WORKER, Sqs, wired

#: Messages of a full run.
FULL = 100_000
#: MiB of resident memory that the parent may have at any time.
MAX_MIB = 60.0
#: MiB by which it may grow from the second tenth of a run to the last.
MAX_GROWTH_MIB = 2.0
#: Maximum number of messages that wait in the queue.
MAX_BACKLOG = 400
#: Seconds without any message done after which the run is given up.
STALLED_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory of the parent in MiB, sampled evenly by messages done, and messages a second."""

    samples: list[float]
    rate: float

    @property
    def maximum(self) -> float:
        """The highest sample."""
        return max(self.samples)

    @property
    def growth(self) -> float:
        """From the median of the second tenth, when all is imported and warm, to that of the last."""
        tenth = len(self.samples) // 10
        return median(self.samples[-tenth:]) - median(self.samples[tenth : 2 * tenth])


def measure(folder: Path, sqs: Sqs, messages: int, advance: Callable[[int], None] = lambda _: None) -> Memory:
    """Have one worker do so many empty jobs; `advance` gets the number of those that are done."""
    queue = sqs.queue("memory", VisibilityTimeout="30")
    shutil.copytree(WORKER, folder / "worker", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "jobs.py").write_text("def handle(job):\n    pass\n")
    settings = {
        "PATH": os.environ["PATH"],
        "EBB_QUEUE_URL": queue.url,
        "EBB_DEAD_LETTER_QUEUE_URL": queue.dead.url,
        "EBB_VISIBILITY_TIMEOUT": "30",
        "EBB_STOP_TIMEOUT": "4",
        "EBB_BACKOFF_BASE": "0",
        "EBB_BACKOFF_CAP": "0",
        "EBB_CONCURRENCY": "4",
        "EBB_HANDLER": "jobs:handle",
        "EBB_METRICS": "on",
    }
    argv = [sys.executable, "-m", "worker"]
    worker = subprocess.Popen(argv, cwd=folder, env=wired(sqs.endpoint) | settings, stdout=subprocess.DEVNULL)
    samples: list[float] = []
    sent = done = 0
    began = progressed_at = time.monotonic()
    try:
        while done < messages:
            while sent < min(messages, done + MAX_BACKLOG):
                entries = [
                    {"Id": str(n), "MessageBody": json.dumps({"n": sent + n, "fill": "x" * 500})} for n in range(10)
                ]
                queue.client.send_message_batch(QueueUrl=queue.url, Entries=entries)
                sent += 10
            before, done = done, sent - sum(queue.counts())
            progressed_at = time.monotonic() if done > before else progressed_at
            assert worker.poll() is None, f"the worker ended with {worker.returncode}"
            assert time.monotonic() < progressed_at + STALLED_SECONDS, f"the worker stopped after {done} messages"
            samples += [_resident(worker.pid)] * (done * 200 // messages - len(samples))
            advance(done)
            time.sleep(0.05)
        return Memory(samples=samples, rate=messages / (time.monotonic() - began))
    finally:
        worker.terminate()
        worker.wait(LIMIT)


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the worker is gone")


def main() -> int:
    """The full run; 0 when both bounds are kept."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM cleans up as Ctrl-C does
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=FULL)
    messages = parser.parse_args().messages
    console, sqs = Console(), Sqs()
    try:
        with tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
            task = progress.add_task("memory over many messages", total=messages)
            memory = measure(Path(folder), sqs, messages, lambda done: progress.update(task, completed=done))
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    finally:
        sqs.close()
    console.print(
        f"{messages} messages, {memory.rate:.0f} a second: the parent had at most {memory.maximum:.1f} MiB "
        f"(bound {MAX_MIB:.0f}) and grew by {memory.growth:+.2f} MiB (bound {MAX_GROWTH_MIB:.0f})",
        highlight=False,
    )
    return int(memory.maximum >= MAX_MIB or memory.growth >= MAX_GROWTH_MIB)


if __name__ == "__main__":
    sys.exit(main())
