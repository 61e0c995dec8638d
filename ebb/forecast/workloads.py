"""Loads: which jobs arrive when, and how long each takes. Reads the values of `--arrivals` and `--job`."""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, repeat
from pathlib import Path
from random import Random
from typing import NamedTuple

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.durations import DAY, HOUR, MINUTE

#: Unix seconds of time 0, for loads without dates: 2024-01-01T00:00:00Z, a Monday.
ORIGIN = 1_704_067_200
#: The kinds of loads, for errors.
ARRIVALS = "burst:N, poisson:RATE, trickle, tail, nightly, idle or trace:FILE"
DEFAULT_JOB = "60s"
#: Jobs of a load, at most; poisson has as many on average.
MAX_JOBS = 9_999_999
NIGHTLY_JOBS = 200
#: Seconds after midnight, UTC.
NIGHTLY_AT = 2 * HOUR
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
#: Jobs that are drawn to know a load's typical and longest job.
PROFILED_JOBS = 10_000
MAX_SIGMA = 3
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min|m|h|d))?")


class Arrival(NamedTuple):
    """A job that is sent at `time` and takes `seconds` at each attempt. `failing`: each attempt fails."""

    time: float
    seconds: float
    group: str
    failing: bool


@dataclass(frozen=True)
class Crash:
    """Each task crashes: before its first receive, or so many seconds after its start."""

    text: str
    after: float | None = None


@dataclass(frozen=True)
class JobTime:
    """How long jobs take, in seconds: always `median`, or log-normally distributed around it."""

    text: str
    median: float
    sigma: float = 0.0

    def draw(self, random: Random) -> float:
        """One job's seconds."""
        return self.median * math.exp(random.gauss(0.0, self.sigma)) if self.sigma else self.median


@dataclass(frozen=True, kw_only=True)
class JobProfile:
    """The typical and the longest job of a load in seconds, and its number of message groups (None without jobs)."""

    typical: float
    longest: float
    groups: int | None = None


#: A job's time, its seconds (None: as the load's JobTime says), and its message group ("": any).
Timed = tuple[float, float | None, str]
Times = Callable[[Random], Iterator[Timed]]


@dataclass(frozen=True, kw_only=True)
class _Arrivals:
    """What `--arrivals` says; the fields are those of Load."""

    times: Times
    span: float
    every: float
    origin: float = ORIGIN


