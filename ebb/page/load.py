"""Jobs at a steady rate, for the sandbox: the page's slider."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from ebb.errors import UserError

MAX_JOBS_A_MINUTE = 120


class Load:
    """Sends jobs in a thread while the rate is above zero. A job that cannot be sent is reported in the state."""

    def __init__(self, send: Callable[[str], object]) -> None:
        self._send = send
        self._condition = threading.Condition()
        self._rate, self._body = 0, ""
        self._thread: threading.Thread | None = None
        self._sent, self._problem = 0, ""

    def set(self, jobs_a_minute: int, body: str) -> None:
        """Change the rate: jobs in a real minute. Zero ends the thread."""
        with self._condition:
            self._rate, self._body, self._problem = jobs_a_minute, body, ""
            self._condition.notify_all()
            if jobs_a_minute and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="page-load", daemon=True)
                self._thread.start()

    def state(self) -> dict[str, Any]:
        """The rate, the jobs that were sent, and why the last one was not."""
        with self._condition:
            return {
                "jobs_a_minute": self._rate,
                "most": MAX_JOBS_A_MINUTE,
                "sent": self._sent,
                "problem": self._problem,
            }

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._rate:
                    self._thread = None
                    return
                rate, body = self._rate, self._body
            problem = ""
            try:
                self._send(body)
            except UserError as error:
                problem = str(error)
            with self._condition:
                self._problem = problem
                self._sent += not problem
                # another rate begins at once, with a job
                self._condition.wait_for(partial(self._changed, rate), 60 / rate)

    def _changed(self, rate: int) -> bool:
        return self._rate != rate
