"""Runs the core's calls, each in a thread, and gives their results to the core."""

import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from worker import health, logs
from worker.config import Config
from worker.core.core import Core
from worker.core.events import (
    Answered,
    Call,
    ChangeVisibility,
    Claim,
    DeadLetter,
    Delete,
    Denial,
    Event,
    Exit,
    Finish,
    Follow,
    Kill,
    Kind,
    Notify,
    Observe,
    Outcome,
    Protect,
    Protected,
    Receive,
    Received,
    Release,
    RequestStop,
    Start,
)
from worker.core.receiving import MAX_RECEIVES
from worker.core.settling import MAX_CALLS
from worker.follower import Follower
from worker.inbox import Inbox
from worker.jobs.slots import Slots

if TYPE_CHECKING:
    from worker.aws.event_bus import EventBus
    from worker.aws.protection import EcsAgent
    from worker.aws.table import JobTable
    from worker.metrics import Metrics

#: Maximum time between two signs of life, and between two checks of the slots.
TICK_SECONDS = 5.0
REPEAT_SECONDS = 60.0


class MessageQueue(Protocol):
    """Where messages come from: worker.aws.sqs.Queue, or the one message of `--once`."""

    def receive(self, receive: Receive) -> Received:
        """Receive messages."""

    def change_visibility(self, change: ChangeVisibility) -> Answered:
        """Make messages visible again later."""

    def delete(self, delete: Delete) -> Answered:
        """Delete messages."""

    def dead_letter(self, dead: DeadLetter) -> Answered:
        """Copy a message to the dead-letter queue."""


class Lane:
    """Threads for one kind of call, as many as the core makes at once: no call waits behind another kind's."""

    def __init__(self, name: str, threads: int) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work` soon, in one of the threads."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()


class Loop:
    """One inbox for signals, answers and ended jobs, and the core that handles them in turn."""

    def __init__(
        self,
        config: Config,
        inbox: Inbox,
        queue: MessageQueue,
        *,
        agent: "EcsAgent | None" = None,
        table: "JobTable | None" = None,
        events: "EventBus | None" = None,
        metrics: "Metrics | None" = None,
        observe: Observe | None = None,
    ) -> None:
        """`observe` gets every event that the core logs."""
        self._config, self._inbox, self._queue = config, inbox, queue
        self._agent, self._table, self._metrics, self._observer = agent, table, metrics, observe
        self._calls: dict[type[Call], Callable[[Any], Answered]] = {
            ChangeVisibility: queue.change_visibility,
            Delete: queue.delete,
            DeadLetter: queue.dead_letter,
        }
        if table:
            self._calls |= {Claim: table.claim, Finish: table.finish, Release: table.release}
        if events:
            self._calls |= {Notify: events.notify}
        self._slots = Slots(config.concurrency, [sys.executable, "-m", "worker.jobs.child"], config.short_grace, inbox)
        self._core = Core(config, self._observe, epoch=time.time() - time.monotonic())
        self._receive_lane = Lane("receive", MAX_RECEIVES)
        self._extend_lane = Lane("extend", MAX_CALLS)
        self._settle_lane = Lane("settle", MAX_CALLS)
        self._table_lane = Lane("table", MAX_CALLS)
        self._claim_lane = Lane("claim", 1)
        self._follow_lane = Lane("follow", 1)
        self._follower = Follower(table, inbox.put)
        self._protect_lane = Lane("protect", 1)
        self._lines: list[str] = []
        self._alive_at = self._reported_at = -math.inf

    def run(self) -> int:
        """Work until the core ends; the process's exit code."""
        self._slots.open()  # the children import the handler while the agent answers
        try:
            return self._serve()
        finally:
            self._slots.close()
            self._log()
            if self._metrics:
                self._metrics.flush(time.monotonic(), last=True)
            logs.event("stopped")
            logs.OUTPUT.flush()

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
            self._tick(now)
            events = self._inbox.get(min(TICK_SECONDS, max(0.0, self._core.next_time(now) - now)))

    def _log(self) -> None:
        """Write the events since the last time: before the actions that follow from them, and in few writes."""
        if self._lines:
            logs.write(self._lines)
            self._lines.clear()

    def _observe(self, name: str, level: int = logging.INFO, /, **fields: Any) -> None:
        self._lines.append(logs.format_event(name, level, **fields))
        if self._metrics:
            self._metrics.observe(name, level, **fields)
        if self._observer:
            self._observer(name, level, **fields)

    def _tick(self, now: float) -> None:
        if self._metrics and now >= self._metrics.due:
            self._metrics.flush(now)
        if now < self._alive_at + TICK_SECONDS:
            return
        self._slots.check()
        self._alive_at, problem = now, self._core.problem(now)
        if problem and now >= self._reported_at + REPEAT_SECONDS:
            self._reported_at = now
            logs.event("stuck", logging.ERROR, reason=problem, consequence="the health check fails soon")
        if self._config.health_file and not problem:
            health.touch(self._config.health_file)

    def _do(self, action: Receive | Call | Follow | Protect | Start | RequestStop | Kill) -> None:
        match action:
            case Start(slot, job):
                self._slots.start(slot, job)
            case RequestStop(slot):
                self._slots.request_stop(slot)
            case Kill(slot, grace):
                self._slots.kill(slot, grace)
            case Receive():
                self._receive_lane.submit(lambda: self._receive(action))
            case Protect():
                self._protect_lane.submit(lambda: self._protect(action))
            case ChangeVisibility(urgent=True):
                self._extend_lane.submit(lambda: self._call(action))
            case Claim() | Finish() | Release() | Notify():
                self._table_lane.submit(lambda: self._call(action))
            case Follow(jobs):
                found = {message.id: self._slots.progress_path(slot) for message, slot in jobs if slot is not None}
                paths = {key: path for key, path in found.items() if path}
                self._follow_lane.submit(lambda: self._follow(action, paths))
            case _:
                self._settle_lane.submit(lambda: self._call(action))

    # -- in the lanes' threads: an exception becomes an answer, because the core would wait for one forever

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
            if self._agent is None:
                raise RuntimeError("there is no ECS agent")  # noqa: TRY301 - answered like every other exception
            event = self._agent.protect(protect)
        except Exception:
            event = Protected(protect, asked_at, Denial.UNAVAILABLE, traceback.format_exc())
        self._inbox.put(event)

    def _follow(self, follow: Follow, paths: dict[str, str]) -> None:
        try:
            self._follower.follow(follow, paths)
        except Exception:  # of a report: the core has its answer by then
            logs.event("follow_failed", logging.ERROR, error=traceback.format_exc())

    def _call(self, call: Call) -> None:
        asked_at = time.monotonic()
        try:
            answer = self._calls[type(call)](call)
        except Exception:
            outcome = Outcome(Kind.RETRYABLE, traceback.format_exc())
            answer = Answered(call, asked_at, {message.handle: outcome for message in call.messages})
        self._inbox.put(answer)
        if self._table and isinstance(call, ChangeVisibility) and call.urgent:
            table = self._table
            self._claim_lane.submit(lambda: self._extend_claims(table, call, answer))

    def _extend_claims(self, table: "JobTable", call: ChangeVisibility, answer: Answered) -> None:
        """Let the claims in the job table end with the leases."""
        for message, seconds in call.entries:
            outcome, until = answer.outcomes.get(message.handle), answer.asked_at + seconds
            if outcome and outcome.kind is Kind.OK and time.monotonic() < until:
                table.extend(message, until)
