"""Asks whether running jobs are cancelled, and reports their progress: to the job table, or else to the log."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from worker import logs, progress
from worker.core.events import Follow, Followed, Kind, Message
from worker.job import log_fields
from worker.progress import NoProgressError, Progress

if TYPE_CHECKING:
    from worker.aws.table import JobTable

#: Reports end after so long: a table that is away must not delay the next question.
MAX_SECONDS = 4.0


class Follower:
    """For one thread. `answer` gets what the core must know."""

    def __init__(
        self,
        table: "JobTable | None",
        answer: Callable[[Followed], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._answer, self._clock = table, answer, clock
        #: What was reported last, or could not be read, by message id.
        self._known: dict[str, Progress | str] = {}
        self._failing = False

    def follow(self, follow: Follow, paths: Mapping[str, str]) -> None:
        """`paths`: the files with the jobs' progress, by message id."""
        messages = {message.id: message for message, _ in follow.jobs}
        self._known = {key: value for key, value in self._known.items() if key in messages}
        self._answer(Followed(self._cancelled(follow)))
        end = self._clock() + MAX_SECONDS
        # one that had to wait comes first the next time
        for key in sorted(paths, key=lambda key: key in self._known):
            if self._clock() >= end:
                return
            self._report(messages[key], paths[key])

    def _cancelled(self, follow: Follow) -> frozenset[str]:
        if self._table is None:
            return frozenset()
        try:
            found = self._table.cancelled(message for message, _ in follow.jobs)
        except Exception as error:  # asked again soon
            if not self._failing:
                logs.event("follow_failed", logging.WARNING, error=str(error), consequence="asks again")
            self._failing = True
            return frozenset()
        self._failing = False
        return found

    def _report(self, message: Message, path: str) -> None:
        try:
            found = progress.read(path)
        except NoProgressError as error:
            if self._known.get(message.id) != str(error):
                self._known[message.id] = str(error)
                logs.event("progress_ignored", logging.WARNING, **log_fields(message.job), reason=str(error))
            return
        if found is None or found == self._known.get(message.id):
            return
        if self._table is None:
            logs.event("job_progress", **log_fields(message.job), progress=found.fraction, note=found.note or None)
        elif self._table.progress(message, found).kind is Kind.RETRYABLE:
            return  # again the next time
        self._known[message.id] = found
