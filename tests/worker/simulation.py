"""Workers' cores, a queue and all that lies between them, as discrete events on one virtual clock: no thread, no wait.

The plan says what goes wrong; the judge watches.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.worker.configs import config
from tests.worker.ecs import Ecs
from tests.worker.fake_sqs import FakeSqs
from tests.worker.fake_sqs_store import Stored
from tests.worker.faults import QUIET, Fault, Plan, Script
from tests.worker.judge import Judge
from tests.worker.simulated import Worker
from tests.worker.simulated_receives import Poller
from tests.worker.simulated_table import Table
from worker.config import Config
from worker.core.endings import FINAL

#: Unix time at which a simulation begins.
EPOCH = 1_700_000_000.0


def settings(**changes: Any) -> Config:
    """A worker's settings for a simulation."""
    known: dict[str, Any] = {
        "visibility_timeout": 30,
        "stop_timeout": 60,
        "backoff_base": 1.0,
        "backoff_cap": 20.0,
        "concurrency": 4,
        "agent_uri": "http://agent",
    }
    return config(**(known | changes))


class Simulation:
    """One queue with its dead-letter queue, an ECS, a job table, and workers."""

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
        #: The job of a message, if another message has the same one.
        self.job_ids: dict[str, str] = {}
        self.workers: list[Worker] = []
        self.outage_until = -math.inf
        #: Faults of the next calls; they go before the plan.
        self.forced: deque[Fault] = deque()
        self.table = Table(lambda: self.now, self.judge.fail)
        self.judge.jobs.has_ended = self._has_ended
        self._pollers: list[Poller] = []
        self._poke_at = math.inf
        self._names = 0
        if plan.outage_every < math.inf:
            self.after(self.random.expovariate(1 / plan.outage_every), self._outage)
        self.ecs = Ecs(self)

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
        self.advance(300)  # a successor proves its protection, which then lasts a minute
        self.ecs.settle()
        if not all(worker.waits_for_messages for worker in self.workers):
            self.advance(0.5)  # between two receives
        for worker in self.workers:
            self.judge.check(not worker.busy, f"{worker.name} still has runs")
            self.judge.check(worker.protected_until <= self.now, f"{worker.name} is idle, and protected")
            self.judge.check(not worker.alive or worker.waits_for_messages, f"{worker.name} does not poll")
        self.judge.jobs.ended({job_id: (item.state, item.until) for job_id, item in self.table.items.items()})

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.plan = QUIET
        self.outage_until = -math.inf
        self.forced.clear()

    # -- what happens to the workers

    def send(self, script: Script, *, group: str | None = None, delay: float = 0) -> str:
        """Send a job that goes by this script."""
        body = str(len(self.scripts))
        deduplication = body if group is not None else None
        message_id = self.queue.send(body, group=group, deduplication_id=deduplication, delay=delay)
        self.scripts[message_id] = script
        self.judge.sent(message_id, group)
        if self.config.job_table and self.random.random() < self.plan.submitted:
            self.table.submitted(message_id, message_id)
        if self.config.job_table and group is None and self.random.random() < self.plan.doubled:
            self._double(body, script, message_id)
        if self.config.job_table and self.random.random() < self.plan.cancelled:
            self.after(self.random.expovariate(0.1), lambda: self.cancel(message_id))
        self.poke()
        return message_id

    def _double(self, body: str, script: Script, first: str) -> None:
        """The API's workflow runs twice: there is a second message about the job."""
        second = self.queue.send(body, delay=self.random.choice([0, 1, 20, 60]))
        self.scripts[second] = script
        self.job_ids[second] = first
        self.judge.sent(second, None)
        self.judge.jobs.doubled(first, second)

    def _has_ended(self, message_id: str) -> bool:
        item = self.table.items.get(self.job_ids.get(message_id, message_id))
        return item is not None and item.state in FINAL

    def cancel(self, message_id: str) -> None:
        """The caller cancels the job."""
        state = self.table.cancel(message_id)
        self.judge.note(" ! ", ("cancel", message_id, state))
        self.judge.jobs.cancelled(message_id, state)

    def start_worker(self) -> Worker:
        """One more worker, and one more task that the service desires."""
        self.ecs.desired += 1
        return self.add_worker()

    def add_worker(self) -> Worker:
        """A task of the newest revision runs."""
        self._names += 1
        worker = Worker(self, f"w{self._names}")
        self.workers.append(worker)
        return worker

    def replaced(self, worker: Worker) -> None:
        """A worker has gone; ECS starts another when it looks next."""
        self.workers.remove(worker)

    def _gone(self, message: Stored, why: str) -> None:
        self.judge.gone(message, why)

    def outage(self, seconds: float) -> None:
        """SQS does not answer for so long."""
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

    def poll(self, poller: Poller) -> None:
        """A receive has arrived at SQS."""
        self._pollers.append(poller)
        if poller.receive.attempt_id and self.queue.repeats(poller.receive.attempt_id):
            self._give(poller)
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
            self._give(self._pollers[self.random.randrange(len(self._pollers))])

    def _give(self, poller: Poller) -> None:
        """Answer a receive, if there is something for it."""
        receive, worker = poller.receive, poller.worker
        taken = self.queue.receive(receive.count, visibility_timeout=self.config.lease, attempt_id=receive.attempt_id)
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

    def _over(self, poller: Poller) -> None:
        if poller in self._pollers:
            self._pollers.remove(poller)
            poller.answer([])
