"""The worker's pure core. Input: events and the time. Output: the calls to make. It has no clock and makes no call.

Each message is an `InFlight`. After every event the core does all that can be done now. A lost answer, a slow call,
a crash and a SIGTERM all take this path. The tests try them in virtual time.
"""

import logging
import math
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from worker.config import Config
from worker.core.backoff import backoff
from worker.core.capacity import Capacity
from worker.core.endings import Ending, attempt_ending, shown
from worker.core.events import (
    Action,
    Answered,
    ChangeVisibility,
    Ended,
    Event,
    Exit,
    Followed,
    Kill,
    Kind,
    Lost,
    NotStarted,
    Observe,
    Outcome,
    Protected,
    Ready,
    Received,
    RequestStop,
    Start,
    Starting,
    StopRequested,
)
from worker.core.following import Following
from worker.core.in_flight import MAX_WAIT_SECONDS, InFlight, State
from worker.core.lease import STOP_BEFORE_SECONDS, Lease
from worker.core.messages import Messages
from worker.core.receiving import Receiving
from worker.core.settling import RETRY_PAUSE_SECONDS, Settling
from worker.core.shutdown import Shutdown
from worker.job import Verdict

#: Nothing is received while more messages than this, and those of the slots, are in flight.
MAX_UNSETTLED = 20
NO_ANSWER = Outcome(Kind.RETRYABLE, "no answer about this message")


