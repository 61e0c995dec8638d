"""The worker's mind: told what happened and what time it is, it says what to do. It makes no call and has no clock.

Receive, protect, claim, start, extend, settle: each message goes through these as a `Held`, and after every event
all that can be done now is done. So a lost answer, a slow call, a crash and a SIGTERM all take the same path, and tests
drive it through any of them in virtual time.
"""

import logging
import math
import os
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from worker.config import Config
from worker.core.events import (
    Action,
    Answered,
    Denial,
    Ended,
    Event,
    Exit,
    Hide,
    Kill,
    Kind,
    Outcome,
    Protected,
    Ready,
    Received,
    Start,
    StopRequested,
)
from worker.core.in_flight import Ending, Held, State
from worker.core.lease import STOP_BEFORE, Lease, backoff
from worker.core.protection import Guard
from worker.core.receiving import Receiving
from worker.core.settling import CALL_LIMIT, PAUSE, Settling, messages
from worker.core.shutdown import Leaving
from worker.job import Verdict

#: Messages still to be settled at the most, beside those of the slots: beyond them nothing is received.
BACKLOG = 20
#: Seconds without a child that imports the handler, after which the worker is stuck.
UNFIT = 300
UNANSWERED = Outcome(Kind.TROUBLE, "no answer about this message")


class Observe(Protocol):
    """Is told what happened, as `logs.event` is."""

    def __call__(self, name: str, level: int = logging.INFO, /, **fields: Any) -> None:
        """Take note of an event and its fields."""


