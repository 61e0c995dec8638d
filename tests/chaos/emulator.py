"""MiniStack's SQS with a state that survives `kill -9`, as that of SQS does.

MiniStack itself saves its state only when it ends in order. Run as a module (`SOCKET_FD JOURNAL`), this one appends
the changes of each call to a journal, before the answer. It starts with the state of the journal. It forgets the
deduplication ids of FIFO queues.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as BotoConfig

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.server import Server
from ebb.sandbox.emulators.ministack.serving import serve


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
        self._folder = folder
        self.port = 0
        self.start()
        keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        options = BotoConfig(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
        #: Straight to the emulator, past any proxy; tries once.
        self.client: Any = boto3.client("sqs", endpoint_url=self._server.endpoint, config=options, **keys)

    def start(self) -> None:
        """Start it with its state, on the same port; returns once it answers."""
        journal = self._folder / "sqs.journal"
        self._server = Server(self._folder, str(journal), module="tests.chaos.emulator", port=self.port)
        self.port = self._server.port
        try:
            self._server.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """`kill -9`."""
        self._server.kill()

    def freeze(self) -> None:
        """From now on the kernel accepts connections, and nothing is answered."""
        self._server.freeze()

    def thaw(self) -> None:
        """End what freeze() began."""
        self._server.thaw()

    def close(self) -> None:
        """End it."""
        self.kill()


def main() -> None:
    """Serve until killed."""
    socket_fd, path = sys.argv[1:]
    from ministack.app import app
    from ministack.services import sqs

    dispatch = MINISTACK.function(sqs, "_dispatch", "async (action, data, qurl)")
    index = MINISTACK.function(sqs, "_rebuild_queue_name_index", "()")
    journal = Journal(Path(path), sqs._queues)
    index()

    async def noted(*arguments: Any) -> Any:
        try:
            return await dispatch(*arguments)
        finally:
            journal.note()

    vars(sqs).update(_dispatch=noted)
    serve(int(socket_fd), app)


if __name__ == "__main__":
    main()
