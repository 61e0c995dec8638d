"""`python -m worker`: reads the settings, makes the clients, and works until SIGTERM.

Exit codes: 0 asked to stop; 69 (EX_UNAVAILABLE) no task protection to be had; 78 (EX_CONFIG) bad settings or handler.
"""

import logging
import os
import sys
from typing import Any

from worker import config, logs
from worker.stop import Stop

#: Seconds above a receive's wait in which its answer must come: together less than config.LEAST_VISIBILITY.
READ_MARGIN = 5
#: Seconds to connect, and to wait for the answer of a call about a message: a hung one must not outlive the lease.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 5


def main() -> int:
    """Run the worker; its exit code."""
    logs.setup()
    stop = Stop()
    stop.on_signals()
    try:
        settings = config.read(os.environ)
    except config.SettingsError as error:
        logs.event("bad_settings", logging.ERROR, error=str(error))
        return os.EX_CONFIG
    # Only now, as these take a while: as process 1 of its container it would not hear a SIGTERM that came before.
    from worker.loop import Worker  # noqa: PLC0415
    from worker.protection import Protection  # noqa: PLC0415
    from worker.runner import Runner  # noqa: PLC0415
    from worker.sqs import Queue  # noqa: PLC0415

    polling, quick = client(settings, settings.wait + READ_MARGIN), client(settings, READ_TIMEOUT)
    queue = Queue(settings.queue_url, settings.visibility_timeout, polling, quick)
    return Worker(settings, queue, Protection(settings.agent_uri), Runner(settings.grace), stop).run()


def client(settings: config.Config, read_timeout: int) -> Any:
    """An SQS client that tries once: the worker retries itself, by the clock of its lease."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    once = {"total_max_attempts": 1}
    options = Config(connect_timeout=CONNECT_TIMEOUT, read_timeout=read_timeout, retries=once, tcp_keepalive=True)
    return boto3.client("sqs", region_name=settings.region, config=options)


if __name__ == "__main__":
    sys.exit(main())
