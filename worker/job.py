"""A job as the handler sees it, and what became of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Job:
    """One message of the queue, as given to `handle`."""

    #: SQS's message id: the same at each attempt.
    id: str
    body: str
    #: Message attributes by name: text and numbers as str, binary ones as bytes.
    attributes: Mapping[str, str | bytes] = field(default_factory=dict)
    #: 1 at the first attempt. SQS counts what it handed out, so an attempt that never ran counts too.
    attempt: int = 1
    #: The message group of a FIFO queue.
    group: str | None = None

    def json(self) -> Any:
        """The body as JSON; raises ValueError, which fails the attempt, when it is not."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the child reports: the handler imported (no job_id), or one job's attempt; without an error it went well."""

    job_id: str | None = None
    error: str | None = None
    traceback: str | None = None
