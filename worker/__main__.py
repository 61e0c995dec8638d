"""`python -m worker`: reads the settings, makes the clients, and works until SIGTERM.

Exit codes: 0 asked to stop, or a deployment has no room for this task; 69 (EX_UNAVAILABLE) no task protection or no
idempotency store to be had; 78 (EX_CONFIG) bad settings or handler.
"""

import logging
import os
import sys
from typing import Any

from worker import config, logs, signals
from worker.core.settling import CONNECT_TIMEOUT, MOST_CALLS, READ_TIMEOUT
from worker.inbox import Inbox


def main() -> int:
    """Run the worker; its exit code."""
    logs.setup()
    inbox = Inbox()
    signals.listen(inbox)
    try:
        settings = config.read(os.environ)
    except config.SettingsError as error:
        logs.event("bad_settings", logging.ERROR, error=str(error))
        return os.EX_CONFIG
    # Only now, as these take a while: as process 1 of its container it would not hear a SIGTERM that came before.
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    from worker.aws.idempotency import Once, OnceError  # noqa: PLC0415
    from worker.aws.protection import Protection  # noqa: PLC0415
    from worker.aws.sqs import Queue  # noqa: PLC0415
    from worker.core.receiving import MOST_RECEIVES, READ_MARGIN  # noqa: PLC0415
    from worker.loop import Loop  # noqa: PLC0415
    from worker.metrics import Metrics  # noqa: PLC0415

    try:
        polling = client(settings, "sqs", settings.wait + READ_MARGIN, MOST_RECEIVES)
        quick = [client(settings, "sqs", READ_TIMEOUT, MOST_CALLS) for _ in ("urgent", "settle")]
        store = client(settings, "dynamodb", READ_TIMEOUT, 2 * MOST_CALLS) if settings.once_table else None
    except (BotoCoreError, ValueError) as error:  # an AWS_PROFILE that does not exist, an endpoint that is no URL
        logs.event("bad_settings", logging.ERROR, error=f"AWS's clients cannot be made: {error}")
        return os.EX_CONFIG
    queue = Queue(settings, polling, *quick)
    once = None
    if settings.once_table:
        once = Once(settings.once_table, settings.once_seconds, store)
        try:
            once.prove()
        except OnceError as error:
            logs.event("store_refused", logging.ERROR, reason=str(error), consequence="nothing is received")
            return os.EX_UNAVAILABLE
    protection = Protection(settings.agent_uri) if settings.agent_uri and settings.protection else None
    if protection is None:
        reason = "EBB_PROTECTION is off" if settings.agent_uri else "ECS_AGENT_URI is not set: this is not an ECS task"
        logs.event("no_protection", reason=reason)
    queue_name = settings.queue_url.rpartition("/")[2]
    metrics = Metrics(queue_name, logs.line) if settings.metrics else None
    return Loop(settings, inbox, queue, protection=protection, once=once, metrics=metrics).run()


def client(settings: config.Config, service: str, read_timeout: int, connections: int) -> Any:
    """A client that tries once: the worker retries itself, by the clock of its lease."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    options = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
        parameter_validation=False,  # our calls are the same few, and it takes a tenth of their time
        max_pool_connections=connections,
    )
    session: Any = boto3.Session(region_name=settings.region)
    return session.client(service, config=options)


if __name__ == "__main__":
    sys.exit(main())