@dataclass(frozen=True, kw_only=True)
class Load:
    """Jobs over a time, in seconds from the first possible job on.

    Jobs arrive within `span`. For the monthly bill the load repeats after `every`. `origin` is the Unix time of time 0.
    `failing` is the share of jobs that fail. `crash`: how each task crashes.
    """

    text: str
    times: Times
    job: JobTime
    span: float
    every: float
    origin: float = ORIGIN
    groups: int = 1
    failing: float = 0.0
    crash: Crash | None = None

    @property
    def is_trace(self) -> bool:
        """Whether the jobs are those of a file."""
        return self.text.startswith("trace:")

    def arrivals(self, random: Random) -> Iterator[Arrival]:
        """The jobs, ordered by time, from 0 on."""
        for time, seconds, group in self.times(random):
            yield Arrival(
                time,
                self.job.draw(random) if seconds is None else seconds,
                group or (str(random.randrange(self.groups)) if self.groups > 1 else "0"),
                self.failing > 0 and random.random() < self.failing,
            )

    def profile(self, seed: int) -> JobProfile:
        """The profile of the first jobs that this seed draws."""
        drawn = list(islice(self.arrivals(Random(seed)), PROFILED_JOBS))  # noqa: S311 - reproducible, not secret
        seconds = sorted(each.seconds for each in drawn) or [self.job.median]
        groups = len({each.group for each in drawn})
        return JobProfile(typical=seconds[len(seconds) // 2], longest=seconds[-1], groups=groups or None)


def job_time(text: str) -> JobTime:
    """Reads `30s`, or `lognormal:30s,0.5` (the median, and sigma of the logarithm).

    Raises UserError.
    """
    kind, colon, rest = text.partition(":")
    if not colon:
        return JobTime(text, durations.positive(text, "A job"))
    median, comma, sigma = rest.partition(",")
    if kind != "lognormal" or not comma:
        raise UserError(f"A job's time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not {text!r}.")
    try:
        spread = float(sigma)
    except ValueError:
        spread = math.nan
    if not 0 <= spread <= MAX_SIGMA:
        raise UserError(f"The sigma of a log-normal time must be a number from 0 to {MAX_SIGMA}, not {sigma!r}.")
    return JobTime(text, durations.positive(median, "A job"), spread)


def crashing(text: str) -> Crash:
    """Reads `start`, or the time after which each task crashes, such as 90s.

    Raises UserError.
    """
    if text == "start":
        return Crash(text)
    try:
        return Crash(text, durations.positive(text, "The time before a crash"))
    except UserError as error:
        raise UserError(f"A crash is `start` or a time. {error}") from None


def load(
    arrivals: str, job: str = DEFAULT_JOB, *, groups: int = 1, failing: float = 0.0, crash: str | None = None
) -> Load:
    """Reads a load.

    burst:N: N jobs at once. poisson:RATE[:TIME]: random, RATE per hour (or 5/s, 10/min, 100/d), for a day or TIME.
    trickle[:N]: N jobs (60), 4 minutes apart on average. tail[:N]: N jobs (100) at once, each 20th 20 times as long.
    nightly[:N]: N jobs (200) at 02:00 UTC for a week. idle[:TIME]: no job, for 30 days. trace:FILE: CSV of
    time[,seconds[,group]], the time in seconds or ISO 8601. Raises UserError.
    """
    if groups < 1:
        raise UserError(f"A load needs at least 1 message group, not {groups}.")
    if not 0 <= failing <= 1:
        raise UserError(f"The share of failing jobs must be from 0 to 1, not {failing:g}.")
    time = job_time(job)
    kind, _, rest = arrivals.partition(":")
    if kind not in _KINDS:
        raise UserError(f"Arrivals are {ARRIVALS}, not {arrivals!r}.")
    read = _KINDS[kind](rest, time)
    text = arrivals if kind in ("idle", "trace") else f"{arrivals} of {job}"
    crashes = None if crash is None else crashing(crash)
    return Load(text=text, job=time, groups=groups, failing=failing, crash=crashes, **vars(read))


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


def _burst(rest: str, _: JobTime) -> _Arrivals:
    number = _number(rest, "burst")
    return _Arrivals(times=lambda _: repeat((0.0, None, ""), number), span=0, every=DAY)


def _poisson(rest: str, _: JobTime) -> _Arrivals:
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

    return _Arrivals(times=times, span=span, every=span)


def _trickle(rest: str, _: JobTime) -> _Arrivals:
    number = _number(rest or str(TRICKLE_JOBS), "trickle")

    def times(random: Random) -> Iterator[Timed]:
        time = 0.0
        for _ in range(number):
            yield time, None, ""
            time += random.expovariate(1 / TRICKLE_INTERVAL)

    return _Arrivals(times=times, span=number * TRICKLE_INTERVAL, every=DAY)


def _tail(rest: str, job: JobTime) -> _Arrivals:
    number = _number(rest or str(TAIL_JOBS), "tail")

    def times(random: Random) -> Iterator[Timed]:
        for index in range(1, number + 1):
            yield 0.0, job.draw(random) * (1 if index % TAIL_EVERY else TAIL_FACTOR), ""

    return _Arrivals(times=times, span=0, every=DAY)


def _nightly(rest: str, _: JobTime) -> _Arrivals:
    number = _number(rest or str(NIGHTLY_JOBS), "nightly")

    def times(_: Random) -> Iterator[Timed]:
        for night in range(NIGHTS):
            yield from repeat((night * DAY + NIGHTLY_AT, None, ""), number)

    return _Arrivals(times=times, span=NIGHTS * DAY, every=NIGHTS * DAY)


def _idle(rest: str, _: JobTime) -> _Arrivals:
    span = durations.positive(rest, "A load") if rest else IDLE_DAYS * DAY
    return _Arrivals(times=lambda _: iter(()), span=span, every=span)


def _trace(rest: str, _: JobTime) -> _Arrivals:
    """A trace with dates keeps them, so that warm hours apply at their local time."""
    path = Path(rest)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"The trace {path} cannot be read: {why}.") from error
    if lines and _time(lines[0][1][0]) is None:  # a header
        lines = lines[1:]
    if not lines:
        raise UserError(f"The trace {path} has no jobs.")
    rows = sorted((_row(path, number, row) for number, row in lines), key=lambda row: row[0])
    (first, dated), last = rows[0][0], rows[-1][0][0]
    jobs: list[Timed] = [(time - first, seconds, group) for (time, _), seconds, group in rows]
    span = last - first
    if span > durations.MAX_SECONDS:
        raise UserError(f"The trace {path} spans more than {durations.MAX_SECONDS // DAY} days.")
    every = math.ceil((span + 1) / DAY) * DAY
    return _Arrivals(times=lambda _: iter(jobs), span=span, every=every, origin=first if dated else ORIGIN)


_KINDS: dict[str, Callable[[str, JobTime], _Arrivals]] = {
    "burst": _burst,
    "poisson": _poisson,
    "trickle": _trickle,
    "tail": _tail,
    "nightly": _nightly,
    "idle": _idle,
    "trace": _trace,
}
#: Seconds, and whether they are Unix seconds of a date.
_Moment = tuple[float, bool]


def _row(path: Path, number: int, row: list[str]) -> tuple[_Moment, float | None, str]:
    fields = [field.strip() for field in row] + ["", ""]
    time = _time(fields[0])
    if time is None or len(row) > 3:
        raise UserError(f"Line {number} of {path} must be time[,seconds[,group]], not {','.join(row)!r}.")
    try:
        seconds = durations.positive(fields[1], "A job") if fields[1] else None
    except UserError as error:
        raise UserError(f"Line {number} of {path}: {error}") from error
    return time, seconds, fields[2]


def _time(text: str) -> _Moment | None:
    """A number of seconds, or a date; a date without an offset is UTC. None for anything else."""
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True
    return (number, False) if math.isfinite(number) else None
