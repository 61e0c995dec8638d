"""A simulated worker: a real core, and hands that do in virtual time what worker/loop.py and slots.py do."""

import math
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.worker import judge as judges
from tests.worker.fake_sqs_store import Delivery
from tests.worker.faults import QUIET, READ_MARGIN_SECONDS, Fault, Play, Script, result
from tests.worker.simulated_calls import Calls, Lane
from worker.core.children import TRIES
from worker.core.core import Core
from worker.core.events import (
    Action,
    Denial,
    Ended,
    Event,
    Exit,
    Kill,
    Lost,
    Message,
    NotStarted,
    Protect,
    Protected,
    Ready,
    Receive,
    Received,
    RequestStop,
    Start,
    Starting,
    StopRequested,
)
from worker.core.receiving import MAX_RECEIVES
from worker.job import Job

if TYPE_CHECKING:
    from tests.worker.simulation import Simulation

#: The share of events after which the core does not look at once.
SLOW_LOOKS = 0.2
#: Maximum seconds of a protection request.
PROTECTION_LIMIT = 5.0


class Poller:
    """A receive that waits at SQS."""

    def __init__(
        self, worker: "Worker", receive: Receive, answer: Callable[[list[Delivery]], None], lost: bool
    ) -> None:
        self.worker, self.receive, self.answer, self.lost = worker, receive, answer, lost
        self.asked_at = worker.now


