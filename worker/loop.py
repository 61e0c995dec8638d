"""The worker's hands: carries out what the core wants, each call in a thread, and tells it what became of it."""

import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from worker import health, logs
from worker.aws.idempotency import Once
from worker.aws.protection import Protection
from worker.aws.sqs import Queue
from worker.config import Config
from worker.core.core import Core
from worker.core.events import (
    Answered,
    Call,
    Claim,
    DeadLetter,
    Delete,
    Denial,
    Event,
    Exit,
    Finish,
    Forget,
    Hide,
    Kill,
    Kind,
    Outcome,
    Protect,
    Protected,
    Receive,
    Received,
    Start,
)
from worker.core.receiving import MOST_RECEIVES
from worker.core.settling import MOST_CALLS, messages
from worker.inbox import Inbox
from worker.jobs.slots import Slots
from worker.metrics import Metrics

#: Seconds between signs of life, when nothing happens.
TICK = 5.0


class Lane:
    """Threads for one kind of call, as many as the core makes at once: no call waits behind another kind's."""

    def __init__(self, name: str, threads: int) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Have it done soon, in one of the threads."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()


class Loop:
    """One inbox, in which signals, answers and ended jobs arrive, and the core that heeds them in turn."""

    def __init__(
        self,
        config: Config,
        inbox: Inbox,
        queue: Queue,
        *,
        protection: Protection | None = None,
        once: Once | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._config, self._inbox, self._queue = config, inbox, queue
        self._protection, self._once, self._metrics = protection, once, metrics
        self._answers: dict[type[Call], Callable[[Any], Answered]] = {
            Hide: queue.hide,
            Delete: queue.delete,
            DeadLetter: queue.dead_letter,
        }
        if once:
            self._answers |= {Claim: once.claim, Finish: once.finish, Forget: once.forget}
        self._slots = Slots(config.concurrency, [sys.executable, "-m", "worker.jobs.child"], config.grace, inbox)
        self._core = Core(config, self._observe, epoch=time.time() - time.monotonic())
        self._receives = Lane("receive", MOST_RECEIVES)
        self._urgent = Lane("extend", MOST_CALLS)
        self._calls = Lane("settle", MOST_CALLS)
        self._claims = Lane("claims", 1)
        self._agent = Lane("protection", 1)
        self._lines: list[str] = []
        self._shown_at, self._stuck = -math.inf, False

    def run(self) -> int:
        """Work until the core says that nothing is left to do; the process's exit code."""
        self._slots.open()  # the children import the handler while the agent is asked
        try:
            return self._serve()
        finally:
            self._slots.close()
            self._log()
            if self._metrics:
                self._metrics.flush(time.monotonic(), last=True)
            logs.event("stopped")

    def _serve(self) -> int:
        events: list[Event] = []
        while True:
            now = time.monotonic()
            actions = self._core.on(now, *events)
            self._log()
            for action in actions:
                if isinstance(action, Exit):
                    return action.code
                self._do(action)
            self._show(now)
            events = self._inbox.get(min(TICK, max(0.0, self._core.wake_at(now) - now)))

    def _log(self) -> None:
        """Write what was observed since the last time: before anything is done about it, and in few writes."""
        if self._lines:
            logs.write(self._lines)
            self._lines.clear()

    def _observe(self, name: str, level: int = logging.INFO, /, **fields: Any) -> None:
        self._lines.append(logs.told(name, level, **fields))
        if self._metrics:
            self._metrics.observe(name, level, **fields)

    def _show(self, now: float) -> None:
        if self._metrics and now >= self._metrics.due:
            self._metrics.flush(now)
        if now < self._shown_at + TICK:
            return
        self._shown_at, stuck = now, self._core.stuck(now)
        if stuck and not self._stuck:
            logs.event("stuck", logging.ERROR, consequence="the health check turns bad")
        self._stuck = stuck
        if self._config.health_file and not stuck:
            health.touch(self._config.health_file)

    def _do(self, action: Receive | Call | Protect | Start | Kill) -> None:
        match action:
            case Start(slot, job):
                self._slots.start(slot, job)
            case Kill(slot):
                self._slots.kill(slot)
            case Receive():
                self._receives.submit(lambda: self._receive(action))
            case Protect():
                self._agent.submit(lambda: self._protect(action))
            case Hide(urgent=True):
                self._urgent.submit(lambda: self._call(action))
            case _:
                self._calls.submit(lambda: self._call(action))

    # -- in the lanes' threads: whatever goes wrong there is an answer, or the core would wait for it forever

    def _receive(self, receive: Receive) -> None:
        asked_at = time.monotonic()
        try:
            event = self._queue.receive(receive)
        except Exception:
            event = Received(receive, asked_at, error=traceback.format_exc())
        self._inbox.put(event)

    def _protect(self, protect: Protect) -> None:
        asked_at = time.monotonic()
        try:
            if self._protection is None:
                raise RuntimeError("there is no agent to ask")  # noqa: TRY301 - answered as any other surprise
            event = self._protection.ask(protect)
        except Exception:
            event = Protected(protect, asked_at, Denial.REFUSED, traceback.format_exc())
        self._inbox.put(event)

    def _call(self, call: Call) -> None:
        asked_at = time.monotonic()
        try:
            answer = self._answers[type(call)](call)
        except Exception:
            outcome = Outcome(Kind.TROUBLE, traceback.format_exc())
            answer = Answered(call, asked_at, {message.handle: outcome for message in messages(call)})
        self._inbox.put(answer)
        if isinstance(call, Hide) and call.urgent:
            self._claims.submit(lambda: self._extend_claims(call, answer))

    def _extend_claims(self, call: Hide, answer: Answered) -> None:
        """Let the idempotency store's claims end with the leases."""
        for message, seconds in call.entries if self._once else ():
            outcome, until = answer.outcomes.get(message.handle), answer.asked_at + seconds
            if self._once and outcome and outcome.kind is Kind.OK and time.monotonic() < until:
                self._once.extend(message, until)