class Core:
    """Decides. `epoch` is the Unix time at which the clock was 0."""

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
        self._store = config.once_table is not None
        self._held: dict[str, Held] = {}
        #: Slots that can take a job; the last freed is the next used, as its child is warm.
        self._free: list[int] = []
        #: Slots whose first child has not imported the handler yet.
        self._opening = set(range(config.concurrency))
        self._receiving = Receiving(config, new_id, jitter)
        self._settling = Settling(store=self._store, fifo=config.fifo, jitter=jitter)
        self._guard = Guard(config)
        self._leaving = Leaving(config)
        self._started = self._gone = False
        #: When a slot was last free or at work; first, when the worker began.
        self._fit_until = math.inf

    # -- what is asked from outside

    @property
    def busy(self) -> int:
        """Jobs that run."""
        return sum(one.state in {State.RUNNING, State.STOPPING} for one in self._held.values())

    def stuck(self, now: float) -> bool:
        """Whether a receive should have been heard of long ago, or no child has been fit for a job for as long."""
        return self._receiving.stuck(now) or (not self._fit and now > self._fit_until + UNFIT)

    @property
    def _fit(self) -> bool:
        return bool(self._free or self.busy)

    def on(self, now: float, *events: Event) -> list[Action]:
        """Take note of what happened, if anything did but that time passed; what to do about it."""
        for event in events:
            self._note(now, event)
        if self._fit or math.isinf(self._fit_until):
            self._fit_until = now
        return list(self._actions(now))

    def wake_at(self, now: float) -> float:
        """When `on` must be called again at the latest, if nothing happens until then."""
        receiving = self._receiving
        times = [receiving.next_at, receiving.gather_until, self._leaving.finish_by, self._leaving.give_up_at]
        times += [one.look_at for one in self._held.values()]
        return min([time for time in times if time > now], default=math.inf)

    # -- events

    def _note(self, now: float, event: Event) -> None:
        match event:
            case Ready():
                self._on_ready(event)
            case Ended():
                self._on_ended(now, event)
            case Received():
                self._on_received(now, event)
            case Answered():
                self._on_answered(now, event)
            case Protected():
                self._on_protected(event)
            case StopRequested():
                self._leaving.signalled(now)
                self._observe("stopping", running=self.busy)

    def _on_ready(self, event: Ready) -> None:
        if event.error is None:
            self._opening.discard(event.slot)
            # Its child may have died while idle: then the slot is free already, or a new child has the job.
            if not self._at(event.slot) and event.slot not in self._free:
                self._free.append(event.slot)
            return
        self._observe("handler_broken", logging.ERROR, error=event.error, traceback=event.traceback)
        if not self._started:
            self._leaving.because(os.EX_CONFIG)

    def _on_received(self, now: float, event: Received) -> None:
        self._receiving.answered(now, event)
        if event.error is not None:
            self._observe("receive_failed", logging.ERROR, error=event.error)
        for message in event.messages:
            lease = Lease(event.asked_at, self._config.visibility_timeout)
            known = self._held.get(message.job.id)
            if known is None:
                self._held[message.job.id] = Held(message=message, lease=lease, received_at=now)
            else:
                known.newer, known.restless = (message, lease), True
                if known.call is None:
                    self._renew(now, known)

    def _on_ended(self, now: float, event: Ended) -> None:
        if event.alive:
            self._free.append(event.slot)
        one = self._at(event.slot)
        if one is None:
            return
        one.slot, one.restless = None, True
        result, wanted = event.result, one.ending
        pause = backoff(one.message.job.attempt, self._config.backoff_base, self._config.backoff_cap, self._jitter)
        if result.verdict is Verdict.DONE:
            self._settle(now, one, Ending.DONE)
        elif wanted and not event.alive:  # it was killed, and that is how it ended
            self._settle(now, one, wanted, delay=pause if wanted is Ending.TIMED_OUT else 0)
        elif result.verdict is Verdict.RETRY:
            after = pause if result.after is None else result.after
            self._settle(now, one, Ending.RETRIED, delay=after, reason=result.reason)
        elif result.verdict is Verdict.REJECT:
            self._settle(now, one, Ending.REJECTED, delay=pause, reason=result.reason)
        else:
            details = {"error": result.reason, "traceback": result.traceback}
            self._settle(now, one, Ending.FAILED, delay=pause, **details)

    def _on_answered(self, now: float, event: Answered) -> None:
        self._settling.answered(event)
        for message in messages(event.call):
            one = self._held.get(message.job.id)
            if one is None or one.call is not event.call:
                continue
            one.call, one.restless = None, True
            outcome = event.outcomes.get(message.handle, UNANSWERED)
            if outcome.kind is Kind.TROUBLE:
                name = "extension_failed" if isinstance(event.call, Hide) and event.call.urgent else "call_failed"
                self._observe(name, logging.WARNING, error=outcome.error, **_names(one))
            if one.newer and one.hides:
                self._renew(now, one)
            elif isinstance(event.call, Hide) and event.call.urgent:
                seconds = next(seconds for entry, seconds in event.call.entries if entry is message)
                self._extended(now, one, event.asked_at, seconds, outcome)
            elif one.state is State.WAITING:
                self._claimed(now, one, outcome)
            elif not self._settling.step_done(now, one, outcome):
                self._drop(now, one, Ending.LEASE_LOST)
            elif not one.steps and one.ending:
                self._drop(now, one, one.ending)

    def _renew(self, now: float, one: Held) -> None:
        """Go on under the newest receive. What was being hidden is a new attempt: SQS may have let it go before."""
        if one.newer and one.hides and one.ending:
            message, lease = one.newer
            self._drop(now, one, one.ending)
            self._held[message.job.id] = Held(message=message, lease=lease, received_at=now)
        else:
            one.renew()

    def _extended(self, now: float, one: Held, asked_at: float, seconds: int, outcome: Outcome) -> None:
        if one.newer:
            one.renew()
        elif outcome.kind is Kind.OK:
            one.lease.extend(asked_at, seconds)
        elif outcome.kind is Kind.TROUBLE:
            one.lease.due = now + self._jitter(0.5, 1) * PAUSE
        else:
            one.lease.lost = True

    def _claimed(self, now: float, one: Held, outcome: Outcome) -> None:
        if one.newer:
            one.renew()
        elif outcome.kind is Kind.OK:
            one.claimed = True
        elif outcome.kind is Kind.FINISHED:
            self._settle(now, one, Ending.SKIPPED)
        elif outcome.kind is Kind.TAKEN:
            self._settle(now, one, Ending.GIVEN_BACK, delay=outcome.seconds, reason="another worker is at it")
        else:
            self._settling.try_again(now, one)

    def _on_protected(self, event: Protected) -> None:
        self._guard.answered(event)
        if event.denial is None and event.error is None:
            return
        if event.protect.minutes == 0 and not event.protect.proof:
            self._observe("release_failed", logging.WARNING, error=event.error)
        elif event.denial is Denial.BLOCKED:
            self._observe("deployment_blocked", reason=event.error)
            self._leaving.because(os.EX_OK)
        else:
            self._observe(
                "protection_refused", logging.ERROR, reason=event.error, consequence="nothing more is received"
            )
            self._leaving.because(os.EX_UNAVAILABLE)

    # -- what is to be done now

    def _actions(self, now: float) -> Iterator[Action]:
        # Most of what is held is at rest at any one time, and to look at it would take longer than all the rest.
        everyone = bool(self._leaving)
        due = [one for one in self._held.values() if one.restless or one.look_at <= now or everyone]
        yield from filter(None, [self._watch(now, one) for one in due])
        due = [one for one in due if self._held.get(one.message.job.id) is one]
        waiting = [one for one in due if one.state is State.WAITING]
        idle = self._receiving.dry and not self._held
        if not self._leaving and (protect := self._guard.wanted(now, waiting=bool(waiting), idle=idle)):
            self._receiving.dry = False  # one try to release it for each time that the queue turns out empty
            yield protect
        if any(one.lease.due <= now for one in due):
            yield from self._settling.extensions(now, self._held.values())
        yield from self._settling.settlements(now, due)
        for one in waiting:
            if one.state is State.WAITING and self._free and self._may_start(now, one):
                yield self._start(now, one)
        for one in due:
            self._rest(now, one)
        if not self._leaving and self._begun() and self._free and len(self._held) < self._config.concurrency + BACKLOG:
            free = len(self._free) - sum(one.needs_slot for one in due)
            active = any(one.state is not State.SETTLING for one in self._held.values())
            yield from self._receiving.wanted(now, free, busy=active)
        yield from self._exit(now)

    def _rest(self, now: float, one: Held) -> None:
        """It has been looked at: say when to look again. What is ready for a call waits for one of others to end."""
        lease = one.lease
        times = [lease.due, lease.deadline - CALL_LIMIT, lease.deadline, lease.stop_at, one.limit_at, one.retry_at]
        one.look_at = min([time for time in times if time > now], default=math.inf)
        ready = one.call is None and (lease.due <= now or (one.state is State.SETTLING and one.retry_at <= now))
        one.restless = ready or one.needs_slot

    def _watch(self, now: float, one: Held) -> Kill | None:
        """End what may not go on."""
        if one.state is State.RUNNING:
            ending = self._must_stop(now, one)
            if ending and one.slot is not None:
                one.state, one.ending = State.STOPPING, ending
                return Kill(one.slot)
        elif one.state is not State.STOPPING and one.call is None and not one.lease.held(now):
            self._drop(now, one, Ending.JOB_LIMIT if one.lease.last and not one.lease.lost else Ending.LEASE_LOST)
        elif one.state is State.WAITING and one.call is None and self._leaving and self._none_comes(now):
            # Tasks that are blocked one after the other must not use up a good job's attempts.
            again = self._leaving.blocked and one.message.job.attempt > 1
            self._settle(now, one, Ending.GIVEN_BACK, delay=self._config.backoff_cap if again else 0)
        return None

    def _none_comes(self, now: float) -> bool:
        """Whether what is given back cannot come straight back, by a receive that is still in flight."""
        return self._receiving.idle or now >= self._leaving.finish_by

    def _must_stop(self, now: float, one: Held) -> Ending | None:
        if one.lease.lost or now >= one.lease.stop_at:
            return Ending.JOB_LIMIT if one.lease.last and not one.lease.lost else Ending.LEASE_LOST
        if now >= one.limit_at:
            return Ending.TIMED_OUT
        return Ending.GIVEN_BACK if now >= self._leaving.finish_by else None

    def _at(self, slot: int) -> Held | None:
        return next((one for one in self._held.values() if one.slot == slot), None)

    def _may_start(self, now: float, one: Held) -> bool:
        return self._guard.covers(now) and self._ours(one) and not self._leaving and now < one.lease.stop_at

    def _ours(self, one: Held) -> bool:
        return one.claimed or not self._store

    def _start(self, now: float, one: Held) -> Start:
        one.state, one.slot = State.RUNNING, self._free.pop()
        one.limit_at = now + (self._config.job_timeout or math.inf)
        deadline = min(one.limit_at, one.lease.end - STOP_BEFORE)
        job = replace(one.message.job, deadline=deadline + self._epoch)
        waited = round(max(0.0, now + self._epoch - one.message.sent_at), 3) if one.message.sent_at else None
        self._observe("job_started", **_names(one), waited=waited)
        return Start(one.slot, job, deadline)

    def _settle(self, now: float, one: Held, ending: Ending, *, delay: float = 0.0, **details: Any) -> None:
        one.settle(ending, store=self._store, delay=delay, **details)
        if not one.steps:
            self._drop(now, one, ending)

    def _drop(self, now: float, one: Held, ending: Ending) -> None:
        """Nothing more is to be said to SQS about this message."""
        del self._held[one.message.job.id]
        level = logging.INFO if ending.regular else logging.WARNING
        intended = one.ending if one.ending is not ending else None
        duration = round(now - one.received_at, 3)
        self._observe(ending, level, **_names(one), duration=duration, intended=intended, **one.details)

    # -- leaving

    def _begun(self) -> bool:
        """Whether protection can be had and each slot's child has imported the handler."""
        if not self._started and self._guard.proved and not self._opening:
            self._started = True
            self._observe("started", queue_url=self._config.queue_url, concurrency=self._config.concurrency)
        return self._started

    def _exit(self, now: float) -> Iterator[Action]:
        if not self._leaving or self._gone:
            return
        done = not self._held and self._receiving.idle and self._settling.idle
        if not done and now < self._leaving.give_up_at:
            return
        if self._held:
            self._observe("gave_up", logging.WARNING, message_ids=list(self._held))
        self._gone = True
        yield Exit(self._leaving.code)


def _names(one: Held) -> dict[str, Any]:
    job: Any = one.message.job
    return {"message_id": job.id, "attempt": job.attempt, "group": job.group, "trace": job.trace}
