"""`python -m bench.api`: how fast the API takes jobs, compared with plain boto3.

The API is deployed to the sandbox, once without and once with a job table. Clients call it over HTTP. Others call SQS
by boto3's SendMessage, in the same run. The figures are those of the sandbox on this machine, not AWS's: they compare
the ways.
Each accepted job must be in the queue exactly once.
"""

import http.client
import itertools
import json
import math
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from ebb.project import ROOT, configuration
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.engine import in_environment
from ebb.sandbox.deploy.fallback import InProcess
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.local_account import localize
from ebb.sandbox.provider.aws import Aws

STACK = "sandbox"
CLIENTS = (1, 16, 64)
#: No client waits for the API's own limits.
UNLIMITED = {"rate_limit": 1e6, "burst_limit": 1_000_000}
ACCEPTED = 202
#: The attribute of a message with the job's id, where there is a job table.
JOB_ID = "EbbJobId"
#: Messages of one receive (SQS API, ReceiveMessage).
RECEIVED = 10
#: Seconds in which one answer must come.
LIMIT = 120

#: Sends the job with this number. Returns the id that the caller gets.
Send = Callable[[int], str]
#: Connects a client.
Way = Callable[[], AbstractContextManager[Send]]


class BenchError(Exception):
    """A job was refused, lost or sent twice."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Requests a second, and the seconds that half and 99 % of the requests took at most."""

    pace: float
    p50: float
    p99: float


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    requests: Annotated[int, typer.Option(min=1, help="Requests of each row of the table.")] = 500,
    clients: Annotated[
        list[int] | None, typer.Option(min=1, help="A number of clients, once for each. Default: 1, 16 and 64.")
    ] = None,
) -> None:
    """Compare the API's requests a second and times with those of boto3's SendMessage, on the sandbox.

    \b
    make bench-api                          500 requests a row, some three minutes
    python -m bench.api --requests 2223     20,000 requests in the nine rows, some ten minutes
    """
    numbers = clients or CLIENTS
    rows: dict[int, dict[str, Figures]] = {number: {} for number in numbers}
    try:
        for table in (False, True):
            for number, found in measure(table=table, clients=numbers, requests=requests).items():
                rows[number] |= found
    except BenchError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print("\n".join(table_lines(rows)))
    print(f"\n{requests:,} requests a row, and each accepted job was in the queue exactly once;")
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}.")


def measure(*, table: bool, clients: Sequence[int], requests: int) -> dict[int, dict[str, Figures]]:
    """The figures of each way to send a job, by the number of clients. Raises BenchError."""
    found: dict[int, dict[str, Figures]] = {}
    with Region() as region, in_environment(region.environment()):
        # no task runs here, so none can check the image
        overrides = {
            "ebb:api": UNLIMITED,
            "ebb:jobs": {"keep_days": 1} if table else {},
            "ebb:worker": {"check": False},
        }
        config = configuration(STACK, overrides)
        images = Images(region, instead=WORKER)
        stack = InProcess(Aws(region.client), images, ROOT, STACK, localize(config, region.region))
        stack.up()
        outputs = stack.outputs()
        ways: dict[str, Way] = {"POST /jobs, job table" if table else "POST /jobs": lambda: posting(outputs["api_url"])}
        if not table:
            ways = {"boto3 SendMessage": lambda: sending(region.client("sqs"), outputs["queue_url"]), **ways}
        for number, (name, way) in itertools.product(clients, ways.items()):
            ids, figures = drive(way, number, requests)
            check(ids, received(region.client("sqs"), outputs["queue_url"]), name)
            found.setdefault(number, {})[name] = figures
    return found


@contextmanager
def sending(client: Any, queue_url: str) -> Iterator[Send]:
    """A client of SQS."""
    yield lambda number: str(client.send_message(QueueUrl=queue_url, MessageBody=_body(number))["MessageId"])


@contextmanager
def posting(api_url: str) -> Iterator[Send]:
    """A client of the API, with one connection."""
    url = urlsplit(api_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=LIMIT)

    def send(number: int) -> str:
        connection.request("POST", f"{url.path}/jobs", _body(number), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != ACCEPTED:
            raise BenchError(f"The API answered {answer.status} to job {number}: {text.decode(errors='replace')}")
        body = json.loads(text)
        return str(body.get("id") or body["messageId"])

    with closing(connection):
        yield send


def _body(number: int) -> str:
    return json.dumps({"number": number})


def drive(way: Way, clients: int, requests: int) -> tuple[list[str], Figures]:
    """The ids of the jobs that the clients sent at the same time, and the figures."""
    numbers = iter(range(requests))  # `next` of a range is one step of the interpreter, so no number is given twice

    def client(_: int) -> list[tuple[str, float]]:
        calls = []
        with way() as send:
            for number in numbers:
                began = time.perf_counter()
                calls.append((send(number), time.perf_counter() - began))
        return calls

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        calls = [call for of in pool.map(client, range(clients)) for call in of]
        seconds = time.perf_counter() - began
    times = sorted(took for _, took in calls)
    figures = Figures(pace=len(calls) / seconds, p50=percentile(times, 50), p99=percentile(times, 99))
    return [job for job, _ in calls], figures


def percentile(values: Sequence[float], percent: float) -> float:
    """The least of the sorted values that so many per cent do not exceed."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]


def received(client: Any, queue_url: str) -> list[str]:
    """The ids of the jobs in the queue, which is empty afterwards."""
    found: list[str] = []
    options = {"QueueUrl": queue_url, "MaxNumberOfMessages": RECEIVED, "WaitTimeSeconds": 0}
    while messages := client.receive_message(**options, MessageAttributeNames=["All"]).get("Messages"):
        for message in messages:
            own = message.get("MessageAttributes", {}).get(JOB_ID)
            found.append(own["StringValue"] if own else message["MessageId"])
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        client.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    return found


def check(sent: Sequence[str], found: Sequence[str], name: str) -> None:
    """Raises BenchError unless each id is in the queue exactly once, and no other."""
    missing, more = Counter(sent) - Counter(found), Counter(found) - Counter(sent)
    if missing or more:
        raise BenchError(
            f"{name}: of {len(sent)} jobs {missing.total()} are not in the queue, {more.total()} too often."
        )


def table_lines(rows: dict[int, dict[str, Figures]]) -> list[str]:
    """The table, in Markdown."""
    lines = ["| clients | | requests/s | p50, ms | p99, ms |", "|---|---|---|---|---|"]
    for number, ways in rows.items():
        for name, figures in ways.items():
            times = " | ".join(f"{seconds * 1000:,.1f}" for seconds in (figures.p50, figures.p99))
            lines.append(f"| {number} | {name} | {figures.pace:,.0f} | {times} |")
    return lines


if __name__ == "__main__":
    app(prog_name="python -m bench.api")
