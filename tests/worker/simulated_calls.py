"""The calls about messages of a simulated worker: lanes of threads, latencies and faults, as the plan has them."""

import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.worker.fake_sqs_store import SqsError
from tests.worker.faults import CALL_TIMEOUT, Fault
from tests.worker.judge import FAILED, SLOW
from worker.core.events import (
    Answered,
    Call,
    ChangeVisibility,
    Claim,
    DeadLetter,
    Delete,
    Event,
    Finish,
    Follow,
    Followed,
    Kind,
    Message,
    Notify,
    Outcome,
    Received,
    Release,
)
from worker.core.in_flight import MAX_WAIT_SECONDS
from worker.core.settling import MAX_CALLS, OF_TABLE

if TYPE_CHECKING:
    from tests.worker.simulation import Simulation

#: What SQS answers about a handle that holds no lease any longer, as worker/aws/sqs.py has it.
LOST = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})


class Lane:
    """So many threads for one kind of call; each call says when its thread is free again."""

    def __init__(self, threads: int) -> None:
        self._free, self._waiting = threads, deque[Callable[[], None]]()

    def submit(self, work: Callable[[], None]) -> None:
        """Have it done by the next thread that is free."""
        if self._free:
            self._free -= 1
            work()
        else:
            self._waiting.append(work)

    def done(self) -> None:
        """A thread is free."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


class Calls:
    """Makes the calls about messages that a worker's core wants; `post` gets the answers."""

    def __init__(
        self, simulation: "Simulation", name: str, clock: Callable[[], float], post: Callable[[Event], None]
    ) -> None:
        self._sim, self._name, self._clock, self._post = simulation, name, clock, post
        self._judge, self._random, self._config = simulation.judge, simulation.random, simulation.config
        self._lanes = {"extend": Lane(MAX_CALLS), "settle": Lane(MAX_CALLS), "table": Lane(MAX_CALLS)}
        self._following = Lane(1)
        #: Handles that ChangeVisibility and Delete calls in flight are about.
        self._called: set[str] = set()
        #: Messages that came and have not run to an end, with when the worker knows its lease to end.
        self._in_hand: dict[str, float] = {}
        #: The handles of those that do not run, with when they came.
        self._waiting: dict[str, tuple[str, float]] = {}
        #: Those that the worker may have decided to give back: the call waits.
        self._useless: set[str] = set()
        #: Whether the process is gone: what it asked for may still be done, but no answer comes.
        self.closed = False

    @property
    def in_hand(self) -> int:
        """Messages whose job is to start, or runs, as far as the worker can know."""
        return sum(until > self._clock() for name, until in self._in_hand.items() if name not in self._useless)

    def excuse_waiting(self, *, children: bool) -> None:
        """Where the worker can start no other job now, it may give back what waits, as soon as it can.

        `children`: whether one of its children could take a job.
        """
        why = self._judge.useless(self._name)
        for message_id, (handle, came_at) in self._waiting.items():
            reason = why or (not children and self._clock() >= came_at + MAX_WAIT_SECONDS and "no child could take it")
            if reason and message_id not in self._useless:
                self._useless.add(message_id)
                self._judge.excuse(handle, reason)

    def started(self, message_id: str) -> None:
        """Its job runs."""
        self._waiting.pop(message_id, None)
        self._useless.discard(message_id)

    def _gone(self, message_id: str) -> None:
        self._in_hand.pop(message_id, None)
        self._waiting.pop(message_id, None)

    def received(self, event: Received) -> None:
        """Messages came."""
        for message in event.messages:
            self._waiting[message.id] = message.handle, self._clock()
            self._useless.discard(message.id)
            past = self._judge.past[message.id]
            if past.done or past.rejected or past.cancelled or self._judge.jobs.ended_by_twin(message.id):
                continue  # it may yet be in hand, to be deleted: it needs no slot
            self._in_hand[message.id] = event.asked_at + self._config.lease

    def ended(self, message_id: str) -> None:
        """Its job runs no more."""
        self._in_hand.pop(message_id, None)

    def make(self, call: Call) -> None:
        """Make the call, in a lane of its kind."""
        self._began(call)
        lane = "extend" if isinstance(call, ChangeVisibility) and call.urgent else "settle"
        lane = "table" if isinstance(call, OF_TABLE) else lane
        self._lanes[lane].submit(lambda: self._call(lane, call))

    def follow(self, follow: Follow) -> None:
        """Ask which of the jobs are cancelled."""
        self._following.submit(lambda: self._follow(follow))

    def _follow(self, follow: Follow) -> None:
        if not self._config.job_table:  # progress goes to the log
            self._following.done()
            self._sim.after(0.001, lambda: self._post(Followed()))
            return
        fault = self._sim.fault()
        seconds = self._sim.latency() if fault in {Fault.NONE, Fault.PARTIAL} else self._random.uniform(0, CALL_TIMEOUT)
        known = fault in {Fault.NONE, Fault.PARTIAL, Fault.SLOW}

        def answer() -> None:
            messages = [message for message, _ in follow.jobs] if known else []
            cancelled = self._sim.table.cancelled(self._name, messages)
            self._following.done()
            if not self.closed:
                self._post(Followed(cancelled))

        self._judge.counts["call Follow"] += 1
        self._sim.after(seconds, answer)

    def _began(self, call: Call) -> None:
        match call:
            case ChangeVisibility(entries, urgent):
                for message, _ in entries:
                    self._judge.call_began(self._name, "extend" if urgent else "hide", message.handle, self._called)
                    if not urgent:
                        self._gone(message.id)
            case Delete(several):
                for message in several:
                    self._judge.call_began(self._name, "delete", message.handle, self._called)
                    self._gone(message.id)
            case _:
                return
        self._called.update(message.handle for message in call.messages)

    def _call(self, lane: str, call: Call) -> None:
        asked_at, fault = self._clock(), self._sim.fault()
        name = "Extension" if lane == "extend" else type(call).__name__
        self._judge.counts[f"call {name}"] += 1
        outcomes: dict[str, Outcome] = {}

        def effect() -> None:
            outcomes.update(self._effect(call, fault))
            self._sim.poke()

        def answer() -> None:
            told = outcomes if fault in {Fault.NONE, Fault.SLOW, Fault.PARTIAL} else trouble
            if not self.closed:
                self._answered(lane, call, asked_at, told, fault)

        trouble = {message.handle: Outcome(Kind.RETRYABLE, fault.name) for message in call.messages}
        for message in call.messages if fault not in {Fault.NONE, Fault.PARTIAL} else ():
            self._judge.trouble(message.handle, SLOW if fault is Fault.SLOW else FAILED)
        way, back = self._sim.latency(), self._sim.latency()
        match fault:
            case Fault.SLOW:
                way, back = sorted((self._random.uniform(0, CALL_TIMEOUT - 0.1), CALL_TIMEOUT - 0.1))
                back -= way
            case Fault.LOST_REQUEST | Fault.THROTTLED:
                way, back = math.inf, self._random.choice([0.01, CALL_TIMEOUT])
            case Fault.LOST_RESPONSE:
                back = self._random.choice([0.01, CALL_TIMEOUT - way])
            case Fault.LATE:
                way, back = CALL_TIMEOUT + self._random.uniform(0.1, 5), CALL_TIMEOUT
        if way < math.inf:
            self._sim.after(way, effect)
        self._sim.after(back if way == math.inf or fault is Fault.LATE else way + back, answer)

    def _answered(self, lane: str, call: Call, asked_at: float, outcomes: dict[str, Outcome], fault: Fault) -> None:
        if isinstance(call, ChangeVisibility | Delete):
            for message in call.messages:
                self._called.discard(message.handle)
        for message in call.messages:
            outcome = outcomes[message.handle]
            if fault is Fault.PARTIAL and outcome.kind is Kind.RETRYABLE:
                self._judge.trouble(message.handle, FAILED)
            elif fault is Fault.NONE and outcome.kind is Kind.OK and isinstance(call, ChangeVisibility):
                self._judge.renewed(message.handle)
            if outcome.kind in {Kind.TAKEN, Kind.FINISHED, Kind.CANCELLED}:
                self._in_hand.pop(message.id, None)
            if outcome.kind is Kind.TAKEN:
                self._judge.excuse(message.handle, "another worker has it")
            if lane == "extend" and message.id in self._in_hand:
                self._know(call, message, asked_at, outcome)
        if lane == "extend" and self._config.job_table:
            self._extend_claims(call, asked_at, outcomes)
        self._lanes[lane].done()
        self._post(Answered(call, asked_at, outcomes))

    def _know(self, call: Call, message: Message, asked_at: float, outcome: Outcome) -> None:
        if outcome.kind is Kind.LOST:
            self._in_hand[message.id] = -math.inf
        elif outcome.kind is Kind.OK and isinstance(call, ChangeVisibility):
            seconds = next(seconds for entry, seconds in call.entries if entry is message)
            self._in_hand[message.id] = asked_at + seconds

    def _extend_claims(self, call: Call, asked_at: float, outcomes: dict[str, Outcome]) -> None:
        for message, seconds in call.entries if isinstance(call, ChangeVisibility) else ():
            if outcomes[message.handle].kind is Kind.OK:
                self._sim.table.extend(self._name, message, self._unix(asked_at + seconds))

    def _effect(self, call: Call, fault: Fault) -> dict[str, Outcome]:
        """What the call does, at the moment in which it is done."""
        count = len(call.messages)
        failing = {n for n in range(count) if self._random.random() < 0.5} if fault is Fault.PARTIAL else set[int]()
        match call:
            case ChangeVisibility(entries):
                asked = [(message.handle, seconds) for message, seconds in entries]
                answers = self._sim.queue.change_visibility_batch(asked, failing)
            case Delete(several):
                answers = self._sim.queue.delete_batch([message.handle for message in several], failing)
            case DeadLetter(message):
                return {message.handle: self._letter(message) if not failing else Outcome(Kind.RETRYABLE, "partial")}
            case Notify(message, ended):
                if failing:
                    return {message.handle: Outcome(Kind.RETRYABLE, "partial")}
                self._judge.jobs.notified(message.job.id, str(ended["state"]))
            case Claim() | Finish() | Release():
                outcome = Outcome(Kind.RETRYABLE, "partial") if failing else self._claim(call)
                return {call.message.handle: outcome}
        if isinstance(call, Notify):
            return {call.message.handle: Outcome(Kind.OK)}
        return {message.handle: _outcome(answer) for message, answer in zip(call.messages, answers, strict=True)}

    def _letter(self, message: Message) -> Outcome:
        deduplication = message.id if self._config.fifo else None
        self._sim.dead.send(message.job.body, group=message.job.group, deduplication_id=deduplication)
        self._judge.letter(message.id)
        return Outcome(Kind.OK)

    def _claim(self, call: Claim | Finish | Release) -> Outcome:
        until = self._unix(call.until) if isinstance(call, Claim) else 0.0
        return self._sim.table.call(self._name, call, until)

    def _unix(self, at: float) -> float:
        return self._sim.now + at - self._clock()


def _outcome(error: SqsError | None) -> Outcome:
    if error is None:
        return Outcome(Kind.OK)
    return Outcome(Kind.LOST if error.code in LOST else Kind.RETRYABLE, str(error))
