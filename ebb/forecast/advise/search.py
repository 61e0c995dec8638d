"""The cheapest settings that meet a wait (`ebb advise`).

First each combination of a grid runs a few times; then the best of them, and settings next to those, run more often.
All have the same seeds. What may be tried depends on what the user says about the jobs.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile
from random import Random

from ebb.errors import UserError
from ebb.forecast import run
from ebb.forecast.advise import candidates
from ebb.forecast.advise.candidates import Changes, Freedom
from ebb.forecast.calibrate import calibration
from ebb.forecast.load import workloads
from ebb.forecast.load.dates import Calendar
from ebb.forecast.load.job_time import DEFAULT_JOB
from ebb.forecast.load.variations import longer, shortened
from ebb.forecast.results.findings import Advice, Option
from ebb.forecast.results.monte_carlo import NEVER, Estimate
from ebb.forecast.run import Progress, Request
from settings import Settings

#: Jobs that are enough to compare candidates, and the fewest and the most runs for them: first, and among the best. Of
#: random arrivals no more is simulated.
FIRST_JOBS, FIRST_RUNS = 300, (1, 6)
JOBS, RUNS = 600, (4, 20)
#: Jobs that are counted to know how many there are.
MAX_SAMPLE = 1_000_000
#: How many of the cheapest that meet the wait run again with settings next to theirs, and how many others run again.
BEST, OTHERS = 3, 5
#: The best of few runs may meet the wait with more: up to this many times the wait.
NEARLY = 1.2
#: An option is faster than another if its wait is less than this share of the other's.
CLEARLY = 0.99
#: Jobs a run that rounding can make of none.
NO_JOBS = 1e-6
#: Seconds of this machine until which candidates are tried, first and in all.
FIRST_SECONDS, ALL_SECONDS = 45.0, 80.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asks. It is made of plain data, so that other processes can have it. `wait` is in seconds."""

    stack: str
    arrivals: str
    wait: float
    budget: float | None = None
    changes: tuple[str, ...] = ()
    job: str = DEFAULT_JOB
    groups: int = 1
    calendar: Calendar = field(default_factory=Calendar)
    freedom: Freedom = field(default_factory=Freedom)
    seed: int = 1


@dataclass(frozen=True)
class Trial:
    """Changes of the settings, and how often they run. `factor`: how much longer a job takes with them.

    `jobs`: so many of random arrivals are enough.
    """

    question: Question
    changes: tuple[str, ...]
    factor: float
    runs: int
    jobs: int


@lru_cache(maxsize=4)
def request(question: Question) -> Request:
    """The request of a forecast. Raises UserError."""
    load = workloads.load(question.arrivals, question.job, groups=question.groups, calendar=question.calendar)
    measured, _ = calibration.assumptions(question.stack)
    return Request(stack=question.stack, changes=question.changes, load=load, seed=question.seed, assumptions=measured)


@lru_cache(maxsize=4)
def _jobs(question: Question) -> int:
    return len(request(question).load.sample(MAX_SAMPLE, question.seed))


def tried(trial: Trial) -> Option | None:
    """The result of a trial; None if the settings exclude each other."""
    asked = request(trial.question)
    load = shortened(asked.load, trial.jobs / max(1, _jobs(trial.question)))
    asked = replace(asked, changes=(*asked.changes, *trial.changes), load=longer(load, trial.factor), runs=trial.runs)
    try:
        found = run.stack_forecast(asked)
    except UserError:
        return None
    never = Estimate(value=NEVER, low=NEVER, high=NEVER)
    return Option(
        changes=trial.changes,
        wait_p50=found.wait.p50 if found.wait else never,
        wait_p95=found.wait.p95 if found.wait else never,
        dollars=found.bill.load_total,
        lost=found.dead.value + found.left.value,
    )


#: Runs trials and returns their results, in the order of the trials.
Run = Callable[[Iterable[Trial]], Iterator[tuple[Trial, Option | None]]]


def here(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Option | None]]:
    """Run the trials one after the other."""
    return ((trial, tried(trial)) for trial in trials)


