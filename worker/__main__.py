"""`python -m worker` runs jobs of the queue until SIGTERM; `python -m worker --once job.json` runs one without a queue.

Exit codes of a worker: 0 stopped by a signal; 69 (EX_UNAVAILABLE) no task protection, after minutes of requests, or no
idempotency store; 78 (EX_CONFIG) bad settings, or no process could import the handler. worker/run_once.py has those of
`--once`.
"""

import logging
import os
import sys

from worker import config, health, logs, signals
from worker.inbox import Inbox
from worker.jobs.descendants import FAMILY


def main(arguments: list[str]) -> int:
    """Run the worker; its exit code."""
    if arguments:
        from worker import run_once  # noqa: PLC0415

        return run_once.main(arguments)
    logs.setup()
    FAMILY.adopt()
    inbox = Inbox()
    signals.listen(inbox)
    try:
        settings = config.read(os.environ)
    except config.ConfigError as error:
        logs.event("bad_settings", logging.ERROR, error=str(error))
        return os.EX_CONFIG
    if settings.health_file and (problem := health.unwritable(settings.health_file)):
        logs.event("bad_settings", logging.ERROR, error=problem)
        return os.EX_CONFIG
    # Process 1 of a container does not get a SIGTERM before it listens, and these imports take a while.
    from worker.aws import clients  # noqa: PLC0415
    from worker.aws.idempotency import IdempotencyError, IdempotencyStore  # noqa: PLC0415
    from worker.aws.protection import EcsAgent  # noqa: PLC0415
    from worker.aws.sqs import Queue  # noqa: PLC0415
    from worker.core.receiving import MAX_RECEIVES, READ_MARGIN_SECONDS  # noqa: PLC0415
    from worker.core.settling import MAX_CALLS  # noqa: PLC0415
    from worker.loop import Loop  # noqa: PLC0415
    from worker.metrics import Metrics  # noqa: PLC0415

    store = None
    try:
        queue = Queue(
            settings,
            polling=clients.sqs(
                settings.region, connections=MAX_RECEIVES, read_seconds=settings.wait + READ_MARGIN_SECONDS
            ),
            urgent=clients.sqs(settings.region, connections=MAX_CALLS),
            settle=clients.sqs(settings.region, connections=MAX_CALLS),
        )
        if settings.once_table:
            client = clients.dynamodb(settings.region, connections=2 * MAX_CALLS)
            store = IdempotencyStore(settings.once_table, settings.once_seconds, client)
            store.check()
    except clients.ClientSetupError as error:
        logs.event("bad_settings", logging.ERROR, error=str(error))
        return os.EX_CONFIG
    except IdempotencyError as error:
        logs.event("store_refused", logging.ERROR, reason=str(error), consequence="nothing is received")
        return os.EX_UNAVAILABLE
    agent = EcsAgent(settings.agent_uri) if settings.agent_uri and settings.protection else None
    if agent is None:
        reason = "EBB_PROTECTION is off" if settings.agent_uri else "ECS_AGENT_URI is not set: this is not an ECS task"
        logs.event("no_protection", reason=reason)
    metrics = Metrics(settings.queue_url.rpartition("/")[2], logs.line) if settings.metrics else None
    return Loop(settings, inbox, queue, agent=agent, store=store, metrics=metrics).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
