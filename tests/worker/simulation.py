"""Workers' cores, a queue and all that lies between them, as discrete events on one virtual clock: no thread, no wait.

The hands that carry out a core's actions are simulated as worker/loop.py, slots.py, sqs.py, once.py and protection.py
have them: lanes of threads, one child per slot, batches, time-outs. The plan says what goes wrong; the judge watches.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.worker import judge as judges
from tests.worker.fake_sqs import Delivery, FakeSqs, SqsError, Stored
from tests.worker.faults import CALL_TIMEOUT, QUIET, READ_MARGIN, Fault, Plan, Play, Script, result
from tests.worker.judge import Judge
from worker.config import Config
from worker.core import Core
from worker.events import (
    Action,
    Answered,
    Call,
    Claim,
    DeadLetter,
    Delete,
    Denial,
    Ended,
    Event,
    Exit,
    Finish,
    Forget,
    Hide,
    Kill,
    Kind,
    Message,
    Outcome,
    Protect,
    Protected,
    Ready,
    Receive,
    Received,
    Start,
    StopRequested,
)
from worker.job import Job
from worker.loop import MOST_EVENTS
from worker.receiving import MOST_RECEIVES
from worker.settling import MOST_CALLS, messages

#: Unix time at which a simulation begins.
EPOCH = 1_700_000_000.0
LOST = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})
#: The share of events after which the core does not look at once.
SLOW_LOOKS = 0.2
#: Seconds that a protection request takes at the most: three tries and the pauses.
PROTECTION_LIMIT = 17.0


def settings(**changes: Any) -> Config:
    """A worker's settings for a simulation."""
    known: dict[str, Any] = {
        "queue_url": "https://sqs/q",
        "dead_letter_url": "https://sqs/dead",
        "region": "eu-west-1",
        "visibility_timeout": 30,
        "stop_timeout": 60,
        "backoff_base": 1.0,
        "backoff_cap": 20.0,
        "concurrency": 4,
        "agent_uri": "http://agent",
    }
    return Config(**(known | changes))


