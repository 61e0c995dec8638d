"""MiniStack in its own process, and queues in it.

Run as a module it is MiniStack without one of its scans: each receive fills in the fields that messages from SNS lack,
message by message of the whole queue, and so takes the longer the queue is. SQS's does not, and here is no SNS.
"""

import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bench.worker.contestants import PROJECT

REGION = "us-east-1"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
#: Seconds within which it listens, and ends.
LIMIT = 30
#: Seconds that a message stays hidden: longer than any run.
VISIBILITY = 300
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Emulator:
    """A running MiniStack."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        import boto3  # noqa: PLC0415 - the process that is MiniStack need not

        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = process
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ACCOUNT["AWS_SECRET_ACCESS_KEY"],
        )

    @contextmanager
    def queue(self, name: str) -> Iterator[str]:
        """A queue of that name; its URL. It is deleted at the end, with what is in it."""
        url = self.client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(VISIBILITY)})["QueueUrl"]
        try:
            yield url
        finally:
            self.client.delete_queue(QueueUrl=url)

    def left(self, url: str) -> int:
        """How many messages are in the queue, in flight or not."""
        answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
        return sum(int(answer[count]) for count in COUNTS)

    def send(self, url: str, bodies: list[str]) -> None:
        """Put messages into the queue, ten a call."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            self.client.send_message_batch(QueueUrl=url, Entries=entries)


@contextmanager
def emulator() -> Iterator[Emulator]:
    """MiniStack on a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
    quiet = subprocess.DEVNULL
    argv = [sys.executable, "-m", "bench.worker.emulator"]
    process = subprocess.Popen(
        argv, cwd=PROJECT, env=os.environ | options, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        end = time.monotonic() + LIMIT
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("MiniStack did not start")
            time.sleep(0.05)
        yield Emulator(port, process)
    finally:
        process.terminate()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


if __name__ == "__main__":
    from ministack.services import sqs

    sqs._ensure_msg_fields = lambda _: None
    runpy.run_module("ministack", run_name="__main__")
