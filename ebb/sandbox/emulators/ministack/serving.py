"""Serves an application on the socket that Server hands to its child process."""

import asyncio
import logging
from typing import Any

from hypercorn.asyncio import serve as run
from hypercorn.config import Config


def serve(socket_fd: int, app: Any) -> None:
    """Serve an ASGI application on this listening socket until SIGTERM."""
    config = Config()
    config.bind = [f"fd://{socket_fd}"]
    config.keep_alive_timeout = 75  # seconds, as MiniStack's own launcher sets
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").disabled = True
    asyncio.run(run(app, config))
