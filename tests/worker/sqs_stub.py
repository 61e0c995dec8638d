"""A queue of the worker on an endpoint that gives planned answers, and the messages that tests send."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import botocore.config

from tests.helpers.waiting import LIMIT
from tests.worker.configs import URL, config
from tests.worker.harness import TestQueue
from worker.aws.sqs import Queue
from worker.config import Config
from worker.core.events import (
    Kind,
    Message,
    Outcome,
)
from worker.job import Job

OK = Outcome(Kind.OK)


def sqs_client(endpoint: str) -> Any:
    options = botocore.config.Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client("sqs", endpoint_url=endpoint, config=options)


def sqs_config(url: str = URL, dead: str = URL + "-dead") -> Config:
    return config(
        queue_url=url, dead_letter_url=dead, visibility_timeout=30, stop_timeout=30, backoff_base=0, backoff_cap=0
    )


def queue_of(queue: TestQueue) -> Queue:
    return Queue(sqs_config(queue.url, queue.dead.url), queue.client, queue.client, queue.client, clock=lambda: 7.0)


def message_of(number: int = 0, **changes: Any) -> Message:
    return Message(job=Job(id=f"id-{number}", body="body"), handle=f"handle-{number}", **changes)


def all_messages(queue: TestQueue) -> list[dict[str, Any]]:
    return list(
        queue.client.receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
    )


class Stub:
    """An endpoint that gives the planned answers, each a status and a body (None: cuts the connection)."""

    def __init__(self) -> None:
        self.plan: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append((self.headers["X-Amz-Target"].partition(".")[2], body))
                status, answer = stub.plan.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.client = client = sqs_client(self.endpoint)
        # its clock counts requests
        self.queue = Queue(sqs_config(), client, client, client, clock=lambda: float(len(self.asked)))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LIMIT)


def error_answer(code: str, message: str = "no") -> dict[str, str]:
    return {"__type": f"com.amazonaws.sqs#{code}", "message": message}
