"""A simulated worker: a real core, and hands that do in virtual time what worker/loop.py and slots.py do."""

import math
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.worker import judge as judges
from tests.worker.faults import QUIET
from tests.worker.simulated_calls import Calls
from tests.worker.simulated_children import Children
from tests.worker.simulated_protection import Protecting
from tests.worker.simulated_receives import Receives
from worker.core.core import Core
from worker.core.events import (
    Action,
    Denial,
    Ended,
    Event,
    Exit,
    Follow,
    Kill,
    Protect,
    Protected,
    Receive,
    Received,
    RequestStop,
    Start,
    StopRequested,
)

if TYPE_CHECKING:
    from tests.worker.simulation import Simulation

#: The share of events after which the core does not look at once.
SLOW_LOOKS = 0.2


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
        if not self._config.job_table:
            self._core._following._every = math.inf  # only the log would have the progress of its jobs
        self.alive = True
        self.protected_until = -math.inf
        self.stopping_at: float | None = None
        self._stops = 0
        #: Whether its core knows that it is to stop.
        self.asked_to_stop = False
        self._stalled_until = -math.inf
        self._inbox = deque[Event]()
        self._wake_at = math.inf
        self._protecting = Protecting(simulation, self, self._clock)
        self._calls = Calls(simulation, name, self._clock, self.post)
        self._receives = Receives(simulation, self, self._clock)
        self.children = Children(simulation, self, self._calls)
        for slot in range(self._config.concurrency):
            self.children.open(slot)
        self._feed()
        plan = simulation.plan
        for every, what in (
            (plan.kill_every, self.kill),
            (plan.stop_every, self.stop),
            (plan.stall_every, self._stall_for_some_time),
            (plan.jump_every, self._jump_somewhat),
            (plan.idle_death_every, self.children.idle_death),
        ):
            if every < math.inf:
                self._sim.after(self._random.expovariate(1 / every), self.if_faulty(what))

    def if_faulty(self, what: Callable[[], None]) -> Callable[[], None]:
        """`what`, if the worker is there by then and the faults have not ended."""
        return lambda: what() if self.alive and self._sim.plan is not QUIET else None

    # -- what happens to it

    @property
    def now(self) -> float:
        """The simulation's time."""
        return self._sim.now

    @property
    def busy(self) -> int:
        """Handlers at work."""
        return len(self.children.runs)

    @property
    def in_hand(self) -> int:
        """Messages that came and have not run to an end."""
        return self._calls.in_hand

    @property
    def protected(self) -> bool:
        """Whether ECS may not stop its task."""
        return self.protected_until > self._sim.now

    @property
    def waits_for_messages(self) -> bool:
        """Whether a receive is in flight."""
        return bool(self._receives.in_flight)

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
        self.post(StopRequested())
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
            self._random.expovariate(1 / self._sim.plan.stall_every), self.if_faulty(self._stall_for_some_time)
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
        self.post()

    def _jump_somewhat(self) -> None:
        self.jump(self._random.uniform(0.5, self._sim.plan.longest_stall))

    def _die(self) -> None:
        self.alive = False
        self._calls.closed = True
        self.protected_until = -math.inf
        self._judge.leaving.setdefault(self.name, self._sim.now)
        self.children.die()
        self._sim.replaced(self)

    # -- the loop

    def _clock(self) -> float:
        return self._sim.now - self._zero

    def post(self, *events: Event) -> None:
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
                run, play = self.children.ended[event.slot]
                self._judge.told(run, play)
                self._calls.ended(run.message_id)
            if isinstance(event, Protected) and event.denial is Denial.BLOCKED:
                self._judge.blocked.add(self.name)
            elif isinstance(event, Protected) and event.denial is None and event.protect.minutes:
                self._judge.blocked.discard(self.name)
            self.asked_to_stop |= isinstance(event, StopRequested)
        self._calls.excuse_waiting(children=self.children.any_idle)
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
            self.post()

    def _observe(self, name: str, level: int = 0, /, **fields: Any) -> None:
        self._judge.counts[f"log {name}"] += 1
        if "message_id" in fields:
            self._judge.note(self.name, (name, fields["message_id"], fields.get("error") or fields.get("reason")))
            if name == "left_out":
                self._judge.past[fields["message_id"]].left_out.add(fields["step"])

    def _do(self, action: Action) -> None:
        match action:
            case Start(slot, job):
                self.children.start(slot, job)
            case RequestStop(slot):
                run = self.children.runs.get(slot)
                cancelled = run is not None and run.cancelled_at is not None
                self._judge.check(self.asked_to_stop or cancelled, f"{self.name} asks a job to stop", str(slot))
            case Follow():
                self._calls.follow(action)
            case Kill(slot, grace):
                self.children.kill(slot, grace)
            case Receive():
                self._receives.make(action)
            case Protect():
                self._protecting.ask(action)
            case Exit(code):
                self._exit(code)
            case _:
                self._calls.make(action)

    def _exit(self, code: int) -> None:
        self._judge.note(self.name, ("exit", code))
        self._judge.counts[f"exit {code}"] += 1
        hopeless = code == os.EX_CONFIG and self.children.hopeless
        self._judge.check(
            hopeless or self.name in self._judge.leaving, f"{self.name} leaves though it was not asked to"
        )
        late = self.stopping_at is not None and self._sim.now >= self.stopping_at + self._config.stop_timeout - 1.5
        hurried = self._stops > 1
        disturbed = self._judge.disturbed.get(self.name, -1.0) >= (self.stopping_at or 0)
        self._judge.check(
            late or hurried or disturbed or not self.children.runs, f"{self.name} leaves with handlers at work"
        )
        self._die()

    @property
    def stale_stop(self) -> bool:
        """Whether its core may not know yet that it is to stop."""
        return any(isinstance(event, StopRequested | Protected) for event in self._inbox)
