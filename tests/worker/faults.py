"""What goes wrong in a simulation, how often, and what the jobs do: all drawn from the run's seed."""

import math
import random
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from worker.job import Result, Verdict

#: Seconds in which a client gives a call up: the worker's connect and read time-outs together.
CALL_TIMEOUT = 8.0
#: Seconds above its wait in which it gives a receive up.
READ_MARGIN_SECONDS = 5.0


class Fault(Enum):
    """What may happen to one call."""

    NONE = auto()
    #: Answered just before the client would give up.
    SLOW = auto()
    #: Done, and the answer is lost.
    LOST_RESPONSE = auto()
    #: Never done.
    LOST_REQUEST = auto()
    #: Done after the client gave it up.
    LATE = auto()
    THROTTLED = auto()
    #: Some entries of a batch fail.
    PARTIAL = auto()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Rates of faults. Of calls: the share that meets them; of events: seconds between two of a worker, on average."""

    slow: float = 0.0
    lost_response: float = 0.0
    lost_request: float = 0.0
    late: float = 0.0
    throttled: float = 0.0
    partial: float = 0.0
    #: The share of received messages that a standard queue gives out once more.
    duplicates: float = 0.0
    #: The share of jobs that the API has put into the table, and of those that their caller cancels.
    submitted: float = 0.7
    cancelled: float = 0.0
    #: The share of those about which there are two messages.
    doubled: float = 0.0
    #: The share of messages sent with a delay.
    delayed: float = 0.0
    kill_every: float = math.inf
    #: SIGTERM; a quarter of them get a second one.
    stop_every: float = math.inf
    #: The worker's process stands still for up to `longest_stall` seconds.
    stall_every: float = math.inf
    longest_stall: float = 45.0
    #: The worker's clock jumps ahead by as much.
    jump_every: float = math.inf
    #: SQS does not answer, for up to `longest_outage` seconds.
    outage_every: float = math.inf
    longest_outage: float = 60.0
    #: The share of protection requests that ECS throttles or does not answer.
    refused: float = 0.0
    #: Deployments and changes of the desired count.
    deploy_every: float = math.inf
    #: The share of children that cannot import the handler, and that hang in the import.
    broken_child: float = 0.0
    hung_child: float = 0.0
    #: An idle child of a worker dies.
    idle_death_every: float = math.inf

    def scaled(self, factor: float) -> "Plan":
        """The same with so many times as many faults of calls."""
        names = ("slow", "lost_response", "lost_request", "late", "throttled", "partial")
        return replace(self, **{name: getattr(self, name) * factor for name in names})

    def draw(self, rng: random.Random) -> Fault:
        """What happens to a call."""
        at = rng.random()
        for fault, share in self._shares:
            at -= share
            if at < 0:
                return fault
        return Fault.NONE

    _shares: tuple[tuple[Fault, float], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shares = (
            (Fault.SLOW, self.slow),
            (Fault.LOST_RESPONSE, self.lost_response),
            (Fault.LOST_REQUEST, self.lost_request),
            (Fault.LATE, self.late),
            (Fault.THROTTLED, self.throttled),
            (Fault.PARTIAL, self.partial),
        )
        object.__setattr__(self, "_shares", tuple(pair for pair in shares if pair[1]))


QUIET = Plan()
#: Calls fail, the workers live.
CALLS = Plan(
    slow=0.02,
    lost_response=0.02,
    lost_request=0.02,
    late=0.01,
    throttled=0.02,
    partial=0.03,
    duplicates=0.05,
    cancelled=0.1,
    doubled=0.05,
)
#: SQS is away for longer than a lease lasts.
OUTAGES = Plan(outage_every=100, longest_outage=90, duplicates=0.05)
#: Workers come and go, and stand still.
WORKERS = Plan(
    kill_every=300,
    stop_every=120,
    stall_every=200,
    jump_every=600,
    duplicates=0.05,
    broken_child=0.1,
    hung_child=0.05,
    cancelled=0.1,
    doubled=0.05,
    idle_death_every=100,
    delayed=0.1,
)
#: Deployments one after the other, and more or fewer tasks.
DEPLOYMENTS = Plan(deploy_every=400, slow=0.1, refused=0.02)
#: Everything.
ALL = replace(
    CALLS,
    kill_every=400,
    stop_every=200,
    stall_every=300,
    jump_every=900,
    outage_every=600,
    duplicates=0.05,
    delayed=0.1,
    deploy_every=600,
    refused=0.02,
    broken_child=0.1,
    hung_child=0.02,
    idle_death_every=200,
)
#: Everything, and a third of the calls fail.
STORM = replace(ALL.scaled(3), kill_every=200, stop_every=100, stall_every=100, jump_every=300, outage_every=200)
#: The same, with workers that stand still more often than not.
STALLS = replace(STORM, stall_every=30, stop_every=60)


class Play(Enum):
    """How one attempt at a job goes in its child."""

    DONE = auto()
    FAIL = auto()
    RETRY = auto()
    REJECT = auto()
    CRASH = auto()
    HANG = auto()


@dataclass(frozen=True)
class Script:
    """A message's attempts: the first ones as listed, all others as the last."""

    attempts: tuple[tuple[Play, float], ...]
    #: Seconds that a Retry asks for.
    after: float | None = None

    def attempt(self, number: int) -> tuple[Play, float]:
        """How the attempt goes, 0 the first, and how many seconds it takes."""
        return self.attempts[min(number, len(self.attempts) - 1)]


#: Kinds of jobs and their shares in a thousand.
KINDS = {"quick": 860, "long": 25, "fails": 45, "retries": 25, "crashes": 15, "hangs": 5, "rejects": 15, "hopeless": 10}


def script(rng: random.Random, kinds: dict[str, int]) -> Script:
    """A job of one of these kinds, by their weights."""
    (kind,) = rng.choices(list(kinds), list(kinds.values()))
    quick = rng.uniform(0.005, 0.5) if rng.random() < 0.9 else rng.uniform(0.5, 8)
    done, some = (Play.DONE, quick), rng.randint(1, 2)
    attempts = {
        "quick": (done,),
        "long": ((Play.DONE, rng.uniform(20, 150)), (Play.DONE, rng.uniform(20, 55))),
        "fails": (*[(Play.FAIL, quick)] * some, done),
        "retries": (*[(Play.RETRY, quick)] * some, done),
        "crashes": (*[(Play.CRASH, quick)] * some, done),
        "hangs": ((Play.HANG, math.inf), done),
        "rejects": ((Play.REJECT, quick),),
        "hopeless": ((rng.choice([Play.FAIL, Play.CRASH]), quick),),
    }
    return Script(attempts[kind], rng.choice([None, 0.0, 3.0, 40.0]))


def result(play: Play, after: float | None) -> Result:
    """What the child says of such an attempt."""
    match play:
        case Play.DONE:
            return Result(verdict=Verdict.DONE)
        case Play.RETRY:
            return Result(verdict=Verdict.RETRY, reason="later", after=after)
        case Play.REJECT:
            return Result(verdict=Verdict.REJECT, reason="never")
        case _:
            return Result(verdict=Verdict.FAILED, reason=play.name.lower())
