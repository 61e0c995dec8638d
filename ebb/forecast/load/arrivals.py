"""When jobs arrive. Reads the value of `--arrivals`.

burst:N: N jobs at once. poisson:RATE[:TIME]: random, RATE per hour (or 5/s, 10/min, 100/d), for a day or TIME.
trickle[:N]: N jobs (60), 4 minutes apart on average. tail[:N]: N jobs (100) at once, each 20th 20 times as long.
nightly[:N]: N jobs (200) at 02:00 local time for a week. idle[:TIME]: no job, for 30 days. trace:FILE: see
ebb/forecast/load/trace.py.
"""

import datetime
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.durations import DAY, MINUTE
from ebb.forecast.load import trace
from ebb.forecast.load.dates import Calendar
from ebb.forecast.load.job_time import JobTime

#: Jobs of a load, at most; poisson has as many on average.
MAX_JOBS = 9_999_999
NIGHTLY_JOBS = 200
#: In the stack's time zone.
NIGHTLY_AT = datetime.time(2)
NIGHTS = 7
TRICKLE_JOBS = 60
#: Mean seconds between two jobs.
TRICKLE_INTERVAL = 4 * MINUTE
TAIL_JOBS = 100
#: Each job with this number is a long one.
TAIL_EVERY = 20
#: A long job takes this many times as long.
TAIL_FACTOR = 20
IDLE_DAYS = 30
_FORMS = "burst:N, poisson:RATE, trickle, tail, nightly, idle or trace:FILE"
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min|m|h|d))?")

#: A job's time, its seconds (None: as the load's JobTime says), and its message group ("": any).
Timed = tuple[float, float | None, str]
Times = Callable[[Random], Iterator[Timed]]


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Jobs over a time, in seconds from the first possible job on.

    Jobs arrive within `span`. For the monthly bill the load repeats after `every`. `origin` is the Unix time of time 0;
    None: the load has no dates. `exact`: the second of the minute is known at which each job is sent.
    """

    times: Times
    span: float
    every: float
    origin: float | None = None
    exact: bool = False


def arrivals(text: str, job: JobTime, calendar: Calendar) -> Arrivals:
    """Reads arrivals. `calendar`: when they begin if they have no dates. Raises UserError."""
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise UserError(f"Arrivals are {_FORMS}, not {text!r}.")
    return KINDS[kind](rest, job, calendar)


def _number(text: str, kind: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", text):
        raise UserError(f"{kind} needs a number of jobs from 1 to 9999999, such as {kind}:200, not {text!r}.")
    return int(text)


def _rate(text: str) -> float:
    """Jobs per second."""
    found = _RATE.fullmatch(text)
    if not found or not durations.MAX_SECONDS > float(found[1]) > 1 / durations.MAX_SECONDS:
        raise UserError(f"poisson needs a rate of jobs, such as 20 (per hour), 5/s, 10/min or 100/d, not {text!r}.")
    return float(found[1]) / durations.UNITS[found[2] or "h"]


def _burst(rest: str, _: JobTime, _calendar: Calendar) -> Arrivals:
    number = _number(rest, "burst")
    return Arrivals(times=lambda _: repeat((0.0, None, ""), number), span=0, every=DAY)


def _poisson(rest: str, _: JobTime, _calendar: Calendar) -> Arrivals:
    text, colon, time_text = rest.partition(":")
    rate = _rate(text)
    span = durations.positive(time_text, "A load") if colon else DAY
    if not rate * span <= MAX_JOBS:
        raise UserError(f"A load has at most {MAX_JOBS} jobs, and poisson:RATE:TIME would have more on average.")

    def times(random: Random) -> Iterator[Timed]:
        time = random.expovariate(rate)
        while time < span:
            yield time, None, ""
            time += random.expovariate(rate)

    return Arrivals(times=times, span=span, every=span)


def _trickle(rest: str, _: JobTime, _calendar: Calendar) -> Arrivals:
    number = _number(rest or str(TRICKLE_JOBS), "trickle")

    def times(random: Random) -> Iterator[Timed]:
        time = 0.0
        for _ in range(number):
            yield time, None, ""
            time += random.expovariate(1 / TRICKLE_INTERVAL)

    return Arrivals(times=times, span=number * TRICKLE_INTERVAL, every=DAY)


def _tail(rest: str, job: JobTime, _: Calendar) -> Arrivals:
    number = _number(rest or str(TAIL_JOBS), "tail")

    def times(random: Random) -> Iterator[Timed]:
        for index in range(1, number + 1):
            yield 0.0, job.draw(random) * (1 if index % TAIL_EVERY else TAIL_FACTOR), ""

    return Arrivals(times=times, span=0, every=DAY)


def _nightly(rest: str, _: JobTime, calendar: Calendar) -> Arrivals:
    number = _number(rest or str(NIGHTLY_JOBS), "nightly")
    nights = calendar.nights(NIGHTS, NIGHTLY_AT)

    def times(_: Random) -> Iterator[Timed]:
        for night in nights:
            yield from repeat((night, None, ""), number)

    return Arrivals(times=times, span=NIGHTS * DAY, every=NIGHTS * DAY, exact=True)


def _idle(rest: str, _: JobTime, _calendar: Calendar) -> Arrivals:
    span = durations.positive(rest, "A load") if rest else IDLE_DAYS * DAY
    return Arrivals(times=lambda _: iter(()), span=span, every=span)


def _trace(rest: str, _: JobTime, _calendar: Calendar) -> Arrivals:
    """A trace with dates keeps them, so that warm hours apply at their local time."""
    found = trace.read(Path(rest))
    return Arrivals(
        times=lambda _: found.jobs(),
        span=found.last,
        every=math.ceil((found.last + 1) / DAY) * DAY,
        origin=found.origin,
        exact=found.origin is not None,
    )


KINDS: dict[str, Callable[[str, JobTime, Calendar], Arrivals]] = {
    "burst": _burst,
    "poisson": _poisson,
    "trickle": _trickle,
    "tail": _tail,
    "nightly": _nightly,
    "idle": _idle,
    "trace": _trace,
}
