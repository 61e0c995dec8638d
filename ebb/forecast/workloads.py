"""Which jobs come when, and how long each takes: the words of `--arrivals` and `--job`."""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from random import Random
from typing import NamedTuple

from ebb.errors import UserError

MINUTE, HOUR, DAY = 60, 3600, 86_400
_UNITS = {"ms": 0.001, "s": 1, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min|m|h|d))?")
#: What there is, for the error that says so.
ARRIVALS = "burst:N, poisson:RATE, trickle, tail, nightly, idle or trace:FILE"
#: Jobs of the loads that need no number.
NIGHTLY_JOBS, NIGHTLY_AT, NIGHTS = 200, 2 * HOUR, 7
TRICKLE_JOBS, TRICKLE_APART = 60, 4 * MINUTE
#: A tail: of that many jobs that come at once every 20th takes 20 times as long.
TAIL_JOBS, TAIL_EACH, TAIL_TIMES = 100, 20, 20
IDLE_DAYS = 30


class LoadError(UserError):
    """Words that are no load; the text is one sentence for the user."""


class Arrival(NamedTuple):
    """A job that is sent at `time` and takes `seconds` at each attempt; `failing` ones fail at each."""

    time: float
    seconds: float
    group: str
    failing: bool


@dataclass(frozen=True)
class JobTime:
    """How long jobs take, seconds: always `median`, or log-normally distributed around it."""

    text: str
    median: float
    sigma: float = 0.0

    def draw(self, random: Random) -> float:
        """One job's."""
        return self.median * math.exp(random.gauss(0.0, self.sigma)) if self.sigma else self.median


