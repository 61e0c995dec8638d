"""What must hold at any time, under every fault. It sees all events, and raises Violation when a rule is broken.

It knows what the workers cannot: SQS's own account of each lease, and which faults were injected.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.worker.fake_sqs_store import Lease, Stored
from tests.worker.faults import Play
from tests.worker.judged_jobs import Jobs
from worker.core.breaker import MAX_FAILURES

#: What failed and slow calls in a row about one receive count, and from what sum its lease may be lost. Two failures
#: of the shortest lease are enough after a long poll, but one and a slow call are not.
FAILED, SLOW, ENOUGH = 3, 2, 6
#: A worker may look at its events so much later (simulated.py).
SLOW_LOOK_SECONDS = 0.005
#: Lines of the trace that are kept.
MAX_KEPT_LINES = 200_000
#: Lines of the trace that a failure shows.
MAX_SHOWN_LINES = 60


class Violation(AssertionError):  # noqa: N818 - of a promise, not an error of the program
    """Something happened that must not."""


@dataclass(slots=True, eq=False)
class Hand:
    """One receive of a message in one worker's hands."""

    lease: Lease
    worker: str
    #: When that worker asked for it.
    asked_at: float
    #: Why the message may be received once more.
    excuse: str | None = None
    #: Sum of FAILED and SLOW calls about it, since one that went well.
    trouble: int = 0


@dataclass(slots=True, eq=False)
class Run:
    """A handler at work."""

    hand: Hand
    message_id: str
    group: str | None
    slot: int
    began: float
    play: Play
    #: Whether its child was asked to end.
    killed: bool = False
    #: When its caller cancelled it.
    cancelled_at: float | None = None


@dataclass(slots=True)
class Past:
    """What the judge knows of a message."""

    group: str | None
    done: bool = False
    rejected: bool = False
    letters: int = 0
    #: The other messages about the same job.
    twins: list[str] = field(default_factory=list)
    gone: str | None = None
    ended_runs: int = 0
    #: Whether its caller was answered that it is cancelled, or will be; and that it never runs.
    cancelled: bool = False
    never_runs: bool = False
    #: The steps that a worker had to leave out: the table, or the event bus, was away.
    left_out: set[str] = field(default_factory=set)
    #: Whether it was, at any time, given out while in flight.
    doubled: bool = False
    live: list[Run] = field(default_factory=list)


