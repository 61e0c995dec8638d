"""The worker: one job after the other, until it is asked to stop."""

import logging
import os
import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from worker import logs
from worker.config import Config
from worker.lease import Heartbeat, Lease, backoff
from worker.protection import BlockedError, Protection, ProtectionError
from worker.runner import Runner
from worker.sqs import TROUBLE, LeaseLostError, Message, Queue
from worker.stop import Stop

#: Seconds between receives that failed, at the most, and between tries of a call about a message.
RECEIVE_PAUSE, CALL_PAUSE = 20, 1


class Ending(StrEnum):
    """How an attempt at a job ended; the values are the events that are logged."""

    DONE = "job_done"
    FAILED = "job_failed"
    GIVEN_BACK = "job_given_back"
    LEASE_LOST = "lease_lost"
    JOB_LIMIT = "job_limit"


class Worker:
    """Receives, protects, works, settles. It never leaves because it is idle: ECS would start another at once."""

    def __init__(
        self,
        config: Config,
        queue: Queue,
        protection: Protection,
        runner: Runner,
        stop: Stop,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._queue, self._protection = config, queue, protection
        self._runner, self._stop, self._clock = runner, stop, clock

    def run(self) -> int:
        """Work until asked to stop; the process's exit code."""
        try:
            self._runner.open()  # imports the handler while the agent is asked
            self._protection.prove()
            if not self._handler_ready():
                return os.EX_CONFIG
            logs.event("started", queue_url=self._config.queue_url)
            self._serve()
        except BlockedError as error:
            logs.event("deployment_blocked", reason=str(error))
        except ProtectionError as error:
            logs.event("protection_refused", logging.ERROR, reason=str(error), consequence="nothing more is received")
            return os.EX_UNAVAILABLE
        finally:
            self._runner.close()
        logs.event("stopped")
        return os.EX_OK

    def _handler_ready(self) -> bool:
        while not self._stop.requested:
            if result := self._runner.receive(self._stop, RECEIVE_PAUSE):
                if result.error:
                    logs.event("handler_broken", logging.ERROR, error=result.error, traceback=result.traceback)
                return not result.error
        return True

    def _serve(self) -> None:
        failures, wait = 0, self._config.wait
        while not self._stop.requested:
            try:
                message = self._queue.receive(wait)
            except TROUBLE as error:
                failures += 1
                logs.event("receive_failed", logging.ERROR, error=str(error))
                self._stop.wait(backoff(failures, 1, RECEIVE_PAUSE))
                continue
            failures = 0
            if message:
                self._work(message)
                wait = 0  # is there more? If not the protection goes at once, not after a long poll
            else:
                self._protection.release()
                wait = self._config.wait

    def _work(self, message: Message) -> None:
        job, lease = message.job, Lease(message.asked_at, self._queue.visibility_timeout)
        began = self._clock()
        ending, details = Ending.GIVEN_BACK, dict[str, Any]()
        try:
            if not self._stop.requested:
                with Heartbeat(self._queue, message, lease, self._stop, self._clock):
                    self._protection.protect()
                    logs.event("job_started", message_id=job.id, attempt=job.attempt, group=job.group)
                    ending, details = self._attempt(message, lease)
        finally:
            # The heartbeat has ended: nothing can undo what is said to SQS from here on.
            if ending is Ending.DONE and not self._insist(lease, lambda: self._queue.delete(message)):
                ending = Ending.LEASE_LOST
            elif ending is Ending.FAILED:
                delay = backoff(job.attempt, self._config.backoff_base, self._config.backoff_cap)
                details["retry_in"] = self._hide(message, lease, delay)
            elif ending is Ending.GIVEN_BACK:
                self._hide(message, lease, 0)
            level = logging.INFO if ending in {Ending.DONE, Ending.GIVEN_BACK} else logging.WARNING
            duration = round(self._clock() - began, 3)
            known = {"message_id": job.id, "attempt": job.attempt, "group": job.group, "duration": duration}
            logs.event(ending, level, **known, **details)

    def _attempt(self, message: Message, lease: Lease) -> tuple[Ending, dict[str, Any]]:
        """Have the child do the job, for as long as the lease is held and a stop allows."""
        self._runner.send(message.job)
        while True:
            now, finish_by = self._clock(), self._stop.finish_by(self._config.drain)
            if lease.lost or now >= lease.stop_at:
                self._runner.close()
                return (Ending.JOB_LIMIT if lease.last and not lease.lost else Ending.LEASE_LOST), {}
            if now >= finish_by:
                self._runner.close()
                return Ending.GIVEN_BACK, {}
            result = self._runner.receive(self._stop, min(lease.stop_at, finish_by) - now)
            if result and result.error:
                return Ending.FAILED, {"error": result.error, "traceback": result.traceback}
            if result and result.job_id:
                return Ending.DONE, {}

    def _hide(self, message: Message, lease: Lease, delay: float) -> int | None:
        seconds = lease.pause(self._clock(), delay)
        return seconds if self._insist(lease, lambda: self._queue.hide(message, seconds)) else None

    def _insist(self, lease: Lease, call: Callable[[], None]) -> bool:
        """Make the call until it is answered, for as long as the lease is held; whether it was."""
        while lease.held(self._clock()):
            try:
                call()
            except LeaseLostError:
                return False
            except TROUBLE as error:
                logs.event("call_failed", logging.WARNING, error=str(error))
                self._stop.wait(CALL_PAUSE * random.uniform(0.5, 1))  # noqa: S311 - jitter
            else:
                return True
        return False
