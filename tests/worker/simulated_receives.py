"""The receives of a simulated worker, and their faults."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.worker.fake_sqs_store import Delivery
from tests.worker.faults import READ_MARGIN_SECONDS, Fault
from tests.worker.simulated_calls import Lane
from worker.core.events import Message, Receive, Received
from worker.core.receiving import MAX_RECEIVES
from worker.job import Job

if TYPE_CHECKING:
    from tests.worker.simulated import Worker
    from tests.worker.simulation import Simulation


class Poller:
    """A receive that waits at SQS."""

    def __init__(
        self, worker: "Worker", receive: Receive, answer: Callable[[list[Delivery]], None], lost: bool
    ) -> None:
        self.worker, self.receive, self.answer, self.lost = worker, receive, answer, lost
        self.asked_at = worker.now


class Receives:
    """Makes the receives that the worker's core wants. `in_flight`: those without an answer yet."""

    def __init__(self, simulation: "Simulation", worker: "Worker", clock: Callable[[], float]) -> None:
        self._sim, self._worker, self._clock = simulation, worker, clock
        self._judge, self._random, self._config = simulation.judge, simulation.random, simulation.config
        self._lane = Lane(MAX_RECEIVES)
        self.in_flight: list[Receive] = []

    def make(self, receive: Receive) -> None:
        """Ask, when a thread is free."""
        reserved = sum(other.count for other in self.in_flight)
        room = self._config.concurrency - self._worker.in_hand - reserved
        self._judge.check(
            receive.count <= room, f"{self._worker.name} asks for {receive.count} messages, and has room for {room}"
        )
        self._judge.check(
            self._worker.name not in self._judge.leaving or self._worker.stale_stop,
            f"{self._worker.name} receives, leaving",
        )
        self._judge.check(
            self._worker.name not in self._judge.blocked, f"{self._worker.name} receives, blocked by a deployment"
        )
        self.in_flight.append(receive)
        self._lane.submit(lambda: self._ask(receive))

    def _ask(self, receive: Receive) -> None:
        asked_at, fault = self._clock(), self._sim.fault()
        self._judge.counts["call Receive"] += 1
        limit = receive.wait + READ_MARGIN_SECONDS

        def answer(taken: list[Delivery] | None, error: str | None = None) -> None:
            if self._worker.alive:
                self._lane.done()
                self.in_flight.remove(receive)
                came = tuple(message_of(delivery, self._sim.job_ids) for delivery in taken or ())
                self._worker.post(Received(receive, asked_at, came, error))

        if fault in {Fault.LOST_REQUEST, Fault.THROTTLED}:
            self._sim.after(self._random.choice([0.01, limit]), lambda: answer(None, fault.name))
            return
        lost = fault in {Fault.LOST_RESPONSE, Fault.LATE}
        if lost:
            self._sim.after(self._random.choice([receive.wait / 2 + 0.1, limit]), lambda: answer(None, fault.name))
            poller = Poller(self._worker, receive, lambda _: None, lost=True)
        else:
            delay = self._random.uniform(1, READ_MARGIN_SECONDS - 0.1) if fault is Fault.SLOW else self._sim.latency()
            poller = Poller(
                self._worker, receive, lambda taken: self._sim.after(delay, lambda: answer(taken)), lost=False
            )
        self._sim.after(self._sim.latency(), lambda: self._sim.poll(poller))


def message_of(delivery: Delivery, job_ids: Mapping[str, str]) -> Message:
    job = Job(
        id=job_ids.get(delivery.id, delivery.id),
        message_id=delivery.id,
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