class Simulation:
    """One queue with its dead-letter queue, an ECS, an idempotency store, and workers."""

    def __init__(self, seed: int, config: Config, *, plan: Plan = QUIET, max_receive_count: int = 20) -> None:
        self.random = random.Random(seed)
        self.config, self.plan = config, plan
        self.now = self.began = EPOCH
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.judge = Judge(lambda: self.now)
        self.dead = FakeSqs(lambda: self.now, fifo=config.fifo, name="dead", retention=1_209_600)
        self.queue = FakeSqs(
            lambda: self.now,
            fifo=config.fifo,
            dead_letter=self.dead,
            max_receive_count=max_receive_count,
            seed=seed,
            retention=1_209_600,
            on_gone=self._gone,
        )
        self.scripts: dict[str, Script] = {}
        self.workers: list[Worker] = []
        self.outage_until = -math.inf
        #: Faults that the next calls meet, whatever the plan says.
        self.forced: deque[Fault] = deque()
        #: The idempotency store: state, owner, and when a claim ends.
        self.store: dict[str, tuple[str, str, float]] = {}
        self._pollers: list[_Poller] = []
        self._poke_at = math.inf
        self._names = 0
        if plan.outage_every < math.inf:
            self.after(self.random.expovariate(1 / plan.outage_every), self._outage)
        #: Whether a worker that has gone gets a successor, as in an ECS service.
        self.service = True

    # -- the clock

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have it done at that time."""
        self._number += 1
        heapq.heappush(self._events, (when, self._number, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Have it done so many seconds from now."""
        self.at(self.now + seconds, what)

    def step(self, until: float = math.inf) -> bool:
        """Do what is next, unless that is later than `until`."""
        if not self._events or self._events[0][0] > until:
            return False
        self.now, _, what = heapq.heappop(self._events)
        what()
        return True

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        until = self.now + seconds
        while self.step(until):
            pass
        self.now = until

    def finish(self, limit: float) -> None:
        """Heal all, and let the workers come to the end of the queue within so many seconds."""
        self.heal()
        until = self.now + limit
        while self.judge.left:
            if not self.step(until):
                left = next(id_ for id_, past in self.judge.past.items() if past.gone is None)
                self.judge.fail(f"{self.judge.left} messages are stuck", left)
        self.advance(120)
        for worker in self.workers:
            self.judge.check(not worker.busy, f"{worker.name} still has runs")
            self.judge.check(worker.protected_until <= self.now, f"{worker.name} is idle, and protected")
            self.judge.check(not worker.alive or worker.waits_for_messages, f"{worker.name} does not poll")

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.plan = QUIET
        self.outage_until = -math.inf
        self.forced.clear()

    # -- the world

    def send(self, script: Script, *, group: str | None = None, delay: float = 0) -> str:
        """Send a job that goes by this script."""
        body = str(len(self.scripts))
        deduplication = body if group is not None else None
        message_id = self.queue.send(body, group=group, deduplication_id=deduplication, delay=delay)
        self.scripts[message_id] = script
        self.judge.sent(message_id, group)
        self.poke()
        return message_id

    def start_worker(self) -> "Worker":
        """One more worker."""
        self._names += 1
        worker = Worker(self, f"w{self._names}")
        self.workers.append(worker)
        return worker

    def replaced(self, worker: "Worker") -> None:
        """A worker has gone; ECS starts another."""
        self.workers.remove(worker)
        if self.service:
            self.after(self.random.uniform(1, 20), self._start)

    def _start(self) -> None:
        self.start_worker()

    def _gone(self, message: Stored, why: str) -> None:
        self.judge.gone(message, why)

    def outage(self, seconds: float) -> None:
        """SQS answers nobody for so long."""
        self.judge.note(" ! ", ("outage", seconds))
        self.outage_until = self.now + seconds

    def _outage(self) -> None:
        if self.plan is not QUIET:
            self.outage(self.random.uniform(1, self.plan.longest_outage))
            self.after(self.random.expovariate(1 / self.plan.outage_every), self._outage)

    def fault(self) -> Fault:
        """What happens to the call that is made now."""
        if self.now < self.outage_until:
            self.judge.counts["fault outage"] += 1
            return Fault.LOST_REQUEST
        if self.forced:
            return self.forced.popleft()
        fault = self.plan.draw(self.random)
        if fault is not Fault.NONE:
            self.judge.counts[f"fault {fault.name.lower()}"] += 1
        return fault

    def latency(self) -> float:
        """Seconds of a call on its way to SQS, or of its answer."""
        return self.random.uniform(0.002, 0.02)

    # -- receives, which wait at the queue

    def poll(self, poller: "_Poller") -> None:
        """A receive has arrived at SQS."""
        self._pollers.append(poller)
        self.poke()
        if poller in self._pollers:
            self.after(poller.receive.wait, lambda: self._over(poller))

    def poke(self) -> None:
        """Something may be visible: give it to who waits."""
        while self._pollers:
            at = self.queue.next_visible()
            if at is None:
                return
            if at > self.now:
                if at < self._poke_at:
                    self._poke_at = at
                    self.at(at, self._poked)
                return
            poller = self._pollers[self.random.randrange(len(self._pollers))]
            receive, worker = poller.receive, poller.worker
            taken = self.queue.receive(
                receive.count, visibility_timeout=self.config.visibility_timeout, attempt_id=receive.attempt_id
            )
            for delivery in taken:
                excuse = "the receive's answer is lost" if poller.lost else None
                self.judge.given(self.queue.leases[delivery.handle], worker.name, poller.asked_at, excuse)
                if self.random.random() < self.plan.duplicates:
                    soon = self.random.uniform(0, self.random.choice([0.05, 0.5, 40]))
                    self.after(soon, lambda id_=delivery.id: self.duplicate(id_))  # type: ignore[misc]
            if taken:
                self._pollers.remove(poller)
                poller.answer(taken)

    def duplicate(self, message_id: str) -> None:
        """Show a message in flight once more."""
        if self.queue.duplicate(message_id):
            self.judge.note(" ! ", ("duplicate", message_id))
            self.poke()

    def _poked(self) -> None:
        self._poke_at = math.inf
        self.poke()

    def _over(self, poller: "_Poller") -> None:
        if poller in self._pollers:
            self._pollers.remove(poller)
            poller.answer([])


