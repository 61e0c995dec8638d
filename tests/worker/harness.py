"""Real parts for the worker's tests: an SQS emulator in its own process, the worker in its own, and an ECS agent."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import boto3

from ebb.sandbox.emulators.ministack.server import Server
from tests.helpers.waiting import LIMIT, until

WORKER = Path(__file__).parents[2] / "worker"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def wired(endpoint: str) -> dict[str, str]:
    """The variables that lead the worker's own clients to an emulator, as the sandbox sets them."""
    return {"EBB_AWS_ENDPOINT_URL": endpoint, "EBB_AWS_REGION": "us-east-1"}


class Sqs:
    """MiniStack in its own process."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ebb-sqs-")
        self._server = Server(Path(self._folder.name))
        self.endpoint = self._server.endpoint
        self.freeze = self._server.freeze
        try:
            self._server.wait_until_ready()
        except BaseException:
            self.close()
            raise
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def close(self) -> None:
        self._server.kill()
        self._folder.cleanup()

    def queue(self, name: str = "jobs", **attributes: str) -> "TestQueue":
        suffix = ".fifo" if attributes.get("FifoQueue") else ""
        name = f"{name}-{uuid.uuid4().hex[:8]}{suffix}"
        return TestQueue(self.client, self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


class TestQueue:
    """A queue as a test looks at it."""

    __test__ = False

    def __init__(self, client: Any, url: str) -> None:
        self.client, self.url = client, url

    @cached_property
    def dead(self) -> "TestQueue":
        """Its dead-letter queue, of the same kind; made when first asked for."""
        stem, dot, fifo = self.url.rpartition("/")[2].partition(".")
        attributes = {"FifoQueue": "true"} if fifo else {}
        answer = self.client.create_queue(QueueName=f"{stem}-dead{dot}{fifo}", Attributes=attributes)
        return TestQueue(self.client, answer["QueueUrl"])

    @property
    def arn(self) -> str:
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def send(self, body: Any, **arguments: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return str(self.client.send_message(QueueUrl=self.url, MessageBody=text, **arguments)["MessageId"])

    def counts(self) -> tuple[int, int]:
        """Visible, in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(answer[names[0]]), int(answer[names[1]])

    def take(self) -> dict[str, Any] | None:
        """A message that is visible now, as another consumer would get it."""
        answer = self.client.receive_message(QueueUrl=self.url, MessageSystemAttributeNames=["All"])
        return next(iter(answer.get("Messages", [])), None)

    def receives(self) -> int:
        """How often the one message, visible now, has been received before this call."""
        message = until(self.take)
        return int(message["Attributes"]["ApproximateReceiveCount"]) - 1


class Process:
    """`python -m worker` in a folder that is laid out as the image is, with its log read line by line."""

    def __init__(
        self, folder: Path, sqs: Sqs, queue: TestQueue, handler: str | None = None, **environment: str
    ) -> None:
        shutil.copytree(WORKER, folder / "worker", ignore=shutil.ignore_patterns("__pycache__"))
        name = "worker.demo:handle"
        if handler is not None:
            (folder / "jobs.py").write_text(dedent(handler))
            name = "jobs:handle"
        self.folder = folder
        settings = {
            "EBB_HANDLER": name,
            "EBB_QUEUE_URL": queue.url,
            "EBB_DEAD_LETTER_QUEUE_URL": queue.dead.url,
            "EBB_VISIBILITY_TIMEOUT": "30",
            "EBB_STOP_TIMEOUT": "4",
            "EBB_BACKOFF_BASE": "0",
            "EBB_BACKOFF_CAP": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]} | wired(sqs.endpoint) | settings | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            # a line that is not JSON is kept, so that a comparison finds it
            self.lines.append(json.loads(line) if line.startswith("{") else {"event": line})

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") in names]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        until(lambda: len(self.events(event)) >= count or self.process.poll() is not None)
        assert len(self.events(event)) >= count, self.lines
        return self.events(event)[count - 1]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        code = self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def note(self, name: str) -> str:
        """What the handler wrote into a file of that name, once it has."""
        path = self.folder / name
        return until(lambda: path.read_text() if path.exists() else None)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.exit_code()


class Agent:
    """An ECS agent's task-protection endpoint. Each answer comes from `plan` while there is one; else it is yes."""

    def __init__(self) -> None:
        #: What was asked for, with the time.
        self.wishes: list[tuple[float, dict[str, Any]]] = []
        #: Answers to come: an HTTP status and a body.
        self.plan: list[tuple[int, dict[str, Any]]] = []
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                agent.wishes.append((time.time(), wish))
                self.answer(wish)

            def do_GET(self) -> None:
                self.answer({"ProtectionEnabled": False})

            def answer(self, wish: dict[str, Any]) -> None:
                assert self.path == "/v3/task/task-protection/v1/state"
                status, answer = agent.plan.pop(0) if agent.plan else (200, {"protection": wish})
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_port}/v3/task"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def asked(self) -> list[bool]:
        return [wish["ProtectionEnabled"] for _, wish in self.wishes]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LIMIT)