def advise(question: Question, run_all: Run, progress: Progress, clock: Callable[[], float] = time.monotonic) -> Advice:
    """The advice. Candidates for which there is no time are left out. Raises UserError."""
    started = clock()
    settings, load = run.stack_settings(request(question)), request(question).load
    if not _jobs(question):
        raise UserError("Settings cannot be compared under a load without jobs: give --arrivals.")
    needs = candidates.demand(load, question.wait, question.seed)
    grid = list(candidates.grid(settings, question.freedom, needs, question.wait))
    Random(question.seed).shuffle(grid)  # noqa: S311 - a sample of all remains when the time is over

    untried = refused = 0

    def results(
        wanted: Sequence[Changes], runs: int, jobs: int, seconds: float, title: str
    ) -> dict[tuple[str, ...], Option]:
        nonlocal untried, refused
        found: dict[tuple[str, ...], Option] = {}
        trials = dict.fromkeys(_trial(question, settings, changes, runs, jobs) for changes in wanted)
        in_time = takewhile(lambda _: clock() - started < seconds, trials)
        number = -1
        for number, (trial, option) in enumerate(run_all(in_time)):
            progress(title, number + 1, len(trials))
            if option is None:
                refused += 1
            else:
                found[trial.changes] = option
        untried += len(trials) - number - 1
        return found

    runs = _runs(question, FIRST_JOBS, FIRST_RUNS)
    _, today = next(run_all([Trial(question, (), 1.0, runs, JOBS)]))
    first = results(grid, runs, FIRST_JOBS, FIRST_SECONDS, "all combinations")
    if not first:
        raise UserError("The stack's other settings allow none of the combinations that are tried.")
    by_texts = {candidates.texts(settings, changes): changes for changes in grid}
    again: list[Changes] = []
    for number, option in enumerate(_best(list(first.values()), question.wait)):
        nearby = list(candidates.refined(by_texts[option.changes], question.freedom))
        again += nearby if number < BEST else nearby[:2]
    second = results(again, _runs(question, JOBS, RUNS), JOBS, ALL_SECONDS, "the best, more often")
    options = [option for option in second.values() if option.lost < NO_JOBS]
    frontier = _frontier(options)
    meeting = [option for option in frontier if option.wait_p95.value <= question.wait]
    return Advice(
        load=request(question).load.text,
        wait=question.wait,
        budget=question.budget,
        today=today,
        best=meeting[0] if meeting else None,
        frontier=tuple(frontier),
        others=tuple(option for option in options if option not in frontier),
        tried=len(first) + len(second),
        left_out=untried,
        refused=refused,
    )


def _runs(question: Question, jobs: int, between: tuple[int, int]) -> int:
    fewest, most = between
    return min(most, max(fewest, jobs // _jobs(question)))


def _trial(question: Question, settings: Settings, changes: Changes, runs: int, jobs: int) -> Trial:
    factor = question.freedom.factor(settings.worker.cpu, changes["worker.cpu"])
    return Trial(question, candidates.texts(settings, changes), factor, runs, jobs)


def _best(options: Sequence[Option], wait: float) -> list[Option]:
    """The cheapest that meet the wait, or nearly; then some along the frontier."""
    meeting = sorted((each for each in options if each.wait_p95.value <= NEARLY * wait), key=_dollars)[:BEST]
    others = [each for each in _frontier(options) if each not in meeting]
    step = max(1, -(-len(others) // OTHERS))
    return [*meeting, *others[::step], *others[-1:]]


def _frontier(options: Sequence[Option]) -> list[Option]:
    """Those than which none is both cheaper and clearly faster, cheapest first."""
    frontier: list[Option] = []
    for option in sorted(options, key=lambda each: (each.dollars, each.wait_p95.value)):
        if not frontier or option.wait_p95.value < CLEARLY * frontier[-1].wait_p95.value:
            frontier.append(option)
    return frontier


def _dollars(option: Option) -> float:
    return option.dollars
