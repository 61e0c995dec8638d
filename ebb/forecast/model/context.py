"""What all parts of one run share."""

from dataclasses import dataclass
from random import Random

from ebb.forecast.load.workloads import Crash
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.record import Record
from ebb.forecast.scenario.scenario import Scenario


@dataclass(frozen=True)
class Context:
    """A scenario and the assumptions about AWS, with the run's time, record and random numbers.

    `origin` is the Unix time of time 0, for schedules. `crash`: how each task of the load crashes. `body`: bytes of a
    job's body.
    """

    scenario: Scenario
    assumptions: Assumptions
    clock: Clock
    record: Record
    random: Random
    origin: float
    crash: Crash | None = None
    body: int = 0