class Judge:
    """Keeps the books of one simulation."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.past: dict[str, Past] = {}
        self.hands: dict[str, Hand] = {}
        self.counts: Counter[str] = Counter()
        self.left = 0
        self.jobs = Jobs(self)
        #: Workers that stood still or whose clock jumped, with when that was last over.
        self.disturbed: dict[str, float] = {}
        #: Workers that were asked to stop, or died, with when: they give back what they have, or lose it.
        self.leaving: dict[str, float] = {}
        #: Workers whose last request for protection ECS denied.
        self.blocked: set[str] = set()
        self._groups: dict[str, list[str]] = defaultdict(list)
        self._over: Counter[str] = Counter()
        #: Messages whose jobs failed in a row, by worker.
        self._failed: dict[str, set[str]] = defaultdict(set)
        self._trace: deque[tuple[float, str, object]] = deque(maxlen=MAX_KEPT_LINES)

    @property
    def now(self) -> float:
        """The simulation's time."""
        return self._clock()

    # -- the trace

    def note(self, who: str, what: object) -> None:
        """Keep it for the trace."""
        self._trace.append((self._clock(), who, what))

    def fail(self, text: str, about: str = "") -> None:
        """Raise Violation with the trace of what it is about."""
        lines = [f"{at:12.3f} {who:6} {what}" for at, who, what in self._trace]
        names = (f"'{about}'", f"'{about}/") if about else ()
        ours = [line for line in lines if " ! " in line or any(name in line for name in names)][-MAX_SHOWN_LINES:]
        shown = "\n".join([*ours, "  last of all:", *lines[-15:]])
        raise Violation(f"{text} at {self._clock():.3f} {about}\n{shown}")

    def check(self, holds: bool, text: str, about: str = "") -> None:
        """Raise Violation unless it holds."""
        if not holds:
            self.fail(text, about)

    # -- what happens

    def sent(self, message_id: str, group: str | None) -> None:
        """A message is in the queue."""
        self.past[message_id] = Past(group)
        self.left += 1
        if group is not None:
            self._groups[group].append(message_id)

    def given(self, lease: Lease, worker: str, asked_at: float, excuse: str | None) -> None:
        """SQS gave the message out. A second receive needs a reason in how the one before it ended."""
        message = lease.message
        self.note("sqs", ("gives", lease.handle, worker, excuse))
        if lease.handle in self.hands:  # repeated under its ReceiveRequestAttemptId
            hand = self.hands[lease.handle]
            hand.excuse = excuse
            return
        if message.receive_count > 1 and not lease.duplicate:
            self._explained(self.hands[f"{message.id}/{message.receive_count - 1}"])
        if lease.duplicate:
            self.past[message.id].doubled = True
            self.counts["duplicates"] += 1
        self.hands[lease.handle] = Hand(lease, worker, asked_at, excuse)
        self.counts["receives"] += 1

    def _explained(self, hand: Hand) -> None:
        # a receive from before the worker knew of its stop; it may hear of that a moment later
        left = self.leaving.get(hand.worker, -1.0) + SLOW_LOOK_SECONDS >= hand.asked_at
        excused = hand.excuse or left or hand.trouble >= ENOUGH
        why = "a receive was spent without a reason: the one before it was lost for nothing"
        self.check(bool(excused) or self.was_disturbed(hand), why, hand.lease.message.id)
        self.counts["redelivered"] += 1

    def excuse(self, handle: str, why: str) -> None:
        """The message may be received once more, for this reason."""
        self.hands[handle].excuse = why

    def call_began(self, worker: str, name: str, handle: str, in_flight: Iterable[str]) -> None:
        """A worker asks SQS to hide or delete a message."""
        hand = self.hands[handle]
        message_id = hand.lease.message.id
        self.note(worker, (name, handle))
        self.check(handle not in in_flight, f"{name} while another call about the message is in flight", message_id)
        if name != "extend":
            running = any(run.hand.worker == worker for run in self.past[message_id].live)
            self.check(not running, f"{name} while the handler runs", message_id)
        if name == "delete":
            fine = hand.lease.superseded_at is not None and self.past[message_id].doubled
            gone = hand.lease.message.place == "gone"  # deleted before, with the answer lost
            held = self._clock() < hand.lease.until or fine or gone
            self.check(held, "delete without a lease", message_id)

    def trouble(self, handle: str, weight: int) -> None:
        """A call about it fails, or is slow."""
        self.hands[handle].trouble += weight

    def renewed(self, handle: str) -> None:
        """Its lease is as long as can be."""
        self.hands[handle].trouble = 0

    def started(self, handle: str, slot: int, play: Play) -> Run:
        """A handler runs."""
        hand = self.hands[handle]
        lease, message = hand.lease, hand.lease.message
        past = self.past[message.id]
        self.note(hand.worker, ("starts", handle, slot, play))
        self.check(lease.holds(self._clock()) or past.doubled, "a handler starts without a lease", message.id)
        for other in past.live:
            own = other.hand.worker == hand.worker
            self.check(not own, "one worker runs a message twice at once", message.id)
            fine = past.doubled or self.was_disturbed(other.hand)
            self.check(fine, "two handlers run one message", message.id)
            self.counts["run at once by fault"] += 1
        if past.done:
            self.counts["run again after done"] += 1
        if message.group is not None:
            self._check_order(message, message.group)
        run = Run(hand, message.id, message.group, slot, self._clock(), play)
        if past.cancelled:  # after the claim
            run.cancelled_at = self._clock()
        past.live.append(run)
        self.counts["runs"] += 1
        return run

    def _check_order(self, message: Stored, group: str) -> None:
        order = self._groups[group]
        while self._over[group] < len(order) and self._is_over(order[self._over[group]]):
            self._over[group] += 1
        early = order[: self._over[group] + 1]
        self.check(message.id in early[-1:] or message.id in early, "a group's order is broken", message.id)
        for other_id in early[-2:]:
            for run in self.past[other_id].live if other_id != message.id else ():
                fine = self.was_disturbed(run.hand)
                self.check(fine, "two of a group run at once", message.id)

    def _is_over(self, message_id: str) -> bool:
        past = self.past[message_id]
        return past.done or past.gone is not None

    def ended(self, run: Run, play: Play | None) -> None:
        """The handler runs no more: it came to that end, or was killed (None)."""
        past, lease = self.past[run.message_id], run.hand.lease
        self.note(run.hand.worker, ("ends", lease.handle, play))
        past.live.remove(run)
        past.ended_runs += 1
        if play is Play.DONE:
            past.done = True
        else:
            why = run.hand.excuse or ("killed" if play is None else play.name)
            newest = self.hands[f"{run.message_id}/{lease.message.receive_count}"]
            for hand in {run.hand, newest}:  # its worker may have received it anew while it ended the child
                if hand.worker == run.hand.worker:
                    hand.excuse = why
            past.rejected |= play is Play.REJECT
        now = self._clock()
        if now > lease.until + 1e-6:
            fine = past.doubled or self.was_disturbed(run.hand)
            self.check(fine, f"a handler ran {now - lease.until:.3f} s without its lease", run.message_id)
            self.counts["ran on without lease by fault"] += 1

    def told(self, run: Run, play: Play | None) -> None:
        """The worker hears of that end. A job that was killed may have reached its limit by the worker's own clock."""
        if play in {Play.DONE, Play.REJECT}:
            self._failed[run.hand.worker].clear()
        elif play in {Play.FAIL, Play.CRASH, None}:
            self._failed[run.hand.worker].add(run.message_id)

    def useless(self, worker: str) -> str | None:
        """Why a message that waits in the worker cannot start there now, if so."""
        if worker in self.blocked:
            return "ECS denied its worker protection after the receive"
        return "its worker fails all jobs" if len(self._failed[worker]) >= MAX_FAILURES else None

    def letter(self, message_id: str) -> None:
        """A worker sent a copy to the dead-letter queue."""
        past = self.past[message_id]
        self.note("sqs", ("letter", message_id))
        self.check(past.rejected, "a job that was not rejected is sent to the dead-letter queue", message_id)
        past.letters += 1

    def gone(self, message: Stored, why: str) -> None:
        """The message is in the queue no more."""
        past = self.past[message.id]
        self.note("sqs", (why, message.id))
        past.gone = why
        self.left -= 1
        self.counts[why] += 1
        if why == "deleted":
            self.check(
                self.jobs.kept(message.id),
                "a message vanished: deleted, but neither done nor a dead letter",
                message.id,
            )
            self.check(not past.live or past.doubled or past.done, "deleted while it runs", message.id)
        elif why == "dead-lettered":
            self._explained(self.hands[f"{message.id}/{message.receive_count}"])
            self.counts["done and dead-lettered"] += past.done
        else:
            self.fail("a message vanished: it outlived its retention", message.id)

    # -- who is excused

    def was_disturbed(self, hand: Hand) -> bool:
        """Whether its worker stood still, or misread the time, since it has the message."""
        return self.disturbed.get(hand.worker, -1.0) >= hand.asked_at
