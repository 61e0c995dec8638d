"""MiniStack's SQS that outlives `kill -9`, as SQS does: what it has answered it still knows.

MiniStack by itself writes its state down only when it ends in order. Run as a module (`PORT JOURNAL`), this one appends
what each call has changed to a journal before the call is answered, and begins with what the journal says.
What it has seen of a FIFO queue's deduplication ids it forgets.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as BotoConfig

from tests.helpers.waiting import LIMIT, until


class Journal:
    """What the queues hold, as lines of JSON: a queue, a message as it is now, or a message that is gone."""

    def __init__(self, path: Path, queues: Any) -> None:
        self._queues = queues
        #: By queue and message id, what of a message may change.
        self._known: dict[tuple[Any, ...], dict[str, tuple[Any, ...]]] = {}
        restored: dict[tuple[Any, ...], dict[str, Any]] = {}
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # a last line without its end is torn
        for line in lines:
            key, kind, value = json.loads(line)
            match kind:
                case "queue":
                    restored[tuple(key)] = value | {"messages": {}}
                case "put":
                    restored[tuple(key)]["messages"][value["id"]] = value
                case "gone":
                    restored[tuple(key)]["messages"].pop(value)
        for scoped, queue in restored.items():
            queues.set_scoped(*scoped, queue | {"messages": list(queue["messages"].values())})
        whole = path.with_suffix(".new")
        self._file = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        self.note()
        whole.rename(path)

    def note(self) -> None:
        """Write down what has changed since the last time, in one write."""
        lines: list[Any] = []
        for key, queue in self._queues.all_items():
            if key not in self._known:
                lines.append((key, "queue", {name: value for name, value in queue.items() if name != "messages"}))
            old, new = self._known.get(key, {}), {}
            for message in queue["messages"]:
                state = (message["visible_at"], message["receipt_handle"], message["receive_count"])
                new[message["id"]] = state
                if old.get(message["id"]) != state:
                    lines.append((key, "put", message))
            lines += [(key, "gone", identity) for identity in old.keys() - new.keys()]
            self._known[key] = new
        if lines:
            os.write(self._file, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


class Emulator:
    """The process: it can be killed, started again with its state, and frozen."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "sqs.journal"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.start()
        session = boto3.Session("test", "test", region_name="us-east-1")
        options = BotoConfig(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
        #: Straight to the emulator, past any proxy; tries once.
        self.client: Any = session.client("sqs", endpoint_url=f"http://127.0.0.1:{self.port}", config=options)

    def start(self) -> None:
        """Start it, with its state; returns once it answers, and leaves nothing behind when it does not."""
        options = {"GATEWAY_PORT": str(self.port), "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "ERROR"}
        argv = [sys.executable, "-m", "tests.chaos.emulator", str(self.port), str(self._journal)]
        self.process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], env=os.environ | options)
        try:
            until(self._answers)
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the emulator ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(LIMIT)

    def freeze(self) -> None:
        """From now on connections are accepted, by the kernel, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End what freeze() began."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self.kill()


def main() -> None:
    """Serve until killed."""
    port, path = sys.argv[1:]
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app
    from ministack.services import sqs

    journal, dispatch = Journal(Path(path), sqs._queues), sqs._dispatch
    sqs._rebuild_queue_name_index()

    async def noted(*arguments: Any) -> Any:
        try:
            return await dispatch(*arguments)
        finally:
            journal.note()

    sqs._dispatch = noted
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75  # seconds, as MiniStack's own launcher sets
    config.loglevel = "ERROR"
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