class Worker:
    """One worker: its core, and its hands."""

    def __init__(self, simulation: "Simulation", name: str) -> None:
        self._sim, self.name, self.revision = simulation, name, simulation.ecs.revision
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
        #: The message whose job ended last in a slot: in hand until the core gets the event.
        self._ended: dict[int, tuple[judges.Run, Play | None]] = {}
        self._lanes = {"receive": Lane(MAX_RECEIVES), "protect": Lane(1)}
        self._calls = Calls(simulation, name, self._clock, self._post)
        self._receives: list[Receive] = []
        #: Children so far of each slot, and the slots whose child is ready, or dead without its core's knowledge.
        self._opened = [0] * self._config.concurrency
        self._idle: set[int] = set()
        self._had_child = False
        for slot in range(self._config.concurrency):
            self._open(slot)
        self._feed()
        plan = simulation.plan
        for every, what in (
            (plan.kill_every, self.kill),
            (plan.stop_every, self.stop),
            (plan.stall_every, self._stall_for_some_time),
            (plan.jump_every, self._jump_somewhat),
            (plan.idle_death_every, self._idle_death),
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
    def protected(self) -> bool:
        """Whether ECS may not stop its task."""
        return self.protected_until > self._sim.now

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

    def stop(self, *, twice: bool = True) -> None:
        """SIGTERM; SIGKILL follows after stopTimeout. `twice`: a second SIGTERM may follow."""
        if not self.alive:
            return
        self._judge.note(" ! ", ("SIGTERM", self.name))
        self._judge.counts["SIGTERM"] += 1
        self._judge.leaving.setdefault(self.name, self._sim.now)
        self._stops += 1
        self._post(StopRequested())
        if self.stopping_at is None:
            self.stopping_at = self._sim.now
            self._sim.after(self._config.stop_timeout, self._out_of_time)
            if twice and self._random.random() < 0.25:
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
        self._calls.closed = True
        self.protected_until = -math.inf
        self._judge.leaving.setdefault(self.name, self._sim.now)
        for run in self._runs.values():
            self._judge.ended(run, None)
        self._runs.clear()
        self._sim.replaced(self)

    # -- the loop

    def _clock(self) -> float:
        return self._sim.now - self._zero

    def _post(self, *events: Event) -> None:
        """Give the core its events, sometimes several at once, as when the worker is slow."""
        if not self.alive:
            return
        self._inbox.extend(events)
        if self._sim.now < self._stalled_until:
            return
        if self._random.random() < SLOW_LOOKS:
            self._sim.after(self._random.uniform(0, judges.SLOW_LOOK_SECONDS), self._drain)
        else:
            self._drain()

    def _drain(self) -> None:
        if self.alive and self._sim.now >= self._stalled_until:
            events = list(self._inbox)
            self._inbox.clear()
            self._feed(*events)

    def _feed(self, *events: Event) -> None:
        now = self._clock()
        for event in events:
            if isinstance(event, Received):
                self._calls.received(event)
            if isinstance(event, Ended):
                run, play = self._ended[event.slot]
                self._judge.told(run, play)
                self._calls.ended(run.message_id)
            if isinstance(event, Protected) and event.denial is Denial.BLOCKED:
                self._judge.blocked.add(self.name)
            elif isinstance(event, Protected) and event.denial is None and event.protect.minutes:
                self._judge.blocked.discard(self.name)
            self._told |= isinstance(event, StopRequested)
        self._calls.excuse_waiting(children=bool(self._idle))
        for action in self._core.on(now, *events):
            self._do(action)
            if not self.alive:
                return
        at = self._core.next_time(now) + self._zero
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
            case RequestStop(slot):
                self._judge.check(self._told, f"{self.name} asks a job to stop", str(slot))
            case Kill(slot, grace):
                self._kill(slot, grace)
            case Receive():
                self._receive(action)
            case Protect():
                self._lanes["protect"].submit(lambda: self._protect(action))
            case Exit(code):
                self._exit(code)
            case _:
                self._calls.make(action)

    def _exit(self, code: int) -> None:
        self._judge.note(self.name, ("exit", code))
        self._judge.counts[f"exit {code}"] += 1
        hopeless = code == os.EX_CONFIG and not self._had_child and min(self._opened) >= TRIES
        self._judge.check(
            hopeless or self.name in self._judge.leaving, f"{self.name} leaves though it was not asked to"
        )
        late = self.stopping_at is not None and self._sim.now >= self.stopping_at + self._config.stop_timeout - 1.5
        hurried = self._stops > 1
        disturbed = self._judge.disturbed.get(self.name, -1.0) >= (self.stopping_at or 0)
        self._judge.check(late or hurried or disturbed or not self._runs, f"{self.name} leaves with handlers at work")
        self._die()

    # -- receives

    def _receive(self, receive: Receive) -> None:
        reserved = sum(other.count for other in self._receives)
        room = self._config.concurrency - self._calls.in_hand - reserved
        self._judge.check(
            receive.count <= room, f"{self.name} asks for {receive.count} messages, and has room for {room}"
        )
        self._judge.check(self.name not in self._judge.leaving or self._stale_stop, f"{self.name} receives, leaving")
        self._judge.check(self.name not in self._judge.blocked, f"{self.name} receives, blocked by a deployment")
        self._receives.append(receive)
        self._lanes["receive"].submit(lambda: self._ask(receive))

    @property
    def _stale_stop(self) -> bool:
        """Whether it may not know yet that it is to stop."""
        return any(isinstance(event, StopRequested | Protected) for event in self._inbox)

    def _ask(self, receive: Receive) -> None:
        asked_at, fault = self._clock(), self._sim.fault()
        self._judge.counts["call Receive"] += 1
        limit = receive.wait + READ_MARGIN_SECONDS

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
            poller = Poller(self, receive, lambda _: None, lost=True)
        else:
            delay = self._random.uniform(1, READ_MARGIN_SECONDS - 0.1) if fault is Fault.SLOW else self._sim.latency()
            poller = Poller(self, receive, lambda taken: self._sim.after(delay, lambda: answer(taken)), lost=False)
        self._sim.after(self._sim.latency(), lambda: self._sim.poll(poller))

    # -- protection

    def _protect(self, protect: Protect) -> None:
        asked_at, plan = self._clock(), self._sim.plan
        denial: list[Denial | None] = []
        failed, seconds = self._random.random() < plan.refused, self._random.uniform(0.01, 0.3)
        if failed or self._random.random() < plan.slow:
            seconds = self._random.uniform(0.3, PROTECTION_LIMIT)

        def effect() -> None:
            if not self.alive or (failed and self._random.random() < 0.5):
                return
            denial.append(self._sim.ecs.protect(self, protect.minutes))
            self._judge.check(bool(protect.minutes) or not self._runs, f"{self.name} works, unprotected")
            self._judge.counts["protection calls"] += 1

        def answer() -> None:
            if not self.alive:
                return
            why = Denial.UNAVAILABLE if failed else denial[0]
            self._lanes["protect"].done()
            self._post(Protected(protect, asked_at, why, why.name if why else None))

        self._sim.after(seconds / 2, effect)
        self._sim.after(seconds, answer)

    # -- children

    def _open(self, slot: int) -> None:
        """Start a child: it imports the handler, or cannot, or hangs."""
        self._opened[slot] += 1
        self._idle.discard(slot)
        number, dice = self._opened[slot], self._random.random()
        self._post(Starting(slot))
        if dice >= self._sim.plan.hung_child:
            broken = dice < self._sim.plan.hung_child + self._sim.plan.broken_child
            self._sim.after(self._random.uniform(0.2, 1.0), lambda: self._stands(slot, number, broken))

    def _stands(self, slot: int, number: int, broken: bool) -> None:
        if not self.alive or self._opened[slot] != number:
            return
        if broken:
            self._post(Ready(slot, "it cannot be imported", "…"))
            self._sim.after(self._random.uniform(1, 20), lambda: self._open(slot) if self.alive else None)
        else:
            self._idle.add(slot)
            self._had_child = True
            self._post(Ready(slot))

    def _idle_death(self) -> None:
        """An idle child dies; its core hears of it soon, or when it starts a job."""
        every = self._sim.plan.idle_death_every
        if every < math.inf:
            self._sim.after(self._random.expovariate(1 / every), self._if_faulty(self._idle_death))
        if self._idle:
            self.lose(self._random.choice(sorted(self._idle)))

    def lose(self, slot: int) -> None:
        """The slot's idle child dies."""
        self._judge.note(" ! ", ("idle death", self.name, slot))
        self._judge.counts["idle deaths"] += 1
        self._idle.discard(slot)
        number = self._opened[slot]

        def noticed() -> None:
            if self.alive and self._opened[slot] == number:
                self._post(Lost(slot, "killed"))
                self._open(slot)

        self._sim.after(self._random.uniform(0, 0.05), noticed)

    def _start(self, slot: int, job: Job) -> None:
        self._judge.check(slot not in self._runs, f"{self.name}'s slot {slot} gets a second job", job.id)
        if slot not in self._idle:
            self._judge.counts["jobs not started"] += 1
            self._post(NotStarted(slot, "gone"))
            return
        self._idle.discard(slot)
        self._judge.check(not self._told, f"{self.name} starts a job, asked to stop", job.id)
        handle = str(job.attributes["handle"])
        script = self._sim.scripts[job.id]
        play, seconds = script.attempt(self._judge.past[job.id].ended_runs)
        run = self._runs[slot] = self._judge.started(handle, slot, play)
        self._calls.started(job.id)
        if self._config.protection:
            self._judge.check(self.protected_until > self._sim.now, f"{self.name} works, unprotected", job.id)
        if self._config.once_table:
            self._judge.check(not self._sim.store.done(job.id), "done again, despite the store", job.id)
        if seconds < math.inf:
            self._sim.after(seconds, lambda: self._done(slot, run, script))

    def _done(self, slot: int, run: judges.Run, script: Script) -> None:
        if run.killed:  # it ends cleanly on SIGTERM: the worker cannot know whether it is done
            self._end(slot, run, None, alive=False)
        else:
            self._end(slot, run, run.play, script.after, alive=run.play is not Play.CRASH)

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
        self._ended[slot] = run, play
        ended = Ended(slot, result(play or Play.FAIL, after), alive)
        self._sim.after(self._random.uniform(0, 0.005), lambda: self._post(ended))
        if alive:
            self._idle.add(slot)
        else:
            self._open(slot)

    def _kill(self, slot: int, grace: float) -> None:
        run = self._runs.get(slot)
        if run is None:
            if slot not in self._idle:
                self._open(slot)  # its import took too long
            return
        run.killed = True
        grace = grace if self._random.random() < 0.3 else self._random.uniform(0, grace)
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