class Core:
    """Decides what the worker does. `epoch` is the Unix time at which the clock was 0."""

    def __init__(
        self,
        config: Config,
        observe: Observe,
        *,
        epoch: float = 0.0,
        jitter: Callable[[float, float], float] = random.uniform,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._config, self._observe, self._epoch, self._jitter = config, observe, epoch, jitter
        self._messages = Messages(observe)
        self._capacity = Capacity(config, observe, jitter)
        self._receiving = Receiving(config, new_id, jitter)
        self._settling = Settling(config, observe, jitter)
        self._following = Following(config.speed)
        self._shutdown = Shutdown(config)
        self._exited = False

    @property
    def busy(self) -> int:
        """The number of running jobs."""
        return self._messages.busy

    def problem(self, now: float) -> str | None:
        """Why this worker is unhealthy, if it is."""
        if self._receiving.stuck(now):
            return "a receive has neither an answer nor an error"
        return self._capacity.problem(now, busy=self.busy)

    def on(self, now: float, *events: Event) -> list[Action]:
        """Record the events, if any, and return what to do now."""
        for event in events:
            self._record(now, event)
        if not self._shutdown and (code := self._capacity.hopeless(now)):
            self._shutdown.leave(code)
        return list(self._actions(now))

    def next_time(self, now: float) -> float:
        """When to call `on` again at the latest, if no event comes first."""
        receiving = self._receiving
        stop = self._shutdown
        times = [receiving.next_at, receiving.collect_until, stop.finish_by, stop.leave_by, stop.give_up_at]
        times.append(self._following.next_at)
        times += self._capacity.times()
        times += [item.next_check for item in self._messages]
        return min([time for time in times if time > now], default=math.inf)

    def _record(self, now: float, event: Event) -> None:
        match event:
            case Starting() | Ready() | Lost() | Protected():
                self._capacity.record(now, event)
            case NotStarted():
                self._on_not_started(now, event)
            case Ended():
                self._on_ended(now, event)
            case Received():
                self._on_received(now, event)
            case Answered():
                self._on_answered(now, event)
            case Followed(cancelled):
                self._following.answered()
                for item in map(self._messages.of, cancelled):
                    if item:
                        item.cancelled = item.always_due = True
            case StopRequested():
                self._shutdown.signalled(now)
                self._observe("stopping", running=self.busy)

    def _on_not_started(self, now: float, event: NotStarted) -> None:
        self._capacity.children.untaken(now, event.slot, event.error)
        if item := self._messages.in_slot(event.slot):
            self._observe("job_not_started", logging.WARNING, error=event.error, **item.log_fields)
            item.wait(now)

    def _on_received(self, now: float, event: Received) -> None:
        self._receiving.answered(now, event)
        if event.error is not None:
            self._observe("receive_failed", logging.ERROR, error=event.error)
        for message in event.messages:
            lease = Lease(event.asked_at, self._config.lease)
            self._messages.received(now, message, lease)

    def _on_ended(self, now: float, event: Ended) -> None:
        self._capacity.ended(now, event)
        item = self._messages.in_slot(event.slot)
        if item is None:
            return
        item.slot, item.always_due = None, True
        pause = backoff(item.message.job.attempt, self._config.backoff_base, self._config.backoff_cap, self._jitter)
        stopped = item.ending if not event.alive else None
        if event.result.verdict is Verdict.UNABLE and not stopped:  # this worker would use up its receives
            pause = max(pause, self._config.start_timeout)
        ending, delay, details = attempt_ending(event.result, stopped, pause, stopping=item.stop_requested)
        item.result = None if stopped else event.result
        if not self._settling.table:
            details |= shown(event.result)
        self._capacity.judged(now, item.message.id, ending, event.result if not stopped else None)
        self._settle(now, item, ending, delay=delay, **details)

    def _on_answered(self, now: float, event: Answered) -> None:
        call = event.call
        extension = isinstance(call, ChangeVisibility) and call.urgent
        self._settling.answered(event)
        for message in call.messages:
            item = self._messages.of(message.id)
            if item is None or item.call is not call:
                continue
            item.call, item.always_due = None, True
            outcome = event.outcomes.get(message.handle, NO_ANSWER)
            if outcome.kind is Kind.RETRYABLE:
                name = "extension_failed" if extension else "call_failed"
                self._observe(name, logging.WARNING, error=outcome.error, **item.log_fields)
            if item.newer and item.returns:
                self._messages.renew(now, item)
            elif isinstance(call, ChangeVisibility) and call.urgent:
                seconds = next(seconds for entry, seconds in call.entries if entry is message)
                retry_at = now + self._jitter(0.5, 1) * RETRY_PAUSE_SECONDS
                item.extended(event.asked_at, seconds, outcome, retry_at)
            elif item.state is State.WAITING:
                self._claimed(now, item, outcome)
            elif not self._settling.step_done(now, item, outcome):
                self._messages.drop(now, item, Ending.LEASE_LOST)
            elif not item.steps and item.ending:
                self._messages.drop(now, item, item.ending)

    def _claimed(self, now: float, item: InFlight, outcome: Outcome) -> None:
        if outcome.kind is Kind.FINISHED and not item.newer:
            item.job = outcome.job
            self._settle(now, item, Ending.SKIPPED)
        elif outcome.kind is Kind.CANCELLED and not item.newer:
            self._settle(now, item, Ending.CANCELLED)
        elif outcome.kind is Kind.TAKEN and not item.newer:
            reason = "another worker has the job"
            self._settle(now, item, Ending.GIVEN_BACK, delay=outcome.seconds, taken=True, reason=reason)
        else:
            self._settling.claim_done(now, item, outcome)

    def _actions(self, now: float) -> Iterator[Action]:
        # Most messages need nothing at any one time, and checking them all would take longer than the rest.
        everyone = bool(self._shutdown)
        due = [item for item in self._messages if item.always_due or item.next_check <= now or everyone]
        yield from (Kill(slot, self._config.short_grace) for slot in self._capacity.overdue(now))
        if self._shutdown.finish_by < math.inf:
            yield from self._request_stops(self._messages)
        for item in due:
            yield from self._stop_or_drop(now, item)
        due = [item for item in due if item in self._messages]
        waiting = [item for item in due if item.state is State.WAITING]
        active = any(item.state is not State.SETTLING for item in self._messages)
        if not self._shutdown and (protect := self._capacity.protection.request(now, active=active)):
            yield protect
        if any(item.lease.due <= now for item in due):
            yield from self._settling.extensions(now, self._messages)
        yield from self._settling.settlements(now, due, self._shutdown.leave_by)
        if follow := self._following.due(now, self._messages, active=active):
            yield follow
        for item in waiting:
            if item.state is State.WAITING and self._capacity.free and self._may_start(now, item):
                yield self._start(now, item)
        for item in due:
            item.schedule(now)
        room = len(self._messages) < self._config.concurrency + MAX_UNSETTLED
        if not self._shutdown and self._capacity.may_receive(now, active=active) and room:
            free = self._capacity.room - sum(item.needs_slot for item in due)
            yield from self._receiving.due(now, free, busy=active)
        yield from self._exit(now)

    def _request_stops(self, items: Iterable[InFlight]) -> Iterator[RequestStop]:
        for item in items:
            if item.state is State.RUNNING and item.slot is not None and not item.stop_requested:
                item.stop_requested = True
                yield RequestStop(item.slot)

    def _stop_or_drop(self, now: float, item: InFlight) -> Iterator[RequestStop | Kill]:
        """Stop a job, drop a message or give it back, if it may not continue."""
        if item.slot is not None:
            ending = item.must_stop(now, self._shutdown.finish_by)
            if ending and (item.state is State.RUNNING or (ending.lost and item.ending and not item.ending.lost)):
                if ending is Ending.CANCELLED:
                    yield from self._request_stops([item])
                item.state, item.ending = State.STOPPING, ending
                yield Kill(item.slot, self._config.short_grace if ending.lost else self._config.grace)
            elif ending is Ending.CANCELLED and item.ending and not item.ending.lost:
                item.ending = ending  # it is being stopped for another reason
        elif item.call is None and not item.lease.held(now):
            self._messages.drop(now, item, item.lease_ending)
        elif item.state is State.WAITING and item.call is None and item.cancelled:
            self._settle(now, item, Ending.CANCELLED)
        elif item.state is State.WAITING and item.call is None and self._no_receive(now):
            self._give_back_useless(now, item)

    def _give_back_useless(self, now: float, item: InFlight) -> None:
        """Give a message back that this worker cannot do now: another one may."""
        first = not self.busy and next(other for other in self._messages if other.needs_slot) is item
        reason = "the worker stops" if self._shutdown else self._capacity.refusal(first=first)
        if not reason and not self._capacity.free and now >= item.waits_since + MAX_WAIT_SECONDS:
            reason = "no process could take it"
        if reason:
            self._settle(now, item, Ending.GIVEN_BACK, reason=reason)

    def _no_receive(self, now: float) -> bool:
        """Whether no receive in flight can get a message that is given back now."""
        return self._receiving.idle or now >= self._shutdown.finish_by

    def _may_start(self, now: float, item: InFlight) -> bool:
        claimed = item.claimed or not self._settling.table
        able = self._capacity.may_start(now, busy=bool(self.busy))
        return able and claimed and not self._shutdown and now < item.lease.stop_at

    def _start(self, now: float, item: InFlight) -> Start:
        item.state, item.slot = State.RUNNING, self._capacity.free.pop()
        item.limit_at = now + (self._config.job_timeout or math.inf)
        deadline = min(item.limit_at, item.lease.end - STOP_BEFORE_SECONDS)
        job = replace(item.message.job, deadline=deadline + self._epoch)
        sent_at = item.message.sent_at
        waited = round(max(0.0, now + self._epoch - sent_at), 3) if sent_at else None
        self._observe("job_started", **item.log_fields, waited=waited)
        return Start(item.slot, job, deadline)

    def _settle(self, now: float, item: InFlight, ending: Ending, *, delay: float = 0.0, **details: Any) -> None:
        if ending is Ending.GIVEN_BACK:
            delay = max(delay, self._shutdown.receives_end(now))
        self._settling.begin(item, ending, delay=delay, **details)
        if not item.steps:
            self._messages.drop(now, item, ending)

    def _exit(self, now: float) -> Iterator[Action]:
        if not self._shutdown or self._exited:
            return
        done = not self._messages and self._receiving.idle and self._settling.idle
        if not done and now < self._shutdown.give_up_at:
            return
        if self._messages:
            self._observe("gave_up", logging.WARNING, message_ids=self._messages.ids)
        self._exited = True
        yield Exit(self._shutdown.code)
