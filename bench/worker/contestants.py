"""Who is compared: how each is started, at which settings, and how its messages are made."""

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
#: The package of what the contestants run.
CONSUMERS = "bench.worker.consumers"
#: Where `make bench-worker` installs the peers.
PEERS = PROJECT / ".venv-bench" / "bin"
BODY = "x" * 200


class Kind(StrEnum):
    """What a contestant is to the comparison."""

    RAW = "raw"
    TUTORIAL = "tutorial"
    PEER = "peer"
    EBB = "ebb"


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A consumer at its settings. `{queue}` in its arguments is the queue's name."""

    name: str
    kind: Kind
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    #: Its own producer, which is given how many messages to send; None: the bench sends `body`.
    producer: tuple[str, ...] | None = None
    body: str = BODY


def ebb(concurrency: int) -> Contestant:
    """The worker, outside ECS and so without task protection."""
    settings = {
        "EBB_HANDLER": f"{CONSUMERS}.handler:handle",
        "EBB_CONCURRENCY": str(concurrency),
        "EBB_VISIBILITY_TIMEOUT": "60",
        "EBB_STOP_TIMEOUT": "4",
        "EBB_BACKOFF_BASE": "0",
        "EBB_BACKOFF_CAP": "0",
    }
    return Contestant(
        name=f"Ebb, EBB_CONCURRENCY={concurrency}",
        kind=Kind.EBB,
        argv=(sys.executable, "-m", "worker"),
        environment=tuple(settings.items()),
    )


def module(python: str, name: str) -> tuple[str, ...]:
    """How one of our modules is run."""
    return (python, "-m", f"{CONSUMERS}.{name}")


def peer(name: str, *argv: str, producer: str | None = None, body: str = BODY) -> Contestant:
    """A consumer of PyPI, from its own virtual environment."""
    return Contestant(
        name=name,
        kind=Kind.PEER,
        argv=(str(PEERS / argv[0]), *argv[1:]),
        producer=module(str(PEERS / "python"), producer) if producer else None,
        body=body,
    )


def celery(name: str, *pool: str) -> Contestant:
    """Celery with what has nothing to do with consuming switched off."""
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return peer(name, "celery", "-A", f"{CONSUMERS}.celery_app", "worker", *quiet, *pool, producer="celery_app")


ALL = (
    Contestant(name="raw boto3 loop", kind=Kind.RAW, argv=module(sys.executable, "raw")),
    Contestant(name="tutorial loop", kind=Kind.TUTORIAL, argv=module(sys.executable, "tutorial")),
    ebb(20),
    ebb(1),
    peer(
        "dramatiq_sqs, 2 processes of 10 threads",
        *("dramatiq", "--processes", "2", "--threads", "10", f"{CONSUMERS}.dramatiq_app"),
        producer="dramatiq_app",
    ),
    celery("Celery, 2 processes", "--pool", "prefork", "--concurrency", "2"),
    celery("Celery, 20 threads", "--pool", "threads", "--concurrency", "20"),
    peer(
        "PyQS, 10 processes",
        *("pyqs", "{queue}", "--concurrency", "10"),
        body=json.dumps({"task": f"{CONSUMERS}.pyqs_app.job", "args": [], "kwargs": {}}),
    ),
)