#: When a job comes, how long it takes if not as the load says, and its group if it has one.
Timed = tuple[float, float | None, str]
Times = Callable[[Random], Iterator[Timed]]
#: What the words of one kind say: the times, and Load's `span` and `every`.
_Kind = tuple[Times, float, float]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Jobs over a time. `span`: the seconds in which jobs come; `every`: after how many it is taken to come again."""

    text: str
    times: Times
    job: JobTime
    span: float
    every: float
    groups: int = 1
    failing: float = 0.0

    def arrivals(self, random: Random) -> Iterator[Arrival]:
        """The jobs, in the order of time, from 0 on."""
        for time, seconds, group in self.times(random):
            yield Arrival(
                time,
                self.job.draw(random) if seconds is None else seconds,
                group or (str(random.randrange(self.groups)) if self.groups > 1 else "0"),
                self.failing > 0 and random.random() < self.failing,
            )


def duration(text: str) -> float:
    """Seconds of 30s, 20m, 1h30m, 500ms, 2d; a bare number is seconds. Raises LoadError."""
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        return float(stripped)
    if not stripped or _PART.sub("", stripped):
        raise LoadError(f"A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not {text!r}.")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(stripped))


def job_time(text: str) -> JobTime:
    """Of `30s`, or `lognormal:30s,0.5` (the median, and sigma of the logarithm). Raises LoadError."""
    kind, colon, rest = text.partition(":")
    if not colon:
        return JobTime(text, _positive(duration(text), text))
    median, comma, sigma = rest.partition(",")
    if kind != "lognormal" or not comma:
        raise LoadError(f"A job's time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not {text!r}.")
    try:
        spread = float(sigma)
    except ValueError:
        spread = math.nan
    if not 0 <= spread <= 3:
        raise LoadError(f"The sigma of a log-normal time must be a number from 0 to 3, not {sigma!r}.")
    return JobTime(text, _positive(duration(median), text), spread)


def load(arrivals: str, job: str = "60s", *, groups: int = 1, failing: float = 0.0) -> Load:
    """The load of these words.

    burst:N: N jobs at once. poisson:RATE[:TIME]: at random, RATE an hour (or 5/s, 10/min, 100/d), for a day or TIME.
    trickle[:N]: N jobs (60), 4 minutes apart on average. tail[:N]: N jobs (100) at once, each 20th 20 times as long.
    nightly[:N]: N jobs (200) at 02:00 for a week. idle[:TIME]: none, for 30 days. trace:FILE: CSV of
    time[,seconds[,group]], the time in seconds or ISO 8601. Raises LoadError.
    """
    if groups < 1:
        raise LoadError(f"There must be one message group at least, not {groups}.")
    if not 0 <= failing <= 1:
        raise LoadError(f"The share of failing jobs must be from 0 to 1, not {failing:g}.")
    time = job_time(job)
    kind, _, rest = arrivals.partition(":")
    if kind not in _KINDS:
        raise LoadError(f"Arrivals are {ARRIVALS}, not {arrivals!r}.")
    times, span, every = _KINDS[kind](rest, time)
    words = arrivals if kind in ("idle", "trace") else f"{arrivals} of {job}"
    return Load(text=words, times=times, job=time, span=span, every=every, groups=groups, failing=failing)


def _positive(seconds: float, text: str, what: str = "A job") -> float:
    if seconds <= 0:
        raise LoadError(f"{what} must take some time, not {text!r}.")
    return seconds


def _number(text: str, kind: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", text):
        raise LoadError(f"{kind} needs a number of jobs from 1 to 9999999, such as {kind}:200, not {text!r}.")
    return int(text)


def _rate(text: str) -> tuple[float, float]:
    """Jobs a second, and for how long."""
    rate, colon, span = text.partition(":")
    found = _RATE.fullmatch(rate)
    if not found or not float(found[1]):
        raise LoadError(f"poisson needs a rate of jobs, such as 20 (an hour), 5/s, 10/min or 100/d, not {rate!r}.")
    return float(found[1]) / _UNITS[found[2] or "h"], _span(span) if colon else DAY


def _span(text: str) -> float:
    return _positive(duration(text), text, "A load")


def _burst(rest: str, _: JobTime) -> _Kind:
    number = _number(rest, "burst")
    return lambda _: repeat((0.0, None, ""), number), 0, DAY


def _poisson(rest: str, _: JobTime) -> _Kind:
    rate, span = _rate(rest)

    def times(random: Random) -> Iterator[Timed]:
        time = random.expovariate(rate)
        while time < span:
            yield time, None, ""
            time += random.expovariate(rate)

    return times, span, span


def _trickle(rest: str, _: JobTime) -> _Kind:
    number = _number(rest or str(TRICKLE_JOBS), "trickle")

    def times(random: Random) -> Iterator[Timed]:
        time = 0.0
        for _ in range(number):
            yield time, None, ""
            time += random.expovariate(1 / TRICKLE_APART)

    return times, number * TRICKLE_APART, DAY


def _tail(rest: str, job: JobTime) -> _Kind:
    number = _number(rest or str(TAIL_JOBS), "tail")

    def times(random: Random) -> Iterator[Timed]:
        for index in range(number):
            yield 0.0, job.draw(random) * (TAIL_TIMES if index % TAIL_EACH == TAIL_EACH - 1 else 1), ""

    return times, 0, DAY


def _nightly(rest: str, _: JobTime) -> _Kind:
    number = _number(rest or str(NIGHTLY_JOBS), "nightly")

    def times(_: Random) -> Iterator[Timed]:
        for night in range(NIGHTS):
            yield from repeat((night * DAY + NIGHTLY_AT, None, ""), number)

    return times, NIGHTS * DAY, NIGHTS * DAY


def _idle(rest: str, _: JobTime) -> _Kind:
    span = _span(rest) if rest else IDLE_DAYS * DAY
    return lambda _: iter(()), span, span


def _replay(rest: str, _: JobTime) -> _Kind:
    rows = _trace(Path(rest))
    last = rows[-1][0]
    return lambda _: iter(rows), last, math.ceil((last + 1) / DAY) * DAY


_KINDS: dict[str, Callable[[str, JobTime], _Kind]] = {
    "burst": _burst,
    "poisson": _poisson,
    "trickle": _trickle,
    "tail": _tail,
    "nightly": _nightly,
    "idle": _idle,
    "trace": _replay,
}


def _trace(path: Path) -> list[Timed]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LoadError(f"The trace {path} cannot be read: {why}.") from error
    if lines and _time(lines[0][1][0]) is None:  # a header
        lines = lines[1:]
    if not lines:
        raise LoadError(f"The trace {path} has no jobs.")
    rows = [_row(path, number, row) for number, row in lines]
    rows.sort(key=lambda row: row[0])
    first = rows[0][0]
    return [(time - first, seconds, group) for time, seconds, group in rows]


def _row(path: Path, number: int, row: list[str]) -> Timed:
    fields = [field.strip() for field in row] + ["", ""]
    time = _time(fields[0])
    if time is None or len(row) > 3:
        raise LoadError(f"Line {number} of {path} must be time[,seconds[,group]], not {','.join(row)!r}.")
    try:
        seconds = _positive(duration(fields[1]), fields[1]) if fields[1] else None
    except LoadError as error:
        raise LoadError(f"Line {number} of {path}: {error}") from error
    return time, seconds, fields[2]


def _time(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return number if math.isfinite(number) else None
