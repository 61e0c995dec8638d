"""Loads: which jobs arrive when, and how long each takes. Reads the values of `--arrivals` and `--job`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import NamedTuple

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.load.arrivals import Times, arrivals
from ebb.forecast.load.dates import ORIGIN, Calendar
from ebb.forecast.load.job_time import DEFAULT_JOB, JobTime, job_time
from settings.limits import MAX_MESSAGE_BYTES

#: Jobs that are drawn to know a load's typical and longest job.
PROFILED_JOBS = 10_000
#: The load of a command that names none.
DEFAULT_ARRIVALS = "burst:1"
#: Bytes of a body, if `--body` says nothing. Assumed.
DEFAULT_BODY_BYTES = 1024
#: AWS's quotas have 1,024 bytes in a KB.
_SIZES = {"": 1, "B": 1, "KB": 1024, "KIB": 1024, "MB": 1024**2, "MIB": 1024**2}


class Arrival(NamedTuple):
    """A job that is sent at `time` and takes `seconds` at each attempt. `failing`: each attempt fails."""

    time: float
    seconds: float
    group: str
    failing: bool


class Recurring(Arrival):
    """A job that a schedule sends, not the API."""


@dataclass(frozen=True)
class Crash:
    """Each task crashes: before its first receive, or so many seconds after its start."""

    text: str
    after: float | None = None


@dataclass(frozen=True, kw_only=True)
class JobProfile:
    """The typical and the longest job of a load in seconds, and its number of message groups (None without jobs)."""

    typical: float
    longest: float
    groups: int | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """Jobs over a time, in seconds from the first possible job on.

    Jobs arrive within `span`. For the monthly bill the load repeats after `every`. `origin` is the Unix time of time 0.
    `dated`: the jobs have their own dates. `exact`: the second of the minute is known at which each job is sent.
    `failing` is the share of jobs that fail. `crash`: how each task crashes. `body`: bytes of a job's body.
    """

    text: str
    times: Times
    job: JobTime
    span: float
    every: float
    origin: float = ORIGIN
    dated: bool = False
    exact: bool = False
    groups: int = 1
    failing: float = 0.0
    crash: Crash | None = None
    body: int = DEFAULT_BODY_BYTES

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

    def sample(self, jobs: int, seed: int) -> list[Arrival]:
        """The first jobs that this seed draws."""
        return list(islice(self.arrivals(Random(seed)), jobs))  # noqa: S311 - reproducible, not secret

    def profile(self, seed: int) -> JobProfile:
        """The profile of the first jobs that this seed draws."""
        drawn = self.sample(PROFILED_JOBS, seed)
        seconds = sorted(each.seconds for each in drawn) or [self.job.median]
        groups = len({each.group for each in drawn})
        return JobProfile(typical=seconds[len(seconds) // 2], longest=seconds[-1], groups=groups or None)


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


def body_bytes(text: str) -> int:
    """Bytes of 300KB, 1MB or 2000. Raises UserError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([a-z]*)", text.strip(), re.IGNORECASE)
    unit = _SIZES.get(found[2].upper()) if found else None
    size = 0 if found is None or unit is None else round(float(found[1]) * unit)
    if not 1 <= size <= MAX_MESSAGE_BYTES:
        raise UserError(f"A body is a size such as 300KB, from 1 byte to SQS's maximum of 1MB, not {text[:40]!r}.")
    return size


def load(
    when: str,
    job: str = DEFAULT_JOB,
    *,
    groups: int = 1,
    failing: float = 0.0,
    crash: str | None = None,
    body: int = DEFAULT_BODY_BYTES,
    calendar: Calendar | None = None,
) -> Load:
    """Reads a load: `when` jobs arrive (ebb/forecast/load/arrivals.py), and how long each takes.

    `calendar`: when a load without dates begins. Raises UserError.
    """
    if groups < 1:
        raise UserError(f"A load needs at least 1 message group, not {groups}.")
    if not 0 <= failing <= 1:
        raise UserError(f"The share of failing jobs must be from 0 to 1, not {failing:g}.")
    time, calendar = job_time(job), calendar or Calendar()
    found = arrivals(when, time, calendar)
    return Load(
        text=when if when.startswith(("idle", "trace")) else f"{when} of {job}",
        times=found.times,
        job=time,
        span=found.span,
        every=found.every,
        origin=calendar.origin if found.origin is None else found.origin,
        dated=found.origin is not None,
        exact=found.exact,
        groups=groups,
        failing=failing,
        crash=None if crash is None else crashing(crash),
        body=body,
    )
