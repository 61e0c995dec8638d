"""`python -m worker` runs jobs of the queue until SIGTERM; `python -m worker --once job.json` runs one without a queue.

`python -m worker --check` runs none: it looks whether this container could.

Exit codes of a worker (worker/run_once.py and worker/check.py have the others):
- 0: stopped by a signal.
- 69 (EX_UNAVAILABLE): no task protection, no credentials or no job table, after minutes of requests.
- 78 (EX_CONFIG): bad settings, or no process could import the handler.
"""

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from worker import config, health, logs, signals
from worker.inbox import Inbox
from worker.jobs.descendants import FAMILY
from worker.variables import ConfigError

if TYPE_CHECKING:
    from worker.aws.event_bus import EventBus
    from worker.aws.sqs import Queue
    from worker.aws.table import JobTable

    Connected = tuple[Queue, JobTable | None, EventBus | None]

#: Longest pauses before the next try when AWS refuses the first calls: after the first, and after any.
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0


def main(arguments: list[str]) -> int:
    """Run the worker; its exit code."""
    if arguments == ["--check"]:
        from worker import check  # noqa: PLC0415

        return check.main()
    if arguments:
        from worker import run_once  # noqa: PLC0415

        return run_once.main(arguments)
    logs.setup()
    FAMILY.adopt()
    inbox = Inbox()
    signals.listen(inbox)
    try:
        settings = config.read(os.environ)
    except ConfigError as error:
        logs.event("bad_settings", logging.ERROR, error=str(error))
        return os.EX_CONFIG
    if settings.health_file and (problem := health.unwritable(settings.health_file)):
        logs.event("bad_settings", logging.ERROR, error=problem)
        return os.EX_CONFIG
    # Process 1 of a container does not get a SIGTERM before it listens, and these imports take a while.
    from worker.aws.protection import EcsAgent  # noqa: PLC0415
    from worker.loop import Loop  # noqa: PLC0415
    from worker.metrics import Metrics  # noqa: PLC0415

    connected = _connect(settings, inbox)
    if isinstance(connected, int):
        return connected
    queue, table, events = connected
    agent = EcsAgent(settings.agent_uri) if settings.agent_uri and settings.protection else None
    if agent is None:
        reason = "EBB_PROTECTION is off" if settings.agent_uri else "ECS_AGENT_URI is not set: this is not an ECS task"
        logs.event("no_protection", reason=reason)
    metrics = Metrics(settings.queue_url.rpartition("/")[2], logs.line) if settings.metrics else None
    return Loop(settings, inbox, queue, agent=agent, table=table, events=events, metrics=metrics).run()


def _connect(settings: config.Config, inbox: Inbox) -> "Connected | int":
    """Make the first calls to AWS, again and again for `start_timeout`. An exit code if there is no use in going on."""
    from worker.aws.clients import ClientSetupError, CredentialsError  # noqa: PLC0415
    from worker.aws.table import JobTableError  # noqa: PLC0415
    from worker.core.backoff import backoff  # noqa: PLC0415

    give_up_at, attempt = time.monotonic() + settings.start_timeout, 0
    while True:
        attempt += 1
        try:
            return _clients(settings)
        except (CredentialsError, JobTableError) as error:
            name = "no_credentials" if isinstance(error, CredentialsError) else "table_refused"
            last = time.monotonic() >= give_up_at
            consequence = "the worker ends" if last else "receives nothing; asks again"
            logs.event(name, logging.ERROR if last else logging.WARNING, reason=str(error), consequence=consequence)
            if last:
                return os.EX_UNAVAILABLE
        except ClientSetupError as error:
            logs.event("bad_settings", logging.ERROR, error=str(error))
            return os.EX_CONFIG
        pause = backoff(attempt, FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
        if inbox.get(min(pause, max(0.0, give_up_at - time.monotonic()))):  # a signal
            logs.event("stopped")
            return os.EX_OK


def _clients(settings: config.Config) -> "Connected":
    """The queue, and the job table and the event bus if there are any. Raises ClientSetupError, JobTableError."""
    from worker.aws import clients  # noqa: PLC0415
    from worker.aws.event_bus import EventBus  # noqa: PLC0415
    from worker.aws.sqs import Queue  # noqa: PLC0415
    from worker.aws.table import JobTable  # noqa: PLC0415
    from worker.core.receiving import MAX_RECEIVES, READ_MARGIN_SECONDS  # noqa: PLC0415
    from worker.core.settling import MAX_CALLS  # noqa: PLC0415

    queue = Queue(
        settings,
        polling=clients.sqs(
            settings.region, connections=MAX_RECEIVES, read_seconds=settings.wait + READ_MARGIN_SECONDS
        ),
        urgent=clients.sqs(settings.region, connections=MAX_CALLS),
        settle=clients.sqs(settings.region, connections=MAX_CALLS),
    )
    if not settings.job_table:
        return queue, None, None
    # each lane that uses the table has its own connections
    client = clients.dynamodb(settings.region, connections=MAX_CALLS + 2)
    table = JobTable(settings.job_table, client, keep=settings.keep_seconds, retention=settings.retention_seconds)
    table.check()
    if not settings.events:
        return queue, table, None
    bus = clients.events(settings.region, connections=MAX_CALLS)
    return queue, table, EventBus(bus, settings.queue_url.rpartition("/")[2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