class _Poller:
    """A receive that waits at SQS."""

    def __init__(
        self, worker: "Worker", receive: Receive, answer: Callable[[list[Delivery]], None], lost: bool
    ) -> None:
        self.worker, self.receive, self.answer, self.lost = worker, receive, answer, lost
        self.asked_at = worker.now


class _Lane:
    """So many threads for one kind of call; each call says when its thread is free again."""

    def __init__(self, threads: int) -> None:
        self._free, self._waiting = threads, deque[Callable[[], None]]()

    def submit(self, work: Callable[[], None]) -> None:
        if self._free:
            self._free -= 1
            work()
        else:
            self._waiting.append(work)

    def done(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


class Worker:
    """One worker: its core, and its hands."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self._sim, self.name = simulation, name
        self._judge, self._random, self._config = simulation.judge, simulation.random, simulation.config
        #: Its clock began at some other time, as a monotonic clock does.
        self._zero = simulation.now - self._random.uniform(0, 1e6)
        ids = iter(range(10**9))
        self._core = Core(
            self._config,
            self._observe,
            epoch=self._zero,
            jitter=self._random.uniform,
            new_id=lambda: f"{name}-{next(ids)}",
        )
        self.alive = True
        self.protected_until = -math.inf
        self.stopping_at: float | None = None
        self._stops = 0
        #: Whether its core knows.
        self._told = False
        self._stalled_until = -math.inf
        self._inbox = deque[Event]()
        self._wake_at = math.inf
        self._runs: dict[int, judges.Run] = {}
        self._lanes = {
            "receive": _Lane(MOST_RECEIVES),
            "extend": _Lane(MOST_CALLS),
            "settle": _Lane(MOST_CALLS),
            "protect": _Lane(1),
        }
        #: Handles that Hide and Delete calls in flight are about.
        self._called: set[str] = set()
        self._receives: list[Receive] = []
        #: Messages that came and have not run to an end, with when the worker knows its lease to end.
        self._in_hand: dict[str, float] = {}
        self._opened = [0] * self._config.concurrency
        for slot in range(self._config.concurrency):
            self._open(slot)
        self._feed()
        plan = simulation.plan
        for every, what in (
            (plan.kill_every, self.kill),
            (plan.stop_every, self.stop),
            (plan.stall_every, self._stall_for_some_time),
            (plan.jump_every, self._jump_somewhat),
        ):
            if every < math.inf:
                self._sim.after(self._random.expovariate(1 / every), self._if_faulty(what))

    def _if_faulty(self, what: Callable[[], None]) -> Callable[[], None]:
        return lambda: what() if self.alive and self._sim.plan is not QUIET else None

    # -- what happens to it

    @property
    def now(self) -> float:
        """The simulation's time."""
        return self._sim.now

    @property
    def busy(self) -> int:
        """Handlers at work."""
        return len(self._runs)

    @property
    def waits_for_messages(self) -> bool:
        """Whether a receive is in flight."""
        return bool(self._receives)

    def kill(self) -> None:
        """`kill -9`, or the host is gone: the process and its children."""
        if self.alive:
            self._judge.note(" ! ", ("kill", self.name))
            self._judge.counts["kills"] += 1
            self._die()

    def stop(self) -> None:
        """SIGTERM; SIGKILL follows after stopTimeout."""
        if not self.alive:
            return
        self._judge.note(" ! ", ("SIGTERM", self.name))
        self._judge.counts["SIGTERM"] += 1
        self._judge.leaving.add(self.name)
        self._stops += 1
        self._post(StopRequested())
        if self.stopping_at is None:
            self.stopping_at = self._sim.now
            self._sim.after(self._config.stop_timeout, self._out_of_time)
            if self._random.random() < 0.25:
                self._sim.after(self._random.uniform(0, 20), self.stop)

    def _out_of_time(self) -> None:
        if self.alive:
            stalled = self._judge.disturbed.get(self.name, -1.0) >= (self.stopping_at or 0)
            self._judge.check(stalled, f"{self.name} is there {self._config.stop_timeout} s after SIGTERM")
            self._die()

    def stall(self, seconds: float) -> None:
        """The process stands still; its children and its calls go on."""
        if not self.alive:
            return
        self._judge.note(" ! ", ("stall", self.name, seconds))
        self._judge.counts["stalls"] += 1
        if self._sim.now >= self._stalled_until:
            self._sim.after(seconds, self._resume)
            self._stalled_until = self._sim.now + seconds
            self._judge.disturbed[self.name] = self._stalled_until

    def _stall_for_some_time(self) -> None:
        self.stall(self._random.uniform(0.5, self._sim.plan.longest_stall))
        self._sim.after(
            self._random.expovariate(1 / self._sim.plan.stall_every), self._if_faulty(self._stall_for_some_time)
        )

    def _resume(self) -> None:
        if self.alive:
            self._drain()

    def jump(self, seconds: float) -> None:
        """The clock jumps ahead."""
        self._judge.note(" ! ", ("jump", self.name, seconds))
        self._judge.counts["jumps"] += 1
        self._zero -= seconds
        self._judge.disturbed[self.name] = max(self._sim.now, self._judge.disturbed.get(self.name, 0.0))
        self._post()

    def _jump_somewhat(self) -> None:
        self.jump(self._random.uniform(0.5, self._sim.plan.longest_stall))

    def _die(self) -> None:
        self.alive = False
        self.protected_until = -math.inf
        self._judge.leaving.add(self.name)
        for run in self._runs.values():
            self._judge.ended(run, None)
        self._runs.clear()
        self._sim.replaced(self)

    # -- the loop

    def _clock(self) -> float:
        return self._sim.now - self._zero

    def _post(self, *events: Event) -> None:
        """Have the core told, of several events at once now and then, as when it is slow to look."""
        if not self.alive:
            return
        self._inbox.extend(events)
        if self._sim.now < self._stalled_until:
            return
        if self._random.random() < SLOW_LOOKS:
            self._sim.after(self._random.uniform(0, 0.005), self._drain)
        else:
            self._drain()

    def _drain(self) -> None:
        if self.alive and self._sim.now >= self._stalled_until:
            events = [self._inbox.popleft() for _ in range(min(MOST_EVENTS, len(self._inbox)))]
            self._feed(*events)
            if self._inbox:
                self._drain()

    def _feed(self, *events: Event) -> None:
        now = self._clock()
        for event in events:
            if isinstance(event, Received):
                self._note_received(event)
            self._told |= isinstance(event, StopRequested)
        for action in self._core.on(now, *events):
            self._do(action)
            if not self.alive:
                return
        at = self._core.wake_at(now) + self._zero
        if at < self._wake_at - 1e-9 or self._wake_at <= self._sim.now:
            self._wake_at = at
            if at < math.inf:
                self._sim.at(max(at, self._sim.now + 1e-4), lambda: self._wake(at))

    def _wake(self, at: float) -> None:
        if self.alive and at == self._wake_at:
            self._wake_at = math.inf
            self._post()

    def _observe(self, name: str, level: int = 0, /, **fields: Any) -> None:
        self._judge.counts[f"log {name}"] += 1
        if "message_id" in fields:
            self._judge.note(self.name, (name, fields["message_id"], fields.get("error") or fields.get("reason")))

    def _do(self, action: Action) -> None:
        match action:
            case Start(slot, job):
                self._start(slot, job)
            case Kill(slot):
                self._kill(slot)
            case Receive():
                self._receive(action)
            case Protect():
                self._lanes["protect"].submit(lambda: self._protect(action))
            case Exit(code):
                self._exit(code)
            case _:
                self._began(action)
                lane = "extend" if isinstance(action, Hide) and action.urgent else "settle"
                self._lanes[lane].submit(lambda: self._call(lane, action))

    def _exit(self, code: int) -> None:
        self._judge.note(self.name, ("exit", code))
        self._judge.counts[f"exit {code}"] += 1
        self._judge.check(self.name in self._judge.leaving, f"{self.name} leaves though nobody asked it to")
        late = self.stopping_at is not None and self._sim.now >= self.stopping_at + self._config.stop_timeout - 1.5
        hurried = self._stops > 1
        disturbed = self._judge.disturbed.get(self.name, -1.0) >= (self.stopping_at or 0)
        self._judge.check(late or hurried or disturbed or not self._runs, f"{self.name} leaves with handlers at work")
        self._die()

    # -- receives

    def _receive(self, receive: Receive) -> None:
        waiting = sum(until > self._clock() for until in self._in_hand.values())
        reserved = sum(other.count for other in self._receives)
        room = self._config.concurrency - waiting - reserved
        self._judge.check(
            receive.count <= room, f"{self.name} asks for {receive.count} messages, and has room for {room}"
        )
        self._judge.check(self.name not in self._judge.leaving or self._stale_stop, f"{self.name} receives, leaving")
        self._receives.append(receive)
        self._lanes["receive"].submit(lambda: self._ask(receive))

    @property
    def _stale_stop(self) -> bool:
        """Whether it may not know yet that it is to stop."""
        return any(isinstance(event, StopRequested | Protected) for event in self._inbox)

    def _ask(self, receive: Receive) -> None:
        asked_at, fault = self._clock(), self._sim.fault()
        limit = receive.wait + READ_MARGIN

        def answer(taken: list[Delivery] | None, error: str | None = None) -> None:
            if self.alive:
                self._lanes["receive"].done()
                self._receives.remove(receive)
                came = tuple(_message(delivery) for delivery in taken or ())
                self._post(Received(receive, asked_at, came, error))

        if fault in {Fault.LOST_REQUEST, Fault.THROTTLED}:
            self._sim.after(self._random.choice([0.01, limit]), lambda: answer(None, fault.name))
            return
        lost = fault in {Fault.LOST_RESPONSE, Fault.LATE}
        if lost:
            self._sim.after(self._random.choice([receive.wait / 2 + 0.1, limit]), lambda: answer(None, fault.name))
            poller = _Poller(self, receive, lambda _: None, lost=True)
        else:
            delay = self._random.uniform(1, READ_MARGIN - 0.1) if fault is Fault.SLOW else self._sim.latency()
            poller = _Poller(self, receive, lambda taken: self._sim.after(delay, lambda: answer(taken)), lost=False)
        self._sim.after(self._sim.latency(), lambda: self._sim.poll(poller))

    def _note_received(self, event: Received) -> None:
        for message in event.messages:
            past = self._judge.past[message.job.id]
            if past.done or past.rejected:
                continue  # it may yet be in hand, to be deleted: it needs no slot
            self._in_hand[message.job.id] = event.asked_at + self._config.visibility_timeout

    # -- calls about messages

    def _began(self, call: Call) -> None:
        match call:
            case Hide(entries, urgent):
                for message, _ in entries:
                    self._judge.call_began(self.name, "extend" if urgent else "hide", message.handle, self._called)
                    if not urgent:
                        self._in_hand.pop(message.job.id, None)
            case Delete(several):
                for message in several:
                    self._judge.call_began(self.name, "delete", message.handle, self._called)
                    self._in_hand.pop(message.job.id, None)
            case _:
                return
        self._called.update(message.handle for message in messages(call))

    def _call(self, lane: str, call: Call) -> None:
        asked_at, fault = self._clock(), self._sim.fault()
        outcomes: dict[str, Outcome] = {}

        def effect() -> None:
            outcomes.update(self._effect(call, fault))
            self._sim.poke()

        def answer() -> None:
            told = outcomes if fault in {Fault.NONE, Fault.SLOW, Fault.PARTIAL} else trouble
            if self.alive:
                self._answered(lane, call, asked_at, told)

        trouble = {message.handle: Outcome(Kind.TROUBLE, fault.name) for message in messages(call)}
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

    def _answered(self, lane: str, call: Call, asked_at: float, outcomes: dict[str, Outcome]) -> None:
        if isinstance(call, Hide | Delete):
            for message in messages(call):
                self._called.discard(message.handle)
        for message in messages(call):
            outcome = outcomes[message.handle]
            if outcome.kind is Kind.TROUBLE:
                self._judge.call_failed(message.handle)
            elif isinstance(call, Hide | Delete) and outcome.kind is Kind.OK:
                self._judge.call_passed(message.handle)
            if outcome.kind in {Kind.TAKEN, Kind.FINISHED}:
                self._in_hand.pop(message.job.id, None)
            if outcome.kind is Kind.TAKEN:
                self._judge.excuse(message.handle, "another worker has it")
            if lane == "extend" and message.job.id in self._in_hand:
                self._know(call, message, asked_at, outcome)
        if lane == "extend" and self._config.once_table:
            self._extend_claims(call, asked_at, outcomes)
        self._lanes[lane].done()
        self._post(Answered(call, asked_at, outcomes))

    def _know(self, call: Call, message: Message, asked_at: float, outcome: Outcome) -> None:
        if outcome.kind is Kind.LOST:
            self._in_hand[message.job.id] = -math.inf
        elif outcome.kind is Kind.OK and isinstance(call, Hide):
            seconds = next(seconds for entry, seconds in call.entries if entry is message)
            self._in_hand[message.job.id] = asked_at + seconds

    def _extend_claims(self, call: Call, asked_at: float, outcomes: dict[str, Outcome]) -> None:
        for message, seconds in call.entries if isinstance(call, Hide) else ():
            state, owner, _ = self._sim.store.get(message.job.id, ("", "", 0.0))
            if outcomes[message.handle].kind is Kind.OK and (state, owner) == ("running", self.name):
                self._sim.store[message.job.id] = (state, owner, asked_at + seconds + self._zero)

    def _effect(self, call: Call, fault: Fault) -> dict[str, Outcome]:
        """What the call does, at the moment in which it is done."""
        count = len(messages(call))
        failing = {n for n in range(count) if self._random.random() < 0.5} if fault is Fault.PARTIAL else set[int]()
        match call:
            case Hide(entries):
                asked = [(message.handle, seconds) for message, seconds in entries]
                answers = self._sim.queue.change_visibility_batch(asked, failing)
            case Delete(several):
                answers = self._sim.queue.delete_batch([message.handle for message in several], failing)
            case DeadLetter(message):
                return {message.handle: self._letter(message) if not failing else Outcome(Kind.TROUBLE, "partial")}
            case Claim() | Finish() | Forget():
                outcome = Outcome(Kind.TROUBLE, "partial") if failing else self._store(call)
                return {call.message.handle: outcome}
        return {message.handle: _outcome(answer) for message, answer in zip(messages(call), answers, strict=True)}

    def _letter(self, message: Message) -> Outcome:
        deduplication = message.job.id if self._config.fifo else None
        self._sim.dead.send(message.job.body, group=message.job.group, deduplication_id=deduplication)
        self._judge.letter(message.job.id)
        return Outcome(Kind.OK)

    def _store(self, call: Claim | Finish | Forget) -> Outcome:
        key, store = call.message.job.id, self._sim.store
        state, owner, until = store.get(key, ("", "", 0.0))
        ours = owner == self.name
        if isinstance(call, Claim):
            if not state or (state == "running" and (ours or until < self._sim.now)):
                store[key] = ("running", self.name, call.until + self._zero)
                return Outcome(Kind.OK)
            if state == "done":
                return Outcome(Kind.FINISHED)
            return Outcome(Kind.TAKEN, "another", max(0.0, until - self._sim.now))
        if isinstance(call, Finish):
            if state and not ours:
                return Outcome(Kind.LOST if state == "running" else Kind.FINISHED)
            store[key] = ("done", self.name, math.inf)
        elif ours and state == "running":
            del store[key]
        return Outcome(Kind.OK)

    # -- protection

    def _protect(self, protect: Protect) -> None:
        asked_at, plan, at = self._clock(), self._sim.plan, self._random.random()
        denial, done, seconds = None, True, self._random.uniform(0.01, 0.3)
        if protect.minutes and at < plan.blocked:
            denial, done = Denial.BLOCKED, False
        elif at < plan.blocked + plan.refused:
            denial, done, seconds = (
                Denial.REFUSED,
                self._random.random() < 0.5,
                self._random.uniform(0, PROTECTION_LIMIT),
            )
        elif self._random.random() < plan.slow:
            seconds = self._random.uniform(0.3, PROTECTION_LIMIT)

        def effect() -> None:
            if done and self.alive:
                self.protected_until = self._sim.now + protect.minutes * 60
                self._judge.check(bool(protect.minutes) or not self._runs, f"{self.name} works, unprotected")

        def answer() -> None:
            if not self.alive:
                return
            if denial and (protect.minutes or protect.proof or denial is Denial.BLOCKED):
                self._judge.leaving.add(self.name)
                self._judge.note(" ! ", (denial, self.name))
            self._lanes["protect"].done()
            self._post(Protected(protect, asked_at, denial, denial.name if denial else None))

        self._sim.after(seconds / 2, effect)
        self._sim.after(seconds, answer)

    # -- children

    def _open(self, slot: int) -> None:
        self._opened[slot] += 1
        number = self._opened[slot]
        broken = number > 1 and self._random.random() < self._sim.plan.broken_child
        self._sim.after(self._random.uniform(0.2, 1.0), lambda: self._stands(slot, number, broken))

    def _stands(self, slot: int, number: int, broken: bool) -> None:
        if self.alive and self._opened[slot] == number:
            self._post(Ready(slot, "it cannot be imported", "…") if broken else Ready(slot))
            if broken:
                self._sim.after(self._random.uniform(1, 20), lambda: self._open(slot) if self.alive else None)

    def _start(self, slot: int, job: Job) -> None:
        self._judge.check(slot not in self._runs, f"{self.name}'s slot {slot} gets a second job", job.id)
        self._judge.check(not self._told, f"{self.name} starts a job, asked to stop", job.id)
        handle = str(job.attributes["handle"])
        script = self._sim.scripts[job.id]
        play, seconds = script.attempt(self._judge.past[job.id].ended_runs)
        run = self._runs[slot] = self._judge.started(handle, slot, play)
        if self._config.protection:
            self._judge.check(self.protected_until > self._sim.now, f"{self.name} works, unprotected", job.id)
        if self._config.once_table:
            self._judge.check(self._sim.store.get(job.id, ("",))[0] != "done", "done again, despite the store", job.id)
        if seconds < math.inf:
            self._sim.after(seconds, lambda: self._done(slot, run, script))

    def _done(self, slot: int, run: judges.Run, script: Script) -> None:
        # asked to end in the meantime, it may tell its result, but it does not stay
        self._end(slot, run, run.play, script.after, alive=run.play is not Play.CRASH and not run.killed)

    def _end(self, slot: int, run: judges.Run, play: Play | None, after: float | None = None, *, alive: bool) -> None:
        if self._runs.get(slot) is not run:
            return
        del self._runs[slot]
        self._judge.ended(run, play)
        if self._config.protection:
            self._judge.check(self.protected_until > self._sim.now, f"{self.name} worked, unprotected", run.message_id)
        late = self._sim.now - run.began - (self._config.job_timeout or 43_200)
        fine = late < self._config.grace + 0.5 or self._judge.disturbed.get(self.name, -1.0) >= run.began
        self._judge.check(fine, f"a job ran {late:.1f} s past its limit", run.message_id)
        self._in_hand.pop(run.message_id, None)
        ended = Ended(slot, result(play or Play.FAIL, after), alive)
        self._sim.after(self._random.uniform(0, 0.005), lambda: self._post(ended))
        if not alive:
            self._open(slot)

    def _kill(self, slot: int) -> None:
        run = self._runs.get(slot)
        if run is None or run.killed:
            return  # the job has ended by itself before, or is being ended
        run.killed = True
        grace = self._config.grace if self._random.random() < 0.3 else self._random.uniform(0, self._config.grace)
        self._sim.after(grace + 0.05, lambda: self._end(slot, run, None, alive=False))


def _message(delivery: Delivery) -> Message:
    job = Job(
        id=delivery.id,
        body=delivery.body,
        attributes={"handle": delivery.handle},
        attempt=delivery.receive_count,
        group=delivery.group,
    )
    return Message(
        job=job,
        handle=delivery.handle,
        sent_at=delivery.sent_at,
        attributes=delivery.attributes,
        deduplication_id=delivery.deduplication_id,
    )


def _outcome(error: SqsError | None) -> Outcome:
    if error is None:
        return Outcome(Kind.OK)
    return Outcome(Kind.LOST if error.code in LOST else Kind.TROUBLE, str(error))
