"""MiniStack in its own process, and queues in it.

Run as a module it is MiniStack without one of its scans. Each receive adds missing fields to messages from SNS, and
looks at the whole queue for that. So a long queue makes it slow. SQS does not, and there is no SNS here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.server import Server
from ebb.sandbox.emulators.ministack.serving import serve

REGION = "us-east-1"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
#: Seconds that a message stays hidden: longer than any run.
VISIBILITY = 300
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Emulator:
    """A running MiniStack."""

    def __init__(self, server: Server) -> None:
        import boto3  # noqa: PLC0415 - the process that is MiniStack need not

        self.endpoint = server.endpoint
        self.process = server.process
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
    with TemporaryDirectory(prefix="ebb-bench-") as folder:
        server = Server(Path(folder), module="bench.worker.emulator")
        try:
            server.wait_until_ready()
            yield Emulator(server)
        finally:
            server.kill()


def main() -> None:
    """Serve until killed."""
    from ministack.app import app  # noqa: PLC0415 - the process that measures need not
    from ministack.services import sqs  # noqa: PLC0415

    MINISTACK.function(sqs, "_ensure_msg_fields", "(m)")
    vars(sqs).update(_ensure_msg_fields=lambda _: None)
    serve(int(sys.argv[1]), app)


if __name__ == "__main__":
    main()
