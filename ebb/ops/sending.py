"""Sending jobs to a deployed stack: through its API where that lets the caller in, else to its queue."""

import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Protocol

from components.aws_clients import Clients
from components.workflows.submission import MAX_MESSAGE_DELAY
from ebb.ops.api import Answer, Api, ShutError
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack

Through = Literal["api", "queue"]
#: Requests at the same time, and lines that are read for them. Jobs of a FIFO queue keep their order: one at a time.
PARALLEL, CHUNK = 8, 80
#: Messages of one call (SQS API reference, SendMessageBatch).
BATCH = 10
#: Bytes of one call in total (SQS developer guide, "Amazon SQS message quotas").
BATCH_BYTES = 1024 * 1024
#: Tries of a job, and seconds before the second one, which are doubled each time.
TRIES, PAUSE_SECONDS = 4, 1.0
#: Answers after which the same request is sent again: the API asks for fewer requests, and has not sent the job.
_BUSY = (429, 503)
#: Answers that leave open whether the job was sent. With an idempotency key it is sent once.
_UNKNOWN = (409, 500, 502, 504)
#: Status of an accepted job.
_ACCEPTED = 202


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all jobs of a command have. `key`: the idempotency key, of many jobs the beginning of each one's.

    `delay` in seconds; `at` as RFC 3339 says.
    """

    key: str | None = None
    reference: str | None = None
    delay: int | None = None
    at: str | None = None
    group: str | None = None

    def through_api_only(self) -> list[str]:
        """The options that a queue has not."""
        late = self.delay is not None and self.delay > MAX_MESSAGE_DELAY
        given = {"--reference": self.reference, "--at": self.at, f"--delay above {MAX_MESSAGE_DELAY} s": late or None}
        return [name for name, value in given.items() if value is not None]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A job to send: its number, from 1 on, its body, and its idempotency key."""

    number: int
    body: str
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of a line: the job's id and state, or why it was not sent."""

    number: int
    id: str | None = None
    state: str | None = None
    error: str | None = None


class Door(Protocol):
    """A way into the stack. `keyed`: whether a line that has a key can be sent again, and is one job."""

    keyed: bool

    def send(self, lines: Iterable[Line]) -> Iterator[Sent]:
        """Send all lines, and yield what became of each, in order."""


def lines(text: Iterable[str], key: str | None) -> Iterator[Line]:
    """The jobs of JSON lines. Each has a key of the given one and its content, so a part of them can be sent again.

    Equal lines are counted, as they are several jobs. Empty lines are left out.
    """
    seen: Counter[str] = Counter()
    for number, raw in enumerate(text, 1):
        if body := raw.strip():
            digest = hashlib.sha256(body.encode()).hexdigest()[:32]
            seen[digest] += 1
            yield Line(number=number, body=body, key=f"{key}-{digest}-{seen[digest]}" if key else None)


def door(stack: Stack, options: Options, through: Through | None, client: Clients) -> tuple[Door, str]:
    """The way that the jobs take, and why it is not the API. Raises OpsError if there is none with these options."""
    _check(stack, options)
    only = options.through_api_only()
    why = ""
    if through == "queue":
        why = "--through queue"
    elif not stack.api_url:
        why = "the stack has no API"
    elif options.delay is not None and not stack.table_name:
        why = "without a job table the API has no delay"
    else:
        try:
            with refusals():
                api = Api(stack, client)
            api.check()
        except ShutError as error:
            why = f"the API does not let this caller in: {error}"
        else:
            return _ApiDoor(api, stack, options), ""
    if through == "api":
        raise OpsError(f"--through api: {why}.")
    if only:
        raise OpsError(f"{only[0]} goes through the API, and {why}.")
    if options.key and not stack.fifo:
        raise OpsError(f"--key goes through the API, and {why}.")
    if stack.fifo and options.delay is not None:
        raise OpsError(f"A FIFO queue has no delay of a message: --delay goes through the API, and {why}.")
    with refusals():
        return _QueueDoor(client("sqs"), stack, options), why


def _check(stack: Stack, options: Options) -> None:
    """Raises OpsError for options that the stack does not have, or that no request can have."""
    texts = {"--key": options.key, "--reference": options.reference, "--at": options.at, "--group": options.group}
    for name, text in texts.items():
        if text is not None and not (text and text.isascii() and text.isprintable()):
            raise OpsError(f"{name} {text!r}: one or more printable characters of ASCII are needed.")
    needs_table = [*options.through_api_only(), *(["--key"] if options.key and not stack.fifo else [])]
    if stack.fifo and options.group is None:
        raise OpsError(f"The queue of stack {stack.name} is a FIFO queue: each job needs --group.")
    if needs_table and not stack.table_name:
        raise OpsError(
            f"{needs_table[0]} needs the job table: set `ebb:jobs: {{keep_days: 14}}` in the stack's file and run "
            "`pulumi up`."
        )


class _ApiDoor:
    """`POST /jobs`, a request for each job."""

    def __init__(self, api: Api, stack: Stack, options: Options) -> None:
        self._api, self._options, self._table, self._fifo = api, options, bool(stack.table_name), stack.fifo
        self.keyed = self._table or self._fifo

    def send(self, lines: Iterable[Line]) -> Iterator[Sent]:
        """A job is a JSON object."""
        with ThreadPoolExecutor(1 if self._fifo else PARALLEL) as pool:
            source = iter(lines)
            while chunk := list(islice(source, CHUNK)):
                yield from pool.map(self._one, chunk)

    def _one(self, line: Line) -> Sent:
        try:
            if not isinstance(json.loads(line.body), dict):
                return Sent(number=line.number, error="a job is a JSON object; --through queue takes any text")
        except ValueError as error:
            return Sent(number=line.number, error=f"this is no JSON ({error}); --through queue takes any text")
        answer = self._answer(line)
        if isinstance(answer, Answer) and answer.status == _ACCEPTED:
            sent = answer.body["id"] if self._table else answer.body["messageId"]
            return Sent(number=line.number, id=sent, state=answer.body.get("state"))
        return Sent(number=line.number, error=answer.problem if isinstance(answer, Answer) else str(answer))

    def _answer(self, line: Line) -> Answer | OSError:
        headers, answer = self._headers(line), Answer(0, {})
        for tried in range(TRIES):
            try:
                answer = self._api.call("POST", "/jobs", line.body.encode(), **headers)
            except OSError as error:
                if not line.key or tried == TRIES - 1:
                    return error
            else:
                again = (*_BUSY, *_UNKNOWN) if line.key else _BUSY
                if answer.status not in again:
                    return answer
            if tried < TRIES - 1:
                time.sleep(answer.retry_after or PAUSE_SECONDS * 2**tried)
        return answer

    def _headers(self, line: Line) -> dict[str, str]:
        options = self._options
        given = {
            "X_Message_Group_Id": options.group,
            "X_Job_Reference": options.reference,
            "X_Job_At": options.at,
            "X_Job_Delay": None if options.delay is None else str(options.delay),
            "Idempotency_Key": line.key if self._table else None,
            "X_Message_Deduplication_Id": (line.key or str(uuid.uuid4())) if self._fifo and not self._table else None,
        }
        return {name: value for name, value in given.items() if value is not None}


class _QueueDoor:
    """`SendMessageBatch`, up to ten jobs in a call."""

    def __init__(self, sqs: Any, stack: Stack, options: Options) -> None:
        self._sqs, self._stack, self._options, self.keyed = sqs, stack, options, stack.fifo

    def send(self, lines: Iterable[Line]) -> Iterator[Sent]:
        """A job is any text."""
        for batch in _batches(lines):
            yield from self._batch(batch)

    def _batch(self, batch: Sequence[Line]) -> list[Sent]:
        try:
            with refusals():
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._stack.queue_url, Entries=[self._entry(line) for line in batch]
                )
        except OpsError as error:
            return [Sent(number=line.number, error=str(error)) for line in batch]
        ids = {each["Id"]: each["MessageId"] for each in answer.get("Successful", [])}
        errors = {each["Id"]: f"{each['Code']}: {each.get('Message', '')}" for each in answer.get("Failed", [])}
        return [
            Sent(number=line.number, id=ids.get(str(line.number)), error=errors.get(str(line.number))) for line in batch
        ]

    def _entry(self, line: Line) -> dict[str, Any]:
        entry: dict[str, Any] = {"Id": str(line.number), "MessageBody": line.body}
        if self._options.group is not None:
            entry["MessageGroupId"] = self._options.group
        if self._stack.fifo:
            entry["MessageDeduplicationId"] = line.key or str(uuid.uuid4())
        elif self._options.delay is not None:
            entry["DelaySeconds"] = self._options.delay
        return entry


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        own = len(line.body.encode())
        if batch and (len(batch) == BATCH or size + own > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += own
    if batch:
        yield batch
